#pragma once
// Time is passed in: real code reads the loop's clock, simulated code a virtual one.

#include <chrono>
#include <cstdint>

namespace themis {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;
/// Monotonic time. Only differences mean anything.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  /// Milliseconds since 1970, for what other machines read (record expiry).
  virtual int64_t wall_ms() const = 0;
};

/// The machine's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  int64_t wall_ms() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

inline int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
inline double to_us(Duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

}  // namespace themis
