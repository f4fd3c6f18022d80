#include "actors/mesh/health_check.hpp"

#include <algorithm>

namespace themis::mesh {

Duration HealthCheck::period(const RouteConfig& policy) const {
  if (state_ != State::lost) return std::chrono::milliseconds(policy.health_period_ms);
  return kLostPeriod * (int64_t{1} << std::min(lost_checks_, kLostDoublingsMax));
}

bool HealthCheck::is_due(const RouteConfig& policy, TimePoint now) const {
  const bool is_wanted = policy.health_period_ms > 0 || state_ == State::lost;
  return is_wanted && !under_way_ && now >= next_;
}

bool HealthCheck::is_late(const RouteConfig& policy, TimePoint now) const {
  return under_way_ && now - began_ >= std::chrono::milliseconds(policy.health_timeout_ms);
}

void HealthCheck::began(TimePoint now) {
  under_way_ = true;
  began_ = now;
}

void HealthCheck::passed(const RouteConfig& policy, TimePoint now) {
  under_way_ = false;
  in_a_row_ = state_ == State::unhealthy ? in_a_row_ + 1 : 0;
  if (state_ == State::lost || in_a_row_ >= policy.health_healthy_after) {
    state_ = State::healthy;
    in_a_row_ = lost_checks_ = 0;
  }
  next_ = now + period(policy);
}

void HealthCheck::failed(const RouteConfig& policy, TimePoint now) {
  under_way_ = false;
  in_a_row_ = state_ == State::healthy ? in_a_row_ + 1 : 0;
  if (state_ == State::lost) ++lost_checks_;
  if (in_a_row_ >= policy.health_unhealthy_after) {
    state_ = State::unhealthy;
    in_a_row_ = 0;
  }
  next_ = now + period(policy);
}

void HealthCheck::lost(TimePoint now) {
  if (state_ == State::lost) return;
  state_ = State::lost;
  in_a_row_ = lost_checks_ = 0;
  next_ = now + kLostPeriod;
}

void HealthCheck::answered() {
  if (state_ == State::lost) state_ = State::healthy;
}

std::string_view name(HealthCheck::State state) {
  switch (state) {
    case HealthCheck::State::healthy:
      return "healthy";
    case HealthCheck::State::unhealthy:
      return "unhealthy";
    case HealthCheck::State::lost:
      return "lost";
  }
  return "";
}

}  // namespace themis::mesh
