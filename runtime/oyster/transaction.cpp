#include "runtime/oyster/transaction.hpp"

#include <algorithm>

#include "runtime/crypto/keccak.hpp"
#include "runtime/http/json.hpp"

namespace themis::oyster {
namespace {

using http::Json;

constexpr size_t kSelectorBytes = 4;
constexpr size_t kWordBytes = 32;
constexpr size_t kCodeAt = kSelectorBytes + 2 * kWordBytes;
/// Objects within objects of an answer: a transaction has lists in lists at most.
constexpr int kDepthMax = 8;

tl::unexpected<Trouble> no_code(NoCode why, std::string text) {
  return tl::unexpected<Trouble>(Trouble{why, std::move(text)});
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

std::string call(const char* method, Json parameters) {
  return http::to_text(
      {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(parameters)}});
}

/// The result of an answer; null is one. Errors: malformed (no JSON, an error, no result).
Result<Json> result_of(std::string_view answer) {
  THEMIS_TRY(Json json, http::parse_json(answer, kDepthMax));
  if (!json.is_object() || !json.contains("result") ||
      (json.contains("error") && !json.at("error").is_null()))
    return fail(Code::malformed, "the node's answer has no result");
  return Json(std::move(json.at("result")));
}

std::optional<std::string> text_of(const Json& object, const char* key) {
  if (!object.contains(key) || !object.at(key).is_string()) return std::nullopt;
  return object.at(key).get<std::string>();
}

/// A number of 256 bits, when it fits 64.
std::optional<uint64_t> small_number(ByteView word) {
  uint64_t value = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (i < word.size() - sizeof value && word[i] != std::byte{0}) return std::nullopt;
    value = value << 8 | std::to_integer<uint64_t>(word[i]);
  }
  return value;
}

/// Whether offset and length say what the rest of the calldata is: padded to whole words.
bool is_abi_string(ByteView calldata) {
  const auto offset = small_number(calldata.subspan(kSelectorBytes, kWordBytes));
  const auto length = small_number(calldata.subspan(kSelectorBytes + kWordBytes, kWordBytes));
  return offset == kWordBytes && length && *length <= calldata.size() - kCodeAt;
}

}  // namespace

std::string transaction_request(ByteView hash) {
  return call("eth_getTransactionByHash", Json::array({"0x" + to_hex(hash)}));
}

tl::expected<Uploaded, Trouble> read_transaction(std::string_view answer,
                                                 std::string_view contract) {
  const Result<Json> found = result_of(answer);
  if (!found) return no_code(NoCode::no_answer, "failed to retrieve calldata");
  if (found->is_null()) return no_code(NoCode::not_found, "tx not found");
  if (!found->is_object()) return no_code(NoCode::no_answer, "failed to retrieve calldata");
  const auto to = text_of(*found, "to");
  if (!to) return no_code(NoCode::no_address, "to field of transaction is not an address");
  if (lower_case(*to) != contract)
    return no_code(NoCode::other_contract,
                   "to address " + *to + " does not match expected " + std::string(contract));
  const auto input = text_of(*found, "input");
  if (!input) return no_code(NoCode::no_text, "calldata field of transaction is not a string");
  const bool has_prefix = input->starts_with("0x");
  const auto calldata = from_hex(std::string_view(*input).substr(has_prefix ? 2 : 0));
  if (!has_prefix || !calldata || calldata->size() < kCodeAt)
    return no_code(NoCode::no_hex, "calldata is not a valid hex string");
  Uploaded uploaded;
  uploaded.code = as_text(ByteView(*calldata).subspan(kCodeAt));
  uploaded.code.resize(uploaded.code.find_last_not_of('\0') + 1);
  uploaded.is_string = is_abi_string(*calldata);
  return uploaded;
}

std::string deposit_request(ByteView hash, std::string_view contract) {
  const crypto::Digest selector = crypto::keccak256(as_bytes("balanceOf(bytes32)"));
  const std::string data = "0x" + to_hex(ByteView(selector).first(kSelectorBytes)) + to_hex(hash);
  return call("eth_call", Json::array({{{"to", contract}, {"data", data}}, "latest"}));
}

Result<bool> has_deposit(std::string_view answer, uint64_t least) {
  THEMIS_TRY(const Json result, result_of(answer));
  const std::string text = result.is_string() ? result.get<std::string>() : std::string();
  const auto word = from_hex(std::string_view(text).substr(std::min<size_t>(text.size(), 2)));
  if (!text.starts_with("0x") || !word || word->size() != kWordBytes)
    return fail(Code::malformed, "the deposit is no number of 32 bytes");
  const auto deposit = small_number(*word);
  return !deposit || *deposit > least;
}

}  // namespace themis::oyster
