#pragma once
// A fixture: one ring among nodes that the test plays.

#include <gtest/gtest.h>

#include "actors/ring/ring.hpp"
#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {

template <class E>
std::vector<E> take(Ring& ring) {
  std::vector<E> out;
  for (Effect& effect : ring.take_effects())
    if (E* wanted = std::get_if<E>(&effect)) out.push_back(std::move(*wanted));
  return out;
}

class RingStep : public testing::Test {
 protected:
  SeededRng rng{1};
  Ring ring{identity_at(100), member_at(100).address, {}, rng};
  Moment at{TimePoint{} + 1h, 1'000'000};
  const Contact before = contact_at(50);
  const Contact after = contact_at(150);

  void pass(Duration time) {
    at.now += time;
    at.wall_ms += to_ms(time);
  }
  /// A ring of three: 50, 100 (this one), 150.
  void join_ring_of_three() {
    ring.start({before.address}, at);
    const Ask entry = take<Ask>(ring).at(0);
    EXPECT_TRUE(entry.to.id.is_zero());
    ring.answered(entry.token, before.id, FindNodeReply{true, {after, before}}, at);
    const Ask copy = take<Ask>(ring).at(0);
    EXPECT_EQ(copy.to, after);
    ASSERT_TRUE(std::holds_alternative<GetNeighbours>(copy.question));
    ring.answered(copy.token, after.id, Neighbours{before, {before}}, at);
    for (const Ask& ask : take<Ask>(ring))
      if (std::holds_alternative<Notify>(ask.question))  // both of its neighbours hear of it
        ring.answered(ask.token, ask.to.id,
                      ask.to == after ? Neighbours{member_at(100), {before, member_at(100)}}
                                      : Neighbours{after, {member_at(100), after}},
                      at);
    ASSERT_TRUE(ring.answer(before.id, Notify{before}, at));
    ring.take_effects();
    ASSERT_EQ(ring.table().successors(), (Contacts{after, before}));
    ASSERT_EQ(ring.table().predecessor(), before);
  }
  /// A name none of whose copies is this node's.
  std::string name_of_others() const {
    for (unsigned n = 0;; ++n) {
      std::string name = "of-others-" + std::to_string(n);
      bool own = false;
      for (uint8_t r = 0; r < 3; ++r)
        own = own || ring.table().is_responsible(point(object_id(name, r)));
      if (!own) return name;
    }
  }
  /// The reply to a hand-over; with everything kept, no bit is set.
  Refused refused(const NodeId& peer, const HandOver& chunk) {
    const auto reply = ring.answer(peer, chunk, at);
    EXPECT_TRUE(reply) << reply.error().text();
    const auto* out = reply ? std::get_if<Refused>(&*reply) : nullptr;
    return out == nullptr ? Refused{} : *out;
  }
  Code code(const NodeId& peer, const Question& question) {
    const auto reply = ring.answer(peer, question, at);
    return reply ? Code::internal : reply.error().code;
  }
};

}  // namespace themis::ring
