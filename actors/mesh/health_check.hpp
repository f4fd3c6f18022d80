#pragma once
// Whether an instance answers when it is asked how it is, and whether there is a way to it.

#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// Of one instance in one route. Whoever sends the checks says what became of them. Source of the
/// thresholds: Envoy's active health checking.
class HealthCheck {
 public:
  enum class State : uint8_t {
    healthy,
    unhealthy,  ///< It did not answer its checks.
    lost,       ///< The way to it broke: no call, until a check has passed.
  };
  /// Between the checks of one that is lost; doubles with each that fails, to 8 s: one that
  /// restarts is back soon, one that is gone costs nothing.
  static constexpr Duration kLostPeriod = 250ms;
  static constexpr uint32_t kLostDoublingsMax = 5;

  State state() const { return state_; }
  /// Whether a check should be sent now.
  bool is_due(const RouteConfig& policy, TimePoint now) const;
  /// Whether the one that was sent has had its time.
  bool is_late(const RouteConfig& policy, TimePoint now) const;
  bool is_under_way() const { return under_way_; }

  void began(TimePoint now);
  void passed(const RouteConfig& policy, TimePoint now);
  void failed(const RouteConfig& policy, TimePoint now);
  /// The way to it broke, or there was none.
  void lost(TimePoint now);
  /// It answered a call: there is a way. Only checks say more.
  void answered();

 private:
  Duration period(const RouteConfig& policy) const;

  State state_ = State::healthy;
  bool under_way_ = false;
  uint32_t in_a_row_ = 0;  ///< Checks that spoke against the state.
  uint32_t lost_checks_ = 0;
  TimePoint began_{};
  TimePoint next_{};
};

std::string_view name(HealthCheck::State state);

}  // namespace themis::mesh
