#include "actors/peer/keyed_requests.hpp"

#include "tests/unit/peer/nodes_fixture.hpp"

namespace themis {
namespace {

wire::IdempotencyKey key_number(uint8_t number) {
  wire::IdempotencyKey key;
  key.bytes[3] = std::byte{number};
  return key;
}
/// Sends the request of `number` from a to b's server, over whichever session is in use.
void ask_keyed(Nodes& nodes, uint64_t id, uint64_t number, uint8_t key) {
  nodes.in(nodes.a, [&] {
    const caf::actor there = nodes.a.table.find(nodes.b.identity.id())->proxy(Process::target());
    nodes.a.probe->ask(there, id, echo_frame(number, 8, TimePoint::max(), key_number(key)));
  });
}

TEST(KeyedRequests, ARepeatedRequestRunsOnceAndIsAnsweredTheSame) {
  Nodes nodes;
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  for (uint64_t id = 1; id <= 3; ++id) ask_keyed(nodes, id, 5, 1);
  ask_keyed(nodes, 4, 5, 2);
  ask_keyed(nodes, 5, 6, 1);
  ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.size() == 5; }));
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_EQ(nodes.a.probe->answers[id].sequence, 5u) << id;
  EXPECT_TRUE(nodes.a.probe->failed_with(5, Code::invalid)) << "another request, the same key";
  EXPECT_EQ(nodes.b.server->order, (std::vector<uint64_t>{5, 5})) << "once for each key";
  nodes.world.run_for(70s);
  ask_keyed(nodes, 6, 5, 1);
  ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.size() == 6; }));
  EXPECT_EQ(nodes.b.server->order.size(), 3u) << "forgotten after a minute";
}

/// The request 5 with key 1 is held by its server when its session is cut.
void cut_while_held(Nodes& nodes) {
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.b.server->does = Server::Does::hold;
  ask_keyed(nodes, 1, 5, 1);
  ASSERT_TRUE(nodes.until([&] { return nodes.b.server->held.size() == 1; }));
  nodes.in(nodes.a, [&] {
    nodes.a.table.find(nodes.b.identity.id())->close({Code::unavailable, "cut"});
  });
}

/// The first session is cut while the request runs: the outcome would be unknown without the key.
TEST(KeyedRequests, ARetryOverASecondSessionJoinsTheRunningRequest) {
  Nodes nodes;
  cut_while_held(nodes);
  ASSERT_TRUE(nodes.until([&] {
    return nodes.b.table.sessions().empty() && nodes.a.probe->failed_with(1, Code::unavailable);
  }));
  nodes.connect(nodes.a, nodes.b);
  ask_keyed(nodes, 2, 5, 1);
  nodes.world.run_for(1s);
  EXPECT_EQ(nodes.b.server->held.size(), 1u) << "it does not run again";
  nodes.in(nodes.b, [&] { nodes.b.server->answer_held(1); });
  ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.contains(2); }));
  EXPECT_EQ(nodes.a.probe->answers[2].sequence, 5u);
  EXPECT_EQ(nodes.b.server->order.size(), 1u);
}

/// The answer was lost with the first session: the retry gets it from the cache.
TEST(KeyedRequests, ARetryOverASecondSessionGetsTheAnswerThatWasLost) {
  Nodes nodes;
  cut_while_held(nodes);
  ASSERT_TRUE(nodes.until([&] { return nodes.b.table.sessions().empty(); }));
  nodes.in(nodes.b, [&] { nodes.b.server->answer_held(1); });
  nodes.connect(nodes.a, nodes.b);
  ask_keyed(nodes, 2, 5, 1);
  ASSERT_TRUE(nodes.until([&] { return nodes.a.probe->answers.contains(2); }));
  EXPECT_EQ(nodes.a.probe->answers[2].sequence, 5u);
  EXPECT_EQ(nodes.b.server->order.size(), 1u);
}

}  // namespace
}  // namespace themis
