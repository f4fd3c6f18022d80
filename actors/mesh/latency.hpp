#pragma once
// How long an instance takes: a peak-sensitive average for balancing, a window for hedging.

#include <array>
#include <optional>

#include "runtime/base/clock.hpp"

namespace themis::mesh {

/// Rises to a slow answer at once and forgets it over kMemory, so a stalled instance is left alone
/// quickly. Source: Finagle's PeakEwma balancer.
class PeakEwma {
 public:
  static constexpr Duration kMemory = 10s;

  void add(Duration sample, TimePoint now);
  /// Milliseconds; 0: nothing was measured.
  double ms(TimePoint now) const;

 private:
  double ms_ = 0;
  TimePoint at_{};
};

/// The latest answers of one route.
class LatencyWindow {
 public:
  static constexpr size_t kSamples = 128;
  /// Fewer say nothing about the slowest twentieth.
  static constexpr size_t kSamplesMin = 20;

  void add(Duration sample);
  /// The 95th percentile, worked out again every kRefresh samples.
  std::optional<Duration> p95() const { return p95_; }

 private:
  static constexpr size_t kRefresh = 16;
  std::array<Duration, kSamples> samples_{};
  size_t count_ = 0;
  std::optional<Duration> p95_;
};

}  // namespace themis::mesh
