#include "runtime/sim/world.hpp"

#include <gtest/gtest.h>

namespace themis::sim {
namespace {

/// One end of a stream that remembers what happened to it and writes until all of `to_send` is
/// taken.
struct Peer final : net::StreamHandler {
  std::unique_ptr<net::Stream> stream;
  Bytes received;
  Bytes to_send;
  size_t sent = 0;
  size_t chunks = 0;
  size_t short_writes = 0;
  size_t writable_calls = 0;
  int connected = 0;
  int closed = 0;
  bool close_when_sent = false;
  Error why;

  void send_more() {
    const size_t taken = stream->write(ByteView(to_send).subspan(sent));
    sent += taken;
    if (sent < to_send.size()) ++short_writes;
    if (sent == to_send.size() && close_when_sent) stream.reset();
  }
  void on_connected() override {
    ++connected;
    send_more();
  }
  void on_data(std::span<std::byte> data) override {
    ++chunks;
    append(received, data);
  }
  void on_writable() override {
    ++writable_calls;
    send_more();
  }
  void on_closed(const Error& error) override {
    ++closed;
    why = error;
  }
};

struct Server final : net::Acceptor {
  std::vector<std::unique_ptr<Peer>> peers;
  bool refuse = false;
  net::StreamHandler* on_accept(const net::Address&) override {
    if (refuse) return nullptr;
    return peers.emplace_back(std::make_unique<Peer>()).get();
  }
  void accepted(net::StreamHandler* handler, std::unique_ptr<net::Stream> stream) override {
    static_cast<Peer*>(handler)->stream = std::move(stream);
  }
};

Bytes numbers(size_t count) {
  Bytes out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

class SimWorld : public testing::Test {
 protected:
  static constexpr uint64_t kSeed = 42;
  World world{kSeed};
  Host& a = world.add_host("10.0.0.1");
  Host& b = world.add_host("10.0.0.2");
  const net::Address at_b{"10.0.0.2", 7001};
  Server server;
  std::unique_ptr<net::Listener> listener = b.listen(at_b, server).value();
  Peer client;

  void connect() { client.stream = a.connect(at_b, client).value(); }
  void connect_fully() {
    connect();
    ASSERT_TRUE(world.run_until([&] { return client.connected == 1; }, 1s));
  }
  Peer& accepted() { return *server.peers.at(0); }
};

TEST_F(SimWorld, RunsTimersInOrderOfTimeAndNotCancelledOnes) {
  std::string order;
  a.after(2ms, [&] { order += 'c'; });
  a.after(0ms, [&] { order += 'a'; });
  const net::TimerId gone = a.after(1ms, [&] { order += 'x'; });
  b.after(1ms, [&] { order += 'b'; });
  a.cancel(gone);
  a.cancel(gone);
  world.run_for(10ms);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(world.now(), TimePoint{} + 10ms);
}

TEST_F(SimWorld, WallClockIsVirtualAndSkewed) {
  b.set_wall_skew_ms(-1500);
  world.run_for(3s);
  EXPECT_EQ(a.wall_ms(), World::kWallStartMs + 3000);
  EXPECT_EQ(b.wall_ms(), World::kWallStartMs + 1500);
}

TEST_F(SimWorld, RunsTheTurnAfterEventsUntilItHasNoMoreToDo) {
  int turns = 0;
  a.set_turn([&] { return ++turns < 3; });
  world.run_for(1ms);
  EXPECT_EQ(turns, 3);
  a.wake();
  a.wake();
  world.run_for(1ms);
  EXPECT_EQ(turns, 4);
  a.post([] {});
  world.run_for(1ms);
  EXPECT_EQ(turns, 5);
}

TEST_F(SimWorld, CarriesAStreamInOrderInFragmentsWithShortWrites) {
  world.faults().send_buffer_bytes = 1000;
  client.to_send = numbers(300'000);
  client.close_when_sent = true;
  connect();
  ASSERT_TRUE(
      world.run_until([&] { return !server.peers.empty() && accepted().closed == 1; }, 60s));
  EXPECT_EQ(accepted().received, client.to_send);
  EXPECT_EQ(accepted().why.detail, "closed by the peer");
  EXPECT_GT(client.short_writes, 100u);
  EXPECT_GT(client.writable_calls, 100u);
  EXPECT_GT(accepted().chunks, 300u);
  EXPECT_EQ(client.closed, 0);
}

TEST_F(SimWorld, TakesNothingBeforeTheConnectionIsUp) {
  connect();
  EXPECT_EQ(client.stream->write(numbers(10)), 0u);
  EXPECT_EQ(client.connected, 0);
}

TEST_F(SimWorld, PausedReaderStopsTheWriter) {
  world.faults().send_buffer_bytes = 100;
  connect_fully();
  accepted().stream->set_reading(false);
  client.to_send = numbers(500);
  client.send_more();
  world.run_for(1s);
  EXPECT_EQ(client.sent, 100u);
  EXPECT_TRUE(accepted().received.empty());
  accepted().stream->set_reading(true);
  world.run_for(1s);
  EXPECT_EQ(accepted().received, client.to_send);
}

TEST_F(SimWorld, RefusesAConnectNobodyListensFor) {
  listener.reset();
  connect();
  ASSERT_TRUE(world.run_until([&] { return client.closed == 1; }, 1s));
  EXPECT_EQ(client.why, (Error{Code::unavailable, "connection refused"}));
  EXPECT_EQ(client.connected, 0);
}

TEST_F(SimWorld, AcceptorThatRefusesClosesTheNewConnection) {
  server.refuse = true;
  connect();
  ASSERT_TRUE(world.run_until([&] { return client.closed == 1; }, 1s));
  EXPECT_EQ(client.connected, 1);
  EXPECT_EQ(client.why.detail, "closed by the peer");
}

TEST_F(SimWorld, RefusesASecondListenerAndAForeignAddress) {
  EXPECT_EQ(b.listen(at_b, server).error().code, Code::io);
  EXPECT_EQ(a.listen(at_b, server).error().code, Code::io);
  EXPECT_NE(b.listen({"10.0.0.2", 0}, server).value()->address().port, 0);
  EXPECT_EQ(a.connect({"10.9.9.9", 1}, client).error().code, Code::io);
}

TEST_F(SimWorld, PartitionStallsBytesUntilHealed) {
  connect_fully();
  world.partition({&a});
  client.to_send = numbers(100);
  client.send_more();
  world.run_for(30s);
  EXPECT_TRUE(accepted().received.empty());
  EXPECT_EQ(client.closed + accepted().closed, 0);
  world.heal();
  world.run_for(1s);
  EXPECT_EQ(accepted().received, client.to_send);
}

TEST_F(SimWorld, OneWayPartitionLetsTheOtherDirectionThroughUntilItsBufferIsFull) {
  world.faults().send_buffer_bytes = 100;
  connect_fully();
  world.block(b, a);
  client.to_send = numbers(300);
  client.send_more();
  world.run_for(10s);
  EXPECT_EQ(accepted().received.size(), 100u);
  EXPECT_EQ(client.sent, 100u);
  world.unblock(b, a);
  world.run_for(1s);
  EXPECT_EQ(accepted().received, client.to_send);
}

TEST_F(SimWorld, ConnectAcrossAPartitionTimesOut) {
  world.partition({&b});
  connect();
  world.run_for(9s);
  EXPECT_EQ(client.closed, 0);
  world.run_for(2s);
  EXPECT_EQ(client.why, (Error{Code::unavailable, "connection timed out"}));
  world.heal();
  world.run_for(1s);
  EXPECT_EQ(client.connected, 0);
}

TEST_F(SimWorld, AcceptedSideLearnsThatTheConnectorGaveUp) {
  world.at(1ms, [&] { world.block(b, a); });
  world.faults().latency_min = world.faults().latency_max = 900us;
  connect();
  world.run_for(11s);
  ASSERT_EQ(client.closed, 1);
  ASSERT_EQ(server.peers.size(), 1u);
  client.stream.reset();
  world.heal();
  world.run_for(1s);
  EXPECT_EQ(accepted().closed, 1);
}

TEST_F(SimWorld, CrashResetsStreamsAndDropsTimersAndListeners) {
  connect_fully();
  int fired = 0;
  b.after(1ms, [&] { ++fired; });
  b.post([&] { ++fired; });
  world.crash(b, Crash::reset);
  EXPECT_EQ(accepted().stream->write(numbers(5)), 5u);
  ASSERT_TRUE(world.run_until([&] { return client.closed == 1; }, 1s));
  EXPECT_EQ(client.why.detail, "connection reset by peer");
  world.run_for(1s);
  EXPECT_EQ(fired + accepted().closed, 0);
  Peer again;
  again.stream = a.connect(at_b, again).value();
  world.run_for(1s);
  EXPECT_EQ(again.why.detail, "connection refused");
}

TEST_F(SimWorld, VanishedHostIsSilentUntilItRestarts) {
  connect_fully();
  world.crash(b, Crash::vanish);
  server.peers.clear();
  listener.reset();
  Peer again;
  again.stream = a.connect(at_b, again).value();
  world.run_for(60s);
  EXPECT_EQ(client.closed, 0);
  EXPECT_EQ(again.why.detail, "connection timed out");
  world.restart(b);
  listener = b.listen(at_b, server).value();
  world.run_for(1s);
  EXPECT_EQ(client.why.detail, "connection reset by peer");
  Peer third;
  third.stream = a.connect(at_b, third).value();
  world.run_for(1s);
  EXPECT_EQ(third.connected, 1);
}

TEST_F(SimWorld, ResetsAndRefusesAtRandomWhenAsked) {
  world.faults().reset_probability = 1;
  client.to_send = numbers(10);
  connect();
  world.run_for(1s);
  EXPECT_EQ(client.closed, 1);
  EXPECT_EQ(accepted().closed, 1);
  world.faults().refuse_probability = 1;
  Peer again;
  again.stream = a.connect(at_b, again).value();
  world.run_for(1s);
  EXPECT_EQ(again.why.detail, "connection refused");
}

/// Echoes between hosts with every fault switched on; returns the trace and what was received.
std::pair<uint64_t, size_t> chaos(uint64_t seed) {
  World world(seed,
              {.reset_probability = 0.01, .refuse_probability = 0.1, .send_buffer_bytes = 500});
  Host& server_host = world.add_host("10.0.0.1");
  std::vector<Host*> hosts;
  for (int i = 2; i < 6; ++i) hosts.push_back(&world.add_host("10.0.0." + std::to_string(i)));
  Server server;
  const net::Address address{"10.0.0.1", 1};
  const auto listener = server_host.listen(address, server).value();
  std::vector<std::unique_ptr<Peer>> clients;
  for (int round = 0; round < 20; ++round) {
    for (Host* host : hosts) {
      Peer& peer = *clients.emplace_back(std::make_unique<Peer>());
      peer.to_send = numbers(200 + world.rng().below(2000));
      peer.close_when_sent = true;
      if (auto stream = host->connect(address, peer)) peer.stream = std::move(*stream);
    }
    Host& victim = *hosts[world.rng().below(hosts.size())];
    if (round % 3 == 0) world.crash(victim, round % 2 == 0 ? Crash::reset : Crash::vanish);
    if (round % 5 == 0) world.partition({&victim});
    world.run_for(20ms);
    world.heal();
    world.restart(victim);
  }
  size_t received = 0;
  for (const auto& peer : server.peers) received += peer->received.size();
  return {world.trace_hash(), received};
}

TEST(SimDeterminism, SameSeedSameTraceOtherSeedOther) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto first = chaos(seed);
    EXPECT_EQ(first, chaos(seed)) << "seed " << seed;
    EXPECT_NE(first.first, chaos(seed + 1000).first) << "seed " << seed;
    EXPECT_GT(first.second, 1000u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace themis::sim
