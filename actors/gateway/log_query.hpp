#pragma once
// The query of the logs' route. Pure.

#include <map>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "wire/ids.hpp"

namespace themis {

/// "?level=warn&since_ms=N&after=CURSOR&wait=N".
struct LogQuery {
  uint8_t level = 0;
  int64_t since_ms = 0;
  std::map<NodeId, uint64_t> after;  ///< What each instance has told.
  uint64_t reader = 0;  ///< Not 0: wait for lines; any number that is the reader's own.
};

/// Instances of a cursor: those a function has, and some that it had.
inline constexpr size_t kCursorNodesMax = 64;

/// Errors: invalid, which part is wrong.
Result<LogQuery> parse_log_query(std::string_view query);
/// "NODE:NUMBER,NODE:NUMBER", which `after` takes.
std::string cursor_text(const std::map<NodeId, uint64_t>& after);
/// 0 debug, 1 info, 2 warn, 3 error.
std::string_view log_level_name(uint8_t level);

}  // namespace themis
