#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

TEST(Session, CarriesRequestsOfEverySizeInOrderOverAnyFragmentation) {
  constexpr size_t kSizes[] = {0, 1, 8, 1000, 16'384, 70'000, 1'000'000};
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TwoEnds two(seed, {.request = 1h}, {.send_buffer_bytes = 4096 * seed});
    two.open();
    two.in(two.a, [&] {
      for (uint64_t i = 1; i <= 70; ++i)
        two.a.probe->ask(two.a.proxy(), i, echo_frame(i, kSizes[i % 7]));
    });
    ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 70; }));
    for (uint64_t i = 1; i <= 70; ++i) {
      const Probe::Answer& answer = two.a.probe->answers.at(i);
      ASSERT_FALSE(answer.error) << answer.error->text();
      EXPECT_EQ(answer.bytes, echo_frame(i, kSizes[i % 7])->size());
      EXPECT_EQ(answer.sequence, i);
      EXPECT_EQ(two.a.probe->order[i - 1], i);
      EXPECT_EQ(two.b.server->order[i - 1], i);
    }
    EXPECT_EQ(*two.b.server->asked_by, two.a.identity.id());
    EXPECT_EQ(two.a.session->requests_open(), 0u);
  }
}

TEST(Session, GivesTheSameRunForTheSameSeed) {
  const auto run = [](uint64_t seed) {
    TwoEnds two(seed);
    two.open();
    two.in(two.a, [&] {
      for (uint64_t i = 1; i <= 20; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i, 5000));
    });
    EXPECT_TRUE(two.until([&] { return two.a.probe->answers.size() == 20; }));
    return two.world.trace_hash();
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Session, WorksBetweenPinnedActors) {
  TwoEnds two;
  two.open();
  class Adder final : public PinnedActor {
   public:
    using PinnedActor::PinnedActor;
    caf::behavior make_behavior() override {
      return {
          [](const EchoMsg& echo) { return EchoMsg(echo_frame(echo.view()->getSequence() + 1)); }};
    }
  };
  class Asker final : public PinnedActor {
   public:
    Asker(caf::actor_config& config, caf::actor to, uint64_t* got)
        : PinnedActor(config), to_(std::move(to)), got_(got) {}
    caf::behavior make_behavior() override {
      request(to_, caf::infinite, EchoMsg(echo_frame(41))).then([this](const EchoMsg& echo) {
        *got_ = echo.view()->getSequence();
      });
      return {[](caf::unit_t) {}};
    }
    caf::actor to_;
    uint64_t* got_;
  };
  uint64_t got = 0;
  two.in(two.b, [&] {
    const caf::actor adder = spawn_pinned<Adder>(two.b.reactor);
    two.b.exports.add("adder", caf::actor_cast<caf::strong_actor_ptr>(adder));
  });
  two.in(two.a, [&] {
    spawn_pinned<Asker>(two.a.reactor, two.a.session->proxy(Exports::target_of("adder")), &got);
  });
  EXPECT_TRUE(two.until([&] { return got == 42; }));
  two.in(two.b, [&] {
    caf::anon_send_exit(
        caf::actor_cast<caf::actor>(*two.b.exports.find(Exports::target_of("adder"))),
        caf::exit_reason::user_shutdown);
  });
}

TEST(Session, BringsAFailureBackAsItWas) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::fail;
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }));
  EXPECT_EQ(two.a.probe->answers.at(1).error, (Error{Code::denied, "not you"}));
}

TEST(Session, AnswersNotFoundForAnActorThatIsNotExported) {
  TwoEnds two;
  two.open();
  two.in(two.a, [&] { two.a.probe->ask(two.a.session->proxy(12345), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }));
  EXPECT_EQ(two.a.probe->answers.at(1).error, (Error{Code::not_hosted, "no such actor here"}));
}

TEST(Session, TakesWhatIsSentBeforeItIsOpen) {
  TwoEnds two;
  two.b.listen();
  two.in(two.a, [&] {
    two.a.connect(two.b.address());
    for (uint64_t i = 1; i <= 5; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i));
  });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 5; }));
  EXPECT_EQ(two.b.server->order, (std::vector<uint64_t>{1, 2, 3, 4, 5}));
}

TEST(Session, CarriesDeadlinesAndEndsRequestsAtThem) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::hold;
  const TimePoint start = two.world.now();
  two.in(two.a, [&] {
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1, 8, start - 1ms));
    two.a.probe->ask(two.a.proxy(), 2, echo_frame(2, 8, start + 500ms));
  });
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::timeout)) << "it was over before it was sent";
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 2; }));
  EXPECT_TRUE(two.a.probe->failed_with(2, Code::timeout));
  EXPECT_GE(two.a.probe->answers.at(2).at, start + 500ms);
  EXPECT_LE(two.a.probe->answers.at(2).at, start + 700ms);
  ASSERT_EQ(two.b.server->order, (std::vector<uint64_t>{2}));
  EXPECT_NEAR(to_us(two.b.server->deadlines[0] - start), 500'000, 10'000);
  // The late answer finds no request, and breaks nothing.
  two.in(two.b, [&] {
    two.b.server->answer_held(1);
    two.b.server->does = Server::Does::answer;
  });
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 3, echo_frame(3)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.contains(3); }));
  EXPECT_FALSE(two.a.probe->answers.at(3).error);
}

TEST(Session, GivesARequestWithoutADeadlineTheSessions) {
  TwoEnds two(1, {.request = 2s});
  two.open();
  two.b.server->does = Server::Does::hold;
  two.world.run_for(10s);  // its clock must not be the one of the last message
  const TimePoint start = two.world.now();
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }));
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::timeout));
  EXPECT_GE(two.a.probe->answers.at(1).at, start + 2s);
  EXPECT_LE(two.a.probe->answers.at(1).at, start + 2200ms);
}

TEST(Session, RefusesMessagesThatNoRecordCouldCarry) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::answer_huge;
  two.in(two.a, [&] {
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1, wire::kMessageBytesMax));
    two.a.probe->tell(two.a.proxy(), echo_frame(2, wire::kMessageBytesMax));
    two.a.probe->ask(two.a.proxy(), 3, echo_frame(3));
  });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 2; }));
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::too_large));
  EXPECT_TRUE(two.a.probe->failed_with(3, Code::too_large)) << "the answer was too long";
  EXPECT_EQ(two.a.session->counters().tells_dropped, 1u);
  EXPECT_EQ(two.a.session->state(), SessionActor::State::open);
}

TEST(Session, RefusesMoreRequestsThanMayBeOpen) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::hold;
  constexpr uint64_t kMax = SessionActor::kRequestsMax;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= kMax + 10; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i));
  });
  EXPECT_EQ(two.a.probe->answers.size(), 10u);
  EXPECT_TRUE(two.a.probe->failed_with(kMax + 1, Code::overloaded));
  ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == kMax; }));
  two.in(two.b, [&] { two.b.server->answer_held(kMax); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == kMax + 10; }));
  EXPECT_FALSE(two.a.probe->answers.at(1).error);
}

TEST(Session, AdversaryARequestFloodGetsOverloadedAndNothingElseIsHeld) {
  WithRawPeer with;
  with.end.server->does = Server::Does::hold;
  constexpr size_t kMax = SessionActor::kRequestsMax;
  const wire::FramePtr frame = echo_frame(1);
  with.in_peer([&] {
    for (uint64_t i = 1; i <= kMax + 100; ++i)
      with.peer.send({.kind = wire::MessageKind::request,
                      .deadline_ms = 60'000,
                      .target = Process::target(),
                      .request = i},
                     frame);
  });
  ASSERT_TRUE(with.until([&] { return with.peer.count(wire::MessageKind::failure) == 100; }));
  EXPECT_EQ(with.end.server->held.size(), kMax);
  EXPECT_EQ(decode_failure(with.peer.received.back().second).code, Code::overloaded);
}

/// An actor that drops a request kept its place in the session for ever.
TEST(Session, RegressARequestThatIsNeverAnsweredIsForgottenAtItsDeadline) {
  WithRawPeer with;
  with.end.server->does = Server::Does::hold;
  const wire::FramePtr frame = echo_frame(1);
  const auto flood = [&] {
    for (uint64_t i = 1; i <= SessionActor::kRequestsMax; ++i)
      with.peer.send({.kind = wire::MessageKind::request,
                      .deadline_ms = 1000,
                      .target = Process::target(),
                      .request = i},
                     frame);
  };
  with.in_peer(flood);
  ASSERT_TRUE(
      with.until([&] { return with.end.server->held.size() == SessionActor::kRequestsMax; }));
  with.end.server->held.clear();
  with.world.run_for(2s);
  with.in_peer(flood);
  ASSERT_TRUE(
      with.until([&] { return with.end.server->held.size() == SessionActor::kRequestsMax; }));
  EXPECT_EQ(with.peer.count(wire::MessageKind::failure), 0u);
}

TEST(Session, AnswersWhateverIdThePeerChooses) {
  WithRawPeer with;
  const wire::FramePtr frame = echo_frame(1);
  const std::vector<uint64_t> ids = {0, 1, 1, uint64_t{1} << 60, UINT64_MAX};
  with.in_peer([&] {
    for (const uint64_t id : ids)
      with.peer.send(
          {.kind = wire::MessageKind::request, .target = Process::target(), .request = id}, frame);
  });
  ASSERT_TRUE(
      with.until([&] { return with.peer.count(wire::MessageKind::response) == ids.size(); }));
  std::vector<uint64_t> answered;
  for (const auto& [header, payload] : with.peer.received) answered.push_back(header.request);
  EXPECT_EQ(answered, ids);
}

TEST(Session, AnswersEveryOpenRequestWhenThePeerIsLost) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    for (uint64_t i = 1; i <= 10; ++i) two.a.probe->ask(two.a.proxy(), i, echo_frame(i));
  });
  ASSERT_TRUE(two.until([&] { return two.b.server->held.size() == 10; }));
  two.world.crash(two.b.host, sim::Crash::reset);
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 10; }, 1s));
  for (uint64_t i = 1; i <= 10; ++i) EXPECT_TRUE(two.a.probe->failed_with(i, Code::unavailable));
  ASSERT_EQ(two.a.closed.size(), 1u);
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 11, echo_frame(11)); });
  EXPECT_TRUE(two.until([&] { return two.a.probe->failed_with(11, Code::unavailable); }));
}

TEST(Session, AnswersEveryOpenRequestWhenItsEndClosesIt) {
  TwoEnds two;
  two.open();
  two.b.server->does = Server::Does::hold;
  two.in(two.a, [&] {
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1));
    two.a.session->finish();
  });
  EXPECT_TRUE(two.a.probe->failed_with(1, Code::unavailable));
  ASSERT_TRUE(two.until([&] { return two.b.closed.size() == 1; }));
  EXPECT_EQ(two.b.closed[0], (Error{Code::unavailable, "closed by the peer"}));
}

}  // namespace
}  // namespace themis
