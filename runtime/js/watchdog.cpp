#include "runtime/js/watchdog.hpp"

#include <ctime>

#include "runtime/base/error.hpp"

namespace themis::js {
namespace {

constexpr uint32_t kAwake = 0;
constexpr uint32_t kAsleep = 1;
constexpr uint32_t kStopped = 2;
constexpr uint64_t kTouched = 1;  // set in armed_ while the watchdog touches the target

Duration read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

Duration thread_cpu() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

Watchdog::Watchdog(Fire fire, Look look) : fire_(fire), look_(look) {
  THEMIS_ASSERT(pthread_getcpuclockid(pthread_self(), &clock_) == 0,
                "every thread has a CPU clock");
  thread_ = std::thread([this] { run(); });
}

Watchdog::~Watchdog() {
  signal_.store(kStopped);
  signal_.notify_one();
  thread_.join();
}

void Watchdog::arm(void* target, Duration deadline) {
  target_.store(target, std::memory_order_relaxed);
  deadline_ns_.store(deadline.count(), std::memory_order_relaxed);
  generation_ += 2;
  armed_.store(generation_);
  uint32_t asleep = kAsleep;
  if (signal_.load() == kAsleep && signal_.compare_exchange_strong(asleep, kAwake))
    signal_.notify_one();
}

bool Watchdog::disarm() {
  for (;;) {
    uint64_t expected = generation_;
    if (armed_.compare_exchange_strong(expected, 0)) return false;
    if (expected == kFired) break;
    std::this_thread::yield();  // the target is touched: a few instructions
  }
  armed_.store(0);
  return true;
}

void Watchdog::check(uint64_t armed) {
  if (armed == 0 || armed == kFired) return;
  const bool late = read_clock(clock_).count() >= deadline_ns_.load(std::memory_order_relaxed);
  if (!late && !looks_.load(std::memory_order_relaxed)) return;
  // The deadline and the target belong to `armed` only if that is armed still; the exchange proves
  // it, and from then on disarm() waits for us.
  const uint64_t touched = armed | kTouched;
  if (!armed_.compare_exchange_strong(armed, touched)) return;
  void* const target = target_.load(std::memory_order_relaxed);
  if (!late) {
    look_(target);
    return armed_.store(touched & ~kTouched);
  }
  fire_(target);
  armed_.store(kFired);
}

void Watchdog::run() {
  int idle_polls = 0;
  while (signal_.load() != kStopped) {
    const uint64_t armed = armed_.load();
    check(armed);
    idle_polls = armed == 0 ? idle_polls + 1 : 0;
    if (idle_polls < kIdlePolls) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    uint32_t awake = kAwake;
    if (!signal_.compare_exchange_strong(awake, kAsleep)) return;  // stopped
    uint32_t asleep = kAsleep;
    // An arm() between the look above and here saw kAwake and woke nobody.
    if (armed_.load() != 0) signal_.compare_exchange_strong(asleep, kAwake);
    signal_.wait(kAsleep);
    idle_polls = 0;
  }
}

}  // namespace themis::js
