#include "actors/services/placement.hpp"

#include <gtest/gtest.h>

#include <set>

namespace themis {
namespace {

ring::Contact node(uint8_t number) {
  ring::Contact contact;
  contact.id.bytes[0] = std::byte{number};
  contact.address = {"127.0.0.1", number};
  return contact;
}
const ring::Contact kSelf = node(200);

std::vector<uint16_t> ports(const ring::Contacts& contacts) {
  std::vector<uint16_t> all;
  for (const auto& contact : contacts) all.push_back(contact.address.port);
  return all;
}

TEST(Placement, PointsAreTheSameEverywhereAndApart) {
  EXPECT_EQ(placement_point("f", 0), placement_point("f", 0));
  std::set<ring::Point> points;
  for (const char* name : {"f", "g", "f0"})
    for (uint32_t i = 0; i < 4; ++i) points.insert(placement_point(name, i));
  EXPECT_EQ(points.size(), 12u);
}

TEST(Placement, RanksInstancesThenResponsibleThenSuccessorsThenItself) {
  const std::vector<ring::Contacts> points = {{node(1), node(2), kSelf}, {node(3), node(1)}, {}};
  EXPECT_EQ(ports(rank_candidates(kSelf, {node(4), kSelf}, points)),
            (std::vector<uint16_t>{4, 1, 3, 2, 200}));
  EXPECT_EQ(ports(rank_candidates(kSelf, {}, {})), (std::vector<uint16_t>{200}));
}

TEST(Placement, AsksAsManyAsAreWantedAndNoMore) {
  Placement placement(2, {node(1), node(2), node(3)});
  EXPECT_EQ(placement.next()->address.port, 1);
  EXPECT_EQ(placement.next()->address.port, 2);
  EXPECT_FALSE(placement.next());
  placement.accepted(node(1));
  EXPECT_FALSE(placement.is_settled());
  EXPECT_FALSE(placement.next());
  placement.accepted(node(2));
  EXPECT_TRUE(placement.is_settled());
  EXPECT_EQ(placement.left().size(), 1u) << "the third was not needed";
}

TEST(Placement, AsksTheNextOneForEachRefusal) {
  Placement placement(1, {node(1), node(2)});
  ASSERT_TRUE(placement.next());
  placement.refused({Code::unavailable, "down"});
  EXPECT_FALSE(placement.is_settled());
  EXPECT_EQ(placement.next()->address.port, 2);
  placement.refused({Code::overloaded, "full"});
  EXPECT_TRUE(placement.is_settled());
  EXPECT_TRUE(placement.placed().empty());
  EXPECT_EQ(placement.failure()->code, Code::overloaded);
}

TEST(Placement, StopsWhenTheFunctionIsAtFault) {
  Placement placement(2, {node(1), node(2), node(3)});
  placement.next();
  placement.next();
  placement.give_up({Code::syntax, "1:1"});
  EXPECT_FALSE(placement.next());
  EXPECT_FALSE(placement.is_settled()) << "the second still answers";
  placement.accepted(node(2));
  EXPECT_TRUE(placement.is_settled());
}

}  // namespace
}  // namespace themis
