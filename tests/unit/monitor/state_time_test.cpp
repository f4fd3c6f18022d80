// What verified state does when: on virtual time, so that an epoch is exactly one.

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/monitor/epoch_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/placement/placement.hpp"
#include "actors/system/system.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"
#include "runtime/sim/world.hpp"

namespace themis {
namespace {

class StateTime : public testing::Test {
 protected:
  StateTime() : reactor_(system_.caf(), host_) {
    crypto::init();
    log::setup(log::Level::off, log::Format::text);
    reactor_.bind_to_this_thread();
  }
  ~StateTime() override {
    caf::anon_send_exit(state_, caf::exit_reason::user_shutdown);
    state_ = nullptr;
    run();
  }
  void start(std::function<caf::actor()> start_place) {
    StateOptions options;
    options.start_place = std::move(start_place);
    options.epoch = 1s;
    state_ = caf::actor_cast<caf::actor>(system_.caf().spawn<StateActor>(options));
    run();
  }
  caf::actor local_place() {
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.merge(state_kinds());
    return spawn_place({.reactor = &reactor_}, place);
  }
  /// All that happens without time passing for the state.
  void run() {
    for (int quiet = 0; quiet < 3; ++quiet) {
      while (scheduler_.try_run_once()) quiet = 0;
      host_.post([] {});  // a reactor runs what it was given outside of an event with the next one
      world_.run_for(1us);
    }
  }
  void advance(Duration by) {
    scheduler_.advance_time(by);
    run();
  }
  static CallState put(bool wait) {
    StateCall call;
    call.op = StateOp::put;
    call.name_space = "n";
    call.key = "k";
    return {{call}, wait};
  }

  System system_{System::Scheduling::virtual_time};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.caf().scheduler());
  sim::World world_{1};
  sim::Host& host_{world_.add_host("10.0.0.1")};
  Reactor reactor_;
  caf::actor state_;
};

TEST_F(StateTime, ALoneCallIsVerifiedAtOnceAndFinalWhenItsEpochEnds) {
  start([this] { return local_place(); });
  caf::scoped_actor self{system_.caf()};
  auto provisional = self->request(state_, caf::infinite, put(false));
  run();
  ASSERT_FALSE(self->mailbox().empty());
  provisional.receive([](const StateAnswers& all) { EXPECT_FALSE(all.answers.at(0)->certified); },
                      [](const caf::error&) { ADD_FAILURE(); });
  auto final = self->request(state_, caf::infinite, put(true));
  run();
  advance(999ms);
  EXPECT_TRUE(self->mailbox().empty());
  advance(1ms);
  ASSERT_FALSE(self->mailbox().empty());
  final.receive([](const StateAnswers& all) { EXPECT_TRUE(all.answers.at(0)->certified); },
                [](const caf::error&) { ADD_FAILURE(); });
}

TEST_F(StateTime, NoEpochEndsWithoutACall) {
  start([this] { return local_place(); });
  caf::scoped_actor self{system_.caf()};
  auto final = self->request(state_, caf::infinite, put(true));
  run();
  for (int i = 0; i < 10; ++i) advance(1s);
  final.receive([](const StateAnswers&) {}, [](const caf::error&) { ADD_FAILURE(); });
  auto report = self->request(state_, caf::infinite, ReportState{});
  run();
  report.receive([](const StateReport& state) { EXPECT_EQ(state.epoch, 1u); },
                 [](const caf::error&) { ADD_FAILURE(); });
}

/// After a second start that failed there was no third.
TEST_F(StateTime, RegressMonitorsThatDoNotStartAreTriedLessAndLessOften) {
  int starts = 0;
  start([&] {
    ++starts;
    return caf::actor_cast<caf::actor>(
        system_.caf().spawn([](caf::event_based_actor* self) { self->quit(); }));
  });
  EXPECT_EQ(starts, 1);
  advance(kMonitorsPauseMin - 1ms);
  EXPECT_EQ(starts, 1);
  advance(1ms);
  EXPECT_EQ(starts, 2);
  advance(2 * kMonitorsPauseMin - 1ms);
  EXPECT_EQ(starts, 2);
  advance(1ms);
  EXPECT_EQ(starts, 3);
  for (int i = 0; i < 20; ++i) advance(kMonitorsPauseMax);
  const int before = starts;
  advance(kMonitorsPauseMax);
  EXPECT_EQ(starts, before + 1);
  // Who asks meanwhile is told at once.
  caf::scoped_actor self{system_.caf()};
  auto call = self->request(state_, caf::infinite, put(false));
  run();
  call.receive(
      [](const StateAnswers& all) { EXPECT_EQ(all.answers.at(0).error().code, Code::unavailable); },
      [](const caf::error&) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace themis
