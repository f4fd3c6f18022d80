#include "actors/mesh/latency.hpp"

#include <algorithm>
#include <cmath>

namespace themis::mesh {

double PeakEwma::ms(TimePoint now) const {
  const double age = std::chrono::duration<double>(now - at_).count();
  const double memory = std::chrono::duration<double>(kMemory).count();
  return ms_ * std::exp(-std::max(age, 0.0) / memory);
}

void PeakEwma::add(Duration sample, TimePoint now) {
  const double sample_ms = std::chrono::duration<double, std::milli>(sample).count();
  const double memory = std::chrono::duration<double>(kMemory).count();
  const double age = std::max(std::chrono::duration<double>(now - at_).count(), 0.0);
  const double keep = std::exp(-age / memory);
  ms_ = sample_ms > ms_ ? sample_ms : ms_ * keep + sample_ms * (1 - keep);
  at_ = now;
}

void LatencyWindow::add(Duration sample) {
  samples_[count_ % kSamples] = sample;
  ++count_;
  if (count_ < kSamplesMin || (p95_ && count_ % kRefresh != 0)) return;
  const size_t filled = std::min(count_, kSamples);
  std::array<Duration, kSamples> sorted = samples_;
  const size_t rank = filled * 95 / 100;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank),
                   sorted.begin() + static_cast<std::ptrdiff_t>(filled));
  p95_ = sorted[rank];
}

}  // namespace themis::mesh
