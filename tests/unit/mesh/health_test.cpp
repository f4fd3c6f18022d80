// Outliers, breakers and retry budgets.
#include <gtest/gtest.h>

#include "actors/mesh/circuit_breaker.hpp"
#include "actors/mesh/health_check.hpp"
#include "actors/mesh/outlier_detector.hpp"
#include "actors/mesh/retry_budget.hpp"
#include "tests/unit/mesh/samples.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using State = CircuitBreaker::State;

TEST(HealthCheck, NeedsSeveralChecksInARowToChangeItsMind) {
  HealthCheck health;
  const RouteConfig policy{
      .health_period_ms = 100, .health_unhealthy_after = 2, .health_healthy_after = 3};
  const auto check = [&](bool passes) {
    passes ? health.passed(policy, after(0s)) : health.failed(policy, after(0s));
    return health.state();
  };
  using Health = HealthCheck::State;
  EXPECT_EQ(check(false), Health::healthy);
  EXPECT_EQ(check(true), Health::healthy);
  EXPECT_EQ(check(false), Health::healthy);
  EXPECT_EQ(check(false), Health::unhealthy);
  for (const bool passes : {true, true, false, true, true})
    EXPECT_EQ(check(passes), Health::unhealthy);
  EXPECT_EQ(check(true), Health::healthy);
}

TEST(HealthCheck, IsDueOnceAPeriodAndLateAfterItsTimeout) {
  HealthCheck health;
  const RouteConfig policy{.health_period_ms = 1000, .health_timeout_ms = 200};
  EXPECT_FALSE(health.is_due({}, after(1h))) << "none is configured";
  ASSERT_TRUE(health.is_due(policy, after(0s)));
  health.began(after(0s));
  EXPECT_FALSE(health.is_due(policy, after(1h))) << "one at a time";
  EXPECT_FALSE(health.is_late(policy, after(199ms)));
  EXPECT_TRUE(health.is_late(policy, after(200ms)));
  health.passed(policy, after(100ms));
  EXPECT_FALSE(health.is_late(policy, after(1h)));
  EXPECT_FALSE(health.is_due(policy, after(1099ms)));
  EXPECT_TRUE(health.is_due(policy, after(1100ms)));
}

TEST(HealthCheck, LooksForALostOneLessAndLessOften) {
  HealthCheck health;
  health.lost(after(0s));
  Duration at{};
  for (int checks = 0; checks < 10; ++checks) {
    Duration waited{};
    for (; !health.is_due({}, after(at)); at += 10ms) waited += 10ms;
    EXPECT_EQ(waited, std::min<Duration>(250ms * (1 << checks), 8s)) << checks;
    health.began(after(at));
    health.failed({}, after(at));
    health.lost(after(at));  // that it is lost still is no news
  }
  health.began(after(at));
  health.passed({}, after(at));
  EXPECT_EQ(health.state(), HealthCheck::State::healthy);
}

TEST(OutlierDetector, WantsAnEjectionAfterFailuresInARow) {
  OutlierDetector detector;
  const RouteConfig policy{.eject_failures = 3};
  EXPECT_FALSE(detector.failed(policy, after(0s)));
  EXPECT_FALSE(detector.failed(policy, after(0s)));
  detector.succeeded(policy, after(0s));
  EXPECT_FALSE(detector.failed(policy, after(0s)));
  EXPECT_FALSE(detector.failed(policy, after(0s)));
  EXPECT_TRUE(detector.failed(policy, after(0s)));
}

TEST(OutlierDetector, WantsOneForALowSuccessRateOfEnoughCalls) {
  OutlierDetector detector;
  const RouteConfig policy{.eject_failures = 0, .eject_below_percent = 60};
  for (int i = 0; i < 9; ++i) {
    EXPECT_FALSE(detector.failed(policy, after(0s))) << "too few calls to say";
    detector.succeeded(policy, after(0s));
  }
  detector.succeeded(policy, after(0s));
  EXPECT_TRUE(detector.failed(policy, after(0s))) << "10 of 20";
  EXPECT_FALSE(detector.failed(policy, after(10s))) << "a new window";
}

TEST(OutlierDetector, EjectsForTwiceAsLongEachTimeInARow) {
  OutlierDetector detector;
  const RouteConfig policy{.eject_ms = 1000};
  TimePoint now = after(0s);
  for (int i = 0; i < 9; ++i) {
    detector.eject(policy, now);
    const Duration expected = 1s * (1 << std::min(i, 6));
    EXPECT_TRUE(detector.is_ejected(now + expected - 1ms)) << i;
    EXPECT_FALSE(detector.is_ejected(now + expected)) << i;
    now += expected;
  }
  detector.succeeded(policy, now + 63s);
  detector.eject(policy, now + 63s);
  EXPECT_EQ(detector.ejected_until(), now + 63s + 64s) << "it was not well for long enough";
  now += 63s + 64s;
  detector.succeeded(policy, now + 64s);
  detector.eject(policy, now + 64s);
  EXPECT_EQ(detector.ejected_until(), now + 64s + 1s) << "it was: from the start";
}

TEST(CircuitBreaker, OpensProbesAndCloses) {
  CircuitBreaker breaker;
  const RouteConfig policy{.breaker_failures = 2, .breaker_open_ms = 1000};
  EXPECT_FALSE(breaker.failed(policy, after(0s), 0, false));
  EXPECT_TRUE(breaker.allows(after(0s)));
  EXPECT_TRUE(breaker.failed(policy, after(0s), 0, false));
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_FALSE(breaker.allows(after(999ms)));
  EXPECT_TRUE(breaker.allows(after(1s)));
  EXPECT_TRUE(breaker.began());
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_FALSE(breaker.allows(after(1s))) << "one probe at a time";
  breaker.succeeded(true);
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_FALSE(breaker.failed(policy, after(1s), 0, false)) << "it counts from the start";
}

TEST(CircuitBreaker, StaysOpenForLongerWhenAProbeFails) {
  CircuitBreaker breaker;
  const RouteConfig policy{.breaker_failures = 1, .breaker_open_ms = 1000};
  TimePoint now = after(0s);
  for (int i = 0; i < 9; ++i) {
    EXPECT_TRUE(breaker.failed(policy, now, 0, i > 0));
    EXPECT_EQ(breaker.retry_at(), now + 1s * (1 << std::min(i, 6))) << i;
    now = breaker.retry_at();
    EXPECT_TRUE(breaker.began());
  }
  breaker.succeeded(true);
  EXPECT_TRUE(breaker.failed(policy, now, 0.5, false));
  EXPECT_EQ(breaker.retry_at(), now + 1125ms) << "from the start, with half of the jitter";
}

TEST(CircuitBreaker, AProbeThatSaysNothingIsFollowedByAnother) {
  CircuitBreaker breaker;
  const RouteConfig policy{.breaker_failures = 1, .breaker_open_ms = 1000};
  EXPECT_TRUE(breaker.failed(policy, after(0s), 0, false));
  EXPECT_TRUE(breaker.began());
  breaker.undecided(true);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_TRUE(breaker.allows(after(1s)));
}

TEST(CircuitBreaker, IgnoresWhatBeganBeforeItOpened) {
  CircuitBreaker breaker;
  const RouteConfig policy{.breaker_failures = 1, .breaker_open_ms = 1000};
  EXPECT_TRUE(breaker.failed(policy, after(0s), 0, false));
  breaker.succeeded(true);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_FALSE(breaker.failed(policy, after(500ms), 0, false));
  EXPECT_EQ(breaker.retry_at(), after(1s));
}

/// The probe decides, whatever calls from before the breaker opened say in the meantime.
TEST(CircuitBreaker, RegressAnOlderCallDecidesNoProbe) {
  const RouteConfig policy{.breaker_failures = 1, .breaker_open_ms = 1000};
  for (const char* older : {"succeeds", "fails", "is given up"}) {
    CircuitBreaker breaker;
    EXPECT_FALSE(breaker.began());
    EXPECT_FALSE(breaker.began());
    EXPECT_TRUE(breaker.failed(policy, after(0s), 0, false));
    ASSERT_TRUE(breaker.began());
    if (older[0] == 's') breaker.succeeded(false);
    const bool opened = older[0] == 'f' && breaker.failed(policy, after(1s), 0, false);
    EXPECT_FALSE(opened);
    if (older[0] == 'i') breaker.undecided(false);
    EXPECT_EQ(breaker.state(), State::half_open) << "an older call " << older;
    EXPECT_FALSE(breaker.allows(after(1h))) << "one probe at a time";
    breaker.succeeded(true);
    EXPECT_EQ(breaker.state(), State::closed);
  }
}

TEST(CircuitBreaker, NeverOpensWhenNoneIsConfigured) {
  CircuitBreaker breaker;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(breaker.failed(RouteConfig{}, after(0s), 0, false));
  EXPECT_TRUE(breaker.allows(after(0s)));
}

TEST(RetryBudget, AllowsAShareOfTheCalls) {
  RetryBudget budget;
  const RouteConfig policy{.retry_budget_percent = 20, .retry_budget_per_s = 0};
  int retries = 0;
  for (int call = 0; call < 1000; ++call) {
    budget.called(policy, after(0s));
    if (budget.take(policy, after(0s))) ++retries;
  }
  EXPECT_NEAR(retries, 200, 1);
}

TEST(RetryBudget, HasAFewForQuietTimesAndKeepsThemForTenSeconds) {
  RetryBudget budget;
  const RouteConfig policy{.retry_budget_percent = 0, .retry_budget_per_s = 3};
  const auto taken = [&](TimePoint now) {
    int count = 0;
    while (budget.take(policy, now)) ++count;
    return count;
  };
  EXPECT_EQ(taken(after(0s)), 3);
  EXPECT_EQ(taken(after(1s)), 3);
  EXPECT_EQ(taken(after(1h)), 30);
}

}  // namespace
}  // namespace themis::mesh
