#include "runtime/oyster/bill.hpp"

#include <algorithm>

#include "runtime/crypto/keccak.hpp"
#include "runtime/http/json.hpp"
#include "runtime/oyster/requests.hpp"

namespace themis::oyster {
namespace {

using http::Json;
using http::Response;

Response refused(std::string text) { return Response::text(400, std::move(text)); }
Bill::Claim none(std::string text) { return {refused(std::move(text))}; }

/// u128, big-endian.
void append_cost(Bytes& out, uint64_t cost) {
  out.resize(out.size() + sizeof cost);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(cost >> shift));
}

}  // namespace

Response Bill::inspect() const {
  Json costs = Json::object();
  for (const auto& [transaction, cost] : costs_) costs["0x" + to_hex(transaction)] = cost;
  return Response::json(200, http::to_text({{"bill", std::move(costs)}}));
}

Bill::Claim Bill::claim(std::string_view body, const crypto::RecoverableKey& key) {
  const auto json = http::parse_json(body);
  if (!json || !json->is_object()) return none("The body is no JSON object!");
  const std::string nonce = http::string_or(*json, "nonce", "");
  if (nonce.empty()) return none("Nonce must not be empty!");
  const Json& wanted = http::array_or_empty(*json, "tx_hashes");
  if (wanted.empty()) return none("List of transaction hashes must not be empty!");
  const auto nonce_bytes = parse_hash(nonce);
  if (!nonce_bytes)
    return none("Failed to decode nonce into 32 bytes: it has 64 hexadecimal digits");
  Bytes data = *nonce_bytes;
  Claim claim;
  for (const Json& each : wanted) {
    const auto bytes = parse_hash(each.is_string() ? each.get<std::string>() : std::string());
    if (!bytes) continue;
    Hash transaction{};
    std::ranges::copy(*bytes, transaction.begin());
    const auto found = costs_.find(transaction);
    if (found == costs_.end()) continue;
    append(data, transaction);
    append_cost(data, found->second);
    claim.costs.emplace_back(*found);
    costs_.erase(found);
  }
  if (claim.costs.empty()) return none("Given transaction hashes are not present in billing data");
  claim.response = Response::json(
      200, http::to_text({{"bill_claim_data", to_hex(data)},
                          {"signature", to_hex(key.sign(crypto::keccak256(data)))}}));
  return claim;
}

void Bill::settle(const Claim& claim) { latest_ = claim.response.body; }

void Bill::undo(const Claim& claim) {
  for (const auto& [transaction, cost] : claim.costs) add(transaction, cost);
}

void Bill::restore(std::map<Hash, uint64_t> costs, std::string latest) {
  costs_ = std::move(costs);
  latest_ = std::move(latest);
}

uint64_t Bill::cost(const Hash& transaction) const {
  const auto found = costs_.find(transaction);
  return found == costs_.end() ? 0 : found->second;
}

Response Bill::latest() const {
  if (latest_.empty()) return refused("No bill claimed yet!");
  return Response::json(200, latest_);
}

}  // namespace themis::oyster
