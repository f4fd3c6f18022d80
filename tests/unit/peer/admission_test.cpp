// Private networks and rotated keys, as a peer table lives with them.
#include "tests/unit/peer/nodes_fixture.hpp"

namespace themis {
namespace {

/// Two nodes of a private network, and what its issuer can do.
struct PrivateNodes : Nodes {
  explicit PrivateNodes(uint32_t invited_s = 3600) {
    b_admission = invite(b.identity.id(), invited_s);
    a_admission = invite(a.identity.id(), invited_s);
    a.table.set_admission(a_admission);
    b.table.set_admission(b_admission);
    listen();
  }
  uint32_t wall_s() { return static_cast<uint32_t>(a.host.wall_ms() / 1000); }
  wire::Admission invite(const NodeId& node, uint32_t for_s) {
    return {wire::Invite::issue(issuer.key(), "sessions", node, wall_s(), wall_s() + for_s),
            {issuer.public_key()}};
  }

  SeededRng issuer_rng{99};
  wire::Identity issuer = wire::Identity::generate("sessions", issuer_rng);
  wire::Admission a_admission, b_admission;
};

TEST(PrivateNetwork, IsOpenToWhoIsInvited) {
  PrivateNodes nodes;
  nodes.connect(nodes.a, nodes.b);
  EXPECT_EQ(nodes.b.table.counters().denied, 0u);
}

TEST(PrivateNetwork, TellsTheUninvitedWhyAndGoesOn) {
  PrivateNodes nodes;
  Node c(nodes.system, nodes.world.add_host("10.0.0.3"), 7);
  nodes.in(c, [&] {
    c.table.open(nodes.b.identity.id(), nodes.b.address(), [&](const Result<PeerLink>& session) {
      ASSERT_TRUE(session) << "it takes its own handshake for done";
      c.probe->ask(session->proxy(Process::target()), 1, echo_frame(1));
    });
  });
  ASSERT_TRUE(nodes.until([&] { return c.probe->answers.size() == 1; }));
  const Error error = c.probe->answers.at(1).error.value();
  EXPECT_EQ(error.code, Code::unavailable);
  EXPECT_NE(error.detail.find("mesh.invite"), std::string::npos) << error.detail;
  EXPECT_EQ(nodes.b.table.counters().denied, 1u);
  EXPECT_TRUE(nodes.b.server->order.empty());
  nodes.connect(nodes.a, nodes.b);
  nodes.in(c, [&] { c.table.close_all(); });
}

/// An open node may know the network's name: its private peer does not talk to it either.
TEST(PrivateNetwork, DoesNotCallTheUninvited) {
  PrivateNodes nodes;
  Node c(nodes.system, nodes.world.add_host("10.0.0.3"), 7);
  nodes.in(c, [&] { ASSERT_TRUE(c.table.listen(c.address())); });
  nodes.in(nodes.a, [&] { nodes.a.open(c); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }));
  EXPECT_EQ(nodes.a.outcomes[0].error().code, Code::denied);
  EXPECT_TRUE(c.table.sessions().empty());
  nodes.in(c, [&] { c.table.close_all(); });
}

/// Speaks the handshake by hand and counts what it gets.
struct Stranger final : net::StreamHandler {
  explicit Stranger(sim::Host& on) : host(on) {}
  void connect(const net::Address& to) { stream = host.connect(to, *this).value(); }
  void on_connected() override {
    const Bytes first = handshake.start();
    sent += stream->write(first);
  }
  void on_data(std::span<std::byte> data) override {
    received += data.size();
    append(buffer, data);
    if (handshake.done() || buffer.size() < wire::kFrameHeaderBytes) return;
    const size_t size = wire::kFrameHeaderBytes + wire::FrameHeader::read(buffer.data()).length;
    if (buffer.size() < size) return;
    Bytes last = handshake.step(ByteView(buffer).first(size)).value();
    wire::Established session = handshake.take();
    ASSERT_TRUE(session.session.seal(as_bytes("let me in"), last));
    sent += stream->write(last);
  }
  void on_closed(const Error&) override { closed = true; }

  sim::Host& host;
  SeededRng rng{5};
  wire::Identity identity = wire::Identity::generate("sessions", rng);
  wire::Handshake handshake = wire::Handshake::initiator({.self = &identity}, rng);
  std::unique_ptr<net::Stream> stream;
  Bytes buffer;
  size_t sent = 0, received = 0;
  bool closed = false;
};

TEST(PrivateNetwork, AdversaryGetsNothingButMessageTwo) {
  PrivateNodes nodes;
  sim::Host& host = nodes.world.add_host("10.0.0.66");
  Stranger stranger(host);
  host.post([&] { stranger.connect(nodes.b.address()); });
  ASSERT_TRUE(nodes.until([&] { return stranger.closed; }));
  EXPECT_EQ(stranger.received, wire::kHandshake2Bytes + 1 + wire::Invite::kBytes);
  EXPECT_GT(stranger.sent, wire::kHandshake1Bytes + wire::kHandshake3Bytes);
  EXPECT_EQ(nodes.b.table.counters().denied, 1u);
  EXPECT_TRUE(nodes.b.table.sessions().empty() && nodes.b.lost.empty());
  stranger.stream.reset();
}

TEST(PrivateNetwork, EndsASessionWhenItsInviteExpires) {
  PrivateNodes nodes(100);
  nodes.connect(nodes.a, nodes.b);
  nodes.world.run_for(90s);
  EXPECT_NE(nodes.a.table.find(nodes.b.identity.id()), nullptr);
  ASSERT_TRUE(nodes.until([&] { return nodes.a.lost.size() + nodes.b.lost.size() == 2; }, 15s));
  EXPECT_TRUE(nodes.a.table.sessions().empty() && nodes.b.table.sessions().empty());
  nodes.in(nodes.a, [&] { nodes.a.open(nodes.b); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 2; }));
  EXPECT_FALSE(nodes.a.outcomes[1]);
}

/// `b` with a new key, at another address.
struct Rotated : Process {
  Rotated(Nodes& nodes, uint32_t overlap_s)
      : Process(nodes.system, nodes.world.add_host("10.0.0.3"), "sessions", 33) {
    const auto now_s = static_cast<uint32_t>(host.wall_ms() / 1000);
    identity = nodes.b.identity.successor(rng, now_s, now_s + overlap_s);
    table.emplace(reactor, identity, true, rng, system.types(), exports);
    run_in(nodes.world, *this, [this] { ASSERT_TRUE(table->listen(address())); });
  }
  std::optional<PeerTable> table;
};

TEST(RotatedKey, AnswersToTheOldNameUntilTheOverlapEnds) {
  Nodes nodes;
  nodes.listen();
  Rotated fresh(nodes, 60);
  const NodeId old_id = nodes.b.identity.id(), new_id = fresh.identity.id();
  for (int i = 0; i < 2; ++i) nodes.in(nodes.a, [&] { nodes.a.open(old_id, fresh.address()); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 2; }));
  for (const Result<NodeId>& outcome : nodes.a.outcomes) EXPECT_EQ(outcome.value(), new_id);
  EXPECT_EQ(nodes.a.table.counters().dialled, 1u);
  EXPECT_NE(nodes.a.table.find(new_id), nullptr);
  EXPECT_EQ(nodes.a.table.find(old_id), nodes.a.table.find(new_id));
  EXPECT_EQ(nodes.a.table.find(new_id)->standing().former, std::vector{old_id});

  nodes.world.run_for(75s);
  EXPECT_TRUE(nodes.a.lost.empty()) << "it drained";
  EXPECT_EQ(nodes.a.table.find(old_id), nullptr);
  nodes.in(nodes.a, [&] {
    nodes.a.open(old_id, fresh.address());
    nodes.a.open(new_id, fresh.address());
  });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 4; }));
  EXPECT_EQ(std::ranges::count_if(nodes.a.outcomes, [](const auto& o) { return o.has_value(); }),
            3);
  nodes.in(fresh, [&] { fresh.table->close_all(); });
}

TEST(RotatedKey, LosesNoRequestWhenTheOverlapEnds) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Nodes nodes(seed);
    nodes.listen();
    Rotated fresh(nodes, 20);
    uint64_t asked = 0;
    for (int i = 0; i < 60; ++i) {
      nodes.in(nodes.a, [&] {
        const uint64_t number = ++asked;
        nodes.a.table.open(
            fresh.identity.id(), fresh.address(), [&, number](const Result<PeerLink>& session) {
              ASSERT_TRUE(session) << session.error().text();
              nodes.a.probe->ask(session->proxy(Process::target()), number, echo_frame(number));
            });
      });
      nodes.world.run_for(500ms);
    }
    ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.size() == asked; }));
    for (const auto& [number, answer] : nodes.a.probe->answers)
      EXPECT_FALSE(answer.error) << number << ": " << answer.error->text();
    EXPECT_GE(nodes.a.table.counters().dialled, 2u) << "a second session took over";
    nodes.in(fresh, [&] { fresh.table->close_all(); });
  }
}

}  // namespace
}  // namespace themis
