#pragma once
// Supervisors and their children in an actor system on virtual time.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <map>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/supervisor.hpp"
#include "runtime/base/log.hpp"

namespace themis {

using Crash = caf::atom_constant<caf::atom("crash")>;
using Done = caf::atom_constant<caf::atom("done")>;
using Ping = caf::atom_constant<caf::atom("ping")>;

/// An actor system in virtual time: nothing runs but by run(), no time passes but by advance().
class SupervisorTest : public testing::Test {
 protected:
  /// Thousands of expected failures are no news.
  static void SetUpTestSuite() { log::setup(log::Level::off, log::Format::text); }
  /// What a failed test left over still ends; the actor system waits for it.
  void TearDown() override { run(); }

  struct Config : caf::actor_system_config {
    Config() { set("scheduler.policy", caf::atom("testing")); }
  };

  void run() {
    while (scheduler_.try_run_once()) {
    }
  }
  void advance(Duration by) {
    run();
    const auto until = scheduler_.clock().now() + by;
    // One timeout at a time, so that what it starts may arm others on the way.
    while (scheduler_.clock().now() < until) {
      const auto step = std::min<Duration>(until - scheduler_.clock().now(), 10ms);
      scheduler_.advance_time(step);
      run();
    }
  }

  /// A child that notes its life in log_, throws on Crash, ends on Done and answers Ping with its
  /// generation.
  ChildSpec child(std::string id, Restart restart = Restart::permanent, bool deaf = false) {
    auto start = [this, id, deaf](caf::event_based_actor* parent) -> Result<caf::actor> {
      const int generation = ++generations_[id];
      log_ += "+" + id + " ";
      caf::actor actor = parent->spawn(
          [this, id, deaf, generation](caf::event_based_actor* self) -> caf::behavior {
            ++alive_;
            set_default_handlers(*self);
            self->attach_functor([this, id](const caf::error&) {
              --alive_;
              log_ += "-" + id + " ";
            });
            if (deaf) self->set_exit_handler([](caf::exit_msg&) {});
            return {[](Crash) { throw std::runtime_error("boom"); }, [self](Done) { self->quit(); },
                    [generation](Ping) { return generation; }};
          });
      handles_[id] = caf::actor_cast<caf::actor_addr>(actor);
      return actor;
    };
    return {std::move(id), std::move(start), restart, 5s};
  }
  SupervisorSpec spec(Strategy strategy, std::vector<ChildSpec> children) {
    SupervisorSpec result;
    result.options.name = "test";
    result.options.strategy = strategy;
    result.options.max_restarts = 1'000'000;
    result.children = std::move(children);
    return result;
  }
  caf::actor spawn(SupervisorSpec what) {
    caf::actor supervisor = spawn_supervisor(system_, std::move(what));
    supervisor->attach_functor([this](const caf::error& why) { ended_ = describe(why); });
    run();
    return supervisor;
  }
  caf::actor handle(const std::string& id) { return caf::actor_cast<caf::actor>(handles_.at(id)); }
  template <class Message>
  void tell(const std::string& id, Message message) {
    caf::anon_send(handle(id), message);
    run();
  }
  void exit(const caf::actor& actor, caf::exit_reason why) {
    caf::anon_send_exit(actor, why);
    run();
  }
  /// The answer to one request, as text through `show`, or the error.
  template <class Answer, class Message, class Show>
  std::string ask(const caf::actor& whom, Message message, Show show) {
    std::string text = "no answer";
    auto asker = system_.spawn([&](caf::event_based_actor* self) {
      self->request(whom, caf::infinite, message)
          .then([&](const Answer& answer) { text = show(answer); },
                [&](const caf::error& error) { text = describe(error); });
    });
    run();
    return text;
  }
  std::string ping(const caf::actor& whom) {
    return ask<int>(whom, Ping::value, [](int n) { return std::to_string(n); });
  }
  std::string which(const caf::actor& supervisor, const std::string& id) {
    return ask<caf::actor>(supervisor, WhichChild{id}, [&](const caf::actor& a) {
      return a == handles_.at(id) ? "the child" : "another";
    });
  }
  std::string list(const caf::actor& supervisor) {
    return ask<ChildList>(supervisor, ListChildren{}, [](const ChildList& list) {
      std::string text;
      for (const ChildStatus& c : list.children)
        text += fmt::format("{} {} {} {}; ", c.id, name(c.state), c.restarts, c.last_reason);
      return text;
    });
  }
  std::string take_log() { return std::exchange(log_, {}); }

  int alive_ = 0;  ///< Children whose cleanup has not run. Outlives the system.
  std::string log_;
  std::string ended_;
  std::map<std::string, int> generations_;
  std::map<std::string, caf::actor_addr> handles_;
  Config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_ =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
};

}  // namespace themis
