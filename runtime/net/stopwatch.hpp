#pragma once
// Finds out who held the thread of a loop for too long.

#include <ctime>
#include <functional>

#include "runtime/base/clock.hpp"

namespace themis::net {

/// Handlers of a loop run back to back, so the time from one mark to the next is what the handler
/// between them took: one read of the kernel's coarse clock (3 ns, as exact as its tick of 1 to
/// 10 ms) a handler. Loop thread only.
class Stopwatch {
 public:
  /// `report(who, held)` is called for whoever held the thread longer than `limit`.
  Stopwatch(Duration limit, std::function<void(const char* who, Duration held)> report)
      : limit_(limit), report_(std::move(report)) {}

  /// The loop has slept.
  void restart() { mark_ = coarse_now(); }
  /// `who` (a literal) was called and is done. Says nothing before the first restart(): a simulated
  /// world never calls it, and its handlers take no time.
  void handled(const char* who) {
    if (mark_ == Duration::zero()) return;
    const Duration now = coarse_now();
    const Duration held = now - mark_;
    mark_ = now;
    if (held <= limit_) return;
    report_(who, held);
  }

 private:
  static Duration coarse_now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  Duration limit_;
  std::function<void(const char*, Duration)> report_;
  Duration mark_{};
};

}  // namespace themis::net
