// Who gives up a request tells whoever runs it, whatever lies between them.
#include "tests/unit/peer/nodes_fixture.hpp"
#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

/// a asks b for each of these and b holds them.
void ask_held(TwoEnds& two, const std::vector<wire::FramePtr>& frames) {
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (const wire::FramePtr& frame : frames)
      two.a.probe->ask(two.a.proxy(), sequence_of(frame), frame);
  });
}

TEST(SessionCancel, ReachesTheActorAndAnswersTheCaller) {
  TwoEnds two;
  const wire::FramePtr kept = echo_frame(1), given_up = echo_frame(2);
  ask_held(two, {kept, given_up});
  ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == 2; }));
  two.in(two.a, [&] { two.a.probe->cancel(two.a.proxy(), given_up); });
  ASSERT_TRUE(two.until([&] { return !two.b.server->cancelled.empty(); }));
  EXPECT_EQ(two.b.server->cancelled, std::vector<uint64_t>{2});
  EXPECT_TRUE(two.b.server->held[1].frame->cancelled());
  EXPECT_FALSE(two.b.server->held[0].frame->cancelled());
  EXPECT_TRUE(two.a.probe->failed_with(2, Code::cancelled));
  EXPECT_EQ(two.a.session->requests_open(), 1u);
  EXPECT_EQ(two.a.session->counters().cancels_sent, 1u);
  EXPECT_EQ(two.b.session->counters().cancels_received, 1u);
  two.in(two.b, [&] { two.b.server->answer_held(2); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.contains(1); }));
  two.world.run_for(1s);
  EXPECT_EQ(two.a.probe->answers.size(), 2u) << "the late answer is heard by nobody";
}

TEST(SessionCancel, OfARequestThatWaitsForCreditKeepsItHere) {
  TwoEnds two(1, {.request = 1h});
  constexpr size_t kMegabyte = 1'000'000;
  std::vector<wire::FramePtr> frames;
  for (uint64_t i = 1; i <= 8; ++i) frames.push_back(echo_frame(i, kMegabyte));
  ask_held(two, frames);
  two.world.run_for(10s);
  const size_t sent = two.b.server->held.size();
  ASSERT_LT(sent, 7u);
  two.in(two.a, [&] { two.a.probe->cancel(two.a.proxy(), frames[6]); });
  two.in(two.b, [&] { two.b.server->does = Server::Does::answer; });
  two.in(two.b, [&] { two.b.server->answer_held(sent); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 8; }));
  EXPECT_TRUE(two.a.probe->failed_with(7, Code::cancelled));
  EXPECT_EQ(two.b.server->order, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 8}));
  EXPECT_EQ(two.a.session->counters().cancels_sent, 0u);
}

TEST(SessionCancel, ADeadlineThatPassesTellsTheActorWithoutAMessage) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    const TimePoint deadline = two.a.reactor.loop().now() + 200ms;
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1, 8, deadline));
  });
  ASSERT_TRUE(two.until([&] { return !two.b.server->cancelled.empty(); }, 10s));
  EXPECT_TRUE(two.b.server->held[0].frame->cancelled());
  ASSERT_TRUE(two.until([&] { return two.a.probe->failed_with(1, Code::timeout); }, 10s));
  EXPECT_EQ(two.b.session->counters().cancels_received, 0u);
}

TEST(SessionCancel, ASessionThatIsCutTellsTheActor) {
  TwoEnds two;
  ask_held(two, {echo_frame(1)});
  ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == 1; }));
  two.in(two.a, [&] { two.a.session->close({Code::unavailable, "cut"}); });
  ASSERT_TRUE(two.until([&] { return two.b.server->cancelled.size() == 1; }));
}

TEST(SessionCancel, AdversaryOneThatFitsNoOpenRequestChangesNothing) {
  WithRawPeer with;
  with.end.server->does = Server::Does::hold;
  const wire::FramePtr frame = echo_frame(1);
  constexpr uint64_t kGeneration = uint64_t{1} << 32;
  with.in_peer([&] {
    with.peer.send({.kind = wire::MessageKind::request,
                    .target = Process::target(),
                    .request = 5 * kGeneration + 3},
                   frame);
    for (const uint64_t id : {uint64_t{1}, uint64_t{3}, 4 * kGeneration + 3, 6 * kGeneration + 3,
                              5 * kGeneration + 4, uint64_t{0xffff'ffff}, UINT64_MAX})
      for (int i = 0; i < 100; ++i)
        with.peer.send({.kind = wire::MessageKind::cancel, .request = id});
  });
  with.world.run_for(1s);
  EXPECT_EQ(with.end.server->held.size(), 1u);
  EXPECT_TRUE(with.end.server->cancelled.empty());
  EXPECT_FALSE(with.peer.closed);
  with.in_peer([&] {
    for (int i = 0; i < 100; ++i)
      with.peer.send({.kind = wire::MessageKind::cancel, .request = 5 * kGeneration + 3});
  });
  ASSERT_TRUE(with.until([&] { return !with.end.server->cancelled.empty(); }));
  with.world.run_for(1s);
  EXPECT_EQ(with.end.server->cancelled.size(), 1u) << "once";
}

/// b holds a request with a key that a sent `times` times.
void hold_keyed(Nodes& nodes, const std::vector<wire::FramePtr>& frames) {
  nodes.listen();
  nodes.connect(nodes.a, nodes.b);
  nodes.b.server->does = Server::Does::hold;
  nodes.in(nodes.a, [&] {
    const caf::actor there = nodes.a.table.find(nodes.b.identity.id())->proxy(Process::target());
    for (size_t i = 0; i < frames.size(); ++i) nodes.a.probe->ask(there, i + 1, frames[i]);
  });
  nodes.world.run_for(1s);
  ASSERT_EQ(nodes.b.server->held.size(), 1u);
}
std::vector<wire::FramePtr> two_of_one_key() {
  wire::IdempotencyKey key;
  key.bytes[0] = std::byte{1};
  return {echo_frame(5, 8, TimePoint::max(), key), echo_frame(5, 8, TimePoint::max(), key)};
}

TEST(SessionCancel, OfARequestWithAKeyStopsItWhenTheLastOfThoseWhoWaitGaveUp) {
  Nodes nodes;
  const auto frames = two_of_one_key();
  hold_keyed(nodes, frames);
  const auto cancel = [&](const wire::FramePtr& frame) {
    nodes.in(nodes.a, [&] {
      SessionActor* session = nodes.a.table.find(nodes.b.identity.id());
      nodes.a.probe->cancel(session->proxy(Process::target()), frame);
    });
    nodes.world.run_for(1s);
  };
  cancel(frames[0]);
  EXPECT_TRUE(nodes.b.server->cancelled.empty()) << "the other one waits";
  cancel(frames[1]);
  EXPECT_EQ(nodes.b.server->cancelled, std::vector<uint64_t>{5});
}

TEST(SessionCancel, ARequestWithAKeyRunsOnWhenItsSessionIsCut) {
  Nodes nodes;
  hold_keyed(nodes, two_of_one_key());
  nodes.in(nodes.a, [&] {
    nodes.a.table.find(nodes.b.identity.id())->close({Code::unavailable, "cut"});
  });
  nodes.world.run_for(1s);
  EXPECT_TRUE(nodes.b.server->cancelled.empty()) << "it may be asked for again";
  nodes.world.run_for(2min);
  EXPECT_EQ(nodes.b.server->cancelled.size(), 1u) << "its deadline has passed";
}

}  // namespace
}  // namespace themis
