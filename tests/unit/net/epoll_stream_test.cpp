#include <fcntl.h>

#include "tests/unit/net/loop_run.hpp"

namespace themis::net {
namespace {

TEST(EpollStream, CarriesBytesBothWaysOverTcp) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder client;
  client.stream = loop.connect(listener->address(), client).value();
  ASSERT_TRUE(run_until(loop, [&] { return client.connected == 1 && server.streams.size() == 1; }));
  Recorder& accepted = *server.streams[0];
  EXPECT_EQ(client.stream->write(as_bytes("ping")), 4u);
  ASSERT_TRUE(run_until(loop, [&] { return as_text(accepted.received) == "ping"; }));
  EXPECT_EQ(accepted.stream->write(as_bytes("pong")), 4u);
  ASSERT_TRUE(run_until(loop, [&] { return as_text(client.received) == "pong"; }));
  EXPECT_EQ(client.stream->peer(), listener->address());
  client.stream.reset();
  ASSERT_TRUE(run_until(loop, [&] { return accepted.closed.size() == 1; }));
  EXPECT_EQ(accepted.closed[0], (Error{Code::unavailable, "closed by the peer"}));
}

TEST(EpollStream, ReportsARefusedConnection) {
  EpollLoop loop;
  net::Address nobody;
  {
    Accepting server;
    nobody = loop.listen({"127.0.0.1", 0}, server).value()->address();
  }
  Recorder client;
  client.stream = loop.connect(nobody, client).value();
  ASSERT_TRUE(run_until(loop, [&] { return !client.closed.empty(); }));
  EXPECT_EQ(client.closed[0], (Error{Code::unavailable, "connection refused"}));
  EXPECT_EQ(client.connected, 0);
}

TEST(EpollStream, RefusesAHostThatIsNoAddress) {
  EpollLoop loop;
  Recorder client;
  const auto stream = loop.connect({"example.org", 80}, client);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::invalid);
}

TEST(EpollStream, WritesShortAndSaysWhenThereIsRoomAgain) {
  EpollLoop loop;
  Pair pair(loop);
  pair.b.stream->set_reading(false);
  const Bytes data(8 << 20, std::byte{7});
  size_t sent = pair.a.stream->write(data);
  ASSERT_LT(sent, data.size());
  run_some(loop);
  EXPECT_EQ(pair.a.writable, 0);
  EXPECT_TRUE(pair.b.received.empty());
  pair.a.writable_hook = [&] { sent += pair.a.stream->write(ByteView(data).subspan(sent)); };
  pair.b.stream->set_reading(true);
  ASSERT_TRUE(run_until(loop, [&] { return pair.b.received.size() == data.size(); }));
  EXPECT_EQ(pair.b.received, data);
  EXPECT_GE(pair.a.writable, 1);
  const int before = pair.a.writable;
  run_some(loop);
  EXPECT_EQ(pair.a.writable, before) << "room is told once after a short write";
}

TEST(EpollStream, SaysThatThereIsRoomAfterAWriteBeforeItWasConnected) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder client;
  client.stream = loop.connect(listener->address(), client).value();
  EXPECT_EQ(client.stream->write(as_bytes("early")), 0u);
  ASSERT_TRUE(run_until(loop, [&] { return client.writable == 1; }));
  EXPECT_EQ(client.connected, 1);
  EXPECT_EQ(client.stream->write(as_bytes("early")), 5u);
}

TEST(EpollStream, ReadsNothingWhileReadingIsOff) {
  EpollLoop loop;
  Pair pair(loop);
  pair.a.data_hook = [&] { pair.a.stream->set_reading(false); };
  pair.b.stream->write(as_bytes("one"));
  ASSERT_TRUE(run_until(loop, [&] { return pair.a.received.size() == 3; }));
  pair.b.stream->write(as_bytes("two"));
  run_some(loop);
  EXPECT_EQ(as_text(pair.a.received), "one");
  pair.a.stream->set_reading(true);
  ASSERT_TRUE(run_until(loop, [&] { return as_text(pair.a.received) == "onetwo"; }));
}

/// epoll reports a hang-up whatever it was asked for: it came as data, or made the loop spin.
TEST(EpollStream, RegressKeepsTheLastBytesOfAClosedPeerUntilReadingIsOn) {
  EpollLoop loop;
  Pair pair(loop);
  pair.a.stream->set_reading(false);
  pair.b.stream->write(as_bytes("last words"));
  pair.b.stream.reset();
  run_some(loop);
  EXPECT_TRUE(pair.a.received.empty());
  EXPECT_TRUE(pair.a.closed.empty());
  uint64_t turns = 0;
  bool timed = false;
  loop.after(20ms, [&] { timed = true; });
  ASSERT_TRUE(run_until(loop, [&] { return ++turns, timed; }));
  EXPECT_LE(turns, 5u) << "the loop spins";
  pair.a.stream->set_reading(true);
  ASSERT_TRUE(run_until(loop, [&] { return pair.a.closed.size() == 1; }));
  EXPECT_EQ(as_text(pair.a.received), "last words");
}

TEST(EpollStream, ReportsACloseWhileReadingIsOffAndNothingIsLeft) {
  EpollLoop loop;
  Pair pair(loop);
  pair.a.stream->set_reading(false);
  pair.b.stream.reset();
  ASSERT_TRUE(run_until(loop, [&] { return pair.a.closed.size() == 1; }));
}

TEST(EpollStream, ReportsAFailedWriteOnceAndLater) {
  EpollLoop loop;
  Pair pair(loop);
  pair.a.stream->set_reading(false);
  pair.b.stream.reset();
  EXPECT_EQ(pair.a.stream->write(as_bytes("lost")), 4u) << "a broken stream takes all";
  EXPECT_TRUE(pair.a.closed.empty()) << "it is reported from the loop";
  ASSERT_TRUE(run_until(loop, [&] { return pair.a.closed.size() == 1; }));
  EXPECT_EQ(pair.a.closed[0], (Error{Code::unavailable, "broken pipe"}));
  EXPECT_EQ(pair.a.stream->write(as_bytes("more")), 4u);
  run_some(loop);
  EXPECT_EQ(pair.a.closed.size(), 1u);
}

TEST(EpollStream, RegressABrokenStreamThatIsKeptDoesNotSpinTheLoop) {
  EpollLoop loop;
  Pair pair(loop);
  pair.b.stream.reset();
  ASSERT_TRUE(run_until(loop, [&] { return pair.a.closed.size() == 1; }));
  uint64_t turns = 0;
  bool timed = false;
  loop.after(20ms, [&] { timed = true; });
  ASSERT_TRUE(run_until(loop, [&] { return ++turns, timed; }));
  EXPECT_LE(turns, 5u);
}

TEST(EpollStream, MayBeDestroyedInsideEveryCallback) {
  EpollLoop loop;
  Accepting server;
  const auto listener = loop.listen({"127.0.0.1", 0}, server).value();
  Recorder connecting;
  connecting.connected_hook = [&] { connecting.stream.reset(); };
  connecting.stream = loop.connect(listener->address(), connecting).value();
  ASSERT_TRUE(run_until(loop, [&] { return connecting.connected == 1; }));

  Pair data(loop);
  data.a.data_hook = [&] { data.a.stream.reset(); };
  data.b.stream->write(as_bytes("x"));
  ASSERT_TRUE(run_until(loop, [&] { return data.b.closed.size() == 1; }));

  Pair room(loop);
  room.b.stream->set_reading(false);
  const Bytes much(8 << 20);
  ASSERT_LT(room.a.stream->write(much), much.size());
  room.a.writable_hook = [&] { room.a.stream.reset(); };
  room.b.stream->set_reading(true);
  ASSERT_TRUE(run_until(loop, [&] { return room.b.closed.size() == 1; }));
  EXPECT_EQ(room.a.writable, 1);

  Pair over(loop);
  over.a.closed_hook = [&] { over.a.stream.reset(); };
  over.b.stream.reset();
  ASSERT_TRUE(run_until(loop, [&] { return over.a.stream == nullptr; }));
}

TEST(EpollStream, MayDestroyAnotherStreamThatIsReadyInTheSameTurn) {
  EpollLoop loop;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<Pair>> pairs;
    for (int i = 0; i < 8; ++i) pairs.push_back(std::make_unique<Pair>(loop));
    int calls = 0;
    for (auto& pair : pairs) {
      pair->b.stream->write(as_bytes("x"));
      pair->a.data_hook = [&, self = pair.get()] {
        ++calls;
        for (auto& other : pairs)
          if (other.get() != self) other->a.stream.reset();
      };
    }
    run_some(loop);
    EXPECT_EQ(calls, 1) << "a destroyed stream was called";
  }
}

TEST(EpollStream, OneBusyStreamDoesNotStarveTheOthers) {
  EpollLoop loop;
  Pair busy(loop), calm(loop);
  const Bytes much(1 << 20);
  const auto pour = [&] { busy.b.stream->write(much); };
  busy.b.writable_hook = pour;
  busy.a.data_hook = pour;
  pour();
  ASSERT_TRUE(run_until(loop, [&] { return busy.a.received.size() > (1 << 20); }));
  const size_t before = busy.a.received.size();
  calm.b.stream->write(as_bytes("x"));
  ASSERT_TRUE(run_until(loop, [&] { return calm.a.received.size() == 1; }));
  EXPECT_LE(busy.a.received.size() - before, 4 * EpollLoop::kReadBytesMax);
}

}  // namespace
}  // namespace themis::net
