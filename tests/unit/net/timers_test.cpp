#include "runtime/net/timers.hpp"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/rng.hpp"

namespace themis::net {
namespace {

TimePoint at(int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

TEST(Timers, RunInOrderOfTimeThenOfBirth) {
  Timers timers;
  std::string order;
  timers.add(at(3), [&] { order += 'd'; });
  timers.add(at(1), [&] { order += 'a'; });
  timers.add(at(2), [&] { order += 'b'; });
  timers.add(at(2), [&] { order += 'c'; });
  EXPECT_EQ(timers.next_due(), at(1));
  timers.run_due(at(2));
  EXPECT_EQ(order, "abc");
  timers.run_due(at(3));
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(timers.next_due(), TimePoint::max());
}

TEST(Timers, RunWhatACallbackAddsOnTheNextCall) {
  Timers timers;
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    timers.add(at(0), again);
  };
  timers.add(at(0), again);
  timers.run_due(at(1));
  EXPECT_EQ(runs, 1);
  timers.run_due(at(1));
  EXPECT_EQ(runs, 2);
}

TEST(Timers, NeverRunWhatWasCancelled) {
  Timers timers;
  std::string order;
  TimerId second = 0;
  timers.add(at(1), [&] {
    order += 'a';
    timers.cancel(second);
  });
  second = timers.add(at(1), [&] { order += 'b'; });
  const TimerId third = timers.add(at(1), [&] { order += 'c'; });
  timers.cancel(third);
  timers.cancel(third);
  timers.cancel(12345);
  timers.run_due(at(9));
  EXPECT_EQ(order, "a");
}

TEST(Timers, CancelItselfWhileItRuns) {
  Timers timers;
  TimerId self = 0;
  int runs = 0;
  self = timers.add(at(1), [&] {
    ++runs;
    timers.cancel(self);
  });
  timers.run_due(at(1));
  timers.run_due(at(2));
  EXPECT_EQ(runs, 1);
}

TEST(Timers, RegressCancelledTimersDoNotPileUp) {
  Timers timers;
  size_t most = 0;
  timers.add(at(1), [] {});
  for (int i = 0; i < 100'000; ++i) {
    timers.cancel(timers.add(at(60'000 + i), [] {}));
    most = std::max(most, timers.size());
  }
  EXPECT_LE(most, 200u);
  EXPECT_EQ(timers.next_due(), at(1));
}

TEST(Timers, AgreeWithAPlainModelOverRandomOperations) {
  const uint64_t seed = SystemRng{}.next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  Timers timers;
  std::map<std::pair<TimePoint, TimerId>, int> model;
  std::map<TimerId, TimePoint> due;
  std::vector<int> ran, expected;
  int64_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t choice = rng.below(10);
    if (choice < 5) {
      const TimePoint when = at(now + static_cast<int64_t>(rng.below(50)));
      const TimerId id = timers.add(when, [&ran, i] { ran.push_back(i); });
      model[{when, id}] = i;
      due[id] = when;
    } else if (choice < 9 && !due.empty()) {
      auto picked = due.lower_bound(rng.below(due.rbegin()->first + 1));
      if (picked == due.end()) picked = due.begin();
      timers.cancel(picked->first);
      model.erase({picked->second, picked->first});
      due.erase(picked);
    } else {
      now += static_cast<int64_t>(rng.below(10));
      timers.run_due(at(now));
      while (!model.empty() && model.begin()->first.first <= at(now)) {
        expected.push_back(model.begin()->second);
        due.erase(model.begin()->first.second);
        model.erase(model.begin());
      }
      ASSERT_EQ(ran, expected);
    }
  }
}

}  // namespace
}  // namespace themis::net
