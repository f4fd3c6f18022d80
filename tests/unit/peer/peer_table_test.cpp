#include "actors/peer/peer_table.hpp"

#include "tests/unit/peer/nodes_fixture.hpp"
#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

TEST(PeerTable, OpensOneSessionForAllWhoWantThePeer) {
  Nodes nodes;
  nodes.listen();
  nodes.in(nodes.a, [&] {
    for (int i = 0; i < 5; ++i) nodes.a.open(nodes.b);
    nodes.a.open(NodeId{}, nodes.b.address());
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 6; }));
  for (const auto& outcome : nodes.a.outcomes) EXPECT_EQ(outcome, nodes.b.identity.id());
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.find(nodes.a.identity.id()) != nullptr; }));
  nodes.in(nodes.a, [&] {
    nodes.a.open(nodes.b);
    nodes.a.open(NodeId{}, nodes.b.address());
    EXPECT_EQ(nodes.a.outcomes.size(), 8u) << "there is one: no waiting";
  });
  nodes.in(nodes.b, [&] { nodes.b.open(nodes.a); });
  EXPECT_EQ(nodes.b.outcomes.size(), 1u);
  EXPECT_EQ(nodes.a.table.counters().dialled, 1u);
  EXPECT_EQ(nodes.b.table.counters().accepted, 1u);
  EXPECT_EQ(nodes.b.table.half_open(), 0u);
}

TEST(PeerTable, WhoeverWaitsForSomebodyElseIsTold) {
  Nodes nodes;
  const NodeId stranger = wire::Identity::generate("sessions", nodes.a.rng).id();
  nodes.listen();
  nodes.in(nodes.a, [&] {
    nodes.a.open(NodeId{}, nodes.b.address());
    nodes.a.open(stranger, nodes.b.address());  // joins that dial, wants another
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 2; }));
  EXPECT_EQ(nodes.a.outcomes[0], nodes.b.identity.id());
  ASSERT_FALSE(nodes.a.outcomes[1]);
  EXPECT_EQ(nodes.a.outcomes[1].error().code, Code::wrong_peer);
}

TEST(PeerTable, SettlesSimultaneousOpensOnOneSessionAtBothEnds) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Nodes nodes(seed);
    nodes.listen();
    nodes.a.host.post([&] { nodes.a.open(nodes.b); });
    nodes.b.host.post([&] { nodes.b.open(nodes.a); });
    ASSERT_TRUE(
        nodes.until([&] { return nodes.a.outcomes.size() == 1 && nodes.b.outcomes.size() == 1; }));
    ASSERT_TRUE(nodes.a.outcomes[0] && nodes.b.outcomes[0]);
    nodes.world.run_for(5s);
    ASSERT_EQ(nodes.a.table.sessions().size(), 1u);
    ASSERT_EQ(nodes.b.table.sessions().size(), 1u);
    const SessionActor* a = nodes.a.table.find(nodes.b.identity.id());
    const SessionActor* b = nodes.b.table.find(nodes.a.identity.id());
    ASSERT_TRUE(a != nullptr && b != nullptr);
    EXPECT_NE(a->initiator(), b->initiator()) << "the ends use different sessions";
    EXPECT_TRUE(nodes.a.lost.empty() && nodes.b.lost.empty())
        << "a settled session is not a lost one";
  }
}

TEST(PeerTable, LosesNoRequestWhenSimultaneousOpensSettle) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Nodes nodes(seed);
    nodes.listen();
    const auto ask = [](Node& from, const Node& to) {
      from.table.open(to.identity.id(), to.address(), [&from](const Result<PeerLink>& link) {
        ASSERT_TRUE(link);
        for (uint64_t i = 1; i <= 10; ++i)
          from.probe->ask(link->proxy(Process::target()), i, echo_frame(i, 3000));
      });
    };
    nodes.a.host.post([&] { ask(nodes.a, nodes.b); });
    nodes.b.host.post([&] { ask(nodes.b, nodes.a); });
    ASSERT_TRUE(nodes.until([&] {
      return nodes.a.probe->answers.size() == 10 && nodes.b.probe->answers.size() == 10;
    }));
    for (uint64_t i = 1; i <= 10; ++i) {
      EXPECT_FALSE(nodes.a.probe->answers.at(i).error);
      EXPECT_FALSE(nodes.b.probe->answers.at(i).error);
    }
  }
}

TEST(PeerTable, ARestartedPeersSessionReplacesTheOldOne) {
  Nodes nodes;
  nodes.listen();
  nodes.connect(nodes.b, nodes.a);
  const SessionActor* before = nodes.a.table.find(nodes.b.identity.id());
  ASSERT_NE(before, nullptr);
  // The machine of b is gone without a word and comes back with its identity; a has not noticed.
  sim::Host& host = nodes.world.add_host("10.0.0.3");
  Node again(nodes.system, host, 3);
  SeededRng same(3);
  ASSERT_EQ(again.identity.id(), nodes.b.identity.id());
  nodes.world.crash(nodes.b.host, sim::Crash::vanish);
  host.post([&] { again.open(nodes.a); });
  ASSERT_TRUE(nodes.until([&] { return again.outcomes.size() == 1; }));
  ASSERT_TRUE(again.outcomes[0]);
  ASSERT_TRUE(nodes.until([&] {
    const SessionActor* after = nodes.a.table.find(nodes.b.identity.id());
    return after != nullptr && after != before;
  }));
  nodes.world.run_for(1min);
  EXPECT_EQ(nodes.a.table.sessions().size(), 1u);
  again.table.close_all();
}

TEST(PeerTable, RegressAPeerHoldsTwoSessionsHoweverOftenItConnects) {
  Nodes nodes;
  nodes.listen();
  sim::Host& host = nodes.world.add_host("10.0.0.66");
  std::vector<std::unique_ptr<RawPeer>> callers;  // the same identity each
  for (size_t i = 0; i < 8; ++i) {
    callers.push_back(std::make_unique<RawPeer>(host, "sessions", 66));
    host.post([&] { callers.back()->connect(nodes.b.address()); });
    ASSERT_TRUE(nodes.until([&] {
      return callers.back()->established && nodes.b.table.find(callers.back()->id()) != nullptr &&
             nodes.b.table.half_open() == 0;
    }));
    EXPECT_LE(nodes.b.table.sessions().size(), 2u);
  }
  ASSERT_TRUE(nodes.until([&] { return callers[5]->closed; }, 1s)) << "it is not drained for 10 s";
  EXPECT_FALSE(callers[7]->closed);
  EXPECT_EQ(nodes.b.table.find(callers[7]->id())->state(), SessionActor::State::open);
  EXPECT_TRUE(nodes.b.lost.empty());
}

TEST(PeerTable, AnswersAllWhoWaitWhenTheDialFails) {
  Nodes nodes;
  nodes.in(nodes.a, [&] {
    for (int i = 0; i < 3; ++i) nodes.a.open(nodes.b);
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 3; }));
  for (const auto& outcome : nodes.a.outcomes) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (Error{Code::unavailable, "10.0.0.2:7001: connection refused"}));
  }
  EXPECT_EQ(nodes.a.table.sessions().size(), 0u);
  EXPECT_TRUE(nodes.a.lost.empty()) << "what was never there cannot be lost";
}

TEST(PeerTable, SaysAtOnceThatAnAddressIsOutOfReach) {
  Nodes nodes;
  nodes.in(nodes.a, [&] { nodes.a.open(NodeId{}, {"10.9.9.9", 1}); });
  ASSERT_EQ(nodes.a.outcomes.size(), 1u);
  EXPECT_EQ(nodes.a.outcomes[0].error().code, Code::io);
}

TEST(PeerTable, RefusesAnotherIdentityThanTheExpectedOne) {
  Nodes nodes;
  nodes.listen();
  const NodeId stranger = wire::Identity::generate("sessions", nodes.a.rng).id();
  nodes.in(nodes.a, [&] { nodes.a.open(stranger, nodes.b.address()); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }));
  EXPECT_EQ(nodes.a.outcomes[0].error(),
            (Error{Code::wrong_peer, "another identity answers at 10.0.0.2:7001"}));
  EXPECT_EQ(nodes.a.table.find(stranger), nullptr);
}

TEST(PeerTable, RefusesAPeerOfAnotherNetworkAndOneThatDisagreesAboutEncryption) {
  Nodes nodes;
  nodes.listen();
  Node stranger(nodes.system, nodes.world.add_host("10.0.0.3"), 3, "another");
  Node plain(nodes.system, nodes.world.add_host("10.0.0.4"), 4, "sessions", false);
  for (Node* node : {&stranger, &plain}) {
    nodes.in(*node, [&] { node->open(NodeId{}, nodes.b.address()); });
    ASSERT_TRUE(nodes.until([&] { return node->outcomes.size() == 1; }));
    EXPECT_FALSE(node->outcomes[0]);
  }
  EXPECT_EQ(nodes.b.table.sessions().size(), 0u);
  EXPECT_EQ(nodes.b.table.counters().handshakes_failed, 2u);
  EXPECT_EQ(nodes.b.table.half_open(), 0u);
}

TEST(PeerTable, RefusesToTalkToItself) {
  Nodes nodes;
  nodes.listen();
  nodes.in(nodes.a, [&] { nodes.a.open(NodeId{}, nodes.a.address()); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }));
  EXPECT_FALSE(nodes.a.outcomes[0]);
  EXPECT_EQ(nodes.a.table.sessions().size(), 0u);
}

TEST(PeerTable, TellsWhichPeerWasLostAndReachesItAgain) {
  Nodes nodes;
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.in(nodes.b, [&] {
    const SessionActor* session = nodes.b.table.find(nodes.a.identity.id());
    const_cast<SessionActor*>(session)->finish();
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.lost.size() == 1; }));
  EXPECT_EQ(nodes.a.lost[0], nodes.b.identity.id());
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 2; }));
  EXPECT_TRUE(nodes.a.outcomes[1]);
}

TEST(PeerTable, RegressADrainingSessionIsNotGivenToAnyone) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Nodes nodes(seed);
    nodes.listen();
    nodes.connect(nodes.a, nodes.b);
    nodes.in(nodes.a, [&] {
      nodes.a.table.find(nodes.b.identity.id())->drain();
      EXPECT_EQ(nodes.a.table.find(nodes.b.identity.id()), nullptr);
      nodes.a.table.open(nodes.b.identity.id(), nodes.b.address(),
                         [&](const Result<PeerLink>& link) {
                           ASSERT_TRUE(link);
                           nodes.a.probe->ask(link->proxy(Process::target()), 1, echo_frame(1));
                         });
    });
    ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.size() == 1; }));
    EXPECT_FALSE(nodes.a.probe->answers.at(1).error);
    nodes.world.run_for(20s);
    EXPECT_TRUE(nodes.a.lost.empty() && nodes.b.lost.empty());
    EXPECT_LE(nodes.a.table.sessions().size(), 1u);
  }
}

TEST(PeerTable, AnIdleSessionEndsAtBothEndsAndIsNotLost) {
  Nodes nodes(1, {.idle_close = 30s});
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.world.run_for(40s);
  EXPECT_TRUE(nodes.a.table.sessions().empty() && nodes.b.table.sessions().empty());
  EXPECT_TRUE(nodes.a.lost.empty() && nodes.b.lost.empty());
}

TEST(PeerTable, ClosesAllAndTakesNothingNew) {
  Nodes nodes;
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.in(nodes.b, [&] {
    nodes.b.table.close_all();
    nodes.b.open(nodes.a);
  });
  EXPECT_EQ(nodes.b.outcomes.at(0).error().code, Code::cancelled);
  EXPECT_TRUE(nodes.b.lost.empty());
  ASSERT_TRUE(nodes.until([&] { return nodes.a.lost.size() == 1; }));
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 2; }));
  EXPECT_FALSE(nodes.a.outcomes[1]);
}

TEST(PeerTable, AdversarySilentCallersOfOneHostMakeRoomForEachOther) {
  Nodes nodes;
  nodes.listen();
  sim::Host& attacker = nodes.world.add_host("10.0.0.66");
  std::vector<std::unique_ptr<Silent>> callers;
  constexpr size_t kCallers = 500;
  attacker.post([&] {
    for (size_t i = 0; i < kCallers; ++i) {
      callers.push_back(std::make_unique<Silent>());
      callers.back()->stream = attacker.connect(nodes.b.address(), *callers.back()).value();
    }
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.counters().accepted == kCallers; }));
  EXPECT_EQ(nodes.b.table.half_open(), PeerTable::kHalfOpenPerHostMax);
  EXPECT_EQ(nodes.b.table.counters().evicted, kCallers - PeerTable::kHalfOpenPerHostMax);
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }, 1s));
  EXPECT_TRUE(nodes.a.outcomes[0]);
  nodes.world.run_for(6s);
  EXPECT_EQ(nodes.b.table.half_open(), 0u) << "they are closed by the time";
  EXPECT_TRUE(std::all_of(callers.begin(), callers.end(), [](const auto& c) { return c->closed; }));
}

TEST(PeerTable, AdversarySilentCallersOfManyHostsKeepNobodyOut) {
  Nodes nodes;
  nodes.listen();
  std::vector<std::unique_ptr<Silent>> callers;
  for (int h = 0; h < 40; ++h) {
    sim::Host& attacker = nodes.world.add_host("10.0.1." + std::to_string(h + 1));
    attacker.post([&] {
      for (int i = 0; i < 20; ++i) {
        callers.push_back(std::make_unique<Silent>());
        callers.back()->stream = attacker.connect(nodes.b.address(), *callers.back()).value();
      }
    });
  }
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.counters().accepted == 800; }));
  EXPECT_EQ(nodes.b.table.half_open(), PeerTable::kHalfOpenMax);
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }, 1s));
  EXPECT_TRUE(nodes.a.outcomes[0]);
  ASSERT_TRUE(
      nodes.until([&] { return nodes.b.table.find(nodes.a.identity.id()) != nullptr; }, 1s));
  EXPECT_EQ(nodes.b.table.half_open(), PeerTable::kHalfOpenMax - 1)
      << "one made room for the good peer";
  EXPECT_EQ(nodes.b.table.handshake_counters().retries, 1u) << "it was asked for a cookie";
  EXPECT_EQ(nodes.b.table.handshake_counters().answered, 1u);
}

}  // namespace
}  // namespace themis
