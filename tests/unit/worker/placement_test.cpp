// Actors inside an enclave process look like any others: to monitors, exits and supervisors.
#include <signal.h>
#include <sys/wait.h>

#include "enclave.capnp.h"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

using ConfinementMsg = wire::Msg<schema::Confinement>;

wire::Msg<schema::Probe> probe() { return wire::Builder<schema::Probe>().finish(); }

class PlacementTest : public testing::Test {
 protected:
  PlaceOptions process() {
    PlaceOptions options;
    options.program = THEMIS_ENCLAVE;
    return options;
  }
  caf::actor spawn(const caf::actor& place, const std::string& name = "p") {
    const auto actor = world_.ask<caf::actor>(place, SpawnActor{"probe", name});
    EXPECT_TRUE(actor) << actor.error().text();
    return actor.value_or(caf::actor{});
  }
  ReactorThread world_;
};

TEST_F(PlacementTest, SpawnsAnActorInAConfinedProcess) {
  const caf::actor place = spawn_place(world_.home(), process());
  const auto answer = world_.ask<ConfinementMsg>(spawn(place), probe());
  ASSERT_TRUE(answer) << answer.error().text();
  const auto confinement = answer->view();
  EXPECT_TRUE(confinement->getSeccomp());
  EXPECT_FALSE(confinement->getDumpable());
  EXPECT_TRUE(confinement->getNoNewPrivileges());
  EXPECT_EQ(world_.stop(place), "user_shutdown");
}

TEST_F(PlacementTest, SpawnsTheSameActorHere) {
  PlaceOptions options;
  options.place = Place::local;
  const caf::actor place = spawn_place(world_.home(), options);
  const auto answer = world_.ask<ConfinementMsg>(spawn(place), probe());
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->view()->getPid(), static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(world_.ask<uint32_t>(place, PlacePid{}), 0u);
  EXPECT_EQ(world_.stop(place), "user_shutdown");
}

TEST_F(PlacementTest, EachProcessSharesItsOwnMemoryWithThisOne) {
  PlaceOptions options = process();
  options.shared_bytes = 8'192;
  for (int round = 0; round < 2; ++round) {
    const caf::actor place = spawn_place(world_.home(), options);
    const auto shared = world_.ask<SharedWith>(place, PlaceMemory{});
    ASSERT_TRUE(shared) << shared.error().text();
    EXPECT_EQ(shared->memory->bytes().size(), 8'192u);
    spawn(place);
    EXPECT_EQ(world_.stop(place), "user_shutdown");
    EXPECT_EQ(shared->memory->bytes().back(), std::byte{}) << "it outlives the process here";
    EXPECT_EQ(shared->memory.use_count(), 1) << "and ends with who asked";
  }
  for (const Place where : {Place::local, Place::process}) {
    PlaceOptions without = process();
    without.place = where;
    const caf::actor place = spawn_place(world_.home(), without);
    EXPECT_EQ(world_.ask<SharedWith>(place, PlaceMemory{}).value().memory, nullptr);
    EXPECT_EQ(world_.stop(place), "user_shutdown");
  }
  options.shared_bytes = sandbox::kSharedBytesMax + 1;
  EXPECT_TRUE(world_.end_of(spawn_place(world_.home(), options)).starts_with("invalid: "));
}

TEST_F(PlacementTest, RefusesUnknownKindsAndNamesInUse) {
  const caf::actor place = spawn_place(world_.home(), process());
  EXPECT_EQ(world_.ask<caf::actor>(place, SpawnActor{"moon", "m"}).error().code, Code::not_found);
  EXPECT_EQ(world_.ask<caf::actor>(place, SpawnActor{"probe", ""}).error().code, Code::invalid);
  const caf::actor first = spawn(place);
  EXPECT_EQ(world_.ask<caf::actor>(place, SpawnActor{"probe", "p"}).error().code, Code::exists);
  EXPECT_EQ(world_.stop(place), "user_shutdown");
}

TEST_F(PlacementTest, AnExitSentToAProxyEndsTheOriginal) {
  const caf::actor place = spawn_place(world_.home(), process());
  const caf::actor actor = spawn(place);
  caf::anon_send(actor, caf::exit_msg{caf::actor_addr{}, to_caf({Code::cancelled, "enough"})});
  EXPECT_EQ(world_.end_of(actor), "cancelled: enough");
  spawn(place);  // its name is free again: the original is gone
  EXPECT_EQ(world_.stop(place), "user_shutdown");
}

TEST_F(PlacementTest, ProxiesDieWithTheProcessAndASupervisorStartsItAgain) {
  SupervisorSpec spec;
  spec.children.push_back(place_child(world_.home(), process()));
  std::promise<void> restarted;
  spec.observer = [&](const ChildEvent& event) {
    if (event.kind == ChildEvent::Kind::started && event.restarts == 1) restarted.set_value();
  };
  const caf::actor supervisor =
      spawn_pinned<SupervisorActor<PinnedActor>>(world_.reactor(), std::move(spec));
  const caf::actor place = world_.ask<caf::actor>(supervisor, WhichChild{"enclave"}).value();
  const caf::actor actor = spawn(place);
  const auto pid = world_.ask<uint32_t>(place, PlacePid{});
  ASSERT_TRUE(pid) << pid.error().text();
  ASSERT_GT(*pid, 1u);
  ASSERT_EQ(::kill(static_cast<pid_t>(*pid), SIGKILL), 0);
  EXPECT_EQ(world_.end_of(actor).substr(0, 11), "unavailable");
  EXPECT_EQ(world_.end_of(place), "unavailable: enclave: killed by signal 9");
  ASSERT_EQ(restarted.get_future().wait_for(kDeadline), std::future_status::ready);
  const auto again = world_.ask<caf::actor>(supervisor, WhichChild{"enclave"});
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_NE(*again, place);
  EXPECT_TRUE(world_.ask<ConfinementMsg>(spawn(*again), probe()));
  EXPECT_EQ(world_.stop(supervisor), "user_shutdown");
}

TEST_F(PlacementTest, RegressAProcessWhoseRootEndedIsGivenUp) {
  PlaceOptions options;
  options.program = THEMIS_ENDING_ROOT;
  const caf::actor place = spawn_place(world_.home(), options);
  EXPECT_FALSE(world_.ask<caf::actor>(place, SpawnActor{"probe", "p"}));
  EXPECT_EQ(world_.end_of(place), "internal: enclave: its root actor ended");
}

/// What waited for the process went with its actor, and each asker waited for its timeout.
TEST_F(PlacementTest, RegressEverySpawnIsAnsweredWhenThePlaceIsKilled) {
  log::setup(log::Level::off, log::Format::text);
  const caf::actor place = spawn_place(world_.home(), process());
  caf::scoped_actor self{world_.caf()};
  const auto ask = [&](size_t i) {
    return self->request(place, kDeadline / 2, SpawnActor{"probe", std::to_string(i)});
  };
  std::vector<decltype(ask(0))> open;
  while (open.size() < 100) open.push_back(ask(open.size()));
  self->request(place, kDeadline, PlacePid{}).receive([](uint32_t) {}, [](const caf::error&) {});
  self->send_exit(place, caf::exit_reason::kill);
  size_t answered = 0;
  for (auto& one : open)
    one.receive([&](const caf::actor&) { ++answered; },
                [&](const caf::error& error) {
                  if (from_caf(error).code == Code::unavailable) ++answered;
                });
  EXPECT_EQ(answered, open.size());
}

/// Whoever asked when too many waited for the process was never answered.
TEST_F(PlacementTest, RegressASpawnTooManyIsRefused) {
  constexpr size_t kAsked = 1'200, kWaiting = 1'024;
  const caf::actor place = spawn_place(world_.home(), process());
  caf::scoped_actor self{world_.caf()};
  const auto ask = [&] { return self->request(place, kDeadline / 2, SpawnActor{"moon", "m"}); };
  std::vector<decltype(ask())> open;
  while (open.size() < kAsked) open.push_back(ask());
  std::map<Code, size_t> answers;
  for (auto& one : open)
    one.receive([](const caf::actor&) { FAIL() << "there is no such kind"; },
                [&](const caf::error& error) { ++answers[from_caf(error).code]; });
  EXPECT_EQ(answers[Code::overloaded] + answers[Code::not_found], kAsked);
  EXPECT_GE(answers[Code::not_found], kWaiting);
  EXPECT_EQ(world_.stop(place), "user_shutdown");
}

/// All but the first 4 KB of what was not read yet when it ended was lost.
TEST_F(PlacementTest, RegressTheLastWordsOfAProcessAreLoggedToTheEnd) {
  log::setup(log::Level::warn, log::Format::text);
  ::testing::internal::CaptureStderr();
  PlaceOptions options;
  options.program = THEMIS_TALKER;
  const caf::actor place = spawn_place(world_.home(), options);
  // The reactor looks again when the process is over and its output waits as a whole.
  if (const auto pid = world_.ask<uint32_t>(place, PlacePid{}))
    world_.home().loop->post([pid = static_cast<id_t>(*pid)] {
      siginfo_t info{};
      ::waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    });
  EXPECT_EQ(world_.end_of(place), "unavailable: enclave: exit code 3");
  const std::string words = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(words.find("line 000 of its last words"), std::string::npos);
  EXPECT_NE(words.find("line 399 of its last words"), std::string::npos);
}

TEST_F(PlacementTest, SaysWhyAProcessCannotStart) {
  log::setup(log::Level::off, log::Format::text);
  PlaceOptions options;
  options.program = "/no/such/program";
  const caf::actor place = spawn_place(world_.home(), options);
  EXPECT_EQ(world_.end_of(place), "io: /no/such/program: No such file or directory");
}

TEST_F(PlacementTest, AProgramThatOpensNoSessionIsGivenUp) {
  log::setup(log::Level::off, log::Format::text);
  PlaceOptions options;
  options.program = "/bin/true";
  const caf::actor place = spawn_place(world_.home(), options);
  EXPECT_EQ(world_.end_of(place), "unavailable: enclave: exit code 0");
}

}  // namespace
}  // namespace themis
