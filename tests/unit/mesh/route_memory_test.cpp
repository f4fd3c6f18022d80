// What a route remembers of its instances: over finds that leave them out, after failures, and of
// names that nobody provides.
#include <gtest/gtest.h>

#include <algorithm>

#include "actors/mesh/watched_names.hpp"
#include "tests/unit/mesh/route_table_fixture.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using testing::id;
using testing::instance;
using testing::kName;
using testing::RouteTableTest;

TEST_F(RouteTableTest, AnOldRouteServesForAWhileWhileTheRingIsAsked) {
  learn({instance(1)});
  EXPECT_TRUE(table_->is_usable(kName, after(29'999ms)));
  EXPECT_FALSE(table_->is_usable(kName, after(30s)));
  EXPECT_FALSE(table_->is_usable("fn/other", after(0s)));
}

TEST_F(RouteTableTest, AWatchedRouteIsFreshForLonger) {
  using Source = RouteTable::Source;
  table_->learn(kName, {instance(1)}, after(0s), Source::watch);
  EXPECT_TRUE(table_->knows(kName, after(19'999ms)));
  EXPECT_FALSE(table_->knows(kName, after(20s)));
  table_->learn(kName, {instance(1), instance(2)}, after(20s));
  EXPECT_TRUE(table_->knows(kName, after(39s)));
  table_->learn(kName, {}, after(23s), Source::watch);
  EXPECT_FALSE(table_->knows(kName, after(25s))) << "nobody is left, or the holder lost them";
  table_->learn(kName, {instance(1)}, after(25s), Source::watch);
  table_->unwatched(kName);
  EXPECT_FALSE(table_->knows(kName, after(27s)));
}

TEST(WatchedNames, GivesAwayOnlyThePlacesOfNamesThatNobodyAsksFor) {
  WatchedNames names;
  for (size_t i = 0; i < WatchedNames::kNamesMax; ++i) {
    const std::string name = "fn/" + std::to_string(i);
    EXPECT_TRUE(names.asked(name, after(0s)).watch);
    EXPECT_TRUE(names.told(name, true));
  }
  EXPECT_FALSE(names.asked("fn/0", after(1s)).watch) << "it is";
  EXPECT_FALSE(names.asked("fn/more", after(1s)).watch);
  const auto change = names.asked("fn/more", after(WatchedNames::kIdle));
  EXPECT_TRUE(change.watch);
  ASSERT_TRUE(change.unwatch);
  EXPECT_NE(*change.unwatch, "fn/0");
  EXPECT_FALSE(names.told(*change.unwatch, true));
  EXPECT_EQ(names.size(), WatchedNames::kNamesMax);
}

TEST(WatchedNames, AdversaryNamesThatDoNotExistTakeFewPlaces) {
  WatchedNames names;
  EXPECT_TRUE(names.asked("fn/real", after(0s)).watch);
  EXPECT_TRUE(names.told("fn/real", true));
  size_t watches = 0;
  for (int i = 0; i < 10'000; ++i)
    watches += names.asked("fn/" + std::to_string(i), after(1s)).watch ? 1 : 0;
  EXPECT_EQ(watches, WatchedNames::kMissingMax);
  const auto later = names.asked("fn/x", after(WatchedNames::kIdle + 1s));
  EXPECT_TRUE(later.watch);
  EXPECT_NE(later.unwatch, "fn/real") << "which has been unused for longer";
}

TEST_F(RouteTableTest, ANameNobodyProvidesIsMissingForASecond) {
  table_->miss(kName, after(0s));
  EXPECT_TRUE(table_->is_missing(kName, after(999ms)));
  EXPECT_FALSE(table_->is_missing(kName, after(1s)));
  table_->forget(kName);
  EXPECT_FALSE(table_->is_missing(kName, after(0s))) << "a deploy ends it";
  table_->miss(kName, after(0s));
  learn({instance(1)});
  EXPECT_FALSE(table_->is_missing(kName, after(0s))) << "so does a find";
}

TEST_F(RouteTableTest, KeepsABoundedNumberOfMissingNames) {
  RouteTable small(rng_, {}, {.missing_max = 2});
  for (const char* name : {"a", "b", "c", "d"}) small.miss(name, after(0s));
  const auto kept = [&](TimePoint now) {
    return std::ranges::count_if(std::vector{"a", "b", "c", "d"},
                                 [&](const char* name) { return small.is_missing(name, now); });
  };
  EXPECT_EQ(kept(after(0s)), 2);
  EXPECT_TRUE(small.is_missing("d", after(0s)));
}

/// A find may leave an instance out for once, or answer other 64 of many.
TEST_F(RouteTableTest, RegressAnInstanceThatOneFindOmitsKeepsItsState) {
  configure({.breaker_failures = 1, .breaker_open_ms = 600'000});
  learn({instance(1), instance(2)});
  const auto begun = table_->began(kName, id(1));
  call(1, Verdict::unreachable);
  table_->learn(kName, {instance(2)}, after(2s));
  EXPECT_EQ(spread(100, after(2s))[1], 0) << "nobody provides it now";
  EXPECT_EQ(report(after(2s)).instances.size(), 1u);
  table_->learn(kName, {instance(1), instance(2)}, after(4s));
  EXPECT_EQ(report(after(4s)).instances[0].breaker, "open");
  EXPECT_EQ(report(after(4s)).instances[0].state, "lost");
  EXPECT_EQ(report(after(4s)).instances[0].in_flight, 1u);
  table_->ended(kName, begun, Verdict::none, after(4s));
  EXPECT_EQ(report(after(4s)).instances[0].in_flight, 0u);
}

TEST_F(RouteTableTest, ForgetsWhoIsAbsentForARecordsLife) {
  configure({.breaker_failures = 1, .breaker_open_ms = 600'000});
  learn({instance(1), instance(2)});
  call(1, Verdict::faulty);
  for (const Duration at : {10s, 99s, 100s}) table_->learn(kName, {instance(2)}, after(at));
  table_->learn(kName, {instance(1), instance(2)}, after(101s));
  EXPECT_EQ(report(after(101s)).instances[0].breaker, "closed");
}

TEST_F(RouteTableTest, KeepsABoundedNumberOfAbsentInstances) {
  RouteTable small(rng_, {{.breaker_failures = 1, .breaker_open_ms = 600'000}}, {.absent_max = 1});
  for (uint8_t node = 1; node <= 3; ++node) {
    small.learn("a", {instance(node)}, after(node * 1s));
    small.ended("a", small.began("a", id(node)), Verdict::faulty, after(node * 1s));
  }
  small.learn("a", {instance(1), instance(2), instance(3)}, after(4s));
  const auto now = small.report(1, after(4s)).at(0).instances;
  EXPECT_EQ(now[0].breaker, "closed") << "absent for the longest";
  EXPECT_EQ(now[1].breaker, "open");
  EXPECT_EQ(now[2].breaker, "open");
}

/// Who fails at once would look like the fastest.
TEST_F(RouteTableTest, RegressFailuresAttractNoCallsUnderTheLatencyPolicy) {
  configure({.policy = Balance::latency, .eject_failures = 0});
  learn({instance(1), instance(2), instance(3), instance(4)});
  int ill = 0;
  for (int i = 0; i < 10'000; ++i) {  // 100 a second; 4 fails at once, the others take 20 ms
    const TimePoint now = after(i * 10ms);
    const auto chosen = table_->choose(kName, {}, now);
    const auto begun = table_->began(kName, chosen->key());
    const bool is_ill = chosen->key() == id(4);
    ill += is_ill ? 1 : 0;
    table_->took(kName, chosen->key(), is_ill ? 1ms : 20ms, now);
    table_->ended(kName, begun, is_ill ? Verdict::faulty : Verdict::healthy, now);
  }
  EXPECT_LT(ill, 100) << "of 10,000, with seed " << kSeed;
  EXPECT_GT(ill, 1) << "it is asked again now and then";
}

TEST_F(RouteTableTest, RegressAnAbsentServiceGetsNoCallsUntilACheckHasPassed) {
  configure({.breaker_failures = 1});
  learn({instance(1), instance(2)});
  table_->called(kName, after(0s));
  call(1, Verdict::absent);
  EXPECT_EQ(spread()[1], 0);
  EXPECT_EQ(report().instances[0].breaker, "closed") << "it failed nobody";
  EXPECT_EQ(report().counters.failures, 0u);
  ASSERT_EQ(table_->checks_due(after(250ms)).size(), 1u);
  table_->checked(kName, id(1), true, after(251ms));
  EXPECT_GT(spread(100, after(251ms))[1], 0);
}

TEST_F(RouteTableTest, RegressACallFromBeforeABreakerOpenedDecidesNoProbe) {
  configure({.breaker_failures = 1, .breaker_open_ms = 1000});
  learn({instance(1)});
  const auto older = table_->began(kName, id(1));
  call(1, Verdict::faulty);
  const auto probe = table_->began(kName, id(1));
  EXPECT_TRUE(probe.is_probe);
  table_->ended(kName, older, Verdict::healthy, after(2s));
  EXPECT_EQ(report().instances[0].breaker, "half_open");
  table_->ended(kName, probe, Verdict::faulty, after(2s));
  EXPECT_EQ(report().instances[0].breaker, "open");
}

}  // namespace
}  // namespace themis::mesh
