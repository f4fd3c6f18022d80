#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/system/supervisor_world.hpp"

namespace themis::supervision {
namespace {

SupervisorOptions with(Strategy strategy) {
  SupervisorOptions options;
  options.strategy = strategy;
  options.max_restarts = 100;
  return options;
}
std::vector<Rule> three() { return {{"a"}, {"b"}, {"c"}}; }

TEST(SupervisorCore, StartsInOrderAndStopsInReverse) {
  World world(with(Strategy::one_for_one), three());
  world.begin();
  EXPECT_EQ(world.take_log(), "+a +b +c ");
  world.feed(ShutDown{{true, "user_shutdown"}});
  EXPECT_EQ(world.take_log(), "-c ") << "the next one only when this one is down";
  world.settle();
  EXPECT_EQ(world.take_log(), "-b -a end ");
  EXPECT_TRUE(world.terminated_->reason.clean);
  EXPECT_FALSE(world.terminated_->gave_up);
}

TEST(SupervisorCore, RestartsWhatItsStrategySays) {
  const std::pair<Strategy, std::string> cases[] = {
      {Strategy::one_for_one, "+b "},
      {Strategy::all_for_one, "-c -a +a +b +c "},
      {Strategy::rest_for_one, "-c +b +c "},
  };
  for (const auto& [strategy, expected] : cases) {
    World world(with(strategy), three());
    world.begin();
    world.take_log();
    world.crash("b");
    EXPECT_EQ(world.take_log(), expected);
    EXPECT_EQ(world.up_.size(), 3u);
    EXPECT_EQ(world.status("b").last_reason, "boom");
    EXPECT_EQ(world.status("b").restarts, 1u);
  }
}

TEST(SupervisorCore, RestartsByPolicyOnly) {
  World world(
      with(Strategy::one_for_one),
      {{"permanent"}, {"transient", Restart::transient}, {"temporary", Restart::temporary}});
  world.begin();
  world.take_log();
  world.end("permanent", {true, "normal"});
  EXPECT_EQ(world.take_log(), "+permanent ");
  world.crash("transient");
  EXPECT_EQ(world.take_log(), "+transient ");
  world.end("transient", {true, "normal"});
  EXPECT_EQ(world.take_log(), "");
  EXPECT_EQ(world.status("transient").state, ChildState::finished);
  world.crash("temporary");
  EXPECT_EQ(world.take_log(), "~temporary ");
  EXPECT_FALSE(world.core_.find("temporary"));
}

TEST(SupervisorCore, GroupRestartForgetsTemporaryAndRevivesFinishedChildren) {
  World world(with(Strategy::all_for_one),
              {{"setup", Restart::transient}, {"once", Restart::temporary}, {"main"}});
  world.begin();
  world.end("setup", {true, "normal"});
  world.take_log();
  world.crash("main");
  EXPECT_EQ(world.take_log(), "-once ~once +setup +main ");
}

TEST(SupervisorCore, BackOffStartsAtZeroDoublesWithinJitterAndIsCapped) {
  SupervisorOptions options = with(Strategy::one_for_one);
  options.backoff_min = 100ms;
  options.backoff_max = 1s;
  options.within = 1ms;
  World world(options, {{"a"}});
  world.begin();
  for (int i = 0; i < 9; ++i) {
    world.crash("a");
    world.advance(2s);
    ASSERT_EQ(world.up_.size(), 1u) << i;
  }
  ASSERT_EQ(world.delays_.size(), 9u);
  EXPECT_EQ(world.delays_[0], 0ms);
  double base = 100;
  for (size_t i = 1; i < world.delays_.size(); ++i) {
    const double ms = to_us(world.delays_[i]) / 1000;
    EXPECT_GE(ms, base * 0.8) << i;
    EXPECT_LE(ms, base * 1.2) << i;
    base = std::min(base * 2, 1000.0);
  }
  EXPECT_NE(world.delays_[7], world.delays_[8]) << "the jitter varies";
}

TEST(SupervisorCore, BackOffIsForgottenAfterAHealthyTime) {
  SupervisorOptions options = with(Strategy::one_for_one);
  options.healthy_after = 30s;
  World world(options, {{"a"}});
  world.begin();
  for (const Duration up_for : {Duration(1s), Duration(1s), Duration(29s), Duration(30s)}) {
    world.advance(up_for);
    world.crash("a");
    world.advance(500ms);
  }
  ASSERT_EQ(world.delays_.size(), 4u);
  EXPECT_EQ(world.delays_[0], 0ms);
  EXPECT_GT(world.delays_[1], 0ms);
  EXPECT_GT(world.delays_[2], world.delays_[1]) << "up for under 30 s: not yet healthy";
  EXPECT_EQ(world.delays_[3], 0ms) << "up for over 30 s";
}

TEST(SupervisorCore, GivesUpPastTheIntensityNamingTheChildAndItsLastReason) {
  SupervisorOptions options = with(Strategy::one_for_one);
  options.name = "workers";
  options.max_restarts = 2;
  options.within = 10s;
  World world(options, three());
  world.begin();
  for (int i = 0; i < 2; ++i) {
    world.crash("b");
    world.advance(1s);
  }
  world.take_log();
  EXPECT_FALSE(world.terminated_);
  world.crash("b", "threw: out of luck");
  EXPECT_EQ(world.take_log(), "-c -a end ");
  ASSERT_TRUE(world.terminated_ && world.terminated_->gave_up);
  const std::string& text = world.terminated_->reason.text;
  EXPECT_NE(text.find("child b"), text.npos) << text;
  EXPECT_NE(text.find("out of luck"), text.npos) << text;
  EXPECT_TRUE(world.core_.step(Begin{}, world.now_).empty()) << "it is over";
}

TEST(SupervisorCore, OldRestartsDoNotCountAgainstTheIntensity) {
  SupervisorOptions options = with(Strategy::one_for_one);
  options.max_restarts = 1;
  options.within = 10s;
  World world(options, {{"a"}});
  world.begin();
  for (int i = 0; i < 20; ++i) {
    world.crash("a");
    world.advance(31s);
  }
  EXPECT_FALSE(world.terminated_);
  EXPECT_EQ(world.status("a").restarts, 20u);
}

TEST(SupervisorCore, KillsAChildThatIgnoresItsShutdown) {
  World world(with(Strategy::one_for_one), {{"a"}, {"deaf", Restart::permanent, 5s}});
  world.stubborn_ = {"deaf"};
  world.begin();
  world.take_log();
  world.feed(ShutDown{{true, ""}});
  world.advance(4999ms);
  EXPECT_EQ(world.take_log(), "-deaf ");
  world.advance(1ms);
  EXPECT_EQ(world.take_log(), "xdeaf -a end ");
}

TEST(SupervisorCore, AnOldKillTimerDoesNotHitTheNextInstance) {
  World world(with(Strategy::all_for_one), {{"a"}, {"b"}});
  world.begin();
  world.crash("b");  // "a" was stopped, its kill timer is still armed
  world.take_log();
  world.advance(1min);
  EXPECT_EQ(world.take_log(), "");
  EXPECT_EQ(world.up_.size(), 2u);
}

TEST(SupervisorCore, AFailedStartIsAFailureAndDoesNotHoldTheOthers) {
  World world(with(Strategy::one_for_one), three());
  world.cannot_start_ = {"b"};
  world.begin();
  EXPECT_EQ(world.take_log(), "+a !b !b +c ") << "at once, then after a back-off";
  EXPECT_EQ(world.status("b").state, ChildState::backoff);
  EXPECT_EQ(world.status("b").last_reason, "no memory");
  world.cannot_start_.clear();
  world.advance(60ms);
  EXPECT_EQ(world.take_log(), "+b ");
}

TEST(SupervisorCore, AFailedStartInAGroupStartsTheGroupOver) {
  World world(with(Strategy::rest_for_one), three());
  world.cannot_start_ = {"b"};
  world.begin();
  EXPECT_EQ(world.take_log(), "+a !b !b ") << "c depends on b and waits";
  world.cannot_start_.clear();
  world.advance(60ms);
  EXPECT_EQ(world.take_log(), "+b +c ");
}

TEST(SupervisorCore, ASiblingThatFallsDuringAGroupRestartIsNotCounted) {
  SupervisorOptions options = with(Strategy::all_for_one);
  options.max_restarts = 1;
  World world(options, three());
  world.stubborn_ = {"c"};
  world.begin();
  world.crash("a");  // c is asked to stop and does not yet
  world.crash("b", "lost a");
  EXPECT_FALSE(world.terminated_);
  world.take_log();
  world.advance(5s);
  EXPECT_EQ(world.take_log(), "xc +a +b +c ");
}

TEST(SupervisorCore, AnEarlierFailureWidensARunningGroupRestart) {
  World world(with(Strategy::rest_for_one), three());
  world.stubborn_ = {"c"};
  world.begin();
  world.crash("b");
  world.crash("a");
  world.take_log();
  world.advance(5s);
  EXPECT_EQ(world.take_log(), "xc +a +b +c ");
}

TEST(SupervisorCore, AStartThatFailsLateStaysInTheWidenedGroup) {
  World world(with(Strategy::rest_for_one), three());
  world.begin();
  world.cannot_start_ = {"c"};
  world.take_log();
  world.up_.erase(*world.core_.find("c"));
  world.feed(Exited{*world.core_.find("c"), {false, "boom"}});  // its StartFailed is under way
  world.crash("a");                                             // everything starts over
  world.cannot_start_.clear();
  world.advance(10s);
  EXPECT_EQ(world.up_.size(), 3u) << world.take_log();
}

TEST(SupervisorCore, AnOldBackOffDoesNotShortenTheNextOne) {
  World world(with(Strategy::rest_for_one), {{"a"}, {"b"}});
  world.begin();
  world.crash("b");
  world.crash("b");  // the group waits for 50 ms
  world.crash("a");  // everything starts over at once
  EXPECT_EQ(world.up_.size(), 2u);
  world.advance(30ms);
  world.crash("b");  // the third failure waits for 100 ms
  world.take_log();
  world.advance(40ms);  // past the end of the first wait
  EXPECT_EQ(world.take_log(), "");
  world.advance(90ms);
  EXPECT_EQ(world.take_log(), "+b ");
}

TEST(SupervisorCore, RemovesAChildThatIsStarting) {
  World world(with(Strategy::one_for_one), {});
  world.begin();
  world.feed(Added{{"w", Restart::permanent, 5s, true}});
  world.feed(Removed{*world.core_.find("w")});
  world.settle();
  EXPECT_EQ(world.take_log(), "+w -w ~w ");
}

TEST(SupervisorCore, AddsAndRemovesChildrenAtRunTime) {
  World world(with(Strategy::one_for_one), {{"a"}});
  world.begin();
  EXPECT_EQ(world.core_.admits("a").error().code, Code::exists);
  EXPECT_EQ(world.core_.admits("").error().code, Code::invalid);
  world.feed(Added{{"w", Restart::permanent, 5s, true}});
  world.settle();
  EXPECT_EQ(world.take_log(), "+a +w ");
  world.crash("w");
  EXPECT_EQ(world.take_log(), "+w ");
  world.feed(Removed{*world.core_.find("w")});
  world.settle();
  EXPECT_EQ(world.take_log(), "-w ~w ");
  world.advance(1min);
  EXPECT_EQ(world.take_log(), "") << "a removed child is not restarted";
}

TEST(SupervisorCore, ForgetsAnAddedChildThatDoesNotStart) {
  World world(with(Strategy::one_for_one), {});
  world.cannot_start_ = {"w"};
  world.begin();
  world.feed(Added{{"w", Restart::permanent, 5s, true}});
  world.settle();
  EXPECT_EQ(world.take_log(), "!w ~w ");
  EXPECT_TRUE(world.core_.admits("w"));
}

TEST(SupervisorCore, RemovesAChildInItsBackOff) {
  World world(with(Strategy::one_for_one), {{"a"}});
  world.begin();
  world.crash("a");
  world.crash("a");
  ASSERT_EQ(world.status("a").state, ChildState::backoff);
  world.take_log();
  world.feed(Removed{*world.core_.find("a")});
  world.advance(1min);
  EXPECT_EQ(world.take_log(), "~a ");
}

TEST(SupervisorCore, StopsAddedChildrenTogetherBeforeDeclaredOnes) {
  World world(with(Strategy::one_for_one), {{"a"}, {"b"}});
  world.begin();
  for (const char* id : {"w1", "w2"}) {
    world.feed(Added{{id, Restart::permanent, 5s, true}});
    world.settle();
  }
  world.stubborn_ = {"w1", "w2"};
  world.take_log();
  world.feed(ShutDown{{true, ""}});
  EXPECT_EQ(world.take_log(), "-w2 -w1 ");
  world.advance(5s);
  EXPECT_EQ(world.take_log(), "xw2 xw1 -b -a end ");
}

TEST(SupervisorCore, RefusesChildrenPastItsLimitAndWhileItEnds) {
  World world(with(Strategy::one_for_one), {});
  world.begin();
  for (size_t i = 0; i < SupervisorCore::kChildrenMax; ++i)
    world.feed(Added{{std::to_string(i), Restart::temporary, 5s, true}});
  EXPECT_EQ(world.core_.admits("more").error().code, Code::overloaded);
  world.settle();
  world.stubborn_ = {"0"};
  world.feed(ShutDown{{true, ""}});
  world.settle();
  EXPECT_EQ(world.core_.admits("more").error().code, Code::unavailable);
}

/// Random crashes, additions, removals and waits under each strategy: World checks that no child
/// ever runs twice; at the end nothing may be left.
TEST(SupervisorCore, LeavesNothingBehindAfterRandomHistories) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRng rng(seed);
    SupervisorOptions options = with(static_cast<Strategy>(rng.below(3)));
    options.max_restarts = static_cast<uint32_t>(rng.below(2) == 0 ? 4 : 1'000'000);
    options.seed = seed;
    std::vector<Rule> rules;
    for (uint64_t i = 0; i < 1 + rng.below(6); ++i)
      rules.push_back({fmt::format("d{}", i), static_cast<Restart>(rng.below(3))});
    World world(options, rules);
    world.begin();
    for (int i = 0; i < 200 && !world.terminated_; ++i) {
      const std::string added = fmt::format("w{}", rng.below(5));
      const auto children = world.core_.children();
      const std::string id = children.empty() ? "" : children[rng.below(children.size())].id;
      const auto key = world.core_.find(id);
      switch (rng.below(8)) {
        case 0:
          if (world.core_.admits(added))
            world.feed(Added{{added, static_cast<Restart>(rng.below(3)), 5s, true}});
          break;
        case 1:
          if (key && id[0] == 'w') world.feed(Removed{*key});
          break;
        case 2:
          world.advance(Duration(rng.below(20'000'000'000)));
          break;
        case 3:
          world.stubborn_ = {id};
          break;
        case 4:
          world.cannot_start_ = {rng.below(2) == 0 ? id : ""};
          break;
        default:
          if (key && world.up_.erase(*key) == 1)
            world.inbox_.push_back(Exited{*key, {rng.below(3) == 0, "random"}});
      }
      if (rng.below(2) == 0) world.settle();
    }
    world.feed(ShutDown{{true, ""}});
    world.settle();
    world.advance(1h);
    EXPECT_TRUE(world.up_.empty());
    EXPECT_TRUE(world.terminated_);
  }
}

}  // namespace
}  // namespace themis::supervision
