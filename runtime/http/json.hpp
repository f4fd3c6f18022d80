#pragma once
// JSON at the edge of the mesh: strict and bounded on the way in, always valid UTF-8 on the way
// out. The home of nlohmann-json; its header is slow to compile, so only .cpp files include this
// one.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::http {

using Json = nlohmann::json;

/// Nesting deeper than this is no input of ours, and would cost stack in whoever walks the value.
constexpr int kJsonDepthMax = 64;

/// Errors: malformed, with the byte where the text stops being JSON; too_large (nesting).
/// Never throws. Any thread.
Result<Json> parse_json(std::string_view text, int depth_max = kJsonDepthMax);

/// Compact text, or indented by `indent` spaces. Bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& value, int indent = -1);

/// The string, integer or object member `key`; a default when it is missing or of another type.
std::string string_or(const Json& object, std::string_view key, std::string_view otherwise);
int64_t integer_or(const Json& object, std::string_view key, int64_t otherwise);
/// An empty array when the member is missing or no array.
const Json& array_or_empty(const Json& object, std::string_view key);

}  // namespace themis::http
