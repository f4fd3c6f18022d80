// Processes with several nodes: one session between two of them, none within one.

#include "tests/unit/peer/nodes_fixture.hpp"
#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

/// A further node of a process, with a server of its own under the same name.
struct Virtual {
  explicit Virtual(Node& process)
      : identity(wire::Identity::generate("sessions", process.rng)),
        server(spawn_hosted<Server>(process.reactor, process.system.types())) {
    exports.add("server", server.strong());
    number = process.table.add(identity, exports,
                               [this](const NodeId& peer, const Error&) { lost.push_back(peer); });
  }
  const NodeId& id() const { return identity.id(); }

  wire::Identity identity;
  Exports exports;
  HostedPtr<Server> server;
  LocalNodes::Number number = 0;
  std::vector<NodeId> lost;
};

class VirtualNodes : public testing::Test {
 protected:
  VirtualNodes() {
    nodes.listen();
    for (int i = 0; i < 3; ++i) {
      nodes.in(nodes.a, [&] { of_a.push_back(std::make_unique<Virtual>(nodes.a)); });
      nodes.in(nodes.b, [&] { of_b.push_back(std::make_unique<Virtual>(nodes.b)); });
    }
  }
  /// Asks the server of `to`, which is at `address`, in the name of a node of `process`.
  void ask(Node& process, LocalNodes::Number from, const NodeId& to, const net::Address& address,
           uint64_t question) {
    nodes.in(process, [&] {
      process.table.open(
          to, address,
          [&process, question](const Result<PeerLink>& link) {
            ASSERT_TRUE(link) << link.error().text();
            process.probe->ask(link->proxy(Process::target()), question, echo_frame(question));
          },
          from);
    });
    ASSERT_TRUE(nodes.until([&] { return process.probe->answers.contains(question); }));
  }
  /// What open() ends with.
  Error error_of(Node& process, const NodeId& to, const net::Address& address) {
    std::optional<Error> error;
    nodes.in(process, [&] {
      process.table.open(to, address, [&](const Result<PeerLink>& link) {
        error = link ? Error{Code::internal, "a link"} : link.error();
      });
    });
    EXPECT_TRUE(nodes.until([&] { return error.has_value(); }));
    return *error;
  }
  /// A peer of no process that has shaken hands with b.
  std::unique_ptr<RawPeer> raw_peer(uint64_t seed) {
    sim::Host& host = nodes.world.add_host("10.0.1." + std::to_string(seed));
    auto peer = std::make_unique<RawPeer>(host, "sessions", seed);
    host.post([&] { peer->connect(nodes.b.address()); });
    EXPECT_TRUE(nodes.until([&] { return nodes.b.table.find(peer->id()) != nullptr; }));
    return peer;
  }
  static wire::FramePtr payload(ByteView bytes) {
    const wire::FramePtr frame = wire::Frame::make(bytes.size() / 8);
    std::ranges::copy(bytes, frame.writable()->data());
    return frame;
  }
  static void present(RawPeer& peer, const wire::Identity& identity, uint16_t number) {
    peer.send({.kind = wire::MessageKind::present, .nodes = {.from = number}},
              payload(wire::make_presence(identity, peer.transcript, true)));
  }
  void expect_closed(const RawPeer& peer) {
    EXPECT_TRUE(nodes.until([&] { return peer.closed; }, 1s));
    EXPECT_EQ(nodes.b.table.find(peer.id()), nullptr);
  }

  Nodes nodes;
  std::vector<std::unique_ptr<Virtual>> of_a, of_b;
  SeededRng rng{99};
  wire::Identity forger = wire::Identity::generate("sessions", rng);
};

TEST_F(VirtualNodes, OfTwoProcessesShareOneSessionAndKeepTheirNames) {
  uint64_t question = 0;
  for (const auto& from : of_a)
    for (const auto& to : of_b) {
      ask(nodes.a, from->number, to->id(), nodes.b.address(), ++question);
      EXPECT_EQ(to->server->asked_by, from->id());
      EXPECT_EQ(nodes.a.probe->answered_by.at(question), to->id());
      ask(nodes.b, to->number, from->id(), nodes.a.address(), question);
      EXPECT_EQ(from->server->asked_by, to->id());
      EXPECT_EQ(nodes.b.probe->answered_by.at(question), from->id());
    }
  ask(nodes.a, of_a[0]->number, nodes.b.identity.id(), nodes.b.address(), ++question);
  EXPECT_EQ(nodes.b.server->asked_by, of_a[0]->id());
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), ++question);
  EXPECT_EQ(of_b[0]->server->asked_by, nodes.a.identity.id());
  EXPECT_EQ(nodes.a.table.sessions().size(), 1u);
  EXPECT_EQ(nodes.b.table.sessions().size(), 1u);
  EXPECT_EQ(nodes.a.table.counters().dialled + nodes.b.table.counters().dialled, 1u);
}

TEST_F(VirtualNodes, AProcessThatWasDialledDialsOnceToLearnWhoseAddressItIs) {
  nodes.connect(nodes.b, nodes.a);
  uint64_t question = 0;
  for (const auto& to : of_b) ask(nodes.a, 0, to->id(), nodes.b.address(), ++question);
  nodes.world.run_for(20s);
  EXPECT_LE(nodes.a.table.counters().dialled, 1u);
  EXPECT_EQ(nodes.a.table.sessions().size(), 1u);
  EXPECT_TRUE(nodes.a.lost.empty() && nodes.b.lost.empty());
}

TEST_F(VirtualNodes, OfOneProcessTalkWithoutASocketAndKeepTheirNames) {
  ask(nodes.a, of_a[0]->number, of_a[1]->id(), nodes.a.address(), 1);
  EXPECT_EQ(of_a[1]->server->asked_by, of_a[0]->id());
  EXPECT_EQ(nodes.a.probe->answered_by.at(1), of_a[1]->id());
  ask(nodes.a, of_a[0]->number, nodes.a.identity.id(), nodes.a.address(), 2);
  EXPECT_EQ(nodes.a.server->asked_by, of_a[0]->id());
  EXPECT_EQ(nodes.a.table.counters().dialled, 0u);
  EXPECT_TRUE(nodes.a.table.sessions().empty());
}

TEST_F(VirtualNodes, OfOneProcessAreBoundedLikeOthers) {
  PeerLink link(PeerTable::Session{}, NodeId{}, {});
  nodes.in(nodes.a, [&] {
    nodes.a.table.open(
        of_a[1]->id(), nodes.a.address(), [&](const Result<PeerLink>& got) { link = *got; },
        of_a[0]->number);
    of_a[1]->server->does = Server::Does::hold;
    const caf::actor proxy = link.proxy(Process::target());
    nodes.a.probe->ask(proxy, 1, echo_frame(1, wire::kMessageBytesMax));
    nodes.a.probe->ask(proxy, 2, echo_frame(2, 8, nodes.a.host.now() + 500ms));
    for (uint64_t i = 3; i < 3 + SessionActor::kRequestsMax; ++i)
      nodes.a.probe->ask(proxy, i, echo_frame(i));
  });
  const Probe& probe = *nodes.a.probe;
  EXPECT_TRUE(probe.failed_with(1, Code::too_large));
  EXPECT_TRUE(probe.failed_with(2 + SessionActor::kRequestsMax, Code::overloaded));
  ASSERT_TRUE(nodes.until([&] { return probe.answers.contains(2); }, 1s));
  EXPECT_TRUE(probe.failed_with(2, Code::timeout));
  nodes.in(nodes.a, [&] { of_a[1]->server->answer_held(SIZE_MAX); });
  ASSERT_TRUE(nodes.until([&] { return probe.answers.contains(3); }, 1s));
  EXPECT_FALSE(probe.answers.at(3).error);
}

TEST_F(VirtualNodes, AProxyEndsWithItsActorAndNoOtherOfThatName) {
  for (Node* from : {&nodes.a, &nodes.b}) {  // over a session, and within the process
    nodes.in(*from, [&] {
      for (const auto& to : of_b)
        from->table.open(to->id(), nodes.b.address(), [from](const Result<PeerLink>& link) {
          from->probe->watch(link->proxy(Process::target()));
        });
    });
    nodes.world.run_for(1s);
    EXPECT_TRUE(from->probe->downs.empty());
  }
  nodes.in(nodes.b, [&] { of_b[1]->server->end(caf::exit_reason::user_shutdown); });
  for (Node* from : {&nodes.a, &nodes.b}) {
    ASSERT_TRUE(nodes.until([&] { return !from->probe->downs.empty(); }, 1s));
    nodes.world.run_for(1s);
    ASSERT_EQ(from->probe->downs.size(), 1u);
    EXPECT_EQ(from->probe->downs[0], caf::exit_reason::user_shutdown);
  }
}

TEST_F(VirtualNodes, TheSameRequestToTwoNodesOfOneProcessRunsAtEach) {
  wire::IdempotencyKey key;
  key.bytes.fill(std::byte{7});
  for (size_t i = 1; i <= 2; ++i) {
    nodes.in(nodes.a, [&] {
      nodes.a.table.open(of_b[i]->id(), nodes.b.address(), [&, i](const Result<PeerLink>& link) {
        nodes.a.probe->ask(link->proxy(Process::target()), i,
                           echo_frame(5, 8, TimePoint::max(), key));
      });
    });
    ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.contains(i); }));
    EXPECT_FALSE(nodes.a.probe->answers.at(i).error);
    EXPECT_EQ(of_b[i]->server->order.size(), 1u);
  }
}

TEST_F(VirtualNodes, OneThatLeftIsUnavailableAndTheOthersOfItsProcessAreTold) {
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), 1);
  nodes.in(nodes.b, [&] { nodes.b.table.remove(of_b[0]->number); });
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), 2);
  EXPECT_TRUE(nodes.a.probe->failed_with(2, Code::unavailable));
  EXPECT_EQ(of_b[1]->lost, std::vector<NodeId>{of_b[0]->id()});
  EXPECT_TRUE(of_b[0]->lost.empty());
  nodes.in(nodes.b, [&] { nodes.b.table.add(of_b[0]->identity, of_b[0]->exports, {}); });
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), 3);
  EXPECT_FALSE(nodes.a.probe->answers.at(3).error);
}

TEST_F(VirtualNodes, AllOfAProcessAreLostWithItsSession) {
  ask(nodes.a, of_a[1]->number, of_b[0]->id(), nodes.b.address(), 1);
  ask(nodes.a, 0, of_b[2]->id(), nodes.b.address(), 2);
  nodes.world.crash(nodes.b.host, sim::Crash::reset);
  const std::vector<NodeId> expected{nodes.b.identity.id(), of_b[0]->id(), of_b[2]->id()};
  ASSERT_TRUE(nodes.until([&] { return nodes.a.lost == expected; }, 1s));
  for (const auto& node : of_a) EXPECT_EQ(node->lost, expected);
}

TEST_F(VirtualNodes, OneThatMovedIsFoundWhereItIs) {
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), 1);
  Node other(nodes.system, nodes.world.add_host("10.0.0.3"), 33);
  nodes.in(nodes.b, [&] { nodes.b.table.remove(of_b[0]->number); });
  nodes.in(other, [&] {
    ASSERT_TRUE(other.table.listen(other.address()));
    other.table.add(of_b[0]->identity, other.exports, {});
  });
  // It speaks first, and the newest proof counts.
  ask(other, 1, nodes.a.identity.id(), nodes.a.address(), 1);
  ask(nodes.a, 0, of_b[0]->id(), other.address(), 2);
  EXPECT_FALSE(nodes.a.probe->answers.at(2).error);
  EXPECT_EQ(other.server->asked_by, nodes.a.identity.id());
  EXPECT_EQ(error_of(nodes.a, forger.id(), other.address()).code, Code::wrong_peer);
  nodes.in(other, [&] { other.table.close_all(); });
}

TEST_F(VirtualNodes, AdversaryAForgedPresenceEndsTheSession) {
  const auto peer = raw_peer(50);
  auto proof = wire::make_presence(forger, peer->transcript, true);
  proof[40] ^= std::byte{1};
  peer->send({.kind = wire::MessageKind::present, .nodes = {.from = 1}}, payload(proof));
  expect_closed(*peer);
}

TEST_F(VirtualNodes, AdversaryAPresenceOfAnotherSessionEndsTheSession) {
  const auto before = raw_peer(51), peer = raw_peer(52);
  peer->send({.kind = wire::MessageKind::present, .nodes = {.from = 1}},
             payload(wire::make_presence(forger, before->transcript, true)));
  expect_closed(*peer);
  EXPECT_FALSE(before->closed);
}

TEST_F(VirtualNodes, AdversaryAPresenceSentBackEndsTheSession) {
  const auto peer = raw_peer(53);
  peer->send({.kind = wire::MessageKind::prove}, payload(of_b[0]->id().view()));
  ASSERT_TRUE(nodes.until([&] { return peer->count(wire::MessageKind::present) == 1; }));
  const auto [header, frame] = peer->received.back();
  ASSERT_EQ(wire::check_presence(frame->bytes(), "sessions", peer->transcript, false),
            of_b[0]->id());
  peer->send(header, payload(frame->bytes()));
  expect_closed(*peer);
}

TEST_F(VirtualNodes, AdversaryNumbersOutOfTurnEndTheSession) {
  for (const uint16_t number : {uint16_t{0}, uint16_t{2}, uint16_t{65'535}}) {
    const auto peer = raw_peer(54 + number % 7);
    present(*peer, forger, number);
    expect_closed(*peer);
  }
  const auto twice = raw_peer(70);
  present(*twice, forger, 1);
  present(*twice, forger, 2);
  expect_closed(*twice);
}

TEST_F(VirtualNodes, AdversaryANumberThatWasNeverGivenReachesNobody) {
  const auto speaker = raw_peer(71);
  speaker->send({.kind = wire::MessageKind::tell, .target = Process::target(), .nodes = {1, 0}},
                echo_frame(1));
  expect_closed(*speaker);
  const auto asker = raw_peer(72);
  asker->send({.kind = wire::MessageKind::request,
               .target = Process::target(),
               .request = 7,
               .nodes = {.to = 1}},
              echo_frame(1));
  ASSERT_TRUE(nodes.until([&] { return asker->count(wire::MessageKind::failure) == 1; }));
  EXPECT_EQ(decode_failure(asker->received.back().second),
            (Error{Code::not_hosted, "no such node here"}));
  asker->send(
      {.kind = wire::MessageKind::monitor, .target = Process::target(), .nodes = {.to = 1}});
  expect_closed(*asker);
  for (const auto& node : of_b) EXPECT_TRUE(node->server->order.empty());
  EXPECT_TRUE(nodes.b.server->order.empty());
}

TEST_F(VirtualNodes, AdversaryPastTheLimitTheSessionEnds) {
  const auto peer = raw_peer(73);
  for (size_t i = 1; i <= wire::kPresentedMax; ++i)
    present(*peer, wire::Identity::generate("sessions", rng), static_cast<uint16_t>(i));
  nodes.world.run_for(1s);
  ASSERT_FALSE(peer->closed);
  EXPECT_EQ(nodes.b.table.find(peer->id())->presented().size(), wire::kPresentedMax);
  present(*peer, forger, static_cast<uint16_t>(wire::kPresentedMax + 1));
  expect_closed(*peer);
}

TEST_F(VirtualNodes, AdversaryANodeOfThisProcessCannotComeFromOutside) {
  const auto peer = raw_peer(74);
  present(*peer, of_b[0]->identity, 1);  // its key was stolen
  expect_closed(*peer);
  ask(nodes.a, 0, of_b[0]->id(), nodes.b.address(), 1);
  EXPECT_FALSE(nodes.a.probe->answers.at(1).error);
}

TEST_F(VirtualNodes, AdversaryAPeerThatNeverSaysWhetherItIsANodeIsGivenUp) {
  const auto before = raw_peer(75);
  present(*before, forger, 1);
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.find(forger.id()) != nullptr; }));
  // The same process again: it has not proved on this session that it is that node.
  RawPeer peer(before->host(), "sessions", 75);
  before->host().post([&] { peer.connect(nodes.b.address()); });
  ASSERT_TRUE(nodes.until([&] { return peer.established && nodes.b.table.half_open() == 0; }));
  ASSERT_EQ(nodes.b.table.find(forger.id())->number_of(forger.id()), std::nullopt);
  std::optional<Error> error;
  nodes.in(nodes.b, [&] {
    nodes.b.table.open(forger.id(), {"10.0.1.75", 7001}, [&](const Result<PeerLink>& link) {
      ASSERT_FALSE(link);
      error = link.error();
    });
  });
  ASSERT_TRUE(nodes.until([&] { return error.has_value(); }, 6s));
  EXPECT_EQ(error->code, Code::timeout);
  EXPECT_EQ(peer.count(wire::MessageKind::prove), 1u);
}

}  // namespace
}  // namespace themis
