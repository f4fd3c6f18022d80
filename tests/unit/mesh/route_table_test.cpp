#include "actors/mesh/route_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "tests/unit/mesh/route_table_fixture.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using testing::id;
using testing::instance;
using testing::is_share;
using testing::kName;
using testing::RouteTableTest;

TEST_F(RouteTableTest, ARouteIsFreshForItsTimeToLive) {
  EXPECT_FALSE(table_->knows(kName, after(0s)));
  learn({instance(1)});
  EXPECT_TRUE(table_->knows(kName, after(1999ms)));
  EXPECT_FALSE(table_->knows(kName, after(2s)));
  EXPECT_TRUE(table_->choose(kName, {}, after(60s))) << "an old route is better than none";
}

/// While the ring healed from a lost node it knew nobody, and calls that a living instance would
/// have taken were answered with "not found".
TEST_F(RouteTableTest, RegressAnEmptyAnswerForgetsTheRouteOnlyWhenItIsOld) {
  learn({instance(1)});
  table_->learn(kName, {}, after(9999ms));
  EXPECT_TRUE(table_->choose(kName, {}, after(9999ms)));
  EXPECT_FALSE(table_->knows(kName, after(9999ms))) << "the ring is asked again";
  table_->learn(kName, {}, after(10s));
  EXPECT_EQ(table_->choose(kName, {}, after(10s)).error().code, Code::not_found);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(RouteTableTest, SpreadsOverAllInstances) {
  learn({instance(1), instance(2), instance(3)});
  for (const auto& [port, count] : spread()) EXPECT_TRUE(is_share(count, 1000, 1.0 / 3)) << port;
}

TEST_F(RouteTableTest, PrefersTheOneWithFewerCallsInFlight) {
  learn({instance(1), instance(2)});
  const auto begun = table_->began(kName, id(1));
  EXPECT_EQ(spread()[1], 0) << "of two, the idle one always wins";
  EXPECT_EQ(report().instances[0].in_flight, 1u);
  table_->ended(kName, begun, Verdict::healthy, after(0s));
  EXPECT_GT(spread()[1], 300);
}

TEST_F(RouteTableTest, WhatIsUnreachableGetsNothingUntilACheckHasPassed) {
  learn({instance(1), instance(2)});
  table_->called(kName, after(0s));
  call(1, Verdict::unreachable);
  EXPECT_EQ(spread()[1], 0);
  EXPECT_EQ(report().instances[0].state, "lost");
  EXPECT_EQ(report().counters.losses, 1u);
  EXPECT_TRUE(table_->wants_checks());
  EXPECT_TRUE(table_->checks_due(after(249ms)).empty());
  ASSERT_EQ(table_->checks_due(after(250ms)).size(), 1u);
  table_->checked(kName, id(1), false, after(251ms));
  EXPECT_EQ(spread(100, after(30s))[1], 0) << "time alone does not bring it back";
  ASSERT_EQ(table_->checks_due(after(30s)).size(), 1u);
  table_->checked(kName, id(1), true, after(30s));
  EXPECT_GT(spread(100, after(30s))[1], 0);
  EXPECT_TRUE(table_->checks_due(after(31s)).empty());
  EXPECT_FALSE(table_->wants_checks());
}

TEST_F(RouteTableTest, ALostNodeIsLeftAloneByEveryRoute) {
  learn({instance(1), instance(2)});
  table_->learn("fn/other", {instance(1), instance(2)}, after(0s));
  table_->lost(id(1), after(0s));
  table_->learn("fn/new", {instance(1), instance(2)}, after(0s));
  for (const char* name : {"fn/f", "fn/other", "fn/new"})
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(table_->choose(name, {}, after(0s))->key(), id(2)) << name;
}

TEST_F(RouteTableTest, AnAnswerSaysThatThereIsAWay) {
  learn({instance(1)});
  call(1, Verdict::unreachable);
  ASSERT_TRUE(table_->choose(kName, {}, after(0s))) << "nobody else is left";
  call(1, Verdict::faulty);
  EXPECT_EQ(report().instances[0].state, "healthy");
}

TEST_F(RouteTableTest, ChecksWhatIsConfiguredWhileItIsCalled) {
  configure({.health_period_ms = 1000, .health_timeout_ms = 100, .health_unhealthy_after = 2});
  learn({instance(1), instance(2)});
  table_->called(kName, after(0s));
  const auto round = [&](Duration at, bool first_passes) {
    for (const auto& check : table_->checks_due(after(at)))
      if (check.instance.id == id(2) || first_passes)
        table_->checked(kName, check.instance.id, true, after(at));
    EXPECT_TRUE(table_->checks_due(after(at + 100ms)).empty()) << "the late one has failed";
  };
  round(0s, false);
  EXPECT_EQ(report().instances[0].state, "healthy");
  round(2s, false);
  EXPECT_EQ(report().instances[0].state, "unhealthy");
  EXPECT_EQ(spread()[1], 0);
  round(4s, true);
  EXPECT_EQ(spread()[1], 0);
  round(6s, true);
  EXPECT_EQ(report().instances[0].state, "healthy");
  EXPECT_EQ(report().counters.checks, 8u);
  EXPECT_EQ(report().counters.checks_failed, 2u);
  EXPECT_TRUE(table_->checks_due(after(60s)).empty()) << "nobody calls it any more";
  EXPECT_FALSE(table_->wants_checks());
}

TEST_F(RouteTableTest, RegressALostInstanceIsCheckedAgainWhenAnIdleRouteIsCalled) {
  learn({instance(1), instance(2)});
  table_->called(kName, after(0s));
  table_->lost(id(1), after(0s));
  EXPECT_TRUE(table_->checks_due(after(2min)).empty());
  EXPECT_FALSE(table_->wants_checks());
  table_->called(kName, after(2min));
  EXPECT_TRUE(table_->wants_checks());
  EXPECT_EQ(table_->checks_due(after(2min)).size(), 1u);
}

TEST_F(RouteTableTest, ChecksABoundedNumberAtOnce) {
  RouteTable small(rng_, {{.health_period_ms = 1000}}, {.checks_max = 2});
  small.learn("a", {instance(1), instance(2), instance(3)}, after(0s));
  small.called("a", after(0s));
  EXPECT_EQ(small.checks_due(after(0s)).size(), 2u);
  EXPECT_TRUE(small.checks_due(after(1ms)).empty());
  small.checked("a", id(1), true, after(2ms));
  EXPECT_EQ(small.checks_due(after(3ms)).size(), 1u);
}

TEST_F(RouteTableTest, EjectedNodesAreBetterThanNone) {
  learn({instance(1)});
  call(1, Verdict::unreachable);
  EXPECT_TRUE(table_->choose(kName, {}, after(0s)));
}

TEST_F(RouteTableTest, AWeightOfZeroIsTheLastResort) {
  learn({instance(1, 0), instance(2)});
  EXPECT_EQ(spread()[1], 0);
  EXPECT_EQ(spread(100, after(0s), {id(2)})[1], 100);
}

TEST_F(RouteTableTest, NeverMoreThanHalfAreEjectedForFailing) {
  configure({.eject_failures = 2});
  learn({instance(1), instance(2), instance(3), instance(4), instance(5)});
  for (uint8_t node = 1; node <= 5; ++node)
    for (int i = 0; i < 3; ++i) call(node, Verdict::faulty);
  EXPECT_EQ(report().counters.ejections, 2u);
}

TEST_F(RouteTableTest, ALoneInstanceIsNotEjectedForFailing) {
  learn({instance(1)});
  for (int i = 0; i < 100; ++i) call(1, Verdict::faulty);
  EXPECT_EQ(report().instances[0].state, "healthy");
}

TEST_F(RouteTableTest, StateOutlivesARefreshedRoute) {
  learn({instance(1), instance(2)});
  call(1, Verdict::unreachable);
  (void)table_->began(kName, id(2));
  learn({instance(2), instance(1), instance(3)});
  EXPECT_EQ(spread()[1], 0);
  EXPECT_EQ(report().instances[0].in_flight, 1u);
}

TEST_F(RouteTableTest, OpenBreakersAreToldWithTheTimeOfTheNextProbe) {
  configure({.breaker_failures = 1, .breaker_open_ms = 1000});
  learn({instance(1), instance(2)});
  call(1, Verdict::faulty);
  EXPECT_EQ(spread()[1], 0);
  call(2, Verdict::faulty);
  const auto none = table_->choose(kName, {}, after(0s));
  EXPECT_EQ(none.error().code, Code::overloaded);
  EXPECT_NE(none.error().detail.find("the next probe is in 1"), std::string::npos)
      << none.error().detail;
  const auto probe = table_->choose(kName, {}, after(1250ms));
  ASSERT_TRUE(probe);
  const auto begun = table_->began(kName, probe->key());
  const auto other = table_->choose(kName, {}, after(1250ms));
  ASSERT_TRUE(other) << "the other one may be probed too";
  EXPECT_NE(other->key(), probe->key());
  (void)table_->began(kName, other->key());
  EXPECT_EQ(table_->choose(kName, {}, after(1250ms)).error().code, Code::overloaded);
  table_->ended(kName, begun, Verdict::healthy, after(1300ms));
  EXPECT_EQ(table_->choose(kName, {}, after(1300ms))->key(), probe->key());
}

TEST_F(RouteTableTest, ACanaryGetsItsShareByVersion) {
  configure({.canary_version = "2", .canary_percent = 10});
  learn({instance(1, 100, "1"), instance(2, 100, "1"), instance(3, 100, "2")});
  const auto chosen = spread(10'000);
  EXPECT_TRUE(is_share(chosen.at(3), 10'000, 0.1)) << chosen.at(3) << " with seed " << kSeed;
}

TEST_F(RouteTableTest, ACanaryGetsItsShareByLabel) {
  configure({.canary_label = "track=canary", .canary_percent = 25});
  learn({instance(1), instance(2, 100, "", {{"track", "canary"}}), instance(3)});
  const auto chosen = spread(10'000);
  EXPECT_TRUE(is_share(chosen.at(2), 10'000, 0.25)) << chosen.at(2) << " with seed " << kSeed;
}

TEST_F(RouteTableTest, AnInstanceThatAsksForAShareGetsItAndNoMoreThanHalf) {
  const auto announce = [this](const ring::Labels& labels) {
    Instances all{instance(1), instance(3)};
    add_instances(all, instance(2, 100, "7", labels));
    learn(all);
  };
  announce({{"canary", "20"}});
  EXPECT_TRUE(is_share(spread()[2], 1000, 0.2));
  announce({{"canary", "100"}});
  EXPECT_TRUE(is_share(spread()[2], 1000, 0.5)) << "an instance is not believed more";
  for (const char* none : {"1x", "0", "-1", ""}) {
    announce({{"canary", none}});
    EXPECT_TRUE(is_share(spread()[2], 1000, 1.0 / 3)) << "no share: " << none;
  }
  announce({});
  EXPECT_TRUE(is_share(spread()[2], 1000, 1.0 / 3)) << "it was promoted";
}

class CanaryBesideTest : public RouteTableTest {
 protected:
  /// One node that runs both.
  void announce(ring::Labels labels) {
    labels.emplace_back("canary-version", "7");
    Instances all;
    add_instances(all, instance(1, 100, "6", std::move(labels)));
    ASSERT_EQ(all.size(), 2u);
    learn(all);
  }
  /// Of 1,000 callers, who all say the same each time.
  int canaries(const std::function<std::string(int)>& says, int callers = 1000) {
    int found = 0;
    for (int i = 0; i < callers; ++i) {
      const auto caller = [&](const Sticky&) { return says(i); };
      found += table_->choose(kName, {}, after(0s), caller)->is_canary ? 1 : 0;
    }
    return found;
  }
  static std::string user(int number) { return "user " + std::to_string(number); }
};

TEST_F(CanaryBesideTest, GetsItsShareOnTheNodeOfTheVersionBefore) {
  announce({{"canary", "20"}});
  EXPECT_TRUE(is_share(canaries(user), 1000, 0.2)) << "by chance, with seed " << kSeed;
  const auto all = report().instances;
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].instance.version, "6");
  EXPECT_EQ(all[1].instance.version, "7");
}

TEST_F(CanaryBesideTest, FailuresAreItsOwn) {
  configure({.breaker_failures = 2});
  announce({{"canary", "50"}});
  const InstanceKey canary{id(1), true};
  for (int i = 0; i < 4; ++i)
    table_->ended(kName, table_->began(kName, canary), Verdict::faulty, after(0s));
  EXPECT_EQ(report().instances[0].failures, 0u);
  EXPECT_EQ(report().instances[1].failures, 4u);
  EXPECT_EQ(canaries(user), 0) << "its breaker is open: the version before takes all";
  EXPECT_EQ(table_->choose(kName, {canary}, after(0s))->key(), id(1));
}

TEST_F(CanaryBesideTest, KeepsACallerAndSplitsThemAnewEachTime) {
  announce({{"canary", "20"}, {"sticky", "header:x-user"}});
  std::vector<bool> first;
  const auto ask = [&] {
    std::vector<bool> all;
    for (int i = 0; i < 1000; ++i) {
      const auto caller = [&](const Sticky& by) {
        EXPECT_EQ(by.text(), "header:x-user");
        return user(i);
      };
      all.push_back(table_->choose(kName, {}, after(0s), caller)->is_canary);
    }
    return all;
  };
  first = ask();
  EXPECT_TRUE(is_share(static_cast<int>(std::ranges::count(first, true)), 1000, 0.2));
  EXPECT_EQ(ask(), first) << "each keeps its version";
  SeededRng other_chance(2);
  table_ = std::make_unique<RouteTable>(other_chance, std::vector<RouteConfig>{});
  announce({{"canary", "20"}, {"sticky", "header:x-user"}});
  EXPECT_EQ(ask(), first) << "and at every gateway";
  announce({{"canary", "40"}, {"sticky", "header:x-user"}});
  const std::vector<bool> more = ask();
  for (size_t i = 0; i < first.size(); ++i) EXPECT_LE(first[i], more[i]) << "nobody goes back";
  Instances next;
  add_instances(next,
                instance(1, 100, "6",
                         {{"canary", "20"}, {"canary-version", "8"}, {"sticky", "header:x-user"}}));
  learn(next);
  int same = 0;
  const std::vector<bool> anew = ask();
  for (size_t i = 0; i < first.size(); ++i) same += first[i] && anew[i] ? 1 : 0;
  EXPECT_TRUE(is_share(same, 1000, 0.04)) << "the next canary has other callers: " << same;
}

TEST_F(CanaryBesideTest, SplitsByChanceWhoSaysNothing) {
  announce({{"canary", "20"}, {"sticky", "cookie:id"}});
  int found = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto caller = [](const Sticky&) { return std::optional<std::string>(); };
    found += table_->choose(kName, {}, after(0s), caller)->is_canary ? 1 : 0;
  }
  EXPECT_TRUE(is_share(found, 1000, 0.2)) << found << " with seed " << kSeed;
}

TEST(StickyTest, IsAHeaderOrACookie) {
  for (const char* good : {"header:x-user", "cookie:id", "header:a"}) {
    ASSERT_TRUE(Sticky::parse(good)) << good;
    EXPECT_EQ(Sticky::parse(good)->text(), good);
  }
  for (const std::string& bad :
       {std::string("x-user"), std::string("header:"), std::string("header:a b"),
        std::string("cookie:a=b"), std::string("Header:x"), std::string(),
        "cookie:" + std::string(58, 'a')})
    EXPECT_FALSE(Sticky::parse(bad)) << bad;
}

TEST(StickyTest, FindsACookieAmongOthers) {
  EXPECT_EQ(cookie_value("a=1; id=ada;b=2", "id"), "ada");
  EXPECT_EQ(cookie_value("id=ada", "id"), "ada");
  EXPECT_EQ(cookie_value("xid=1; id =ada ; id=bob", "id"), "ada") << "the first";
  EXPECT_EQ(cookie_value("id=", "id"), "");
  for (const char* none : {"", "id", "idx=1; id", ";;;", "ID=1"})
    EXPECT_EQ(cookie_value(none, "id"), std::nullopt) << none;
}

TEST_F(RouteTableTest, WhatAnotherVersionDidIsNotThisOnes) {
  learn({instance(1, 100, "1")});
  call(1, Verdict::faulty);
  EXPECT_EQ(report().instances[0].failures, 1u);
  learn({instance(1, 100, "2")});
  EXPECT_EQ(report().instances[0].failures, 0u);
  EXPECT_EQ(report().instances[0].calls, 0u);
}

TEST_F(RouteTableTest, OneGroupTakesAllWhenTheOtherIsGone) {
  configure({.canary_version = "2", .canary_percent = 10});
  learn({instance(1, 100, "1"), instance(3, 100, "2")});
  EXPECT_EQ(spread(100, after(0s), {id(1)})[3], 100);
  call(3, Verdict::unreachable);
  EXPECT_EQ(spread(1000)[1], 1000);
}

TEST_F(RouteTableTest, SendsAgainOnlyWhatCannotRunTwice) {
  learn({instance(1)});
  const auto may = [&](CallFailure failure, bool idempotent, size_t attempts) {
    return table_->may_retry(kName, failure, idempotent, attempts, after(0s));
  };
  for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
    EXPECT_TRUE(is_idempotent(method)) << method;
  for (const char* method : {"POST", "PATCH", "get"}) EXPECT_FALSE(is_idempotent(method)) << method;
  EXPECT_TRUE(may(CallFailure::maybe_run, true, 1));
  EXPECT_FALSE(may(CallFailure::maybe_run, false, 1));
  EXPECT_TRUE(may(CallFailure::not_sent, false, 1));
  EXPECT_TRUE(may(CallFailure::not_run, false, 1));
  EXPECT_FALSE(may(CallFailure::answered, true, 1));
  EXPECT_TRUE(may(CallFailure::not_sent, true, 2));
  EXPECT_FALSE(may(CallFailure::not_sent, true, 3)) << "two retries are configured";
}

TEST_F(RouteTableTest, RetriesStayWithinTheBudget) {
  configure({.retry_budget_percent = 20, .retry_budget_per_s = 0});
  learn({instance(1)});
  int retries = 0;
  for (int i = 0; i < 1000; ++i) {
    table_->called(kName, after(0s));
    if (table_->may_retry(kName, CallFailure::not_run, true, 1, after(0s))) ++retries;
  }
  EXPECT_NEAR(retries, 200, 1);
  EXPECT_EQ(report().counters.over_budget, static_cast<uint64_t>(1000 - retries));
  EXPECT_TRUE(table_->may_retry(kName, CallFailure::not_sent, true, 1, after(0s)))
      << "what reached nobody loads nobody";
}

/// Every request fails and every call is sent again as often as it may: what the instances get.
TEST_F(RouteTableTest, AmplifiesATotalFailureByNoMoreThanTheBudget) {
  constexpr int kCalls = 100'000, kPerSecond = 1000;
  const RouteConfig policy{.retries = 8};
  configure(policy);
  learn({instance(1), instance(2), instance(3)});
  int requests = 0;
  for (int i = 0; i < kCalls; ++i) {
    const TimePoint now = after(i * 1000ms / kPerSecond);
    table_->called(kName, now);
    size_t attempts = 1;
    while (table_->may_retry(kName, CallFailure::maybe_run, true, attempts, now)) ++attempts;
    requests += static_cast<int>(attempts);
  }
  const double seconds = double{kCalls} / kPerSecond;
  const double budget =
      kCalls * policy.retry_budget_percent / 100.0 + (seconds + 1) * policy.retry_budget_per_s;
  EXPECT_LE(requests, kCalls + budget);
  EXPECT_GT(requests, kCalls * 1.2) << "the budget is there to be used";
  std::cout << "retry amplification, every request failing, " << kPerSecond
            << " calls/s: " << double{1} * requests / kCalls << "\n";
}

TEST_F(RouteTableTest, HedgesIdempotentCallsAfterTheP95) {
  configure({.hedge = true});
  learn({instance(1)});
  EXPECT_FALSE(table_->hedge_after(kName, true)) << "nothing was measured";
  for (int i = 1; i <= 20; ++i) table_->took(kName, id(1), i * 1ms, after(0s));
  EXPECT_EQ(table_->hedge_after(kName, true), Duration(20ms));
  EXPECT_FALSE(table_->hedge_after(kName, false));
}

TEST_F(RouteTableTest, MirrorsItsShare) {
  configure({.mirror_to = "shadow", .mirror_percent = 30});
  learn({instance(1)});
  int copies = 0;
  for (int i = 0; i < 10'000; ++i)
    if (table_->mirror(kName) == "shadow") ++copies;
  EXPECT_TRUE(is_share(copies, 10'000, 0.3)) << copies << " with seed " << kSeed;
  EXPECT_EQ(report().counters.mirrored, static_cast<uint64_t>(copies));
}

TEST_F(RouteTableTest, TheFirstConfiguredRouteThatMatchesCounts) {
  RouteTable table(rng_, {{.name = "fn/a*", .retries = 7}, {.name = "fn/ab", .retries = 8}});
  EXPECT_EQ(table.policy("fn/ab").retries, 7u);
  EXPECT_EQ(table.policy("fn/b").retries, 2u) << "the default";
}

TEST_F(RouteTableTest, TheOldestRouteMakesRoom) {
  RouteTable small(rng_, {}, {.routes_max = 2});
  small.learn("a", {instance(1)}, after(0s));
  small.learn("b", {instance(1)}, after(1s));
  small.learn("c", {instance(1)}, after(2s));
  EXPECT_EQ(small.size(), 2u);
  EXPECT_FALSE(small.choose("a", {}, after(2s)));
  EXPECT_TRUE(small.choose("b", {}, after(2s)));
}

TEST_F(RouteTableTest, KeepsABoundedNumberOfInstances) {
  RouteTable small(rng_, {}, {.instances_max = 2});
  small.learn("a", {instance(1), instance(2), instance(3)}, after(0s));
  for (int i = 0; i < 100; ++i)
    EXPECT_NE(small.choose("a", {}, after(0s))->contact.address.port, 3);
}

TEST_F(RouteTableTest, ReportsTheBusiestFirst) {
  table_->learn("a", {instance(1)}, after(0s));
  table_->learn("b", {instance(1)}, after(0s));
  table_->called("b", after(0s));
  ASSERT_EQ(table_->report(1, after(0s)).size(), 1u);
  EXPECT_EQ(table_->report(1, after(0s))[0].name, "b");
}

/// Random calls, outcomes and refreshed routes; what must hold holds after each.
TEST_F(RouteTableTest, KeepsItsPromisesInEveryOrderOfEvents) {
  constexpr uint64_t kSeeds = 20;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRng rng(seed);
    RouteTable table(rng, {{.breaker_failures = 3,
                            .breaker_open_ms = 100,
                            .eject_failures = 2,
                            .eject_below_percent = 50,
                            .eject_ms = 200,
                            .health_period_ms = 100,
                            .health_timeout_ms = 50}});
    std::map<uint8_t, std::vector<RouteTable::Begun>> in_flight;
    Instances all;
    for (uint8_t node = 1; node <= 7; ++node) all.push_back(instance(node));
    table.learn(kName, all, after(0s));
    TimePoint now = after(0s);
    for (int step = 0; step < 5000; ++step) {
      now += rng.below(20) * 1ms;
      RouteTable::Tried tried;
      for (uint8_t node = 1; node <= 7; ++node)
        if (rng.below(4) == 0) tried.push_back(id(node));
      if (const auto chosen = table.choose(kName, tried, now)) {
        EXPECT_EQ(std::ranges::count(tried, chosen->key()), 0);
        const std::vector<RouteReport> before = table.report(1, now);
        bool is_last_resort = false, has_better = false;
        for (const InstanceReport& each : before.front().instances) {
          const NodeId& node = each.instance.contact.id;
          EXPECT_TRUE(node != chosen->key() || each.breaker != "half_open");
          is_last_resort = is_last_resort || (node == chosen->key() && each.state != "healthy");
          has_better = has_better || (std::ranges::count(tried, node) == 0 &&
                                      each.state == "healthy" && each.breaker == "closed");
        }
        EXPECT_FALSE(is_last_resort && has_better);
        in_flight[static_cast<uint8_t>(chosen->contact.address.port)].push_back(
            table.began(kName, chosen->key()));
      }
      const auto node = static_cast<uint8_t>(1 + rng.below(7));
      if (auto& calls = in_flight[node]; !calls.empty()) {
        std::swap(calls[rng.below(calls.size())], calls.back());
        const RouteTable::Begun ended = calls.back();
        calls.pop_back();
        constexpr Verdict kVerdicts[] = {Verdict::healthy, Verdict::faulty, Verdict::none};
        table.ended(kName, ended, kVerdicts[rng.below(3)], now);
      }
      if (rng.below(50) == 0) table.learn(kName, all, now);
      if (rng.below(30) == 0) table.lost(id(node), now);
      table.called(kName, now);
      for (const RouteTable::Check& check : table.checks_due(now))
        if (rng.below(3) != 0) table.checked(kName, check.instance.id, rng.below(2) == 0, now);
      size_t ejected = 0;
      const std::vector<RouteReport> after_it = table.report(1, now);
      for (const InstanceReport& each : after_it.front().instances) {
        const auto number = static_cast<uint8_t>(each.instance.contact.address.port);
        EXPECT_EQ(each.in_flight, in_flight[number].size());
        if (each.state == "ejected") ++ejected;
      }
      EXPECT_LE(ejected * 2, all.size()) << "at most half";
    }
  }
}

}  // namespace
}  // namespace themis::mesh
