#pragma once
// Watches the CPU clock of the engine's thread and ends JavaScript that runs past its deadline.

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "runtime/base/clock.hpp"

namespace themis::js {

/// CPU time of the calling thread.
Duration thread_cpu();

/// One thread for one engine thread. arm() and disarm() belong to the engine's thread and cost a
/// few atomic operations; the watchdog polls while something is armed or was lately, and sleeps
/// otherwise.
class Watchdog {
 public:
  /// Called on the watchdog's thread, at most once an arm(), and never after disarm() returned.
  using Fire = void (*)(void* target);
  /// Called on the watchdog's thread each kPoll while something is armed, once look_too() was
  /// called.
  using Look = void (*)(void* target);

  /// How exact a CPU limit is: half of the 5 ms that the limits promise.
  static constexpr Duration kPoll = 2ms;
  /// Polls without anything armed before the thread sleeps: a busy engine never pays for a wake-up.
  static constexpr int kIdlePolls = 25;

  /// Watches the thread that constructs it.
  Watchdog(Fire fire, Look look);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Fires for `target` once the thread's CPU clock is past `deadline`. Nothing may be armed.
  void arm(void* target, Duration deadline);
  /// From now on what is armed is looked at. For good: few processes run what needs it.
  void look_too() { looks_.store(true); }
  /// True once it has fired since arm(). What ends meanwhile shows it by itself.
  bool fired() const { return armed_.load() == kFired; }
  /// Returns true if it fired. Afterwards `target` is not touched any more.
  bool disarm();

 private:
  void run();
  void check(uint64_t armed);

  static constexpr uint64_t kFired = UINT64_MAX;

  const Fire fire_;
  const Look look_;
  std::atomic<bool> looks_{false};
  clockid_t clock_{};
  std::atomic<uint64_t> armed_{0};  ///< 0: nothing; even: generation; odd: looked at.
  std::atomic<void*> target_{nullptr};
  std::atomic<int64_t> deadline_ns_{0};
  std::atomic<uint32_t> signal_{0};  ///< kAsleep, kAwake or kStopped.
  uint64_t generation_ = 0;
  std::thread thread_;
};

}  // namespace themis::js
