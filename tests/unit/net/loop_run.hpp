#pragma once
// Runs a loop on the test's own thread until something is true, with streams that record what
// happens to them.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "runtime/net/epoll_loop.hpp"

namespace themis::net {

/// Long enough for a machine that is busy with other things; a test that works never waits for it.
inline constexpr Duration kTestMax = 20s;

/// Turns `loop` until `done` holds; false after kTestMax. Takes the loop's turn hook.
inline bool run_until(EpollLoop& loop, const std::function<bool()>& done) {
  bool late = false;
  const TimerId guard = loop.after(kTestMax, [&] { late = true; });
  loop.set_turn([&] {
    if (late || done()) loop.stop();
    return false;
  });
  loop.run();
  loop.set_turn(nullptr);
  loop.cancel(guard);
  return !late;
}

/// A few turns in which nothing else is waited for.
inline void run_some(EpollLoop& loop) {
  for (int i = 0; i < 5; ++i) {
    bool ran = false;
    loop.post([&] { ran = true; });
    ASSERT_TRUE(run_until(loop, [&] { return ran; }));
  }
}

/// Keeps what arrives; calls the hooks, in which a test may do anything.
struct Recorder final : StreamHandler {
  std::unique_ptr<Stream> stream;
  Bytes received;
  int connected = 0;
  int writable = 0;
  std::vector<Error> closed;
  std::function<void()> connected_hook, data_hook, writable_hook, closed_hook;

  void on_connected() override {
    ++connected;
    if (connected_hook) connected_hook();
  }
  void on_data(std::span<std::byte> data) override {
    append(received, data);
    if (data_hook) data_hook();
  }
  void on_writable() override {
    ++writable;
    if (writable_hook) writable_hook();
  }
  void on_closed(const Error& why) override {
    closed.push_back(why);
    if (closed_hook) closed_hook();
  }
};

/// Accepts everything into recorders.
struct Accepting final : Acceptor {
  std::vector<std::unique_ptr<Recorder>> streams;
  std::function<bool()> on_accept_hook;  ///< False refuses.
  std::function<void()> accepted_hook;

  StreamHandler* on_accept(const Address&) override {
    if (on_accept_hook && !on_accept_hook()) return nullptr;
    streams.push_back(std::make_unique<Recorder>());
    return streams.back().get();
  }
  void accepted(StreamHandler* handler, std::unique_ptr<Stream> stream) override {
    static_cast<Recorder*>(handler)->stream = std::move(stream);
    if (accepted_hook) accepted_hook();
  }
};

/// Two streams of one socket pair, each with its own recorder.
struct Pair {
  explicit Pair(EpollLoop& loop) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    a.stream = loop.adopt(fds[0], a);
    b.stream = loop.adopt(fds[1], b);
  }
  Recorder a, b;
};

}  // namespace themis::net
