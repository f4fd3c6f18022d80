#include "tests/unit/system/supervisor_fixture.hpp"

namespace themis {
namespace {

TEST_F(SupervisorTest, RestartsWhatItsStrategySays) {
  const std::pair<Strategy, std::string> cases[] = {
      {Strategy::one_for_one, "-b +b "},
      {Strategy::all_for_one, "-b -c -a +a +b +c "},
      {Strategy::rest_for_one, "-b -c +b +c "},
  };
  for (const auto& [strategy, expected] : cases) {
    const caf::actor top = spawn(spec(strategy, {child("a"), child("b"), child("c")}));
    EXPECT_EQ(take_log(), "+a +b +c ");
    tell("b", Crash::value);
    EXPECT_EQ(take_log(), expected);
    exit(top, caf::exit_reason::user_shutdown);
    EXPECT_EQ(take_log(), "-c -b -a ") << "reverse order";
    EXPECT_EQ(ended_, "user_shutdown");
    EXPECT_EQ(alive_, 0);
  }
}

TEST_F(SupervisorTest, AppliesTheRestartPolicies) {
  const caf::actor top =
      spawn(spec(Strategy::one_for_one,
                 {child("p"), child("tr", Restart::transient), child("te", Restart::temporary)}));
  tell("p", Done::value);
  tell("tr", Crash::value);
  tell("te", Crash::value);
  EXPECT_EQ(take_log(), "+p +tr +te -p +p -tr +tr -te ");
  tell("tr", Done::value);
  EXPECT_EQ(take_log(), "-tr ");
  EXPECT_EQ(list(top), "p up 1 normal; tr finished 1 normal; ");
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, AnExceptionIsTheExitReasonAndTheReplacementAnswers) {
  const caf::actor top = spawn(spec(Strategy::one_for_one, {child("a")}));
  EXPECT_EQ(ping(handle("a")), "1");
  tell("a", Crash::value);
  EXPECT_EQ(list(top), "a up 1 threw: boom; ");
  EXPECT_EQ(which(top, "a"), "the child");
  EXPECT_EQ(ping(handle("a")), "2");
  EXPECT_EQ(which(top, "x"), "not_found: test has no child x");
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, BacksOffOnVirtualTimeAndSaysThatTheChildIsAway) {
  const caf::actor top = spawn(spec(Strategy::one_for_one, {child("a")}));
  tell("a", Crash::value);
  tell("a", Crash::value);  // the second failure waits 50 ms +- 20 %
  EXPECT_EQ(which(top, "a"), "unavailable: a is not up");
  advance(30ms);
  EXPECT_EQ(generations_["a"], 2);
  advance(40ms);
  EXPECT_EQ(generations_["a"], 3);
  advance(60s);  // healthy again: the next one is immediate
  tell("a", Crash::value);
  EXPECT_EQ(generations_["a"], 4);
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, GivesUpInReverseOrderWhenRestartsExceedTheIntensity) {
  SupervisorSpec what = spec(Strategy::one_for_one, {child("a"), child("b"), child("c")});
  what.options.max_restarts = 1;
  const caf::actor top = spawn(std::move(what));
  tell("b", Crash::value);
  take_log();
  tell("b", Crash::value);
  EXPECT_EQ(take_log(), "-b -c -a ");
  EXPECT_EQ(ended_,
            "unavailable: test: child b ended, and 2 restarts within 10000 ms are too many; last "
            "reason: threw: boom");
  EXPECT_EQ(alive_, 0);
}

TEST_F(SupervisorTest, AFailureToStartAtAllEndsItWithoutABehavior) {
  SupervisorSpec what = spec(Strategy::one_for_one, {child("a")});
  what.options.max_restarts = 0;
  what.children.push_back({"b", [](caf::event_based_actor*) -> Result<caf::actor> {
                             return fail(Code::io, "no disk");
                           }});
  spawn(std::move(what));
  EXPECT_NE(ended_.find("child b"), ended_.npos) << ended_;
  EXPECT_NE(ended_.find("io: no disk"), ended_.npos) << ended_;
  EXPECT_EQ(alive_, 0);
}

TEST_F(SupervisorTest, AStartFunctionMayThrowOrReturnNoActor) {
  int attempts = 0;
  auto start = [&attempts](caf::event_based_actor*) -> Result<caf::actor> {
    if (++attempts == 1) throw std::runtime_error("in start");
    return caf::actor{};
  };
  const caf::actor top = spawn(spec(Strategy::one_for_one, {{"a", start}}));
  EXPECT_EQ(list(top), "a backoff 1 internal: the start function returned no actor; ");
  EXPECT_EQ(attempts, 2);
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, KillsAChildThatIgnoresItsShutdown) {
  const caf::actor top =
      spawn(spec(Strategy::one_for_one, {child("a"), child("deaf", Restart::permanent, true)}));
  take_log();
  exit(top, caf::exit_reason::user_shutdown);
  advance(4900ms);
  EXPECT_EQ(take_log(), "");
  advance(200ms);
  EXPECT_EQ(take_log(), "-deaf -a ");
  EXPECT_EQ(alive_, 0);
}

TEST_F(SupervisorTest, AKilledChildDoesNotTakeItDown) {
  const caf::actor top = spawn(spec(Strategy::one_for_one, {child("a")}));
  exit(handle("a"), caf::exit_reason::kill);
  EXPECT_EQ(list(top), "a up 1 kill; ");
  EXPECT_EQ(ended_, "");
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, ItsChildrenDieWithItWhenItIsKilled) {
  SupervisorSpec inner =
      spec(Strategy::one_for_one, {child("b"), child("deaf", Restart::permanent, true)});
  inner.options.name = "inner";
  const caf::actor top =
      spawn(spec(Strategy::one_for_one, {child("a"), supervisor_child(std::move(inner))}));
  EXPECT_EQ(alive_, 3);
  exit(top, caf::exit_reason::kill);
  EXPECT_EQ(alive_, 0) << "deaf ones and grandchildren too";
}

TEST_F(SupervisorTest, ANestedSupervisorThatGivesUpIsRestartedByItsOwn) {
  SupervisorSpec inner = spec(Strategy::one_for_one, {child("b"), child("c")});
  inner.options.name = "inner";
  inner.options.max_restarts = 1;
  const caf::actor top =
      spawn(spec(Strategy::one_for_one, {child("a"), supervisor_child(std::move(inner))}));
  tell("b", Crash::value);
  take_log();
  tell("b", Crash::value);
  EXPECT_EQ(take_log(), "-b -c +b +c ");
  EXPECT_EQ(ended_, "");
  EXPECT_NE(list(top).find("inner up 1 unavailable: inner: child b ended"), std::string::npos);
  exit(top, caf::exit_reason::user_shutdown);
  EXPECT_EQ(take_log(), "-c -b -a ");
}

TEST_F(SupervisorTest, AddsAndRemovesChildrenAtRunTime) {
  const caf::actor top = spawn(spec(Strategy::one_for_one, {child("a")}));
  const auto add = [&](ChildSpec what) {
    return ask<caf::actor>(top, AddChild{std::move(what)},
                           [](const caf::actor& a) { return a ? "added" : "null"; });
  };
  EXPECT_EQ(add(child("w")), "added");
  EXPECT_EQ(add(child("w")), "exists: test has a child w");
  EXPECT_EQ(add({"v",
                 [](caf::event_based_actor*) -> Result<caf::actor> {
                   return fail(Code::io, "no sandbox");
                 }}),
            "unavailable: io: no sandbox");
  EXPECT_EQ(add({"v", {}}), "invalid: a child needs a start function");
  tell("w", Crash::value);
  EXPECT_EQ(list(top), "a up 0 ; w up 1 threw: boom; ");
  take_log();
  std::string removed = "no answer";
  system_.spawn([&](caf::event_based_actor* self) {
    self->request(top, caf::infinite, RemoveChild{"w"})
        .then([&] { removed = "removed"; }, [&](const caf::error& e) { removed = describe(e); });
  });
  run();
  EXPECT_EQ(removed, "removed");
  EXPECT_EQ(take_log(), "-w ");
  EXPECT_EQ(list(top), "a up 0 ; ");
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, WhoWaitsForARemovalIsAnsweredWhenTheSupervisorIsKilled) {
  const caf::actor top =
      spawn(spec(Strategy::one_for_one, {child("deaf", Restart::permanent, true)}));
  std::string removed = "no answer";
  system_.spawn([&](caf::event_based_actor* self) {
    self->request(top, caf::infinite, RemoveChild{"deaf"})
        .then([&] { removed = "removed"; }, [&](const caf::error& e) { removed = describe(e); });
  });
  run();
  EXPECT_EQ(removed, "no answer");
  exit(top, caf::exit_reason::kill);
  EXPECT_EQ(removed, "unavailable: test ended");
  EXPECT_EQ(alive_, 0);
}

TEST_F(SupervisorTest, EndsItsChildrenWhenTheLastHandleIsDropped) {
  spawn(spec(Strategy::one_for_one, {child("a")}));
  run();
  EXPECT_EQ(ended_, "unreachable");
  EXPECT_EQ(alive_, 0);
}

TEST_F(SupervisorTest, TellsItsObserver) {
  std::string seen;
  SupervisorSpec what = spec(Strategy::one_for_one, {child("a")});
  what.observer = [&seen](const ChildEvent& e) {
    seen += fmt::format("{} {} {}; ", name(e.kind), e.child, e.reason);
  };
  const caf::actor top = spawn(std::move(what));
  tell("a", Crash::value);
  EXPECT_EQ(seen, "started a ; exited a threw: boom; restarting a threw: boom; started a ; ");
  exit(top, caf::exit_reason::user_shutdown);
}

TEST_F(SupervisorTest, AdversaryCannotEndItWithAStrayMessage) {
  const caf::actor top = spawn(spec(Strategy::one_for_one, {child("a")}));
  const uint64_t before = dead_letters().counts().unexpected;
  caf::anon_send(top, caf::make_error(caf::sec::runtime_error));
  caf::anon_send(top, std::string("what is this"), 7);
  run();
  EXPECT_EQ(ended_, "");
  EXPECT_EQ(dead_letters().counts().unexpected, before + 2);
  EXPECT_EQ(list(top), "a up 0 ; ");
  exit(top, caf::exit_reason::user_shutdown);
}

/// A tree of 1 + 4 supervisors and 32 children, 5,000 seeded kills, crashes and ends of children
/// and inner supervisors in a seeded schedule: afterwards everything is up, and after the shutdown
/// nothing is left.
TEST_F(SupervisorTest, AStormOfFailuresLeavesNoOrphans) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRng rng(seed);
    std::vector<caf::actor_addr> inner(4);
    std::vector<std::string> ids;
    SupervisorSpec root = spec(Strategy::one_for_one, {});
    for (size_t i = 0; i < inner.size(); ++i) {
      SupervisorSpec sub = spec(static_cast<Strategy>(rng.below(3)), {});
      sub.options.name = fmt::format("inner{}", i);
      sub.options.seed = rng.next();
      for (int k = 0; k < 8; ++k) {
        ids.push_back(fmt::format("{}.{}", i, k));
        sub.children.push_back(child(ids.back(), Restart::permanent, rng.below(8) == 0));
      }
      ChildSpec nested = supervisor_child(std::move(sub));
      nested.start = [&inner, i, start = nested.start](caf::event_based_actor* parent) {
        Result<caf::actor> actor = start(parent);
        inner[i] = actor->address();
        return actor;
      };
      root.children.push_back(std::move(nested));
    }
    ended_.clear();
    const caf::actor top = spawn(std::move(root));
    for (int i = 0; i < 5000; ++i) {
      const uint64_t kind = rng.below(16);
      const caf::actor victim = kind == 0 ? caf::actor_cast<caf::actor>(inner[rng.below(4)])
                                          : handle(ids[rng.below(ids.size())]);
      if (victim && kind < 8) caf::anon_send_exit(victim, caf::exit_reason::kill);
      if (victim && kind >= 8 && kind < 12) caf::anon_send(victim, Crash::value);
      if (victim && kind >= 12) caf::anon_send(victim, Done::value);
      for (uint64_t n = rng.below(30); n > 0 && scheduler_.has_job(); --n) {
        std::swap(scheduler_.jobs[0], scheduler_.jobs[rng.below(scheduler_.jobs.size())]);
        scheduler_.try_run_once();
      }
      if (rng.below(8) == 0) scheduler_.advance_time(Duration(rng.below(2'000'000'000)));
    }
    advance(60s);
    EXPECT_EQ(ended_, "");
    EXPECT_EQ(alive_, 32) << "all are up again, none twice";
    int starts = 0;
    for (const auto& [id, generation] : generations_) starts += generation;
    EXPECT_GT(starts, 1000) << "the storm did hit";
    for (const std::string& id : ids) EXPECT_EQ(ping(handle(id)), std::to_string(generations_[id]));
    exit(top, caf::exit_reason::user_shutdown);
    advance(60s);
    EXPECT_EQ(ended_, "user_shutdown");
    EXPECT_EQ(alive_, 0);
    generations_.clear();
  }
}

}  // namespace
}  // namespace themis
