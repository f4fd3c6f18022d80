// Rate limits, authorisation, and what an instance says of itself.
#include "actors/mesh/guard.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/mesh/samples.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using testing::id;

TEST(RateLimiter, TakesABurstAndThenTheRate) {
  RateLimiter limiter;
  const RateLimiter::Rate rate{.per_s = 10, .burst = 5};
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.take("a", rate, after(0s))) << i;
  EXPECT_EQ(limiter.take("a", rate, after(0s)), Duration(100ms));
  EXPECT_EQ(limiter.take("a", rate, after(60ms)), Duration(40ms));
  EXPECT_FALSE(limiter.take("a", rate, after(100ms)));
  EXPECT_TRUE(limiter.take("a", rate, after(100ms)));
  EXPECT_FALSE(limiter.take("b", rate, after(100ms))) << "another caller";
  int passed = 0;
  for (int ms = 1000; ms < 11'000; ++ms)
    if (!limiter.take("c", rate, after(ms * 1ms))) ++passed;
  EXPECT_EQ(passed, 5 + 99) << "the burst, and ten a second";
}

TEST(RateLimiter, RegressAdversaryInventedIdentitiesLockNobodyOut) {
  RateLimiter limiter;
  const RateLimiter::Rate rate{.per_s = 10, .burst = 20};
  for (size_t i = 0; i < RateLimiter::kKeysMax; ++i)
    for (int call = 0; call < 20; ++call)
      EXPECT_FALSE(limiter.take(std::to_string(i), rate, after(0s)));
  EXPECT_FALSE(limiter.take("new", rate, after(0s)));
  for (int call = 0; call < 20; ++call) limiter.take("one more", rate, after(0s));
  EXPECT_FALSE(limiter.take("honest", rate, after(0s)));
  EXPECT_EQ(limiter.size(), RateLimiter::kKeysMax);
}

TEST(RateLimiter, ForgetsWhoUsedTheLeastFirst) {
  RateLimiter limiter;
  const RateLimiter::Rate rate{.per_s = 1, .burst = 2};
  const auto spend = [&] { return !limiter.take("greedy", rate, after(0s)); };
  EXPECT_TRUE(spend() && spend());
  for (size_t i = 0; i < 2 * RateLimiter::kKeysMax; ++i)
    EXPECT_FALSE(limiter.take(std::to_string(i), rate, after(0s)));
  EXPECT_FALSE(spend()) << "it waits as if nobody had come";
}

TEST(Guard, RegressAdversaryAFloodOfOneRouteChangesNoOther) {
  Guard guard(id(9), {{.name = "check", .rate_per_s = 1}, {.name = "other", .rate_per_s = 1}}, {});
  const NodeId honest = id(1);
  const auto passes = [&](const NodeId& caller, const char* name) {
    return guard.admit(&caller, name, "Check", after(0s)).has_value();
  };
  EXPECT_TRUE(passes(honest, "service/check"));
  for (uint32_t i = 0; i < RateLimiter::kKeysMax; ++i) {
    NodeId invented;
    std::memcpy(invented.bytes.data() + 8, &i, sizeof i);
    EXPECT_TRUE(passes(invented, "service/other"));
  }
  EXPECT_FALSE(passes(honest, "service/check")) << "its time is still kept";
}

TEST(Guard, AllowsASuccessorWhatItsFormerIdentityMay) {
  Guard guard(id(9), {}, {{.caller = id(1).hex(), .service = "check", .methods = {}}});
  const NodeId old_id = id(1), new_id = id(2), other = id(3);
  const auto admits = [&](std::vector<NodeId> former) {
    return guard.admit(&new_id, "service/check", "Check", after(0s), former).has_value();
  };
  EXPECT_FALSE(admits({}));
  EXPECT_FALSE(admits({other}));
  EXPECT_TRUE(admits({other, old_id}));
}

TEST(Authorizer, IsOpenUntilARuleNamesTheService) {
  const Authorizer open({});
  EXPECT_TRUE(open.allow(id(1), "service/check", "Check"));
  const Authorizer some({{.caller = id(1).hex(), .service = "check", .methods = {"Check"}}});
  EXPECT_TRUE(some.allow(id(1), "service/check", "Check"));
  EXPECT_EQ(some.allow(id(1), "service/check", "Erase").error().code, Code::denied);
  EXPECT_EQ(some.allow(id(2), "service/check", "Check").error().code, Code::denied);
  EXPECT_TRUE(some.allow(id(2), "service/other", "Check"));
}

/// Keys cost nothing: an id that begins like a given one is found as fast as keys are made.
TEST(Authorizer, RegressAdversaryTakesNoPartOfAnIdForTheWhole) {
  const Authorizer rules({{.caller = id(1).hex().substr(0, 63), .service = "*", .methods = {}}});
  EXPECT_EQ(rules.allow(id(1), "service/check", "Check").error().code, Code::denied);
}

TEST(Authorizer, TakesThePatternsOfRoutes) {
  const Authorizer all({{.caller = "any", .service = "fn/*", .methods = {"GET"}},
                        {.caller = id(1).hex(), .service = "*", .methods = {}}});
  EXPECT_TRUE(all.allow(id(2), "fn/hello", "GET"));
  EXPECT_FALSE(all.allow(id(2), "fn/hello", "POST"));
  EXPECT_FALSE(all.allow(id(2), "service/check", "Check"));
  EXPECT_TRUE(all.allow(id(1), "service/check", "Check"));
}

TEST(Guard, KnowsTheCallerInItsOwnProcess) {
  Guard guard(id(9), {}, {{.caller = id(9).hex(), .service = "check", .methods = {}}});
  EXPECT_TRUE(guard.admit(nullptr, "service/check", "Check", after(0s)));
  const NodeId stranger = id(8);
  EXPECT_EQ(guard.admit(&stranger, "service/check", "Check", after(0s)).error().code, Code::denied);
  EXPECT_EQ(guard.counters().denied, 1u);
}

TEST(Guard, LimitsEachCallerOfEachService) {
  Guard guard(id(9), {{.name = "check", .rate_per_s = 2}, {.name = "*"}}, {});
  const NodeId one = id(1), two = id(2);
  const auto passes = [&](const NodeId& caller, const char* name) {
    return guard.admit(&caller, name, "Check", after(0s)).has_value();
  };
  EXPECT_TRUE(passes(one, "service/check"));
  EXPECT_TRUE(passes(one, "service/check"));
  EXPECT_FALSE(passes(one, "service/check"));
  EXPECT_TRUE(passes(two, "service/check"));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(passes(one, "service/other"));
  EXPECT_EQ(guard.admit(&one, "service/check", "Check", after(0s)).error().code,
            Code::rate_limited);
  EXPECT_EQ(guard.counters().limited, 2u);
}

TEST(Names, AreMatchedWithAndWithoutTheirKind) {
  EXPECT_TRUE(matches("check", "service/check"));
  EXPECT_TRUE(matches("service/check", "service/check"));
  EXPECT_TRUE(matches("ch*", "service/check"));
  EXPECT_TRUE(matches("service/*", "service/check"));
  EXPECT_TRUE(matches("*", "fn/x"));
  EXPECT_FALSE(matches("check", "service/checker"));
  EXPECT_FALSE(matches("fn/*", "service/check"));
  EXPECT_FALSE(matches("heck", "service/check"));
}

TEST(Instances, SayWhatTheirRecordsSay) {
  ring::Record record;
  record.provider = testing::instance(1).contact;
  record.weight = 0;
  record.version = "2.1";
  record.labels = {{"zone", "eu"}, {"track", "canary=x"}};
  const Instances made = instances_of({record});
  EXPECT_EQ(made, Instances{testing::instance(1, 0, "2.1", record.labels)});
  EXPECT_TRUE(has_label(made[0], "zone=eu"));
  EXPECT_TRUE(has_label(made[0], "track=canary=x"));
  EXPECT_FALSE(has_label(made[0], "zone=e"));
  EXPECT_FALSE(has_label(made[0], "zone"));
}

/// The code of a function is found under its id wherever it is kept, and run only where it runs.
TEST(Instances, AreNoneOfThoseThatTakeNoCalls) {
  ring::Record keeper, runner;
  keeper.labels.push_back(kNoCalls);
  runner.labels = {{"calls", "some"}, {"other", "none"}};
  EXPECT_EQ(instances_of({keeper, runner, keeper}).size(), 1u);
  EXPECT_TRUE(instances_of({keeper}).empty());
}

TEST(Guard, RegressARateCountsEachOfTheCallsThatAreAskedTogether) {
  Guard guard(id(9), {{.name = "state/*", .rate_per_s = 10, .rate_burst = 20}}, {});
  const NodeId caller = id(1);
  const auto ask = [&](uint32_t calls, Duration when) -> std::optional<Code> {
    const Status admitted = guard.admit(&caller, "state/n", "get", after(when), {}, calls);
    return admitted ? std::nullopt : std::optional(admitted.error().code);
  };
  EXPECT_EQ(ask(21, 0s), Code::too_large) << "it never may";
  EXPECT_EQ(ask(15, 0s), std::nullopt);
  EXPECT_EQ(ask(6, 0s), Code::rate_limited);
  EXPECT_EQ(ask(5, 0s), std::nullopt);
  EXPECT_EQ(ask(1, 0s), Code::rate_limited);
  EXPECT_EQ(ask(10, 1s), std::nullopt);
  EXPECT_EQ(ask(1, 1s), Code::rate_limited);
}

}  // namespace
}  // namespace themis::mesh
