#include "tests/unit/peer/big_server.hpp"
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

/// It ended the session, and with it whatever else ran there.
TEST(SessionCredit, RegressManyLongAnswersDoNotEndTheSessionOfAPeerThatReads) {
  TwoEnds two;
  two.open();
  const auto big = spawn_hosted<BigServer>(two.b.reactor, two.system.types());
  const wire::Target target = two.b.exports.add("big", big.strong());
  two.in(two.a, [&] {
    const caf::actor there = two.a.session->proxy(target);
    for (uint64_t i = 1; i <= 50; ++i) two.a.probe->ask(there, i, echo_frame(i));
  });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 50; }));
  size_t good = 0;
  for (const auto& [number, answer] : two.a.probe->answers) good += answer.error ? 0 : 1;
  EXPECT_GT(good, 15u) << "what finds room among those that wait";
  EXPECT_LE(big->asked, 50u);
  EXPECT_TRUE(two.b.closed.empty());
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 51, echo_frame(51)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 51; }));
  EXPECT_FALSE(two.a.probe->answers.at(51).error);
}

TEST(SessionCredit, AdversaryAPeerThatGrantsNothingAndAsksOnIsClosedInTheEnd) {
  WithRawPeer with;
  const auto big = spawn_hosted<BigServer>(with.end.reactor, with.system.types());
  const wire::Target target = with.end.exports.add("big", big.strong());
  const wire::FramePtr frame = echo_frame(1);
  uint64_t sent = 0;
  while (!with.peer.closed && sent < 1'000'000) {
    with.in_peer([&] {
      for (int i = 0; i < 500; ++i)
        with.peer.send({.kind = wire::MessageKind::request, .target = target, .request = ++sent},
                       frame);
    });
    with.world.run_for(5ms);
  }
  ASSERT_TRUE(with.until([&] { return with.end.closed.size() == 1; }));
  EXPECT_EQ(with.end.closed.at(0), (Error{Code::overloaded, "the peer takes no messages"}))
      << "not for what it sends: that is freed at once, and it is granted more";
  EXPECT_LE(big->asked, 40u) << "nothing is run for a peer whose answers wait";
}

/// The deadline was counted from when the message went out: the request ran 30 s too late.
TEST(SessionCredit, RegressARequestThatWaitedForCreditIsNotRunAfterItsDeadline) {
  TwoEnds two(1, {.request = 1h});
  two.open();
  two.b.server->does = Server::Does::hold;
  const TimePoint start = two.world.now();
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 60; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, 100'000));
    two.a.probe->ask(two.a.proxy(), 100, echo_frame(100, 8, start + 500ms));
    two.a.probe->ask(two.a.proxy(), 101, echo_frame(101, 8, start + 60s));
  });
  two.world.run_for(30s);
  EXPECT_TRUE(two.a.probe->failed_with(100, Code::timeout));
  two.in(two.b, [&] {
    two.b.server->does = Server::Does::answer;
    two.b.server->answer_held(1000);
  });
  two.world.run_for(5s);
  const auto& order = two.b.server->order;
  EXPECT_EQ(std::ranges::count(order, 100u), 0);
  const auto last = std::ranges::find(order, 101u);
  ASSERT_NE(last, order.end());
  const TimePoint deadline =
      two.b.server->deadlines[static_cast<size_t>(std::distance(order.begin(), last))];
  EXPECT_NEAR(static_cast<double>(to_ms(deadline - start)), 60'000, 200);
}

TEST(SessionCredit, RegressARequestThatWaitedForTheHandshakeKeepsItsDeadline) {
  TwoEnds two(1, {.handshake = 30s});
  two.world.faults().latency_min = two.world.faults().latency_max = 300ms;
  two.b.listen();
  two.in(two.a, [&] {
    const TimePoint start = two.world.now();
    two.a.connect(two.b.address());
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1, 8, start + 500ms));
    two.a.probe->ask(two.a.proxy(), 2, echo_frame(2));
  });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 2; }));
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::timeout));
  EXPECT_EQ(two.b.server->order, std::vector<uint64_t>{2}) << "the first came too late to be sent";
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
