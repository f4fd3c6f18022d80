// How objects reach the nodes that keep them, and leave those that no longer do.
#include <algorithm>
#include <functional>
#include <set>

#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

/// Copy 0 of a name at `place`, by `provider`.
Store store_at(unsigned place, unsigned provider = 3) {
  return {0, record_of(provider, 1, 1'050'000, name_at(place))};
}

/// Node 100 with the nodes before it; the others answer honestly about an owner at 30 or wherever
/// the test puts it.
class Replicas : public RingStep {
 protected:
  using Answer = std::function<Result<Reply>(const Ask&)>;

  /// Tells the ring who is before it, as `predecessor` says.
  void hear_of(const Contact& predecessor, const Contacts& behind) {
    ASSERT_TRUE(ring.answer(predecessor.id, Notify{predecessor, behind}, at));
  }
  /// Rounds of a second, in each of which `predecessor` notifies and everybody is answered: what
  /// `special` has no answer to goes as in a ring whose nodes are all well.
  void rounds(int count, const Contact& predecessor, const Contacts& behind,
              const Contacts& members, const Answer& special) {
    for (int round = 0; round < count; ++round) {
      pass(1s);
      hear_of(predecessor, behind);
      ring.tick(at);
      for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring))
        for (const Ask& ask : asks) {
          Result<Reply> reply = special(ask);
          if (!reply) reply = honest(ask, members);
          ring.answered(ask.token, reply ? ask.to.id : NodeId{}, std::move(reply), at);
        }
    }
  }
  /// `members`, in the order of the circle, without the ring under test.
  Result<Reply> honest(const Ask& ask, const Contacts& members) {
    const bool lives =
        std::ranges::any_of(members, [&](const Contact& c) { return c.id == ask.to.id; });
    if (!lives) return fail(Code::unavailable, "nobody there");
    Contacts all = members;
    all.push_back(member_at(100));
    std::ranges::sort(all, {}, [](const Contact& c) { return c.id; });
    const auto from = [&](const auto& is_first) {
      const auto first = std::ranges::find_if(all, is_first);
      Contacts out(first, all.end());
      out.insert(out.end(), all.begin(), first);
      return out;
    };
    if (const auto* find = std::get_if<FindNode>(&ask.question))
      return FindNodeReply{true,
                           from([&](const Contact& c) { return !(point(c.id) < find->target); })};
    if (!std::holds_alternative<GetNeighbours>(ask.question) &&
        !std::holds_alternative<Notify>(ask.question))
      return Ack{};
    Contacts next = from([&](const Contact& c) { return c.id == ask.to.id; });
    next.erase(next.begin());
    const Contact predecessor = next.back();
    next.resize(4);
    return Neighbours{predecessor, next};
  }
  bool keeps(unsigned place) const { return ring.objects().contains(object_id(name_at(place), 0)); }

  const Contacts honest_members{contact_at(20), contact_at(30), contact_at(40), before, after};
  const Answer nothing_special = [](const Ask&) { return fail(Code::internal, "as usual"); };
};

TEST_F(Replicas, RegressAStoreOutsideOfWhatItKeepsReachesAKeeperBeforeItIsErased) {
  join_ring_of_three();
  const Contacts behind{contact_at(40), contact_at(30), contact_at(20)};
  hear_of(before, behind);
  // Nodes 30, 40 and 50 keep it.
  ASSERT_TRUE(ring.answer(member_at(3).id, store_at(25), at));
  ASSERT_TRUE(ring.answer(member_at(3).id, store_at(45), at));
  std::set<NodeId> handed_to;
  rounds(20, before, behind, honest_members, [&](const Ask& ask) -> Result<Reply> {
    if (const auto* chunk = std::get_if<HandOver>(&ask.question))
      for (const Store& entry : chunk->entries)
        if (entry.record->name == name_at(25)) handed_to.insert(ask.to.id);
    return fail(Code::internal, "as usual");
  });
  EXPECT_TRUE(handed_to.contains(contact_at(30).id));
  EXPECT_FALSE(keeps(25));
  EXPECT_TRUE(keeps(45));
}

TEST_F(Replicas, RegressACopyThatItsOwnerRefusesStays) {
  join_ring_of_three();
  const Contacts behind{contact_at(40), contact_at(30), contact_at(20)};
  hear_of(before, behind);
  ASSERT_TRUE(ring.answer(member_at(3).id, store_at(25), at));
  rounds(30, before, behind, honest_members, [&](const Ask& ask) -> Result<Reply> {
    if (std::holds_alternative<HandOver>(ask.question)) return Refused{0, 1};
    return fail(Code::internal, "as usual");
  });
  EXPECT_TRUE(keeps(25));
}

TEST_F(Replicas, RegressAdversaryWhoInventsTheNodesBeforeItMakesNothingBeErased) {
  join_ring_of_three();
  hear_of(before, {contact_at(40), contact_at(30)});
  ASSERT_TRUE(ring.answer(member_at(3).id, store_at(45), at));
  ASSERT_TRUE(ring.answer(member_at(3).id, store_at(35), at));
  const Contact liar = contact_at(95);
  Contacts members = honest_members;
  members.push_back(liar);
  std::erase(members, contact_at(40));
  std::erase(members, contact_at(30));
  rounds(30, liar, {contact_at(94), contact_at(93), contact_at(92)}, members, nothing_special);
  EXPECT_EQ(ring.objects().object_count(), 2u);
}

TEST_F(Replicas, RegressOneRefusedRecordHoldsUpNoHandOver) {
  join_ring_of_three();
  constexpr unsigned kFirst = 52, kCount = 46;
  for (unsigned place = kFirst; place < kFirst + kCount; ++place)
    ASSERT_TRUE(ring.answer(member_at(3).id, store_at(place), at));
  ASSERT_TRUE(ring.answer(member_at(9).id, store_at(99, 9), at));
  // The new successor's quota for provider 9 is used up.
  const Contact closer = contact_at(120);
  Contacts members{before, closer, after};
  std::set<std::string> arrived;
  size_t refused = 0;
  rounds(40, before, {}, members, [&](const Ask& ask) -> Result<Reply> {
    const auto* chunk = std::get_if<HandOver>(&ask.question);
    if (chunk == nullptr || ask.to != closer) return fail(Code::internal, "as usual");
    Refused out;
    for (size_t i = 0; i < chunk->entries.size(); ++i) {
      const Record& record = *chunk->entries[i].record;
      if (record.provider.id == member_at(9).id)
        out.retry |= static_cast<uint16_t>(1u << i);
      else
        arrived.insert(record.name);
    }
    if (out.retry == 0) return Ack{};
    ++refused;
    return out;
  });
  EXPECT_EQ(ring.table().successor(), closer);
  EXPECT_EQ(arrived.size(), kCount);
  EXPECT_GT(refused, 1u);
  EXPECT_LT(refused, 10u);
}

TEST_F(Replicas, RegressANodeToldToLeaveWhileItJoinsDoesNotJoin) {
  ring.start({before.address}, at);
  const Ask entry = take<Ask>(ring).at(0);
  ring.answered(entry.token, before.id, FindNodeReply{true, {after, before}}, at);
  const Ask copy = take<Ask>(ring).at(0);
  ring.leave(at);
  EXPECT_EQ(take<Left>(ring).size(), 1u);
  ring.answered(copy.token, after.id, Neighbours{before, {before}}, at);
  EXPECT_TRUE(ring.state() == Ring::State::left);
  EXPECT_TRUE(take<Joined>(ring).empty());
}

TEST_F(Replicas, RegressWhoIsInNoRingSaysSoWithACodeThatIsNoSilence) {
  // `unavailable` and `timeout` are what a session says of a peer that does not answer.
  const Contact peer = contact_at(7);
  ring.start({before.address}, at);
  for (const Question& question :
       {Question(FindNode{}), Question(GetObject{}), Question(store_at(60)), Question(HandOver{}),
        Question(GetNeighbours{}), Question(Notify{peer}), Question(Watch{{}, peer})})
    EXPECT_EQ(code(peer.id, question), Code::not_found);
}

}  // namespace
}  // namespace themis::ring
