#pragma once
// Lets a reactor run JavaScript where its requests arrive, yet never so long that answers wait.

#include <deque>
#include <functional>

#include "actors/system/reactor.hpp"

namespace themis {

/// One for a function host. Work runs at once while this turn of the reactor has time left; the
/// rest waits, in order, for the turns that follow, so that answers go out and pings are seen in
/// between. The queue is bounded by the requests a session may have open. Reactor thread; outlived
/// by its loop.
class TurnBudget {
 public:
  /// After so much JavaScript the reactor writes its answers.
  static constexpr Duration kPerTurn = 2ms;

  explicit TurnBudget(Reactor& reactor) : reactor_(reactor) {}
  TurnBudget(const TurnBudget&) = delete;
  TurnBudget& operator=(const TurnBudget&) = delete;

  void run(std::function<void()> work) {
    if (waiting_.empty() && has_time()) return timed(work);
    waiting_.push_back(std::move(work));
    if (waiting_.size() == 1) reactor_.loop().post([this] { run_waiting(); });
  }

 private:
  bool has_time() {
    if (turn_ != reactor_.counters().turns) {
      turn_ = reactor_.counters().turns;
      used_ = {};
    }
    return used_ < kPerTurn;
  }
  void timed(const std::function<void()>& work) {
    const TimePoint start = reactor_.loop().now();
    work();
    used_ += reactor_.loop().now() - start;
  }
  void run_waiting() {
    while (!waiting_.empty() && has_time()) {
      const std::function<void()> work = std::move(waiting_.front());
      timed(work);
      waiting_.pop_front();  // after it ran: what it adds waits behind it
    }
    if (!waiting_.empty()) reactor_.loop().post([this] { run_waiting(); });
  }

  Reactor& reactor_;
  std::deque<std::function<void()>> waiting_;
  uint64_t turn_ = 0;
  Duration used_{};
};

}  // namespace themis
