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

Response Bill::claim(std::string_view body, const crypto::RecoverableKey& key) {
  const auto json = http::parse_json(body);
  if (!json || !json->is_object()) return refused("The body is no JSON object!");
  const std::string nonce = http::string_or(*json, "nonce", "");
  if (nonce.empty()) return refused("Nonce must not be empty!");
  const Json& wanted = http::array_or_empty(*json, "tx_hashes");
  if (wanted.empty()) return refused("List of transaction hashes must not be empty!");
  const auto nonce_bytes = parse_hash(nonce);
  if (!nonce_bytes)
    return refused("Failed to decode nonce into 32 bytes: it has 64 hexadecimal digits");
  Bytes data = *nonce_bytes;
  for (const Json& each : wanted) {
    const auto bytes = parse_hash(each.is_string() ? each.get<std::string>() : std::string());
    if (!bytes) continue;
    Hash transaction{};
    std::ranges::copy(*bytes, transaction.begin());
    const auto found = costs_.find(transaction);
    if (found == costs_.end()) continue;
    append(data, transaction);
    append_cost(data, found->second);
    costs_.erase(found);
  }
  if (data.size() == nonce_bytes->size())
    return refused("Given transaction hashes are not present in billing data");
  latest_ = http::to_text({{"bill_claim_data", to_hex(data)},
                           {"signature", to_hex(key.sign(crypto::keccak256(data)))}});
  return Response::json(200, latest_);
}

Response Bill::latest() const {
  if (latest_.empty()) return refused("No bill claimed yet!");
  return Response::json(200, latest_);
}

}  // namespace themis::oyster
