#include "runtime/oyster/requests.hpp"

#include "runtime/http/json.hpp"

namespace themis::oyster {

Result<FirstCall> parse_first_call(std::string_view body) {
  THEMIS_TRY(const http::Json json, http::parse_json(body));
  FirstCall call;
  call.tx_hash = http::string_or(json, "tx_hash", "");
  call.code_id = http::string_or(json, "code_id", "");
  if (call.tx_hash.empty() == call.code_id.empty())
    return fail(Code::malformed, "one of \"tx_hash\" and \"code_id\" is needed");
  if (call.code_id.size() > kCodeIdBytesMax)
    return fail(Code::malformed, "a \"code_id\" of over 256 bytes");
  const auto input = json.find("input");
  const bool has_input = input != json.end() && !input->is_null();
  if (has_input && !input->is_object()) return fail(Code::malformed, "\"input\" is an object");
  call.input = has_input ? http::to_text(*input) : "null";
  return call;
}

std::optional<Bytes> parse_hash(std::string_view text) {
  constexpr size_t kHashBytes = 32;
  if (text.starts_with("0x")) text.remove_prefix(2);
  auto bytes = from_hex(text);
  if (!bytes || bytes->size() != kHashBytes) return std::nullopt;
  return std::move(*bytes);
}

std::string storage_request(std::string_view key) { return http::to_text({{"key", key}}); }

}  // namespace themis::oyster
