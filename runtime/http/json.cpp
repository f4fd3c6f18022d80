#include "runtime/http/json.hpp"

namespace themis::http {
namespace {

/// Counts the nesting before anything is built: a text of a million "[" costs nothing but the scan.
bool too_deep(std::string_view text, int depth_max) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

Result<Json> parse_json(std::string_view text, int depth_max) {
  if (too_deep(text, depth_max))
    return fail(Code::too_large, "JSON nested deeper than " + std::to_string(depth_max));
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail(Code::malformed, "not JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    return fail(Code::malformed, "not JSON: a number out of range");
  }
}

std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string string_or(const Json& object, std::string_view key, std::string_view otherwise) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>()
                                                : std::string(otherwise);
}

int64_t integer_or(const Json& object, std::string_view key, int64_t otherwise) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

const Json& array_or_empty(const Json& object, std::string_view key) {
  static const Json kEmpty = Json::array();
  const Json* found = member(object, key);
  return found != nullptr && found->is_array() ? *found : kEmpty;
}

}  // namespace themis::http
