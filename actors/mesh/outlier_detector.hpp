#pragma once
// Leaves an instance alone for a while when it fails where others do not.

#include "runtime/base/clock.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// Of one instance in one route. Only says what it saw; whoever holds all instances decides, so
/// that never more than half of them are out. Source of the scheme: Envoy's outlier detection.
class OutlierDetector {
 public:
  /// The success rate is that of a whole window with enough calls.
  static constexpr Duration kWindow = 10s;
  static constexpr uint32_t kWindowCallsMin = 20;
  /// 64 times the base: an instance that is out for long still gets a call now and then.
  static constexpr uint32_t kDoublingsMax = 6;

  void succeeded(const RouteConfig& policy, TimePoint now);
  /// True: it is to be ejected.
  [[nodiscard]] bool failed(const RouteConfig& policy, TimePoint now);
  void eject(const RouteConfig& policy, TimePoint now);

  bool is_ejected(TimePoint now) const { return ejected_until_ > now; }
  TimePoint ejected_until() const { return ejected_until_; }

 private:
  void roll_window(TimePoint now);
  Duration ejection(const RouteConfig& policy) const;

  uint32_t in_a_row_ = 0;
  uint32_t ejections_ = 0;  ///< In a row: without as long a time of health between them.
  uint32_t window_calls_ = 0;
  uint32_t window_failures_ = 0;
  TimePoint window_start_{};
  TimePoint ejected_until_{};
};

}  // namespace themis::mesh
