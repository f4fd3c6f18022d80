#include "actors/gateway/function_figures.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace themis {

size_t FunctionFigures::bucket_of(Duration latency) {
  const int64_t whole = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  const auto us = static_cast<uint64_t>(std::max<int64_t>(whole, 1));
  const auto octave = static_cast<size_t>(std::bit_width(us)) - 1;
  const size_t quarter = octave >= 2 ? (us >> (octave - 2)) & 3 : (us << (2 - octave)) & 3;
  return std::min(4 * octave + quarter, kBuckets - 1);
}

/// The middle of the bucket that has it.
int64_t FunctionFigures::percentile(const Function& function, uint64_t percent) {
  uint64_t all = 0;
  for (size_t i = 0; i < kBuckets; ++i) all += function.now[i] + function.before[i];
  if (all == 0) return 0;
  const uint64_t wanted = (all * percent + 99) / 100;
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += function.now[i] + function.before[i];
    if (seen < wanted) continue;
    const double low = std::ldexp(1.0 + static_cast<double>(i % 4) / 4, static_cast<int>(i / 4));
    return static_cast<int64_t>(std::lround(low + std::ldexp(0.125, static_cast<int>(i / 4))));
  }
  return 0;
}

void FunctionFigures::turn(Function& function, TimePoint now) {
  if (now - function.begun < kWindow) return;
  function.before = now - function.begun < 2 * kWindow ? function.now : Histogram{};
  function.now = {};
  function.begun = now;
}

void FunctionFigures::add(std::string_view name, Duration latency, uint32_t cpu_us, bool failed,
                          TimePoint now) {
  auto found = functions_.find(name);
  if (found == functions_.end()) {
    if (functions_.size() >= kFunctionsMax)
      functions_.erase(std::ranges::min_element(
          functions_, {}, [](const auto& entry) { return entry.second.called; }));
    found = functions_.emplace(std::string(name), Function{}).first;
    found->second.begun = now;
  }
  Function& function = found->second;
  turn(function, now);
  function.called = now;
  ++function.calls;
  function.failures += failed ? 1 : 0;
  function.cpu_us += cpu_us;
  ++function.now[bucket_of(latency)];
}

std::vector<FunctionFigures::Report> FunctionFigures::report(TimePoint now) {
  std::vector<Report> all;
  for (auto& [name, function] : functions_) {
    turn(function, now);
    all.push_back({name, function.calls, function.failures, function.cpu_us,
                   percentile(function, 50), percentile(function, 99)});
  }
  return all;
}

}  // namespace themis
