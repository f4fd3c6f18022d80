#include "runtime/base/rate_limiter.hpp"

#include <algorithm>

namespace themis {

std::optional<Duration> RateLimiter::take(const std::string& key, Rate rate, TimePoint now,
                                          uint32_t calls) {
  const Duration interval = Duration(1s) / rate.per_s;
  const Duration tolerance = interval * (rate.burst - 1);
  const auto found = arrivals_.find(key);
  const TimePoint arrival = found == arrivals_.end() ? now : std::max(found->second, now);
  const TimePoint last = arrival + interval * (calls - 1);
  if (last - now > tolerance) return last - tolerance - now;
  if (found != arrivals_.end()) {
    by_arrival_.erase({found->second, key});
  } else if (arrivals_.size() >= kKeysMax) {
    arrivals_.erase(by_arrival_.begin()->second);
    by_arrival_.erase(by_arrival_.begin());
  }
  arrivals_[key] = last + interval;
  by_arrival_.emplace(last + interval, key);
  return std::nullopt;
}

}  // namespace themis
