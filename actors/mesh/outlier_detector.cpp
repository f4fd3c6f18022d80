#include "actors/mesh/outlier_detector.hpp"

#include <algorithm>

namespace themis::mesh {

void OutlierDetector::roll_window(TimePoint now) {
  if (now - window_start_ < kWindow) return;
  window_start_ = now;
  window_calls_ = window_failures_ = 0;
}

Duration OutlierDetector::ejection(const RouteConfig& policy) const {
  const uint32_t doublings = ejections_ == 0 ? 0 : std::min(ejections_ - 1, kDoublingsMax);
  return std::chrono::milliseconds(policy.eject_ms) * (int64_t{1} << doublings);
}

void OutlierDetector::succeeded(const RouteConfig& policy, TimePoint now) {
  roll_window(now);
  ++window_calls_;
  in_a_row_ = 0;
  if (ejections_ > 0 && now - ejected_until_ >= ejection(policy)) ejections_ = 0;
}

bool OutlierDetector::failed(const RouteConfig& policy, TimePoint now) {
  roll_window(now);
  ++window_calls_;
  ++window_failures_;
  ++in_a_row_;
  if (is_ejected(now)) return false;
  if (policy.eject_failures > 0 && in_a_row_ >= policy.eject_failures) return true;
  const uint64_t successes = window_calls_ - window_failures_;
  return window_calls_ >= kWindowCallsMin &&
         successes * 100 < uint64_t{policy.eject_below_percent} * window_calls_;
}

void OutlierDetector::eject(const RouteConfig& policy, TimePoint now) {
  ++ejections_;
  in_a_row_ = 0;
  window_calls_ = window_failures_ = 0;
  ejected_until_ = now + ejection(policy);
}

}  // namespace themis::mesh
