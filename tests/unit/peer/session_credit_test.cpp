#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

constexpr size_t kBig = 100'000;

TEST(SessionCredit, AReceiverThatHoldsFramesStopsTheSenderUntilItLetsGo) {
  TwoEnds two(1, {.request = 1h});
  two.open();
  two.b.server->does = Server::Does::hold;
  constexpr uint64_t kCount = 100;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= kCount; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, kBig));
  });
  two.world.run_for(30s);
  const size_t held = two.b.server->held.size();
  const auto cost = static_cast<size_t>(wire::credit_cost(echo_frame(1, kBig)->size()));
  EXPECT_GE(held * cost, static_cast<size_t>(wire::kInitialCredit));
  EXPECT_LE(held * cost, static_cast<size_t>(wire::kInitialCredit) + cost) << "memory is bounded";
  while (two.a.probe->answers.size() < kCount) {
    const size_t before = two.a.probe->answers.size();
    two.in(two.b, [&] { two.b.server->answer_held(20); });
    ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() > before; }));
    ASSERT_LE(two.b.server->held.size(), held);
    two.world.run_for(1s);
  }
  for (uint64_t i = 1; i <= kCount; ++i) EXPECT_EQ(two.b.server->order[i - 1], i);
}

TEST(SessionCredit, SmallMessagesCostWhatTheirFramesCost) {
  TwoEnds two(1, {.request = 1h});
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 60'000; ++i) two.a.probe->tell(two.a.proxy(), echo_frame(i, 0));
  });
  two.world.run_for(30s);
  const auto cost = static_cast<size_t>(wire::credit_cost(echo_frame(1, 0)->size()));
  const size_t allowed = static_cast<size_t>(wire::kInitialCredit) / cost + 1;
  EXPECT_EQ(two.b.server->held.size(), allowed);
  two.in(two.b, [&] { two.b.server->held.clear(); });
  two.world.run_for(30s);
  EXPECT_GT(two.b.server->order.size(), allowed);
}

TEST(SessionCredit, WhatWaitsForCreditIsBoundedAndThenRefused) {
  TwoEnds two(1, {.request = 1h});
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 300; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, kBig));
    for (uint64_t i = 1; i <= 10; ++i) two.a.probe->tell(two.a.proxy(), echo_frame(i, kBig));
  });
  const auto cost = static_cast<size_t>(wire::credit_cost(echo_frame(1, kBig)->size()));
  const size_t taken = 300 - two.a.probe->answers.size();
  EXPECT_LE(taken * cost,
            static_cast<size_t>(wire::kInitialCredit) + SessionActor::kBlockedBytesMax + 2 * cost);
  EXPECT_TRUE(two.a.probe->failed_with(300, Code::overloaded));
  EXPECT_EQ(two.a.session->counters().tells_dropped, 10u);
  // Nothing of what was taken is lost.
  two.b.server->does = Server::Does::answer;
  two.in(two.b, [&] { two.b.server->answer_held(1000); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 300; }));
  EXPECT_EQ(two.b.server->order.size(), taken);
}

TEST(SessionCredit, ControlMessagesPassWithoutCredit) {
  TwoEnds two(1, {.request = 1h});
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 60; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, kBig));
  });
  two.world.run_for(60s);  // longer than the silence that a session bears
  EXPECT_TRUE(two.a.closed.empty());
  EXPECT_GT(two.a.session->round_trip(), 0ns);
}

TEST(SessionCredit, AdversaryAPeerThatSendsPastItsCreditIsClosed) {
  WithRawPeer with;
  with.end.server->does = Server::Does::hold;
  const wire::FramePtr frame = echo_frame(1, kBig);
  with.in_peer([&] {
    for (int i = 0; i < 200; ++i)
      with.peer.send({.kind = wire::MessageKind::tell, .target = Process::target()}, frame);
  });
  ASSERT_TRUE(with.until([&] { return with.end.closed.size() == 1; }));
  EXPECT_EQ(with.end.closed[0].code, Code::overloaded);
  EXPECT_LE(with.end.server->held.size() * kBig, static_cast<size_t>(wire::kInitialCredit) + kBig);
  EXPECT_TRUE(with.until([&] { return with.peer.closed; }));
}

TEST(SessionCredit, AdversaryAPeerThatGrantsCreditNobodyUsedIsClosed) {
  WithRawPeer with;
  with.in_peer([&] { with.peer.send({.kind = wire::MessageKind::ping, .credit = UINT32_MAX}); });
  ASSERT_TRUE(with.until([&] { return with.end.closed.size() == 1; }));
  EXPECT_EQ(with.end.closed[0].code, Code::malformed);
}

TEST(SessionCredit, AdversaryAPeerThatGrantsNothingAndAsksOnIsClosedInTheEnd) {
  WithRawPeer with;
  const wire::FramePtr frame = echo_frame(1, kBig);
  size_t sent = 0;
  while (!with.peer.closed && sent < 2000) {
    with.in_peer([&] {
      with.peer.send(
          {.kind = wire::MessageKind::request, .target = Process::target(), .request = ++sent},
          frame);
    });
    with.world.run_for(5ms);
  }
  EXPECT_TRUE(with.until([&] { return with.end.closed.size() == 1; }));
  EXPECT_EQ(with.end.closed.at(0).code, Code::overloaded);
  EXPECT_LE(sent * kBig,
            SessionActor::kBlockedBytesEnd + 3 * static_cast<size_t>(wire::kInitialCredit));
}

TEST(SessionCredit, AdversaryAFloodOfPingsWithoutReadingIsClosedAtTheBacklog) {
  WithRawPeer with(1, {.ping_after = 0s, .dead_after = 0s});
  with.in_peer([&] { with.peer.set_reading(false); });
  size_t pings = 0;
  while (with.end.closed.empty() && pings < 2'000'000) {
    with.in_peer([&] {
      for (int i = 0; i < 1000; ++i, ++pings) with.peer.send({.kind = wire::MessageKind::ping});
    });
    with.world.run_for(20ms);
  }
  ASSERT_EQ(with.end.closed.size(), 1u);
  EXPECT_EQ(with.end.closed[0], (Error{Code::overloaded, "the peer does not read"}));
}

}  // namespace
}  // namespace themis
