#pragma once
// Stops calls to an instance that fails, and finds out with single probes when it is well again.

#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// Of one instance in one route. Unlike an ejection it holds when no other instance is left: the
/// caller is told at once, and a service that drowns gets air. Source: Nygard, "Release It!", 2007.
class CircuitBreaker {
 public:
  enum class State : uint8_t {
    closed,     ///< Calls pass.
    open,       ///< None passes until retry_at().
    half_open,  ///< One call, the probe, is under way and decides.
  };
  /// 64 times the base; at the longest setting about an hour.
  static constexpr uint32_t kDoublingsMax = 6;
  /// Breakers that opened together do not probe together: up to this share is added.
  static constexpr double kJitter = 0.25;

  /// Whether a call may begin now.
  bool allows(TimePoint now) const {
    return state_ == State::closed || (state_ == State::open && now >= retry_at_);
  }
  /// A call that was allowed begins. True: after an open time, it is the probe. The others say
  /// nothing once the breaker has opened: they began before it did.
  [[nodiscard]] bool began();
  void succeeded(bool is_probe);
  /// `jitter`: uniform in [0, 1). True: it opened.
  bool failed(const RouteConfig& policy, TimePoint now, double jitter, bool is_probe);
  /// A call ended without saying anything about the instance: after a probe, the next one is it.
  void undecided(bool is_probe);

  State state() const { return state_; }
  /// Of an open one: when the next probe may begin.
  TimePoint retry_at() const { return retry_at_; }

 private:
  bool is_decided_by(bool is_probe) const {
    return state_ == State::closed || (state_ == State::half_open && is_probe);
  }
  void open(const RouteConfig& policy, TimePoint now, double jitter);

  State state_ = State::closed;
  uint32_t in_a_row_ = 0;
  uint32_t openings_ = 0;
  TimePoint retry_at_{};
};

std::string_view name(CircuitBreaker::State state);

}  // namespace themis::mesh
