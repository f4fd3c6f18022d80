#pragma once
// How often one of many may do something.

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "runtime/base/clock.hpp"

namespace themis {

/// The generic cell rate algorithm (ITU-T I.371): one time stamp for each key.
class RateLimiter {
 public:
  /// Keys kept, each in 500 bytes. Beyond, the one that used the least of its burst is forgotten,
  /// and has it all again: inventing identities locks nobody out, and frees nobody who is over his
  /// rate before those who are not.
  static constexpr size_t kKeysMax = 4096;

  struct Rate {
    uint32_t per_s = 1;  ///< At least 1.
    uint32_t burst = 1;  ///< Calls at once; at least 1.
  };
  /// Nothing: the calls may pass, together. Else how long until so many may, which more than a
  /// burst never may. `calls`: at least 1.
  std::optional<Duration> take(const std::string& key, Rate rate, TimePoint now,
                               uint32_t calls = 1);
  size_t size() const { return arrivals_.size(); }

 private:
  /// The theoretical arrival time of the next call of each key.
  std::unordered_map<std::string, TimePoint> arrivals_;
  std::set<std::pair<TimePoint, std::string>> by_arrival_;
};

}  // namespace themis
