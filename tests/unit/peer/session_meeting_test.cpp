// What a session's features do to each other: repeated and given up, old names and new homes.
#include "tests/unit/peer/nodes_fixture.hpp"

namespace themis {
namespace {

wire::FramePtr keyed_frame() {
  wire::IdempotencyKey key;
  key.bytes[3] = std::byte{1};
  return echo_frame(5, 8, TimePoint::max(), key);
}

/// The run of a request that was given up is still known by its key, but not under way any more.
TEST(SessionMeeting, RegressAdversaryARepetitionOfARequestThatWasGivenUpEndsNoProcess) {
  Nodes nodes;
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.b.server->does = Server::Does::hold;
  const wire::FramePtr first = keyed_frame();
  const wire::FramePtr second = keyed_frame();
  const auto there = [&] {
    return nodes.a.table.find(nodes.b.identity.id())->proxy(Process::target());
  };
  nodes.in(nodes.a, [&] { nodes.a.probe->ask(there(), 1, first); });
  nodes.world.run_for(1s);
  nodes.in(nodes.a, [&] { nodes.a.probe->cancel(there(), first); });
  nodes.world.run_for(1s);
  EXPECT_EQ(nodes.b.server->cancelled.size(), 1u);
  nodes.in(nodes.a, [&] { nodes.a.probe->ask(there(), 2, second); });
  nodes.world.run_for(1s);
  EXPECT_EQ(nodes.b.server->order.size(), 1u) << "it ran once";
}

TEST(SessionMeeting, RegressACancelBeforeTheHandshakeIsOverSendsNothing) {
  TwoEnds two;
  two.b.listen();
  const wire::FramePtr frame = echo_frame(1);
  two.in(two.a, [&] {
    two.a.connect(two.b.address(), two.b.identity.id());
    const caf::actor proxy = two.a.proxy();
    two.a.probe->ask(proxy, 1, frame);
    two.a.probe->cancel(proxy, frame);
  });
  two.world.run_for(1s);
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::cancelled));
  EXPECT_TRUE(two.b.server->order.empty());
}

/// The second session of a node that has lost its old name left the first one's entry: who sought
/// the old name was sent to and fro between it and another process, dial after dial.
TEST(SessionMeeting, RegressAnOldNameEndsWithItsOverlap) {
  Nodes nodes;
  nodes.listen();
  Process q(nodes.system, nodes.world.add_host("10.0.0.3"), "sessions", 33);
  SeededRng rng(77);
  const wire::Identity old = wire::Identity::generate("sessions", rng);
  const auto now_s = static_cast<uint32_t>(q.host.wall_ms() / 1000);
  q.identity = old.successor(q.rng, now_s, now_s + 20);
  PeerTable table(q.reactor, q.identity, true, q.rng, nodes.system.types(), q.exports);
  Node x(nodes.system, nodes.world.add_host("10.0.0.4"), 44);
  x.table.add(old, x.exports, {});
  nodes.in(x, [&] { ASSERT_TRUE(x.table.listen(x.address())); });
  nodes.a.server->does = Server::Does::hold;
  bool asked = false;
  for (int i = 0; i < 60; ++i) {
    nodes.in(q, [&] {
      table.open(nodes.a.identity.id(), nodes.a.address(), [&](const Result<PeerLink>& link) {
        if (!link || std::exchange(asked, true)) return;
        q.probe->ask(link->proxy(Process::target()), 1, echo_frame(1));  // keeps the session busy
      });
    });
    nodes.world.run_for(500ms);
  }
  nodes.world.run_for(15s);
  EXPECT_EQ(nodes.a.table.find(old.id()), nullptr) << "the overlap is over";
  const uint64_t dialled = nodes.a.table.counters().dialled;
  nodes.in(nodes.a, [&] { nodes.a.open(old.id(), x.address()); });
  nodes.world.run_for(10s);
  EXPECT_LE(nodes.a.table.counters().dialled - dialled, 2u);
  nodes.in(x, [&] { x.table.close_all(); });
  nodes.in(q, [&] { table.close_all(); });
}

TEST(SessionMeeting, RegressANodeThatShakesHandsItselfIsNoLongerSoughtAtItsOldProcess) {
  Nodes nodes;
  nodes.listen();
  Node x(nodes.system, nodes.world.add_host("10.0.0.4"), 44);
  Node moved(nodes.system, nodes.world.add_host("10.0.0.5"), 55);
  x.table.add(moved.identity, moved.exports, {});
  nodes.in(x, [&] { ASSERT_TRUE(x.table.listen(x.address())); });
  nodes.in(nodes.a, [&] { nodes.a.open(moved.identity.id(), x.address()); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.outcomes.size() == 1; }));
  ASSERT_TRUE(nodes.a.outcomes[0]);
  nodes.in(moved, [&] { moved.open(nodes.a); });
  nodes.world.run_for(2s);
  ASSERT_EQ(nodes.a.table.sessions().size(), 2u);
  EXPECT_EQ(nodes.a.table.find(moved.identity.id())->peer(), moved.identity.id());
  nodes.in(x, [&] { x.table.close_all(); });
  nodes.in(moved, [&] { moved.table.close_all(); });
}

}  // namespace
}  // namespace themis
