// What all sessions of a process may cost together, and who makes room.

#include "tests/unit/peer/big_server.hpp"
#include "tests/unit/peer/nodes_fixture.hpp"
#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

/// Members of the network, each a key pair of its own, that open a session with one node.
struct Members {
  explicit Members(Nodes& with) : nodes(with) {}
  /// One more, from `host`, as soon as its session is open at both ends.
  RawPeer& join(sim::Host& host, Node& at) {
    const size_t number = peers.size();
    peers.push_back(std::make_unique<RawPeer>(host, "sessions", 100 + number));
    RawPeer& peer = *peers.back();
    host.post([&] { peer.connect(at.address()); });
    EXPECT_TRUE(
        nodes.until([&] { return peer.established && at.table.find(peer.id()) != nullptr; }, 10s));
    return peer;
  }
  size_t closed() const {
    return static_cast<size_t>(std::ranges::count_if(peers, [](auto& p) { return p->closed; }));
  }
  Nodes& nodes;
  std::vector<std::unique_ptr<RawPeer>> peers;
};

/// 4,096 key pairs of one address shut a node off, both ways.
TEST(PeerLimits, RegressManyIdentitiesOfOneSiteKeepNobodyOut) {
  Nodes nodes(1, {}, {.accepted_per_site_max = 8});
  nodes.listen();
  sim::Host& near = nodes.world.add_host("10.0.0.3");
  sim::Host& attacker = nodes.world.add_host("10.0.0.66");
  Members members(nodes);
  members.join(near, nodes.b);
  for (size_t i = 0; i < 30; ++i) members.join(attacker, nodes.b);
  ASSERT_TRUE(nodes.until([&] { return members.closed() == 22; }, 1s));
  EXPECT_EQ(nodes.b.table.sessions().size(), 9u);
  EXPECT_EQ(nodes.b.table.counters().sessions_evicted, 22u);
  EXPECT_FALSE(members.peers.front()->closed) << "it is older, and of another site";
  EXPECT_FALSE(members.peers.back()->closed) << "it is the newest";
  nodes.connect(nodes.a, nodes.b);
  EXPECT_TRUE(nodes.a.outcomes.at(0));
}

TEST(PeerLimits, RegressAFullTableTakesNewcomersAndDials) {
  Nodes nodes(1, {}, {.accepted_max = 12, .accepted_per_site_max = 10});
  nodes.listen();
  Members members(nodes);
  for (int site = 0; site < 3; ++site) {
    sim::Host& host = nodes.world.add_host("10.0.1." + std::to_string(site + 1));
    for (int i = 0; i < 10; ++i) members.join(host, nodes.b);
  }
  EXPECT_EQ(nodes.b.table.sessions().size(), 12u);
  nodes.connect(nodes.b, nodes.a);
  EXPECT_TRUE(nodes.b.outcomes.at(0));
  sim::Host& host = nodes.world.add_host("10.0.2.1");
  RawPeer& newcomer = members.join(host, nodes.b);
  RawPeer& second = members.join(nodes.world.add_host("10.0.2.2"), nodes.b);
  EXPECT_EQ(nodes.b.table.sessions().size(), 13u) << "twelve, and the one that was dialled";
  EXPECT_FALSE(newcomer.closed || second.closed);
  EXPECT_NE(nodes.b.table.find(nodes.a.identity.id()), nullptr);
}

TEST(PeerLimits, TheSessionThatIsLongestUnusedMakesRoom) {
  Nodes nodes(1, {}, {.accepted_per_site_max = 3});
  nodes.listen();
  sim::Host& host = nodes.world.add_host("10.0.0.66");
  Members members(nodes);
  for (int i = 0; i < 3; ++i) {
    members.join(host, nodes.b);
    nodes.world.run_for(1s);
  }
  host.post([&] {
    members.peers[0]->send({.kind = wire::MessageKind::tell, .target = Process::target()},
                           echo_frame(1));
  });
  ASSERT_TRUE(nodes.until([&] { return !nodes.b.server->order.empty(); }));
  members.join(host, nodes.b);
  ASSERT_TRUE(nodes.until([&] { return members.closed() == 1; }, 1s));
  EXPECT_TRUE(members.peers[1]->closed) << "the first was used meanwhile";
}

/// The nodes of one machine are no crowd, and no attack on it: it could as well end the process.
TEST(PeerLimits, CallersOnThisMachineAreNotCountedBySite) {
  Nodes nodes(1, {}, {.accepted_per_site_max = 3});
  nodes.listen();
  sim::Host& host = nodes.world.add_host("127.0.0.1");
  Members members(nodes);
  for (int i = 0; i < 6; ++i) members.join(host, nodes.b);
  EXPECT_EQ(nodes.b.table.sessions().size(), 6u);
  EXPECT_EQ(nodes.b.table.counters().sessions_evicted, 0u);
}

/// The oldest handshake made room: whoever was 100 ms away never got through.
TEST(PeerLimits, RegressStallersKeepNobodyOutAtARoundTripOf100Ms) {
  Nodes nodes;
  nodes.world.faults().latency_min = 45ms;
  nodes.world.faults().latency_max = 55ms;
  nodes.listen();
  std::vector<sim::Host*> hosts;
  for (int h = 0; h < 40; ++h)
    hosts.push_back(&nodes.world.add_host("10.0.1." + std::to_string(h + 1)));
  std::deque<std::unique_ptr<Silent>> callers;
  size_t turn = 0;
  const auto wave = [&] {  // 30 connections every 10 ms: 3,000 a second
    sim::Host& host = *hosts[turn++ % hosts.size()];
    host.post([&] {
      for (int i = 0; i < 30; ++i) {
        callers.push_back(std::make_unique<Silent>());
        if (auto stream = host.connect(nodes.b.address(), *callers.back()))
          callers.back()->stream = std::move(*stream);
      }
      while (callers.size() > 3000) callers.pop_front();
    });
    nodes.world.run_for(10ms);
  };
  for (int i = 0; i < 50; ++i) wave();
  EXPECT_EQ(nodes.b.table.half_open(), PeerTable::kHalfOpenMax);
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  for (int i = 0; i < 100 && nodes.a.outcomes.empty(); ++i) wave();
  ASSERT_EQ(nodes.a.outcomes.size(), 1u);
  EXPECT_TRUE(nodes.a.outcomes[0]);
  for (int i = 0; i < 30; ++i) wave();
  EXPECT_NE(nodes.b.table.find(nodes.a.identity.id()), nullptr);
  nodes.a.table.close_all();
  nodes.b.table.close_all();
  callers.clear();
}

/// Of one site those go first that have sent nothing: others behind the same address are at work.
TEST(PeerLimits, AStallerMakesRoomBeforeACallerWhoSpoke) {
  Nodes nodes;
  nodes.world.faults().latency_min = nodes.world.faults().latency_max = 50ms;
  nodes.listen();
  sim::Host& shared = nodes.world.add_host("10.0.0.66");
  std::vector<std::unique_ptr<Silent>> callers;
  const auto stall = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      callers.push_back(std::make_unique<Silent>());
      callers.back()->stream = shared.connect(nodes.b.address(), *callers.back()).value();
    }
  };
  RawPeer member(shared, "sessions", 7);
  shared.post([&] {
    stall(PeerTable::kHalfOpenPerHostMax - 1);
    member.connect(nodes.b.address());
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.handshake_counters().retries == 1; }, 1s));
  shared.post([&] { stall(4 * PeerTable::kHalfOpenPerHostMax); });
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.find(member.id()) != nullptr; }, 1s));
  EXPECT_EQ(nodes.b.table.counters().evicted, 4 * PeerTable::kHalfOpenPerHostMax);
}

TEST(PeerLimits, NobodyIsAskedForACookieOnceTheLoadIsGone) {
  Nodes nodes;
  nodes.world.faults().latency_min = nodes.world.faults().latency_max = 50ms;
  nodes.listen();
  sim::Host& host = nodes.world.add_host("10.0.0.66");
  std::vector<std::unique_ptr<Silent>> callers;
  host.post([&] {
    for (size_t i = 0; i < PeerTable::kHalfOpenCookies; ++i) {
      callers.push_back(std::make_unique<Silent>());
      callers.back()->stream = host.connect(nodes.b.address(), *callers.back()).value();
    }
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.half_open() == callers.size(); }));
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.half_open() > callers.size(); }));
  host.post([&] { callers.clear(); });  // is known before message 1 has come
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }));
  EXPECT_TRUE(nodes.a.outcomes[0]);
  EXPECT_EQ(nodes.b.table.handshake_counters().retries, 0u);
}

/// Sends message 1, and hangs up when it is answered.
struct Greeter final : net::StreamHandler {
  explicit Greeter(Bytes message_1) : first(std::move(message_1)) {}
  void on_connected() override { stream->write(first); }
  void on_data(std::span<std::byte>) override { end(); }
  void on_closed(const Error&) override { end(); }
  void end() {
    done = true;
    stream.reset();
  }
  Bytes first;
  std::unique_ptr<net::Stream> stream;
  bool done = false;
};

/// Each connection was one agreement and one signature, as many as an address could open.
TEST(PeerLimits, RegressOneSiteCostsABoundedNumberOfSignatures) {
  Nodes nodes;
  nodes.listen();
  sim::Host& host = nodes.world.add_host("10.0.0.66");
  SeededRng rng(9);
  const wire::Identity mallory = wire::Identity::generate("sessions", rng);
  const TimePoint start = nodes.world.now();
  constexpr size_t kCallers = 1000;
  for (size_t done = 0; done < kCallers; done += 20) {
    std::vector<std::unique_ptr<Greeter>> greeters;
    host.post([&] {
      for (int i = 0; i < 20; ++i) {
        wire::Handshake handshake = wire::Handshake::initiator({.self = &mallory}, rng);
        greeters.push_back(std::make_unique<Greeter>(handshake.start()));
        greeters.back()->stream = host.connect(nodes.b.address(), *greeters.back()).value();
      }
    });
    ASSERT_TRUE(nodes.until([&] {
      return greeters.size() == 20 &&
             std::ranges::all_of(greeters, [](auto& g) { return g->done; });
    }));
  }
  const auto seconds = static_cast<uint64_t>(to_ms(nodes.world.now() - start) / 1000 + 1);
  const wire::CookieGate::Counters& counters = nodes.b.table.handshake_counters();
  using Gate = wire::CookieGate;
  EXPECT_LE(counters.answered, Gate::kAnswersPerSite.burst + seconds * Gate::kAnswersPerSite.per_s);
  EXPECT_EQ(counters.answered + counters.limited, kCallers);
  nodes.connect(nodes.a, nodes.b);
  EXPECT_TRUE(nodes.a.outcomes.at(0)) << "another site has its own share";
  nodes.world.run_for(10s);
  const uint64_t before = counters.answered;
  Greeter late(wire::Handshake::initiator({.self = &mallory}, rng).start());
  host.post([&] { late.stream = host.connect(nodes.b.address(), late).value(); });
  ASSERT_TRUE(nodes.until([&] { return late.done; }));
  EXPECT_EQ(counters.answered, before + 1) << "its rate recovers";
}

TEST(PeerLimits, RegressThoseWhoWaitForADialAreBounded) {
  Nodes nodes(1, {}, {.waiters_max = 3});
  nodes.listen();
  nodes.in(nodes.a, [&] {
    for (int i = 0; i < 5; ++i) nodes.a.open(nodes.b);
    ASSERT_EQ(nodes.a.outcomes.size(), 2u) << "two are told at once";
    for (const auto& outcome : nodes.a.outcomes) EXPECT_EQ(outcome.error().code, Code::overloaded);
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 5; }));
  EXPECT_TRUE(nodes.a.outcomes[2] && nodes.a.outcomes[3] && nodes.a.outcomes[4]);
}

TEST(PeerLimits, RegressThoseWhoWaitForAProofAreBounded) {
  Nodes nodes(1, {}, {.waiters_max = 3});
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  SeededRng rng(33);
  const auto stranger = [&rng] { return wire::Identity::generate("sessions", rng).id(); };
  const NodeId wanted = stranger();
  nodes.in(nodes.a, [&] {
    for (int i = 0; i < 4; ++i) nodes.a.open(wanted, nodes.b.address());
    EXPECT_EQ(nodes.a.outcomes.size(), 2u) << "one that wants the same node";
    for (int i = 0; i < 3; ++i) nodes.a.open(stranger(), nodes.b.address());
    EXPECT_EQ(nodes.a.outcomes.size(), 3u) << "one that wants a fourth node";
  });
  EXPECT_EQ(nodes.a.outcomes.at(1).error().code, Code::overloaded);
  EXPECT_EQ(nodes.a.outcomes.at(2).error().code, Code::overloaded);
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 8; }));
  EXPECT_EQ(nodes.a.outcomes.back().error().code, Code::wrong_peer);
}

/// Each session kept to its limits, 56 MB; 4,096 of them did not.
TEST(PeerLimits, RegressTheBytesThatWaitInAllSessionsAreBounded) {
  constexpr size_t kAnswer = 1'000'000;
  Nodes nodes(1, {}, {.waiting_bytes_max = 12 * kAnswer});
  nodes.listen();
  const auto big = spawn_hosted<BigServer>(nodes.b.reactor, nodes.system.types());
  const wire::Target target = nodes.b.exports.add("big", big.strong());
  Members members(nodes);
  const auto ask = [&](size_t who, uint64_t count) {
    RawPeer& peer = *members.peers[who];
    peer.host().post([&peer, target, count] {
      for (uint64_t i = 1; i <= count; ++i)
        peer.send({.kind = wire::MessageKind::request, .target = target, .request = i},
                  echo_frame(i));
    });
    nodes.world.run_for(5s);
  };
  for (int i = 0; i < 3; ++i)
    members.join(nodes.world.add_host("10.0.1." + std::to_string(i + 1)), nodes.b);
  ask(0, 6);  // five find credit: one waits in the end, all six until they are written
  ask(1, 9);
  const size_t waiting = nodes.b.table.waiting_bytes();
  EXPECT_GT(waiting, 4 * kAnswer);
  EXPECT_EQ(members.closed(), 0u);
  ask(2, 9);
  ASSERT_TRUE(nodes.until([&] { return members.closed() == 1; }, 1s));
  EXPECT_TRUE(members.peers[2]->closed) << "it held most";
  EXPECT_EQ(nodes.b.table.waiting_bytes(), waiting);
  EXPECT_EQ(nodes.b.table.counters().sessions_evicted, 1u);
  nodes.b.table.close_all();
  EXPECT_EQ(nodes.b.table.waiting_bytes(), 0u);
}

}  // namespace
}  // namespace themis
