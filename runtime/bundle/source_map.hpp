#pragma once
// From the lines of what a bundler made back to the lines that a person wrote: the mappings of a
// source map (ECMA-426), and the positions in a text that are put right by them.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis::bundle {

/// A module of a bundle with this ending is the map of the module before it: kSourceMapHead, a line
/// for each source, an empty line, the mappings.
inline constexpr std::string_view kSourceMapEnding = ".map";
inline constexpr std::string_view kSourceMapHead = "themis-map 1\n";

/// Whoever deploys has written the text: read where the function runs, never beside keys. One
/// thread.
class SourceMap {
 public:
  static constexpr size_t kSourcesMax = 4096;
  /// As many as the mappings of 1 MB can be, at 4 characters each; 20 bytes of memory each.
  static constexpr size_t kSegmentsMax = size_t{1} << 18;

  struct Position {
    std::string_view source;  ///< Of the map.
    uint32_t line = 0;        ///< From 1, as the column.
    uint32_t column = 0;
  };

  /// Errors: malformed (the head, a character that is no base64 digit, a number that does not end
  /// or is out of range, columns of a line that do not rise), too_large (sources, segments).
  static Result<SourceMap> parse(std::string_view text);
  /// What the place of the generated module was made of; nothing: of nothing. Both from 1.
  std::optional<Position> find(uint32_t line, uint32_t column) const;

 private:
  struct Segment {
    uint32_t line = 0, column = 0;  ///< Of the generated module, from 0, in rising order.
    uint32_t source = kNoSource;
    uint32_t source_line = 0, source_column = 0;
  };
  static constexpr uint32_t kNoSource = UINT32_MAX;

  Status read_mappings(std::string_view mappings);

  std::vector<std::string> sources_;
  std::vector<Segment> segments_;
};

/// The places of one module in stack traces, put right once there are any.
class TraceMapper {
 public:
  TraceMapper() = default;
  TraceMapper(std::string module, std::string map)
      : module_(std::move(module)), text_(std::move(map)) {}

  /// Made for this module, which has a name.
  bool is_for(std::string_view module) const { return !module_.empty() && module_ == module; }
  /// `text` with "MODULE:LINE:COLUMN" replaced wherever the map knows better; as it is when there
  /// is no map, when that is none, or when the result would be longer than `bytes_max`.
  std::string rewrite(std::string text, size_t bytes_max);

 private:
  bool open();

  std::string module_;
  std::string text_;  ///< Until it is needed.
  std::optional<SourceMap> map_;
};

}  // namespace themis::bundle
