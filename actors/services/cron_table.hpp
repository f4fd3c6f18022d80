#pragma once
// When the functions of a node are to be woken by the clock: pure.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/bundle/cron.hpp"
#include "runtime/bundle/settings.hpp"

namespace themis {

/// A firing that is due.
struct Firing {
  std::string function;
  std::string cron;     ///< The line.
  int64_t time_ms = 0;  ///< The minute it is for, since 1970.
  friend bool operator==(const Firing&, const Firing&) = default;
};

/// Looked at about once a second. A firing is late by up to kLateMax and then missed: what came due
/// while the node was down, or slept, is not made up for.
class CronTable {
 public:
  static constexpr int64_t kLateMaxMs = 60'000;

  using Functions = std::map<std::string, std::shared_ptr<const bundle::Settings>>;
  /// What is due now, once. `functions` are those that are here now; a line that is new to the
  /// table fires from its next minute on. A clock that was set back starts all lines anew.
  std::vector<Firing> due(const Functions& functions, int64_t now_ms);

 private:
  struct Line {
    bundle::Cron cron;
    int64_t next_ms = 0;
  };
  using Key = std::pair<std::string, std::string>;  ///< Function and line.

  std::map<Key, Line> lines_;
  int64_t last_ms_ = 0;
};

}  // namespace themis
