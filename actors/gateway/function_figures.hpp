#pragma once
// How the functions do that a gateway calls: requests, failures, latency and CPU time of each.
// Pure.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"

namespace themis {

/// One thread.
class FunctionFigures {
 public:
  /// 2 KB each. Past it the one that was called least recently is forgotten.
  static constexpr size_t kFunctionsMax = 512;
  /// Percentiles are those of the last one to two of these.
  static constexpr Duration kWindow = 10s;

  struct Report {
    std::string name;
    uint64_t calls = 0;     ///< Since the gateway started, as failures and CPU.
    uint64_t failures = 0;  ///< Answers from 500 on, and calls without one.
    uint64_t cpu_us = 0;
    int64_t p50_us = 0;  ///< 0: no call in the window. Within a fifth.
    int64_t p99_us = 0;
  };

  void add(std::string_view name, Duration latency, uint32_t cpu_us, bool failed, TimePoint now);
  /// By name.
  std::vector<Report> report(TimePoint now);

 private:
  /// Four to an octave, from 1 µs on: 2^30 µs are 18 minutes.
  static constexpr size_t kBuckets = 4 * 30;
  using Histogram = std::array<uint32_t, kBuckets>;
  struct Function {
    uint64_t calls = 0, failures = 0, cpu_us = 0;
    Histogram now{}, before{};
    TimePoint begun{};  ///< Of `now`.
    TimePoint called{};
  };

  static size_t bucket_of(Duration latency);
  static int64_t percentile(const Function& function, uint64_t percent);
  static void turn(Function& function, TimePoint now);

  std::map<std::string, Function, std::less<>> functions_;
};

}  // namespace themis
