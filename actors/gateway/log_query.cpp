#include "actors/gateway/log_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "actors/gateway/paths.hpp"

namespace themis {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

/// 0 for an empty text. Errors: invalid.
template <class T>
Result<T> number_of(std::string_view text, const char* what) {
  T number = 0;
  if (text.empty()) return number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0)
    return fail(Code::invalid, std::string(what) + " is a number: " + std::string(text));
  return number;
}

Status read_cursor(std::string_view text, std::map<NodeId, uint64_t>& after) {
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const size_t colon = std::min(one.find(':'), one.size());
    const auto id = from_hex(one.substr(0, colon));
    NodeId node;
    if (!id || id->size() != node.bytes.size() || colon == one.size() ||
        after.size() == kCursorNodesMax)
      return fail(Code::invalid, "after is the cursor of an answer before");
    std::ranges::copy(*id, node.bytes.begin());
    THEMIS_TRY(after[node], number_of<uint64_t>(one.substr(colon + 1), "after"));
  }
  return {};
}

}  // namespace

Result<LogQuery> parse_log_query(std::string_view query) {
  LogQuery out;
  if (const std::string_view level = query_value(query, "level"); !level.empty()) {
    const auto found = std::ranges::find(kLevels, level);
    if (found == kLevels.end())
      return fail(Code::invalid, "level is debug, info, warn or error: " + std::string(level));
    out.level = static_cast<uint8_t>(found - kLevels.begin());
  }
  THEMIS_TRY(out.since_ms, number_of<int64_t>(query_value(query, "since_ms"), "since_ms"));
  THEMIS_TRY(out.reader, number_of<uint64_t>(query_value(query, "wait"), "wait"));
  THEMIS_CHECK(read_cursor(query_value(query, "after"), out.after));
  return out;
}

std::string cursor_text(const std::map<NodeId, uint64_t>& after) {
  std::string text;
  for (const auto& [node, number] : after)
    text += (text.empty() ? "" : ",") + to_hex(node.view()) + ":" + std::to_string(number);
  return text;
}

std::string_view log_level_name(uint8_t level) {
  return kLevels[std::min<size_t>(level, kLevels.size() - 1)];
}

}  // namespace themis
