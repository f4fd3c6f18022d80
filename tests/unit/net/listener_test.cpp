#include <fcntl.h>
#include <sys/resource.h>

#include "runtime/net/descriptor_limit.hpp"
#include "tests/unit/net/loop_run.hpp"

namespace themis::net {
namespace {

TEST(Listener, TellsThePortItWasGiven) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  EXPECT_EQ(listener->address().host, "127.0.0.1");
  EXPECT_NE(listener->address().port, 0);
}

TEST(Listener, NamesTheAddressAndTheReasonWhenThePortIsTaken) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  const auto second = loop.listen(listener->address(), server);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            (Error{Code::io, listener->address().text() + ": address already in use"}));
}

TEST(Listener, NamesTheAddressThatIsNotOfThisMachine) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"192.0.2.1", 7001}, server);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Code::io);
  EXPECT_EQ(listener.error().detail, "192.0.2.1:7001: cannot assign requested address");
}

TEST(Listener, ClosesWhatTheAcceptorRefuses) {
  EpollLoop loop;
  Accepting server;
  server.on_accept_hook = [] { return false; };
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder client;
  client.stream = loop.connect(listener->address(), client).value();
  ASSERT_TRUE(run_until(loop, [&] { return client.closed.size() == 1; }));
  EXPECT_TRUE(server.streams.empty());
}

TEST(Listener, MayBeDestroyedByItsAcceptor) {
  for (const bool inside_accepted : {false, true}) {
    EpollLoop loop;
    Accepting server;
    std::unique_ptr<Listener> listener = loop.listen({"127.0.0.1", 0}, server).value();
    const auto destroy = [&] {
      listener.reset();
      return true;
    };
    if (inside_accepted) {
      server.accepted_hook = destroy;
    } else {
      server.on_accept_hook = destroy;
    }
    const Address address = listener->address();
    std::vector<std::unique_ptr<Recorder>> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(std::make_unique<Recorder>());
      clients.back()->stream = loop.connect(address, *clients.back()).value();
    }
    ASSERT_TRUE(run_until(loop, [&] { return server.streams.size() == 1; }));
    run_some(loop);
    EXPECT_EQ(server.streams.size(), 1u);
  }
}

/// Lowers the number of descriptors this process may have to what it has.
class DescriptorShortage {
 public:
  DescriptorShortage() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(next);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~DescriptorShortage() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(DescriptorLimit, IsRaisedAsFarAsTheProcessMayAndNeverLowered) {
  rlimit before{}, now{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  now = before;
  now.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  const size_t raised = raise_descriptor_limit(100), kept = raise_descriptor_limit(10);
  const size_t most = raise_descriptor_limit(SIZE_MAX);
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(raised, 100u);
  EXPECT_EQ(kept, 100u);
  EXPECT_EQ(most, before.rlim_max);
  EXPECT_EQ(now.rlim_cur, before.rlim_max);
}

TEST(Listener, RegressWaitsOutAShortageOfDescriptorsWithoutSpinning) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder client;
  // The kernel completes the connection; only the descriptor for this end is missing.
  client.stream = loop.connect(listener->address(), client).value();
  uint64_t turns = 0;
  {
    const DescriptorShortage shortage;
    ASSERT_TRUE(run_until(loop, [&] { return client.connected == 1; }));
    bool timed = false;
    loop.after(300ms, [&] { timed = true; });
    ASSERT_TRUE(run_until(loop, [&] { return ++turns, timed; }));
    EXPECT_TRUE(server.streams.empty());
    EXPECT_LE(turns, 30u) << "the loop spins";
  }
  client.stream->write(as_bytes("still here"));
  ASSERT_TRUE(run_until(loop, [&] {
    return server.streams.size() == 1 && as_text(server.streams[0]->received) == "still here";
  }));
}

TEST(Listener, MayBeDestroyedDuringAShortageOfDescriptors) {
  EpollLoop loop;
  Accepting server;
  auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder client;
  client.stream = loop.connect(listener->address(), client).value();
  {
    const DescriptorShortage shortage;
    ASSERT_TRUE(run_until(loop, [&] { return client.connected == 1; }));
    run_some(loop);
    listener.reset();
  }
  bool timed = false;
  loop.after(100ms, [&] { timed = true; });
  ASSERT_TRUE(run_until(loop, [&] { return timed; }));
  EXPECT_TRUE(server.streams.empty());
}

}  // namespace
}  // namespace themis::net
