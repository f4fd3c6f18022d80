#include "runtime/net/epoll_loop.hpp"

#include <sys/eventfd.h>

#include <thread>

#include "tests/unit/net/loop_run.hpp"

namespace themis::net {
namespace {

TEST(EpollLoop, RunsTimersInOrderAndNotBeforeTheirTime) {
  EpollLoop loop;
  std::string order;
  const TimePoint start = loop.now();
  TimePoint first, second;
  loop.after(3ms, [&] {
    order += 'b';
    second = loop.now();
  });
  loop.after(1ms, [&] {
    order += 'a';
    first = loop.now();
  });
  const TimerId cancelled = loop.after(2ms, [&] { order += 'x'; });
  loop.cancel(cancelled);
  loop.after(4ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "ab");
  EXPECT_GE(first - start, 1ms);
  EXPECT_GE(second - start, 3ms);
}

TEST(EpollLoop, RunsPostedWorkOfManyThreadsInEachThreadsOrder) {
  constexpr int kThreads = 4, kEach = 5000;
  EpollLoop loop;
  std::vector<int> next(kThreads, 0);
  int total = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        loop.post([&, t, i] {
          in_order &= next[static_cast<size_t>(t)]++ == i;
          ++total;
        });
    });
  EXPECT_TRUE(run_until(loop, [&] { return total == kThreads * kEach; }));
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(in_order);
}

/// Each wake-up is a new chance to lose one: the waking thread goes on only when the loop has
/// answered the last.
TEST(EpollLoop, LosesNoWakeUp) {
  EpollLoop loop;
  std::atomic<int> asked{0}, answered{0};
  loop.set_turn([&] {
    answered.store(asked.load());
    answered.notify_one();
    return false;
  });
  std::thread waker([&] {
    for (int i = 1; i <= 20'000; ++i) {
      asked.store(i);
      loop.wake();
      for (int seen = answered.load(); seen < i; seen = answered.load()) answered.wait(seen);
    }
    loop.stop();
  });
  loop.run();
  waker.join();
  EXPECT_EQ(answered.load(), 20'000);
}

TEST(EpollLoop, SleepsWhenNothingIsLeftToDoAfterAWakeStorm) {
  EpollLoop loop;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      while (!over) loop.wake();
    });
  uint64_t turns = 0;
  EXPECT_TRUE(run_until(loop, [&] { return ++turns == 10'000; }));
  over = true;
  for (std::thread& thread : threads) thread.join();
  turns = 0;
  bool timed = false;
  loop.after(50ms, [&] { timed = true; });
  EXPECT_TRUE(run_until(loop, [&] { return ++turns, timed; }));
  EXPECT_LE(turns, 5u) << "the loop spins";
}

TEST(EpollLoop, OnlyPollsWhileItsTurnHasMoreToDo) {
  EpollLoop loop;
  int turns = 0;
  loop.set_turn([&] {
    if (++turns == 100) loop.stop();
    return turns < 100;
  });
  loop.run();
  EXPECT_EQ(turns, 100);
}

TEST(EpollLoop, RunsWhatWasPostedBeforeItRan) {
  EpollLoop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  EXPECT_TRUE(run_until(loop, [&] { return ran; }));
}

TEST(EpollLoop, DropsWaitingClosuresThatOwnItsStreams) {
  auto loop = std::make_unique<EpollLoop>();
  Pair pair(*loop);
  auto a = std::make_shared<std::unique_ptr<Stream>>(std::move(pair.a.stream));
  auto b = std::make_shared<std::unique_ptr<Stream>>(std::move(pair.b.stream));
  loop->post([a] {});
  loop->after(1h, [b] {});
  a.reset();
  b.reset();
  loop.reset();  // the address sanitizer watches
  EXPECT_TRUE(pair.a.closed.empty());
}

TEST(EpollLoop, WatchesADescriptorUntilTheWatchIsGone) {
  EpollLoop loop;
  const int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  int calls = 0;
  std::unique_ptr<Watch> watch;
  watch = loop.watch(fd, [&] {
    if (++calls == 3) watch.reset();
  });
  EXPECT_TRUE(run_until(loop, [&] { return calls == 3; }));
  run_some(loop);
  EXPECT_EQ(calls, 3);
  close(fd);
}

/// A source destroyed by another one's handler was taken for the wake-up descriptor, whose flag
/// then stayed up.
TEST(EpollLoop, RegressDestroyingAReadyStreamIsNoWakeUp) {
  EpollLoop loop;
  for (int i = 0; i < 200; ++i) {
    Pair one(loop), two(loop);
    one.a.data_hook = [&] { two.a.stream.reset(); };
    two.a.data_hook = [&] { one.a.stream.reset(); };
    one.b.stream->write(as_bytes("x"));
    two.b.stream->write(as_bytes("x"));
    std::thread waker([&] { loop.wake(); });
    ASSERT_TRUE(run_until(loop, [&] { return one.b.closed.size() + two.b.closed.size() == 1; }));
    waker.join();
  }
  run_some(loop);
  uint64_t turns = 0;
  bool timed = false;
  loop.after(20ms, [&] { timed = true; });
  ASSERT_TRUE(run_until(loop, [&] { return ++turns, timed; }));
  EXPECT_LE(turns, 5u) << "the loop spins";
}

}  // namespace
}  // namespace themis::net
