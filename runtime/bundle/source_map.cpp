#include "runtime/bundle/source_map.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace themis::bundle {
namespace {

/// Of the fields of a segment: column, source, line, column there, name.
constexpr size_t kFieldsMax = 5;
constexpr int64_t kValueMax = INT32_MAX;

/// Base64, five bits a digit, the sixth says that there are more; the lowest bit is the sign.
int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// Takes one number from the front of `text`.
Result<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  for (int shift = 0; !text.empty(); shift += 5) {
    const int digit = digit_of(text.front());
    if (digit < 0 || shift > 30) return fail(Code::malformed, "no number in a source map");
    text.remove_prefix(1);
    value |= static_cast<int64_t>(digit & 31) << shift;
    if ((digit & 32) != 0) continue;
    return (value & 1) != 0 ? -(value >> 1) : value >> 1;
  }
  return fail(Code::malformed, "a number of a source map does not end");
}

bool is_end_of_number(char c) { return c == ',' || c == ';'; }

/// "12:34" from the front; nothing: there is none.
std::optional<std::pair<uint32_t, uint32_t>> take_place(std::string_view& text) {
  uint32_t line = 0, column = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, line);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, column);
  if (second.ec != std::errc{} || line == 0 || column == 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(second.ptr - text.data()));
  return std::pair(line, column);
}

/// A name that goes on before or after is another one's.
bool is_part_of_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '/';
}

}  // namespace

Result<SourceMap> SourceMap::parse(std::string_view text) {
  if (!text.starts_with(kSourceMapHead)) return fail(Code::malformed, "no source map");
  text.remove_prefix(kSourceMapHead.size());
  SourceMap map;
  while (true) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(Code::malformed, "a source map that is cut off");
    const std::string_view source = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (source.empty()) break;
    if (map.sources_.size() == kSourcesMax) return fail(Code::too_large, "too many sources");
    map.sources_.emplace_back(source);
  }
  THEMIS_CHECK(map.read_mappings(text));
  return map;
}

Status SourceMap::read_mappings(std::string_view text) {
  std::array<int64_t, kFieldsMax> last{};
  uint32_t line = 0;
  while (!text.empty()) {
    if (is_end_of_number(text.front())) {
      if (text.front() == ';') {
        ++line;
        last[0] = 0;
      }
      text.remove_prefix(1);
      continue;
    }
    size_t fields = 0;
    for (; !text.empty() && !is_end_of_number(text.front()); ++fields) {
      if (fields == kFieldsMax) return fail(Code::malformed, "a segment of too many numbers");
      THEMIS_TRY(const int64_t change, take_number(text));
      last[fields] += change;
      if (last[fields] < 0 || last[fields] > kValueMax || (fields == 0 && change < 0))
        return fail(Code::malformed, "a number of a source map is out of range");
    }
    if (fields != 1 && fields < 4) return fail(Code::malformed, "a segment of too few numbers");
    if (segments_.size() == kSegmentsMax) return fail(Code::too_large, "too many segments");
    Segment segment{line, static_cast<uint32_t>(last[0])};
    if (fields >= 4) {
      if (static_cast<size_t>(last[1]) >= sources_.size())
        return fail(Code::malformed, "a source map names a source that is none");
      segment.source = static_cast<uint32_t>(last[1]);
      segment.source_line = static_cast<uint32_t>(last[2]);
      segment.source_column = static_cast<uint32_t>(last[3]);
    }
    segments_.push_back(segment);
  }
  return {};
}

std::optional<SourceMap::Position> SourceMap::find(uint32_t line, uint32_t column) const {
  const std::pair wanted(line - 1, column - 1);
  const auto after = std::ranges::upper_bound(segments_, wanted, {}, [](const Segment& segment) {
    return std::pair(segment.line, segment.column);
  });
  if (after == segments_.begin()) return std::nullopt;
  const Segment& found = *std::prev(after);
  if (found.line != wanted.first || found.source == kNoSource) return std::nullopt;
  return Position{sources_[found.source], found.source_line + 1, found.source_column + 1};
}

/// Once: what is no map is none for good.
bool TraceMapper::open() {
  if (!map_ && !text_.empty()) {
    if (auto parsed = SourceMap::parse(std::exchange(text_, {}))) map_ = std::move(*parsed);
  }
  return map_.has_value();
}

std::string TraceMapper::rewrite(std::string text, size_t bytes_max) {
  const std::string start = module_ + ":";
  if (module_.empty() || text.find(start) == std::string::npos || !open()) return text;
  std::string out;
  std::string_view left = text;
  while (true) {
    const size_t at = left.find(start);
    if (at == std::string_view::npos) break;
    const char before = at > 0 ? left[at - 1] : out.empty() ? ' ' : out.back();
    std::string_view rest = left.substr(at + start.size());
    const auto place = take_place(rest);
    const auto known =
        place && !is_part_of_path(before) ? map_->find(place->first, place->second) : std::nullopt;
    if (!known) {
      out.append(left.substr(0, at + start.size()));
      left.remove_prefix(at + start.size());
      continue;
    }
    out.append(left.substr(0, at)).append(known->source);
    out += ":" + std::to_string(known->line) + ":" + std::to_string(known->column);
    left = rest;
  }
  out.append(left);
  return out.size() > bytes_max ? text : out;
}

}  // namespace themis::bundle
