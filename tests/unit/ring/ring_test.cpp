#include <gtest/gtest.h>

#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

TEST_F(RingStep, WithoutBootstrapItIsARingOfItsOwn) {
  ring.start({member_at(100).address}, at);
  EXPECT_EQ(take<Joined>(ring).size(), 1u);
  ring.provide("greeter", to_bytes("v1"), 7, at);
  const auto stored = take<StoreDone>(ring);
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_TRUE(stored[0].user == 7 && stored[0].status);
  EXPECT_EQ(ring.objects().record_count(), 3u);
  ring.find("greeter", 8, at);
  const auto found = take<FindDone>(ring);
  ASSERT_TRUE(found.at(0).records);
  EXPECT_EQ(found[0].records->at(0).provider, member_at(100));
  ring.find("nothing", 9, at);
  EXPECT_EQ(take<FindDone>(ring).at(0).records.error().code, Code::not_found);
  ring.leave(at);
  EXPECT_EQ(take<Left>(ring).size(), 1u);
  EXPECT_EQ(ring.next_wakeup(), TimePoint::max());
}

TEST_F(RingStep, ProvidesAThousandNamesAloneAndNotOneMore) {
  ring.start({}, at);
  for (size_t n = 0; n <= Ring::kProvidedMax; ++n) ring.provide("n" + std::to_string(n), {}, n, at);
  for (int round = 0; round < 60; ++round) {
    pass(1s);
    ring.tick(at);
  }
  const auto stored = take<StoreDone>(ring);
  ASSERT_EQ(stored.size(), Ring::kProvidedMax + 1);
  EXPECT_EQ(stored.back().status.error().code, Code::overloaded);
  EXPECT_EQ(ring.objects().record_count(), 3 * Ring::kProvidedMax);
}

TEST_F(RingStep, JoinCopiesTheWholeNeighbourhood) {
  join_ring_of_three();
  EXPECT_EQ(ring.state(), Ring::State::joined);
}

TEST_F(RingStep, FailedJoinIsToldAndTriedAgain) {
  ring.start({before.address}, at);
  const Ask entry = take<Ask>(ring).at(0);
  ring.answered(entry.token, {}, fail(Code::timeout, "nobody"), at);
  EXPECT_EQ(take<JoinFailed>(ring).at(0).why.code, Code::unavailable);
  at.now = ring.next_wakeup();
  ring.tick(at);
  EXPECT_EQ(take<Ask>(ring).at(0).to.address, before.address);
  EXPECT_EQ(code(after.id, FindNode{id_at<Point>(1)}), Code::not_found);
}

TEST_F(RingStep, CloserSuccessorIsAdoptedOnlyAfterItAnswered) {
  join_ring_of_three();
  at.now = ring.next_wakeup();
  ring.tick(at);
  const Contact closer = contact_at(120);
  for (const Ask& ask : take<Ask>(ring))
    if (std::holds_alternative<Notify>(ask.question))
      ring.answered(ask.token, after.id, Neighbours{closer, {before}}, at);
  EXPECT_EQ(ring.table().successor(), after);
  const auto asks = take<Ask>(ring);
  ASSERT_EQ(asks.size(), 1u);
  EXPECT_EQ(asks[0].to, closer);
  ring.answered(asks[0].token, {}, fail(Code::timeout, "nobody"), at);
  EXPECT_EQ(ring.table().successor(), after);
  EXPECT_TRUE(take<Ask>(ring).empty());
}

TEST_F(RingStep, DeadSuccessorIsReplacedAtOnce) {
  join_ring_of_three();
  ring.unreachable(after.id, at);
  EXPECT_EQ(ring.table().successors(), Contacts{before});
  const Effects effects = ring.take_effects();
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<Ask>(effects[0]).to, before);
  EXPECT_EQ(std::get<FingerRemoved>(effects[1]).id, after.id);
}

TEST_F(RingStep, RegressOldQuestionToARestartedNodeDoesNotEvictIt) {
  join_ring_of_three();
  ring.lookup(id_at<Point>(20), 1, at);
  std::optional<Ask> lost;
  for (const Ask& ask : take<Ask>(ring))
    if (ask.to == after) lost = ask;
  ASSERT_TRUE(lost);
  pass(900ms);
  ASSERT_TRUE(ring.answer(after.id, Notify{after}, at));
  pass(100ms);
  ring.answered(lost->token, {}, fail(Code::timeout, "nobody"), at);
  EXPECT_EQ(ring.table().successor(), after);
}

TEST_F(RingStep, SilentPredecessorIsAskedAndDropped) {
  join_ring_of_three();
  pass(10s);
  ring.tick(at);
  for (const Ask& ask : take<Ask>(ring)) {
    if (!std::holds_alternative<Ping>(ask.question)) continue;
    EXPECT_EQ(ask.to, before);
    ring.answered(ask.token, before.id, fail(Code::unavailable, "left"), at);
  }
  EXPECT_FALSE(ring.table().predecessor());
}

// The copies were all on the two that died: until the next refresh nobody found the name.
TEST_F(RingStep, RegressWhatLostNodesKeptIsStoredAgainAtOnce) {
  join_ring_of_three();
  ring.provide("greeter", to_bytes("v1"), 7, at);
  // Whatever is asked, the two others say that they are responsible and keep it.
  for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring))
    for (const Ask& ask : asks) {
      const bool lookup = std::holds_alternative<FindNode>(ask.question);
      const Reply reply = lookup ? Reply(FindNodeReply{true, {after, before}}) : Reply(Ack{});
      ring.answered(ask.token, ask.to.id, reply, at);
    }
  ring.unreachable(before.id, at);
  ring.unreachable(after.id, at);
  ring.take_effects();
  pass(2s);
  ring.tick(at);
  ring.find("greeter", 8, at);
  const auto found = take<FindDone>(ring);
  ASSERT_EQ(found.size(), 1u);
  ASSERT_TRUE(found[0].records) << found[0].records.error().text();
  EXPECT_EQ(found[0].records->at(0).provider, member_at(100));
}

TEST_F(RingStep, AnotherIdentityAtAnAddressCountsAsNoAnswer) {
  join_ring_of_three();
  at.now = ring.next_wakeup();
  ring.tick(at);
  for (const Ask& ask : take<Ask>(ring))
    if (std::holds_alternative<Notify>(ask.question))
      ring.answered(ask.token, contact_at(77).id, Neighbours{{}, {}}, at);
  EXPECT_EQ(ring.table().successors(), Contacts{before});
}

TEST_F(RingStep, AdversaryMaySpeakForItselfOnly) {
  join_ring_of_three();
  const Contact liar = contact_at(99);
  EXPECT_EQ(code(liar.id, Notify{contact_at(98)}), Code::denied);
  EXPECT_EQ(code(liar.id, Leave{before, {}}), Code::denied);
  const Store store{0, record_of(3, 1, 1'050'000, name_at(80))};
  EXPECT_EQ(code(liar.id, store), Code::denied);
  EXPECT_EQ(code(liar.id, HandOver{{store}}), Code::denied);
  EXPECT_EQ(ring.table().predecessor(), before);
  EXPECT_EQ(ring.objects().record_count(), 0u);
}

TEST_F(RingStep, LeaveIsOverAtItsDeadlineWhoeverIsSilent) {
  join_ring_of_three();
  ring.provide("greeter", {}, 1, at);
  ring.leave(at);
  EXPECT_EQ(ring.state(), Ring::State::leaving);
  EXPECT_EQ(code(before.id, Notify{before}), Code::not_found);
  // Half of the time for its names, then for its objects.
  const TimePoint deadline = at.now + RingOptions{}.leave_timeout;
  EXPECT_LT(ring.next_wakeup(), deadline);
  for (at.now = ring.next_wakeup(); at.now < deadline; at.now = ring.next_wakeup()) {
    ring.tick(at);
    EXPECT_EQ(ring.state(), Ring::State::leaving);
  }
  ring.tick(at);
  EXPECT_EQ(take<Left>(ring).size(), 1u);
  EXPECT_EQ(ring.state(), Ring::State::left);
}

TEST_F(RingStep, NeighbourThatLeavesIsForgottenAndItsWordOnItsPredecessorIsNotTaken) {
  join_ring_of_three();
  ASSERT_TRUE(ring.answer(before.id, Leave{before, {member_at(100), after}}, at));
  EXPECT_FALSE(ring.table().predecessor());
  EXPECT_EQ(ring.table().successors(), Contacts{after});
  ASSERT_TRUE(ring.answer(contact_at(20).id, Notify{contact_at(20)}, at));
  EXPECT_EQ(ring.table().predecessor(), contact_at(20));
}

TEST_F(RingStep, ListThatLostAnEntryIsPaddedFromTheNextLiveSuccessorAtOnce) {
  join_ring_of_three();
  ring.unreachable(after.id, at);
  const auto asks = take<Ask>(ring);
  ASSERT_EQ(asks.size(), 1u);
  EXPECT_EQ(asks[0].to, before);
  ASSERT_TRUE(std::holds_alternative<Notify>(asks[0].question));
  ring.answered(asks[0].token, before.id,
                Neighbours{after, {contact_at(60), contact_at(70), member_at(100)}}, at);
  EXPECT_EQ(ring.table().successors(), (Contacts{before, contact_at(60), contact_at(70)}));
}

TEST_F(RingStep, FartherNodeThatNotifiesTakesThePlaceOfADeadPredecessorOnly) {
  join_ring_of_three();
  const Contact farther = contact_at(20);
  for (const bool dead : {false, true}) {
    ASSERT_TRUE(ring.answer(farther.id, Notify{farther}, at));
    const auto asks = take<Ask>(ring);
    ASSERT_EQ(asks.size(), 1u);
    EXPECT_EQ(asks[0].to, before);
    ASSERT_TRUE(std::holds_alternative<Ping>(asks[0].question));
    Result<Reply> reply = Ack{};
    if (dead) reply = fail(Code::timeout, "nobody");
    pass(1s);
    ring.answered(asks[0].token, dead ? NodeId{} : before.id, std::move(reply), at);
    EXPECT_EQ(ring.table().predecessor(), dead ? farther : before);
  }
}

/// A ring of 500 that joined at once was ideal after 8 s: every step waited for a whole period.
TEST_F(RingStep, RegressRoundsFollowEachOtherSoonerWhileEntriesComeAndGo) {
  const RingOptions options;
  const auto next_round = [&] { return ring.next_wakeup() - at.now; };
  const auto quick = options.update_period / Ring::kHaste * 5 / 4;
  join_ring_of_three();
  EXPECT_LE(next_round(), quick);
  const auto rest = [&] {
    for (int round = 0; round < 5; ++round) {
      pass(next_round());
      ring.tick(at);
      for (const Ask& ask : take<Ask>(ring))
        if (std::holds_alternative<Notify>(ask.question))
          ring.answered(ask.token, after.id, Neighbours{member_at(100), {before, member_at(100)}},
                        at);
      ASSERT_TRUE(ring.answer(before.id, Notify{before}, at));
    }
  };
  rest();
  EXPECT_GE(next_round(), options.update_period * 3 / 4);
  ASSERT_TRUE(ring.answer(contact_at(70).id, Notify{contact_at(70)}, at));
  EXPECT_LE(next_round(), quick);
}

/// Ten thousand nodes on two cores took each other for dead.
TEST_F(RingStep, RegressWhoAnswersLateIsAskedLessOftenAndWaitedForLonger) {
  join_ring_of_three();
  const RingOptions options;
  Duration timeout{}, longest_timeout{}, round{};
  const auto late_by = [&](Duration late, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      pass(std::max(Duration::zero(), ring.next_wakeup() - at.now));
      ring.tick(at);
      round = ring.next_wakeup() - at.now;
      const auto asks = take<Ask>(ring);
      pass(late);
      for (const Ask& ask : asks) {
        timeout = ask.timeout;
        longest_timeout = std::max(timeout, longest_timeout);
        Reply reply = Ack{};
        if (std::holds_alternative<Notify>(ask.question))
          reply = Neighbours{member_at(100), {before, member_at(100)}};
        ring.answered(ask.token, ask.to.id, reply, at);
      }
      ASSERT_TRUE(ring.answer(before.id, Notify{before}, at));
      ring.take_effects();
    }
  };
  late_by(10ms, 20);
  EXPECT_EQ(timeout, options.ask_timeout);
  EXPECT_LE(round, options.update_period * 5 / 4);
  late_by(900ms, 40);
  EXPECT_GT(timeout, 3 * options.ask_timeout);
  EXPECT_GT(round, 2 * options.update_period);
  late_by(5s, 100);
  EXPECT_EQ(longest_timeout, Ring::kTimeoutsMax * options.ask_timeout);
  late_by(10ms, 100);
  EXPECT_EQ(timeout, options.ask_timeout);
}

/// With half of 400 nodes gone at once, such nodes answered for all that lay before the next
/// finger.
TEST_F(RingStep, RegressWhoLostItsWholeListDoesNotSayWhoIsResponsibleAtOnce) {
  join_ring_of_three();
  ASSERT_TRUE(ring.answer(contact_at(70).id, Notify{contact_at(70)}, at));
  ring.unreachable(after.id, at);
  ring.unreachable(before.id, at);
  ASSERT_EQ(ring.table().successors(), (Contacts{contact_at(70)}));
  const auto names_responsible = [&] {
    const auto reply = ring.answer(contact_at(70).id, FindNode{id_at<Point>(200)}, at);
    return std::get<FindNodeReply>(reply.value()).responsible;
  };
  EXPECT_FALSE(names_responsible());
  pass(Ring::kSilentRounds * RingOptions{}.update_period);
  EXPECT_TRUE(names_responsible());
}

TEST_F(RingStep, NewcomerShowsItselfToTheNodeBeforeItWhichAsksItAtOnce) {
  join_ring_of_three();
  const Contact newcomer = contact_at(120);
  ASSERT_TRUE(ring.answer(newcomer.id, Notify{newcomer}, at));
  const auto asks = take<Ask>(ring);
  const auto asked = std::ranges::find_if(asks, [&](const Ask& ask) {
    return ask.to == newcomer && std::holds_alternative<Notify>(ask.question);
  });
  ASSERT_NE(asked, asks.end());
  EXPECT_EQ(ring.table().successor(), after);
  ring.answered(asked->token, newcomer.id, Neighbours{member_at(100), {after, before}}, at);
  EXPECT_EQ(ring.table().successors(), (Contacts{newcomer, after, before}));
}

TEST_F(RingStep, LookupNamesNobodyWhoDoesNotAnswer) {
  join_ring_of_three();
  ring.lookup(id_at<Point>(120), 1, at);
  const Ask first = take<Ask>(ring).at(0);
  EXPECT_EQ(first.to, after);
  ring.answered(first.token, NodeId{}, fail(Code::timeout, "nobody"), at);
  std::vector<Effect> effects = ring.take_effects();
  for (const Effect& effect : effects)
    if (const auto* ask = std::get_if<Ask>(&effect);
        ask != nullptr && std::holds_alternative<GetNeighbours>(ask->question))
      ring.answered(ask->token, ask->to.id, Neighbours{member_at(100), {}}, at);
  const auto done = take<LookupDone>(ring);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].nodes->front(), before);
}

TEST_F(RingStep, UnknownAndRepeatedTokensAreIgnored) {
  join_ring_of_three();
  ring.answered(12345, after.id, Ack{}, at);
  ring.answered(1, after.id, Ack{}, at);
  EXPECT_TRUE(ring.take_effects().empty());
}

}  // namespace
}  // namespace themis::ring
