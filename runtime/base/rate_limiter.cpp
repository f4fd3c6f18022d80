#include "runtime/base/rate_limiter.hpp"

#include <algorithm>

namespace themis {

std::optional<Duration> RateLimiter::take(const std::string& key, Rate rate, TimePoint now) {
  const Duration interval = Duration(1s) / rate.per_s;
  const Duration tolerance = interval * (rate.burst - 1);
  const auto found = arrivals_.find(key);
  const TimePoint arrival = found == arrivals_.end() ? now : std::max(found->second, now);
  if (arrival - now > tolerance) return arrival - tolerance - now;
  if (found != arrivals_.end()) {
    by_arrival_.erase({found->second, key});
  } else if (arrivals_.size() >= kKeysMax) {
    arrivals_.erase(by_arrival_.begin()->second);
    by_arrival_.erase(by_arrival_.begin());
  }
  arrivals_[key] = arrival + interval;
  by_arrival_.emplace(arrival + interval, key);
  return std::nullopt;
}

}  // namespace themis
