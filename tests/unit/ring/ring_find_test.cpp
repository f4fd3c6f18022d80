// Finds that ask the owner of an object at once: who answers them, and what a wrong guess costs.
#include <functional>

#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

Point place_of(const std::string& name) { return point(object_id(name, 0)); }

TEST_F(RingStep, AnswersForAnObjectOnlyWhileItIsItsOwn) {
  join_ring_of_three();
  const std::string own = name_at(80), absent = name_at(70), of_others = name_at(20);
  const RecordPtr record = record_of(9, 1, at.wall_ms + 1'000, own);
  ASSERT_TRUE(ring.answer(member_at(9).id, Store{0, record}, at));
  const auto answer = [&](const Point& target, bool object) {
    return ring.answer(contact_at(77).id, FindNode{target, object}, at).value();
  };
  EXPECT_EQ(std::get<GetObjectReply>(answer(place_of(own), true)).records, RecordPtrs{record});
  EXPECT_TRUE(std::get<GetObjectReply>(answer(place_of(absent), true)).records.empty());
  EXPECT_TRUE(std::holds_alternative<FindNodeReply>(answer(place_of(own), false)));
  // The whole successor list counts for an object, its head alone for a node.
  const auto guess = std::get<FindNodeReply>(answer(place_of(of_others), true));
  EXPECT_TRUE(guess.responsible);
  EXPECT_EQ(guess.contacts, Contacts{before});
  EXPECT_FALSE(std::get<FindNodeReply>(answer(place_of(of_others), false)).responsible);
}

TEST_F(RingStep, AKeptCopyIsNoAnswerForAnObject) {
  join_ring_of_three();
  const std::string name = name_at(20);
  ASSERT_TRUE(
      ring.answer(member_at(9).id, Store{0, record_of(9, 1, at.wall_ms + 1'000, name)}, at));
  ASSERT_TRUE(ring.objects().contains(object_id(name, 0)));
  const auto reply = ring.answer(contact_at(77).id, FindNode{place_of(name), true}, at);
  EXPECT_TRUE(std::holds_alternative<FindNodeReply>(reply.value()));
}

/// Finds `name` among nodes that answer as `reply` says; counts what was asked.
struct Asked {
  size_t for_object = 0, step = 0, get = 0;
  std::optional<Result<Records>> found;
};
Asked find_with(Ring& ring, const std::string& name, Moment at,
                const std::function<Result<Reply>(const Ask&)>& reply) {
  Asked out;
  ring.find(name, 5, at);
  for (int guard = 0; guard < 40 && !out.found; ++guard)
    for (Effect& effect : ring.take_effects()) {
      if (auto* found = std::get_if<FindDone>(&effect)) out.found = std::move(found->records);
      const auto* ask = std::get_if<Ask>(&effect);
      if (ask == nullptr) continue;
      const auto* find = std::get_if<FindNode>(&ask->question);
      ++(find == nullptr ? out.get : find->object ? out.for_object : out.step);
      Result<Reply> answer = reply(*ask);
      const NodeId from = answer ? ask->to.id : NodeId{};
      ring.answered(ask->token, from, std::move(answer), at);
    }
  return out;
}

bool is_for_object(const Ask& ask) {
  const auto* find = std::get_if<FindNode>(&ask.question);
  return find != nullptr && find->object;
}

TEST_F(RingStep, AFindOfAKnownOwnerIsOneQuestion) {
  join_ring_of_three();
  const std::string name = name_of_others();
  const RecordPtr record = record_of(9, 1, at.wall_ms + 1'000, name);
  const Asked asked = find_with(
      ring, name, at, [&](const Ask&) -> Result<Reply> { return Reply{GetObjectReply{{record}}}; });
  ASSERT_TRUE(asked.found && *asked.found);
  EXPECT_EQ(**asked.found, Records{*record});
  EXPECT_EQ(asked.for_object, 1u);
  EXPECT_EQ(asked.step + asked.get, 0u);
}

TEST_F(RingStep, AFindWhoseGuessIsWrongLooksUpWithoutGuesses) {
  join_ring_of_three();
  const std::string name = name_of_others();
  const RecordPtr record = record_of(9, 1, at.wall_ms + 1'000, name);
  const Asked asked = find_with(ring, name, at, [&](const Ask& ask) -> Result<Reply> {
    if (is_for_object(ask)) return Reply{FindNodeReply{}};
    if (std::holds_alternative<FindNode>(ask.question)) return Reply{FindNodeReply{true, {before}}};
    return Reply{GetObjectReply{{record}}};
  });
  ASSERT_TRUE(asked.found && *asked.found);
  EXPECT_EQ(**asked.found, Records{*record});
  EXPECT_EQ(asked.for_object, 1u);
  EXPECT_EQ(asked.get, 1u);
}

TEST_F(RingStep, AFindBelievesOnlyAnOwnerThatWasLookedUpThatThereIsNothing) {
  join_ring_of_three();
  const std::string name = name_of_others();
  const RecordPtr record = record_of(9, 1, at.wall_ms + 1'000, name);
  const auto find = [&](const RecordPtrs& there) {
    return find_with(ring, name, at, [&](const Ask& ask) -> Result<Reply> {
      if (is_for_object(ask)) return Reply{GetObjectReply{}};
      if (std::holds_alternative<FindNode>(ask.question))
        return Reply{FindNodeReply{true, {before}}};
      return Reply{GetObjectReply{there}};
    });
  };
  const Asked found = find({record});
  ASSERT_TRUE(found.found && *found.found);
  EXPECT_EQ(found.for_object, 3u);
  EXPECT_EQ(found.get, 1u);
  const Asked absent = find({});
  ASSERT_TRUE(absent.found && !*absent.found);
  EXPECT_EQ(absent.found->error().code, Code::not_found);
  EXPECT_EQ(absent.get, 3u);
}

TEST_F(RingStep, AFindWhoseGuessIsSilentGoesOn) {
  join_ring_of_three();
  const std::string name = name_of_others();
  const RecordPtr record = record_of(9, 1, at.wall_ms + 1'000, name);
  NodeId silent;
  const Asked asked = find_with(ring, name, at, [&](const Ask& ask) -> Result<Reply> {
    if (silent.is_zero() && is_for_object(ask)) silent = ask.to.id;
    if (ask.to.id == silent) return fail(Code::timeout, "nobody");
    if (std::holds_alternative<GetNeighbours>(ask.question) ||
        std::holds_alternative<Notify>(ask.question))
      return Reply{Neighbours{member_at(100), {member_at(100)}}};
    return Reply{GetObjectReply{{record}}};
  });
  ASSERT_TRUE(asked.found && *asked.found);
  EXPECT_EQ(**asked.found, Records{*record});
}

}  // namespace
}  // namespace themis::ring
