#include <gtest/gtest.h>

#include "actors/ring/lookup.hpp"
#include "actors/ring/routing_table.hpp"
#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

Contacts contacts(std::initializer_list<unsigned> at) {
  Contacts out;
  for (const unsigned a : at) out.push_back(contact_at(a));
  return out;
}

class Routing : public testing::Test {
 protected:
  RoutingTable table{contact_at(100), 4};
};

TEST_F(Routing, KnowsTheFirstEntryFromAPointOnAroundTheCircle) {
  table.set_successors(contact_at(110), contacts({120}));
  table.set_predecessor(contact_at(50));
  EXPECT_EQ(table.first_from(id_at<Point>(110))->id, contact_at(110).id);
  EXPECT_EQ(table.first_from(id_at<Point>(111))->id, contact_at(120).id);
  EXPECT_EQ(table.first_from(id_at<Point>(30))->id, contact_at(50).id);
  EXPECT_EQ(table.first_from(id_at<Point>(51)), nullptr) << "this node is";
}

TEST_F(Routing, SuccessorListEndsWhereOrderBreaksOrTheNodeItselfComes) {
  table.set_successors(contact_at(110), contacts({120, 115, 130}));
  EXPECT_EQ(table.successors(), contacts({110, 120}));
  table.set_successors(contact_at(110), contacts({200, 20, 100, 130}));
  EXPECT_EQ(table.successors(), contacts({110, 200, 20}));
  table.set_successors(contact_at(110), contacts({110, 120}));
  EXPECT_EQ(table.successors(), contacts({110}));
  table.set_successors(contact_at(110), contacts({120, 130, 140, 150, 160}));
  EXPECT_EQ(table.successors(), contacts({110, 120, 130, 140}));
  table.set_successors(contact_at(100), contacts({120}));
  EXPECT_TRUE(table.alone());
}

TEST_F(Routing, StepAnswersWithTheResponsibleNodeOrTheClosestBefore) {
  EXPECT_EQ(table.step(id_at<Point>(5)).contacts, contacts({100}));
  table.set_successors(contact_at(110), contacts({120, 130, 140}));
  table.set_predecessor(contact_at(90));
  FindNodeReply step = table.step(id_at<Point>(110));
  EXPECT_TRUE(step.responsible);
  EXPECT_EQ(step.contacts, contacts({110, 120, 130, 140}));
  step = table.step(id_at<Point>(95));
  EXPECT_FALSE(step.responsible);
  EXPECT_EQ(step.contacts.front(), contact_at(90));
  step = table.step(id_at<Point>(135));
  EXPECT_FALSE(step.responsible);
  EXPECT_EQ(step.contacts, contacts({130, 120, 110}));
  EXPECT_EQ(table.step(id_at<Point>(90)).contacts, contacts({140, 130, 120}));
}

TEST_F(Routing, StepToTheOwnerCountsTheWholeListAndFingersFromTheirStart) {
  EXPECT_EQ(table.step_to_owner(id_at<Point>(5)).contacts, contacts({100}));
  table.set_successors(contact_at(101), contacts({103}));
  table.set_predecessor(contact_at(90));
  table.set_finger(250, contact_at(106));  // the first node from 100 + 4 on
  table.set_finger(251, contact_at(150));  // from 100 + 8 on
  const auto step = [&](unsigned target) { return table.step_to_owner(id_at<Point>(target)); };
  EXPECT_EQ(step(101).contacts, contacts({101, 103}));
  EXPECT_TRUE(step(102).responsible);
  EXPECT_EQ(step(102).contacts, contacts({103}));
  EXPECT_EQ(step(105).contacts, contacts({106}));
  EXPECT_FALSE(step(107).responsible);  // somebody may be at 107
  EXPECT_EQ(step(107).contacts.front(), contact_at(106));
  EXPECT_TRUE(step(108).responsible);
  EXPECT_EQ(step(150).contacts, contacts({150}));
  EXPECT_FALSE(step(151).responsible);
  EXPECT_FALSE(step(90).responsible);  // a predecessor is no finger
  EXPECT_FALSE(step(95).responsible);
  EXPECT_FALSE(step(100).responsible);
}

TEST_F(Routing, FingersKeepOnlyTheFirstNodeOfEachStart) {
  table.set_successors(contact_at(101), {});
  int bit = table.begin_refresh();
  EXPECT_EQ(bit, 249);
  bit = table.set_finger(bit, contact_at(103));
  EXPECT_EQ(bit, 250);
  bit = table.set_finger(bit, contact_at(150));
  EXPECT_EQ(bit, 254);
  bit = table.set_finger(bit, contact_at(180));
  EXPECT_EQ(bit, 255);
  EXPECT_EQ(table.set_finger(bit, contact_at(240)), -1);
  EXPECT_EQ(table.fingers(), contacts({103, 150, 180, 240}));
  EXPECT_EQ(table.set_finger(250, contact_at(120)), 253);
  EXPECT_EQ(table.fingers(), contacts({103, 120, 150, 180, 240}));
  // The first node after 100 + 4 is 180 now: what was thought to lie before it is gone.
  EXPECT_EQ(table.set_finger(250, contact_at(180)), 255);
  EXPECT_EQ(table.fingers(), contacts({103, 180, 240}));
  EXPECT_EQ(table.set_finger(254, contact_at(100)), -1);
  EXPECT_EQ(table.fingers(), contacts({103}));
  table.set_successors(contact_at(110), {});
  table.begin_refresh();
  EXPECT_TRUE(table.fingers().empty());
}

TEST_F(Routing, DropForgetsEverywhereButNotOnAFalseAddress) {
  table.set_successors(contact_at(110), contacts({120}));
  table.set_predecessor(contact_at(110));
  table.set_finger(255, contact_at(110));
  Contact false_address = contact_at(110);
  false_address.address.port = 1;
  EXPECT_FALSE(table.drop(false_address));
  EXPECT_TRUE(table.is_neighbour(contact_at(110).id));
  EXPECT_TRUE(table.drop(contact_at(110)));
  EXPECT_EQ(table.entries(), contacts({120}));
  EXPECT_FALSE(table.predecessor());
}

TEST_F(Routing, EntriesHoldEachIdentityOnceWithItsFreshAddress) {
  table.set_successors(contact_at(110), contacts({120}));
  table.set_predecessor(contact_at(120));
  EXPECT_EQ(table.entries(), contacts({110, 120}));
  Contact moved = contact_at(120);
  moved.address.port = 9;
  table.refresh_address(moved);
  EXPECT_EQ(table.successors().back(), moved);
  EXPECT_EQ(*table.predecessor(), moved);
}

TEST(RoutingTable, SuccessorIsTakenInWhereItBelongsAndTheLastFallsOff) {
  RoutingTable table(contact_at(100), 2);
  table.add_successor(contact_at(100));
  EXPECT_TRUE(table.alone());
  table.add_successor(contact_at(150));
  table.add_successor(contact_at(50));
  table.add_successor(contact_at(60));
  EXPECT_EQ(table.successors(), (Contacts{contact_at(150), contact_at(50)}));
  table.add_successor(contact_at(120));
  EXPECT_EQ(table.successors(), (Contacts{contact_at(120), contact_at(150)}));
  table.add_successor(contact_at(40));
  EXPECT_EQ(table.successors(), (Contacts{contact_at(120), contact_at(150)}));
}

const NodeId kSelf = contact_at(1).id;
const Point kTarget = id_at<Point>(200);

TEST(Lookup, AsksThreeAtATimeTheClosestFirst) {
  Lookup lookup(kSelf, kTarget, contacts({10, 40, 30, 20}));
  EXPECT_EQ(lookup.next(), contact_at(40));
  EXPECT_EQ(lookup.next(), contact_at(30));
  EXPECT_EQ(lookup.next(), contact_at(20));
  EXPECT_EQ(lookup.next(), std::nullopt);
  lookup.on_failure(contact_at(40).id);
  EXPECT_EQ(lookup.next(), contact_at(10));
}

TEST(Lookup, AsksSinglyUntilOneFails) {
  Lookup lookup(kSelf, kTarget, contacts({10, 40, 30, 20}));
  lookup.ask_singly();
  EXPECT_EQ(lookup.next(), contact_at(40));
  EXPECT_EQ(lookup.next(), std::nullopt);
  lookup.on_reply(contact_at(40), {false, contacts({50})});
  EXPECT_EQ(lookup.next(), contact_at(50));
  EXPECT_EQ(lookup.next(), std::nullopt);
  lookup.on_failure(contact_at(50).id);
  EXPECT_EQ(lookup.next(), contact_at(30));
  EXPECT_EQ(lookup.next(), contact_at(20));
  EXPECT_EQ(lookup.next(), contact_at(10));
}

TEST(Lookup, EndsWithTheResponsibleNodeAndItsSuccessors) {
  Lookup lookup(kSelf, kTarget, contacts({40}));
  lookup.on_reply(*lookup.next(), {false, contacts({150})});
  EXPECT_FALSE(lookup.done());
  lookup.on_reply(*lookup.next(), {true, contacts({210, 220})});
  ASSERT_TRUE(lookup.done());
  const auto found = lookup.result();
  EXPECT_EQ(found->responsible, contact_at(210));
  EXPECT_EQ(found->successors, contacts({220}));
  EXPECT_EQ(found->answered_by, contact_at(150));
  EXPECT_EQ(found->hops, 2u);
}

TEST(Lookup, AdversaryWhoPointsBackwardsOrPastTheTargetIsNotFollowed) {
  Lookup lookup(kSelf, kTarget, contacts({100}));
  lookup.on_reply(*lookup.next(), {false, contacts({50, 100, 210, 1})});
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.result().error().code, Code::unavailable);
}

TEST(Lookup, AdversaryWhoNamesANodeBeforeTheTargetResponsibleIsNotBelieved) {
  Lookup lookup(kSelf, kTarget, contacts({100, 90}));
  lookup.on_reply(*lookup.next(), {true, contacts({150})});
  EXPECT_FALSE(lookup.done());
  lookup.on_reply(*lookup.next(), {true, contacts({205})});
  EXPECT_EQ(lookup.result()->responsible, contact_at(205));
}

TEST(Lookup, AdversaryIsNotBelievedWithDoubtsAndAllThatWasSaidIsKept) {
  Lookup lookup(kSelf, kTarget, contacts({100, 90}), true);
  const Contact liar = *lookup.next();
  const Contact honest = *lookup.next();
  lookup.on_reply(liar, {true, contacts({250})});
  EXPECT_FALSE(lookup.done());
  lookup.on_reply(honest, {false, contacts({190})});
  std::set<NodeId> taken;
  EXPECT_EQ(lookup.next(&taken), contact_at(190));
  lookup.on_reply(contact_at(190), {true, contacts({201, 250})});
  EXPECT_TRUE(lookup.done());
  EXPECT_EQ(lookup.ends(), contacts({250, 201, 250}));
  EXPECT_EQ(lookup.nodes(), contacts({190, 100, 90}));
}

TEST(Lookup, TwoPathsShareNoNode) {
  std::set<NodeId> taken;
  Lookup one(kSelf, kTarget, contacts({100}), true),
      other(kSelf, kTarget, contacts({100, 90}), true);
  EXPECT_EQ(one.next(&taken), contact_at(100));
  EXPECT_EQ(other.next(&taken), contact_at(90));
  EXPECT_EQ(other.next(&taken), std::nullopt);
}

TEST(Lookup, NeverAsksAnIdentityTwice) {
  Lookup lookup(kSelf, kTarget, contacts({100, 90}));
  const Contact first = *lookup.next();
  const Contact second = *lookup.next();
  Contact disguised = contact_at(100);
  disguised.address.port = 9;
  lookup.on_failure(first.id);
  lookup.on_reply(second, {false, {disguised}});
  EXPECT_EQ(lookup.next(), std::nullopt);
  EXPECT_TRUE(lookup.done());
}

TEST(Lookup, SuspectsAreAskedWhenNobodyElseIsLeft) {
  Lookup lookup(kSelf, kTarget, contacts({100}));
  const auto is_suspect = [](const NodeId& id) { return id == contact_at(150).id; };
  lookup.on_reply(*lookup.next(), {false, contacts({150, 120})}, is_suspect);
  EXPECT_EQ(lookup.next(), contact_at(120));
  EXPECT_EQ(lookup.next(), std::nullopt);
  lookup.on_failure(contact_at(120).id);
  EXPECT_EQ(lookup.next(), contact_at(150));
}

TEST(Lookup, AdversaryWithEndlesslyManyIdentitiesIsGivenUp) {
  Lookup lookup(kSelf, kTarget, {});
  EXPECT_TRUE(lookup.done());
  Lookup long_one(kSelf, id_at<Point>(255), contacts({2}));
  unsigned at = 2;
  while (const auto asked = long_one.next()) long_one.on_reply(*asked, {false, contacts({++at})});
  EXPECT_EQ(long_one.questions(), Lookup::kQuestionsMax);
  EXPECT_TRUE(long_one.done());
  EXPECT_FALSE(long_one.result());
}

TEST(Lookup, LearnsWhoAnsweredABootstrapAddress) {
  const Contact entry{{}, {"10.0.0.9", 7001}};
  Lookup lookup(kSelf, point(kSelf), {entry});
  EXPECT_EQ(lookup.next(), entry);
  lookup.on_reply(contact_at(9), {false, contacts({240})});
  lookup.on_reply(*lookup.next(), {true, contacts({5})});
  EXPECT_EQ(lookup.result()->responsible, contact_at(5));
}

TEST(Lookup, AdversaryWhoNamesItselfIsBelievedOnlyAsTheLoneNodeThatWasToBeEntered) {
  Lookup lookup(kSelf, kTarget, contacts({100}));
  lookup.on_reply(*lookup.next(), {true, contacts({100})});
  EXPECT_FALSE(lookup.result());
  Lookup entering = Lookup::through(kSelf, {{}, {"10.0.0.9", 7001}});
  ASSERT_TRUE(entering.next());
  entering.on_reply(contact_at(9), {true, contacts({9})});
  EXPECT_EQ(entering.result()->responsible, contact_at(9));
}

}  // namespace
}  // namespace themis::ring
