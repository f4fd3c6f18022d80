#include "actors/ring/neighbourhood.hpp"

#include <gtest/gtest.h>

#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

const NodeId kSelf = contact_at(1).id;
const Point kTarget = id_at<Point>(100);

Contacts contacts(std::initializer_list<uint8_t> places) {
  Contacts out;
  for (const uint8_t place : places) out.push_back(contact_at(place));
  return out;
}

TEST(Neighbourhood, TakesTheFirstNodeAtOrAfterThePointOnceItHasAnswered) {
  Neighbourhood around(kSelf, kTarget, 0);
  around.add(contacts({120, 90, 110, 130}));
  EXPECT_EQ(around.next(), contact_at(110));
  EXPECT_EQ(around.next(), std::nullopt);
  EXPECT_FALSE(around.done());
  around.on_reply(contact_at(110).id, {contact_at(90), contacts({120, 130})});
  EXPECT_TRUE(around.done());
  EXPECT_EQ(*around.result(), contacts({110, 120, 130}));
}

TEST(Neighbourhood, PassesOverTheDeadAndSeesWhoCameInBetween) {
  Neighbourhood around(kSelf, kTarget, 0);
  around.add(contacts({110, 120}));
  around.on_failure(around.next()->id);
  EXPECT_EQ(around.next(), contact_at(120));
  around.on_reply(contact_at(120).id, {contact_at(105), contacts({130})});
  EXPECT_EQ(around.next(), contact_at(105));
  around.on_reply(contact_at(105).id, {contact_at(90), contacts({110, 120})});
  EXPECT_TRUE(around.done());
  EXPECT_EQ(*around.result(), contacts({105, 120, 130}));
}

TEST(Neighbourhood, AsksTheNodesBeforeThePointWhenNobodyAfterItIsLeft) {
  Neighbourhood around(kSelf, kTarget, 0);
  around.add(contacts({110, 90, 80}));
  around.on_failure(around.next()->id);
  EXPECT_EQ(around.next(), contact_at(90));
  EXPECT_EQ(around.next(), contact_at(80));
  around.on_failure(contact_at(90).id);
  around.on_reply(contact_at(80).id, {std::nullopt, contacts({90, 110, 115})});
  EXPECT_EQ(around.next(), contact_at(115));
  around.on_reply(contact_at(115).id, {std::nullopt, {}});
  EXPECT_EQ(*around.result(), contacts({115}));
}

TEST(Neighbourhood, WithNobodyLeftItIsUnavailableAndThisNodeCountsOnlyWhenNamed) {
  Neighbourhood around(kSelf, kTarget, 0);
  around.add(contacts({110}));
  around.on_failure(around.next()->id);
  ASSERT_TRUE(around.done());
  EXPECT_EQ(around.result().error().code, Code::unavailable);
  around.add(contact_at(1));
  EXPECT_EQ(*around.result(), contacts({1}));
}

/// One honest witness among colluders is enough: it names 101, which answers by itself.
TEST(Neighbourhood, AdversaryMayLeaveANodeOutButNotPutOneIn) {
  Neighbourhood around(kSelf, kTarget, 3);
  around.add(contacts({95, 94, 93, 150}));
  for (auto asked = around.next(); asked; asked = around.next()) {
    if (asked->id == contact_at(94).id) {
      around.on_reply(asked->id, {contact_at(93), contacts({95, 101, 102})});
    } else if (asked->id == contact_at(101).id) {
      around.on_reply(asked->id, {contact_at(95), contacts({102})});
    } else if (asked->id == contact_at(100).id) {
      around.on_failure(asked->id);  // nobody can answer as an identity that does not exist
    } else {
      around.on_reply(asked->id, {contact_at(92), contacts({100, 150, 160})});
    }
  }
  ASSERT_TRUE(around.done());
  EXPECT_EQ(around.result()->front(), contact_at(101));
}

TEST(Neighbourhood, AdversaryWithEndlesslyManyIdentitiesIsGivenUp) {
  Neighbourhood around(kSelf, kTarget, 4);
  size_t questions = 0;
  for (uint8_t place = 250; auto asked = (around.add(contact_at(place--)), around.next());
       ++questions) {
    around.on_failure(asked->id);
    around.add(contacts({place, static_cast<uint8_t>(place - 1)}));
    ASSERT_LE(questions, Neighbourhood::kQuestionsMax);
  }
  EXPECT_TRUE(around.done());
  EXPECT_EQ(questions, Neighbourhood::kQuestionsMax);
}

}  // namespace
}  // namespace themis::ring
