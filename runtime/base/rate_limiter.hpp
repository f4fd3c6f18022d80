#pragma once
// How often one of many may do something.

#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/base/clock.hpp"

namespace themis {

/// The generic cell rate algorithm (ITU-T I.371): one time stamp for each key.
class RateLimiter {
 public:
  /// Keys kept; each is 100 bytes. Callers beyond share one key, so that inventing identities
  /// gains nothing.
  static constexpr size_t kKeysMax = 4096;

  struct Rate {
    uint32_t per_s = 1;  ///< At least 1.
    uint32_t burst = 1;  ///< Calls at once; at least 1.
  };
  /// Nothing: the call may pass. Else how long until one may.
  std::optional<Duration> take(const std::string& key, Rate rate, TimePoint now);
  size_t size() const { return arrivals_.size(); }

 private:
  /// The theoretical arrival time of the next call of each key.
  std::unordered_map<std::string, TimePoint> arrivals_;
};

}  // namespace themis
