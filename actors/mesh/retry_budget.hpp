#pragma once
// How many calls of a route may be sent again, so that retries never become the load.

#include <algorithm>

#include "runtime/base/clock.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// A token bucket: a call pays in a share of a token, time pays in some, a retry takes one.
/// Source of the scheme: Finagle's and Linkerd's retry budgets.
class RetryBudget {
 public:
  /// What is not used is kept for so long: as in Linkerd.
  static constexpr double kMemoryS = 10;

  void called(const RouteConfig& policy, TimePoint now) {
    refill(policy, now);
    tokens_ = std::min(tokens_ + policy.retry_budget_percent / 100.0, capacity(policy));
  }
  /// Takes a token if there is one.
  [[nodiscard]] bool take(const RouteConfig& policy, TimePoint now) {
    refill(policy, now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  double tokens() const { return tokens_; }

 private:
  static double capacity(const RouteConfig& policy) {
    return kMemoryS * std::max(policy.retry_budget_per_s, 1u);
  }
  void refill(const RouteConfig& policy, TimePoint now) {
    // The first second's tokens are there from the start.
    const double elapsed_s =
        started_ ? std::chrono::duration<double>(now - refilled_at_).count() : 1.0;
    started_ = true;
    refilled_at_ = now;
    tokens_ = std::min(tokens_ + elapsed_s * policy.retry_budget_per_s, capacity(policy));
  }

  bool started_ = false;
  double tokens_ = 0;
  TimePoint refilled_at_{};
};

}  // namespace themis::mesh
