#include "runtime/base/rate_limiter.hpp"

#include <algorithm>

namespace themis {

std::optional<Duration> RateLimiter::take(const std::string& key, Rate rate, TimePoint now) {
  const Duration interval = Duration(1s) / rate.per_s;
  const Duration tolerance = interval * (rate.burst - 1);
  auto found = arrivals_.find(key);
  if (found == arrivals_.end()) {
    if (arrivals_.size() >= kKeysMax)
      std::erase_if(arrivals_, [now](const auto& entry) { return entry.second <= now; });
    const bool has_room = arrivals_.size() < kKeysMax;
    found = arrivals_.try_emplace(has_room ? key : std::string(), now).first;
  }
  const TimePoint arrival = std::max(found->second, now);
  if (arrival - now > tolerance) return arrival - tolerance - now;
  found->second = arrival + interval;
  return std::nullopt;
}

}  // namespace themis
