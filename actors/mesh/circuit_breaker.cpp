#include "actors/mesh/circuit_breaker.hpp"

#include <algorithm>

namespace themis::mesh {

bool CircuitBreaker::began() {
  if (state_ != State::open) return false;
  state_ = State::half_open;
  return true;
}

void CircuitBreaker::succeeded(bool is_probe) {
  if (!is_decided_by(is_probe)) return;
  state_ = State::closed;
  in_a_row_ = openings_ = 0;
}

bool CircuitBreaker::failed(const RouteConfig& policy, TimePoint now, double jitter,
                            bool is_probe) {
  if (policy.breaker_failures == 0 || !is_decided_by(is_probe)) return false;
  ++in_a_row_;
  if (state_ == State::closed && in_a_row_ < policy.breaker_failures) return false;
  open(policy, now, jitter);
  return true;
}

void CircuitBreaker::undecided(bool is_probe) {
  if (is_probe && state_ == State::half_open) state_ = State::open;
}

void CircuitBreaker::open(const RouteConfig& policy, TimePoint now, double jitter) {
  const Duration base = std::chrono::milliseconds(policy.breaker_open_ms) *
                        (int64_t{1} << std::min(openings_, kDoublingsMax));
  ++openings_;
  state_ = State::open;
  retry_at_ = now + base +
              std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::nano>(
                  static_cast<double>(base.count()) * kJitter * jitter));
}

std::string_view name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::closed:
      return "closed";
    case CircuitBreaker::State::open:
      return "open";
    case CircuitBreaker::State::half_open:
      return "half_open";
  }
  return "";
}

}  // namespace themis::mesh
