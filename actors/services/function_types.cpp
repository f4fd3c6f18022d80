#include "actors/services/function_types.hpp"

#include <algorithm>

namespace themis {
namespace {

constexpr uint8_t kPayloadFormat = 2;
constexpr size_t kPayloadBytes = 37;
constexpr std::string_view kFunctionPrefix = "fn/";
constexpr std::string_view kCodePrefix = "code/";

}  // namespace

std::string deployer_text(const crypto::Digest& owner) {
  return owner == crypto::Digest{} ? std::string() : to_hex(owner);
}

bool is_function_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kFunctionNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

Status check_function_name(std::string_view name) {
  if (is_function_name(name)) return {};
  return fail(Code::invalid,
              "a function's name has 1 to 64 characters out of a-z, 0-9, \"_\" and \"-\"");
}

std::string ring_name_of_function(std::string_view name) {
  return std::string(kFunctionPrefix).append(name);
}
std::string ring_name_of_code(const CodeId& id) { return std::string(kCodePrefix) + to_hex(id); }

std::optional<std::string> function_of_ring_name(std::string_view ring_name) {
  if (!ring_name.starts_with(kFunctionPrefix)) return std::nullopt;
  return std::string(ring_name.substr(kFunctionPrefix.size()));
}

std::optional<CodeId> code_of_ring_name(std::string_view ring_name) {
  if (!ring_name.starts_with(kCodePrefix)) return std::nullopt;
  const auto digest = from_hex(ring_name.substr(kCodePrefix.size()));
  CodeId id{};
  if (!digest || digest->size() != id.size()) return std::nullopt;
  std::ranges::copy(*digest, id.begin());
  return id;
}

Bytes encode_payload(const InstancePayload& payload) {
  Bytes bytes(kPayloadBytes);
  store(bytes.data(), kPayloadFormat);
  store(bytes.data() + 1, payload.version.number);
  std::ranges::copy(payload.version.id, bytes.begin() + 5);
  return bytes;
}

Result<InstancePayload> decode_payload(ByteView bytes) {
  if (bytes.size() != kPayloadBytes || load<uint8_t>(bytes.data()) != kPayloadFormat)
    return fail(Code::malformed, "a record's payload is not one of a function");
  InstancePayload payload;
  payload.version.number = load<uint32_t>(bytes.data() + 1);
  std::ranges::copy(bytes.subspan(5), payload.version.id.begin());
  return payload;
}

}  // namespace themis
