#include "actors/system/reactor.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <future>

#include "actors/system/hosted_actor.hpp"
#include "actors/system/reactor_thread.hpp"

namespace themis {
namespace {

struct Running {
  void in_loop(const std::function<void()>& work) { thread.in_loop(work); }
  System system;
  ReactorThread thread{system};
  Reactor& reactor = thread.reactor();
  net::EpollLoop& loop = thread.loop();
};

/// Longer than the limit by more than a tick of the coarse clock.
void hold_the_thread() {
  const SystemClock clock;
  const TimePoint end = clock.now() + Reactor::kHandlerMax + 30ms;
  while (clock.now() < end) {
  }
}

class Pinned final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  caf::behavior make_behavior() override {
    return {[this](int number) {
              off_thread_ += !reactor_.on_thread();
              return number + off_thread_ * 1'000'000;
            },
            [](caf::tick_atom) { hold_the_thread(); }};
  }
  const char* name() const override { return "slow-poke"; }

 private:
  int off_thread_ = 0;
};

TEST(Reactor, RunsPinnedActorsOnItsOwnThreadWhoeverAsks) {
  Running running;
  caf::actor pinned = spawn_pinned<Pinned>(running.reactor);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      caf::scoped_actor self{running.system.caf()};
      for (int i = 0; i < 2000; ++i)
        self->request(pinned, caf::infinite, i)
            .receive([&](int answer) { wrong += answer != i; }, [&](caf::error&) { ++wrong; });
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  caf::anon_send_exit(pinned, caf::exit_reason::kill);
  caf::scoped_actor self{running.system.caf()};
  self->wait_for(pinned);
  pinned = nullptr;
}

class Collector final : public HostedActor {
 public:
  Collector(caf::actor_config& config, Reactor& reactor, const char* name = "collector")
      : HostedActor(config, reactor), name_(name) {}
  const char* name() const override { return name_; }
  std::map<int, std::vector<int>> got;  ///< By sender.
  int count = 0;
  bool off_thread = false;
  std::function<void(int)> hook;

 private:
  const char* name_;
  void on_message(caf::mailbox_element& element) override {
    off_thread |= !reactor_.on_thread();
    const auto& content = element.content();
    if (!content.match_elements<int, int>()) return;
    got[content.get_as<int>(0)].push_back(content.get_as<int>(1));
    if (hook) hook(content.get_as<int>(1));
    ++count;
  }
};

TEST(Reactor, DeliversToHostedActorsFromOtherThreadsInOrder) {
  Running running;
  HostedPtr<Collector> collector;
  running.in_loop([&] { collector = spawn_hosted<Collector>(running.reactor); });
  constexpr int kEach = 5000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) caf::anon_send(collector.handle(), t, i);
    });
  for (std::thread& thread : threads) thread.join();
  int count = 0;
  while (count < 3 * kEach) running.in_loop([&] { count = collector->count; });
  running.in_loop([&] {
    EXPECT_FALSE(collector->off_thread);
    for (const auto& [sender, numbers] : collector->got)
      for (int i = 0; i < kEach; ++i) ASSERT_EQ(numbers[static_cast<size_t>(i)], i);
    collector.reset();
  });
}

/// What the log says while `work` runs in the loop, and how often a handler was too slow.
std::pair<std::string, uint64_t> slow_report(Running& running, const std::function<void()>& work) {
  testing::internal::CaptureStderr();
  uint64_t before = 0, after = 0;
  running.in_loop([&] { before = running.reactor.counters().slow_handlers; });
  running.in_loop(work);
  running.in_loop([&] { after = running.reactor.counters().slow_handlers; });
  return {testing::internal::GetCapturedStderr(), after - before};
}

TEST(Reactor, NamesTheHostedActorThatHoldsItsThreadNotTheOneThatSentToIt) {
  Running running;
  HostedPtr<Collector> slow, quick;
  running.in_loop([&] {
    slow = spawn_hosted<Collector>(running.reactor, "slow");
    quick = spawn_hosted<Collector>(running.reactor, "quick");
    slow->hook = [](int) { hold_the_thread(); };
    quick->hook = [&](int number) { caf::anon_send(slow.handle(), 1, number); };
  });
  const auto [log, count] = slow_report(running, [&] { caf::anon_send(quick.handle(), 1, 1); });
  EXPECT_EQ(count, 1u);
  EXPECT_NE(log.find("slow held the reactor"), std::string::npos) << log;
  EXPECT_EQ(log.find("quick"), std::string::npos) << log;
  running.in_loop([&] {
    slow.reset();
    quick.reset();
  });
}

TEST(Reactor, CountsTimersAndPostedTasksThatHoldItsThread) {
  Running running;
  const auto [posted, posted_count] = slow_report(running, hold_the_thread);
  EXPECT_EQ(posted_count, 1u);
  EXPECT_NE(posted.find("a posted task held"), std::string::npos) << posted;
  std::promise<void> fired;
  running.in_loop([&] {
    running.loop.after(0ms, [&] {
      hold_the_thread();
      running.loop.post([&] { fired.set_value(); });  // runs after the timer was marked
    });
  });
  fired.get_future().wait();
  uint64_t count = 0;
  running.in_loop([&] { count = running.reactor.counters().slow_handlers; });
  EXPECT_EQ(count, 2u);
}

TEST(Reactor, CountsAHandlerThatHoldsItsThread) {
  Running running;
  caf::actor pinned = spawn_pinned<Pinned>(running.reactor);
  testing::internal::CaptureStderr();
  caf::anon_send(pinned, caf::tick_atom::value);
  caf::scoped_actor self{running.system.caf()};
  self->request(pinned, caf::infinite, 1).receive([](int) {}, [](caf::error&) { FAIL(); });
  uint64_t slow = 0;
  running.in_loop([&] { slow = running.reactor.counters().slow_handlers; });
  EXPECT_EQ(slow, 1u);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("slow-poke"), std::string::npos);
  caf::anon_send_exit(pinned, caf::exit_reason::kill);
  self->wait_for(pinned);
  pinned = nullptr;
}

/// Two actors that never run out of messages share the thread with a third, with timers and with
/// posted work.
TEST(Reactor, BusyActorsLeaveRoomForOthersAndForTheLoop) {
  Running running;
  class Endless final : public PinnedActor {
   public:
    using PinnedActor::PinnedActor;
    caf::behavior make_behavior() override {
      return {[this](caf::tick_atom tick) { send(this, tick); }};
    }
  };
  std::vector<caf::actor> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(spawn_pinned<Endless>(running.reactor));
    for (int j = 0; j < 100; ++j) caf::anon_send(busy.back(), caf::tick_atom::value);
  }
  const caf::actor pinned = spawn_pinned<Pinned>(running.reactor);
  caf::scoped_actor self{running.system.caf()};
  for (int i = 0; i < 100; ++i)
    self->request(pinned, std::chrono::seconds(10), i)
        .receive([&](int answer) { EXPECT_EQ(answer, i); },
                 [](caf::error&) { FAIL() << "starved"; });
  std::promise<void> timed;
  running.in_loop([&] { running.loop.after(1ms, [&] { timed.set_value(); }); });
  EXPECT_EQ(timed.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  busy.push_back(pinned);
  for (const caf::actor& actor : busy) caf::anon_send_exit(actor, caf::exit_reason::kill);
  self->wait_for(busy[0], busy[1], busy[2]);
}

struct Output final : Reactor::Flushable {
  void flush() override {
    ++flushes;
    if (hook) hook();
  }
  int flushes = 0;
  std::function<void()> hook;
};

TEST(Reactor, FlushesOnceATurn) {
  Running running;
  Output output;
  running.in_loop([&] {
    for (int i = 0; i < 3; ++i) running.reactor.flush_later(output);
  });
  int flushes = 0;
  while (flushes == 0) running.in_loop([&] { flushes = output.flushes; });
  EXPECT_EQ(flushes, 1);
}

/// A flush that ended another output in the list made the one behind it be skipped, and then never
/// flushed again.
TEST(Reactor, RegressForgettingAnOutputDuringAFlushSkipsNoOther) {
  Running running;
  Output first, second, third;
  running.in_loop([&] {
    // `first` has been flushed and is queued again when it is forgotten: it stands twice in the
    // list.
    first.hook = [&] { running.reactor.flush_later(first); };
    second.hook = [&] {
      first.hook = nullptr;
      running.reactor.forget(first);
    };
    running.reactor.flush_later(first);
    running.reactor.flush_later(second);
    running.reactor.flush_later(third);
  });
  running.in_loop([] {});
  int again = 0;
  running.in_loop([&] {
    again = third.flushes;
    running.reactor.flush_later(third);
  });
  EXPECT_EQ(again, 1);
  running.in_loop([&] { again = third.flushes; });
  EXPECT_EQ(again, 2);
}

TEST(Reactor, SendsAfterADelay) {
  Running running;
  HostedPtr<Collector> collector;
  std::promise<int> got;
  running.in_loop([&] {
    collector = spawn_hosted<Collector>(running.reactor);
    collector->hook = [&](int number) { got.set_value(number); };
    running.reactor.send_after(1ms, collector.handle(), caf::make_message(0, 7));
  });
  EXPECT_EQ(got.get_future().get(), 7);
  running.in_loop([&] { collector.reset(); });
}

}  // namespace
}  // namespace themis
