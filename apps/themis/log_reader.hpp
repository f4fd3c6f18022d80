#pragma once
// A function's log, page by page, as `logs` and `dev` print it.

#include <functional>

#include "apps/themis/gateway.hpp"

namespace themis::cli {

struct Logs {
  std::string name;
  bool follow = false;
  std::string level = "debug";  ///< This and above.
  std::string since;            ///< "90s", "10m", "2h", "1d"; empty: all that is kept.
};

/// Where a reader is; each line is read once. One thread.
class LogReader {
 public:
  /// `since_ms`: since 1970.
  LogReader(std::string name, std::string level, int64_t since_ms);

  /// Prints the lines that are new, each as JSON when `json`. With `wait` it waits some seconds for
  /// one. False: there were none.
  Maybe<bool> print_next(Gateway& gateway, bool wait, bool json);

 private:
  std::string name_, level_;
  int64_t since_ms_;
  uint64_t reader_;
  std::string cursor_;
};

/// Milliseconds of "90s", "10m", "2h" or "1d"; nothing: it is none.
std::optional<int64_t> parse_duration_ms(const std::string& text);

/// Until the line ends, or with `follow` until Ctrl-C, which is exit code 0.
Outcome logs(const Connection& to, const Logs& what);

}  // namespace themis::cli
