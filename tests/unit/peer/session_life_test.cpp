#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

TEST(SessionLife, KeepsALivePeerAndMeasuresTheRoundTrip) {
  TwoEnds two(1, {.ping_after = 2s, .dead_after = 5s, .idle_close = 0s});
  two.open();
  two.world.run_for(2min);
  EXPECT_TRUE(two.a.closed.empty() && two.b.closed.empty());
  EXPECT_GE(two.a.session->round_trip(), 200us);
  EXPECT_LE(two.a.session->round_trip(), 5ms);
}

TEST(SessionLife, AsksASilentPeerAndClosesWhenItStaysSilent) {
  TwoEnds two(1, {.ping_after = 2s, .dead_after = 5s});
  two.open();
  two.in(two.a, [&] { two.a.probe->watch(two.a.proxy()); });
  two.world.run_for(1s);
  const TimePoint gone = two.world.now();
  two.world.crash(two.b.host, sim::Crash::vanish);
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  EXPECT_EQ(two.a.closed[0].code, Code::unavailable);
  EXPECT_GE(two.world.now() - gone, 3900ms);
  EXPECT_LE(two.world.now() - gone, 6s);
  ASSERT_EQ(two.a.probe->downs.size(), 1u);
  EXPECT_EQ(from_caf(two.a.probe->downs[0]).code, Code::unavailable);
}

TEST(SessionLife, AdversaryAPeerThatStallsInsideARecordIsSilent) {
  WithRawPeer with(1, {.ping_after = 2s, .dead_after = 5s});
  const Bytes record = with.peer.seal(
      {.kind = wire::MessageKind::tell, .target = Process::target()}, echo_frame(1, 10'000));
  const TimePoint start = with.world.now();
  size_t sent = 0;
  // One byte every 100 ms: bytes keep coming, and never are a record.
  while (with.end.closed.empty() && sent < 1000) {
    with.in_peer([&] { with.peer.send_bytes(ByteView(record).subspan(sent++, 1)); });
    with.world.run_for(100ms);
  }
  ASSERT_EQ(with.end.closed.size(), 1u);
  EXPECT_LE(with.world.now() - start, 6s);
  EXPECT_TRUE(with.end.server->order.empty());
}

TEST(SessionLife, AdversaryACallerThatNeverShakesHandsIsClosed) {
  for (const size_t bytes : {size_t{0}, size_t{3}, wire::kHandshake1Bytes - 1}) {
    TwoEnds two(1, {.handshake = 5s});
    two.b.listen();
    SeededRng rng(3);
    const wire::Identity identity = wire::Identity::generate("sessions", rng);
    wire::Handshake handshake = wire::Handshake::initiator({.self = &identity}, rng);
    const Bytes first = handshake.start();
    struct Caller final : net::StreamHandler {
      void on_connected() override { stream->write(data); }
      void on_data(std::span<std::byte>) override {}
      void on_closed(const Error&) override { closed = true; }
      std::unique_ptr<net::Stream> stream;
      ByteView data;
      bool closed = false;
    } caller;
    caller.data = ByteView(first).first(bytes);
    caller.stream = two.a.host.connect(two.b.address(), caller).value();
    const TimePoint start = two.world.now();
    ASSERT_TRUE(two.until([&] { return two.b.closed.size() == 1; }));
    EXPECT_EQ(two.b.closed[0].code, Code::timeout);
    EXPECT_LE(two.world.now() - start, 5100ms);
    EXPECT_TRUE(two.until([&] { return caller.closed; }));
  }
}

TEST(SessionLife, GivesUpAConnectionThatNobodyAnswers) {
  TwoEnds two(1, {.handshake = 5s});
  two.b.listen();
  two.world.block(two.b.host, two.a.host);
  two.in(two.a, [&] {
    two.a.connect(two.b.address());
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1));
  });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  EXPECT_EQ(two.a.closed[0].code, Code::timeout);
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::unavailable));
}

TEST(SessionLife, ReportsARefusedConnection) {
  TwoEnds two;
  two.in(two.a, [&] { two.a.connect(two.b.address()); });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  EXPECT_EQ(two.a.closed[0], (Error{Code::unavailable, "connection refused"}));
}

TEST(SessionLife, ReportsAnotherIdentityThanTheExpectedOne) {
  TwoEnds two;
  two.b.listen();
  two.in(two.a, [&] { two.a.connect(two.b.address(), two.a.identity.id()); });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  EXPECT_EQ(two.a.closed[0].code, Code::wrong_peer);
  EXPECT_EQ(two.a.opened + two.b.opened, 0);
}

TEST(SessionLife, ReportsADisagreementAboutEncryption) {
  TwoEnds two;
  two.b.handshake.encryption = false;
  two.b.listen();
  two.in(two.a, [&] { two.a.connect(two.b.address()); });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1 && two.b.closed.size() == 1; }));
  EXPECT_EQ(two.b.closed[0].code, Code::denied);
}

TEST(SessionLife, ClosesWhenIdleAndNothingIsWatched) {
  TwoEnds two(1, {.idle_close = 20s});
  two.open();
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  const TimePoint start = two.world.now();
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1 && two.b.closed.size() == 1; }));
  EXPECT_GE(two.world.now() - start, 20s);
  EXPECT_LE(two.world.now() - start, 22s);
  EXPECT_TRUE(two.a.session->drained() && two.b.session->drained());
}

TEST(SessionLife, StaysOpenWhileAnActorOfThePeerIsHeld) {
  TwoEnds two(1, {.idle_close = 20s});
  two.open();
  caf::actor held;
  two.in(two.a, [&] {
    held = two.a.proxy();
    two.a.probe->watch(held);
  });
  two.world.run_for(60s);  // neither the side that holds nor the side that is watched may end it
  EXPECT_TRUE(two.a.closed.empty());
  EXPECT_TRUE(two.a.probe->downs.empty());
  EXPECT_EQ(two.b.session->watched_count(), 1u);
  two.in(two.a, [&] { held = nullptr; });
  EXPECT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
}

/// A drain overtook the requests that waited for credit: the peer answered "closed" to them.
TEST(SessionLife, RegressADrainLosesNoRequestThatWaitsForCredit) {
  TwoEnds two(1, {.request = 1h});
  two.world.faults().latency_min = two.world.faults().latency_max = 60ms;
  two.world.faults().send_buffer_bytes = 64 << 20;
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 60; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, 100'000));
  });
  two.world.run_for(2s);
  EXPECT_LT(two.b.server->held.size(), 60u) << "some wait for credit";
  two.in(two.a, [&] { two.a.session->drain(); });
  two.world.run_for(1s);
  two.in(two.b, [&] {
    two.b.server->does = Server::Does::answer;
    two.b.server->answer_held(1000);
  });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  ASSERT_EQ(two.a.probe->answers.size(), 60u);
  for (const auto& [number, answer] : two.a.probe->answers)
    EXPECT_FALSE(answer.error) << number << " " << (answer.error ? answer.error->text() : "");
}

TEST(SessionLife, ADrainLosesNoRequestOfEitherSide) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TwoEnds two(seed);
    two.open();
    two.b.server->does = Server::Does::hold;
    caf::actor there, back;
    two.in(two.a, [&] {
      there = two.a.proxy();
      for (uint64_t i = 1; i <= 5; ++i) two.a.probe->ask(there, i, echo_frame(i));
    });
    two.in(two.b, [&] {
      back = two.b.proxy();
      for (uint64_t i = 1; i <= 5; ++i) two.b.probe->ask(back, i, echo_frame(i, 20'000));
    });
    two.in(two.a, [&] { two.a.session->drain(); });
    two.in(two.a, [&] { two.a.probe->ask(there, 6, echo_frame(6)); });
    ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == 5; }));
    two.world.run_for(1s);
    two.in(two.b, [&] { two.b.server->answer_held(5); });
    ASSERT_TRUE(
        two.until([&] { return two.a.closed.size() == 1 && two.b.closed.size() == 1; }, 5s));
    EXPECT_EQ(two.a.probe->answers.size(), 6u);
    for (uint64_t i = 1; i <= 5; ++i) {
      EXPECT_FALSE(two.a.probe->answers.at(i).error);
      EXPECT_FALSE(two.b.probe->answers.at(i).error);
    }
    EXPECT_TRUE(two.a.probe->failed_with(6, Code::unavailable)) << "asked after the drain began";
  }
}

TEST(SessionLife, ADrainThatThePeerNeverFinishesEnds) {
  TwoEnds two(1, {.drain = 3s});
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == 1; }));
  const TimePoint start = two.world.now();
  two.in(two.a, [&] { two.a.session->drain(); });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1 && two.b.closed.size() == 1; }));
  EXPECT_LE(two.world.now() - start, 3500ms);
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::unavailable));
}

TEST(SessionLife, AnOwnerMayRefuseAPeer) {
  TwoEnds two;
  struct Refusing final : SessionOwner {
    Status on_session_open(SessionActor&) override { return fail(Code::denied, "not welcome"); }
    void on_session_closed(SessionActor&, const Error& why) override { closed.push_back(why); }
    std::vector<Error> closed;
  } refusing;
  two.b.context.owner = &refusing;
  two.b.listen();
  two.in(two.a, [&] { two.a.connect(two.b.address()); });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  ASSERT_EQ(refusing.closed.size(), 1u);
  EXPECT_EQ(refusing.closed[0].code, Code::denied);
}

TEST(SessionLife, TakesNewKeysEveryTwoMinutesWhileRequestsRun) {
  TwoEnds two(1, {.ping_after = 15s, .dead_after = 45s, .idle_close = 0s});
  two.open();
  caf::actor there;
  two.in(two.a, [&] { there = two.a.proxy(); });
  for (uint64_t i = 1; i <= 50; ++i) {
    two.in(two.a, [&] { two.a.probe->ask(there, i, echo_frame(i, 5000)); });
    two.world.run_for(13s);
  }
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 50; }));
  for (const auto& [number, answer] : two.a.probe->answers) EXPECT_FALSE(answer.error);
  EXPECT_EQ(two.a.session->rekeyed(), 5u) << "650 s";
  EXPECT_EQ(two.b.session->rekeyed(), 5u);
  EXPECT_TRUE(two.a.closed.empty() && two.b.closed.empty());
}

TEST(SessionLife, AdversaryAPeerThatNeverTakesNewKeysIsClosed) {
  WithRawPeer with(1, {.dead_after = 0s, .idle_close = 0s});
  const TimePoint start = with.world.now();
  while (with.end.closed.empty() && with.world.now() - start < 400s) {
    with.in_peer([&] { with.peer.send({.kind = wire::MessageKind::ping}); });
    with.world.run_for(5s);
  }
  ASSERT_EQ(with.end.closed.size(), 1u);
  EXPECT_GE(with.world.now() - start, 300s);
  EXPECT_LE(with.world.now() - start, 310s);
}

/// The last reference to a session may be dropped anywhere, long after it was closed: it must not
/// touch its reactor then.
TEST(SessionLife, RegressAClosedSessionMayOutliveItsReactor) {
  caf::strong_actor_ptr session;
  System system{System::Scheduling::virtual_time};
  {
    sim::World world(1);
    End end(system, world.add_host("10.0.0.1"), 1);
    end.session =
        spawn_hosted<SessionActor>(end.reactor, end.context, end.times, true, std::nullopt);
    session = end.session.strong();
    end.session->close({Code::cancelled, "over"});
  }
  session = nullptr;  // the address sanitizer watches
}

}  // namespace
}  // namespace themis
