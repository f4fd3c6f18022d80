#include "actors/peer/request_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace themis {
namespace {

RequestTable::Request request(uint64_t number, TimePoint deadline = TimePoint::max()) {
  return {nullptr, caf::message_id{number}, deadline};
}
TimePoint at(int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

TEST(RequestTable, GivesEachRequestBackOnce) {
  RequestTable table;
  const uint64_t first = table.add(request(1)), second = table.add(request(2));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.take(second)->id.integer_value(), 2u);
  EXPECT_EQ(table.take(first)->id.integer_value(), 1u);
  EXPECT_FALSE(table.take(first));
  EXPECT_EQ(table.size(), 0u);
}

TEST(RequestTable, UsesASlotAgainUnderAnotherId) {
  RequestTable table;
  std::set<uint64_t> ids;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t id = table.add(request(i));
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_EQ(id & 0xffff'ffff, 0u) << "one slot is enough";
    EXPECT_TRUE(caf::make_message_id(id).is_request());
    ASSERT_TRUE(table.take(id));
  }
}

TEST(RequestTable, GivesThoseThatAskWithAFrame) {
  RequestTable table;
  const wire::FramePtr frame = wire::Frame::make(1), other = wire::Frame::make(1);
  RequestTable::Request asked = request(1);
  asked.frame = frame;
  const uint64_t slot = table.add(asked);
  table.add(request(2));
  EXPECT_TRUE(table.take_of(other).empty());
  const auto taken = table.take_of(frame);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].slot, slot);
  EXPECT_EQ(table.find(slot), nullptr);
  EXPECT_EQ(table.size(), 1u);
}

TEST(RequestTable, KnowsNoAnswerThatComesTooLate) {
  RequestTable table;
  const uint64_t late = table.add(request(1, at(5)));
  const uint64_t open = table.add(request(2, at(7)));
  EXPECT_TRUE(table.take_expired(at(4)).empty());
  const auto expired = table.take_expired(at(5));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].id.integer_value(), 1u);
  EXPECT_FALSE(table.take(late));
  const uint64_t next = table.add(request(3));  // in the slot of the late one
  EXPECT_FALSE(table.take(late));
  EXPECT_TRUE(table.take(next));
  EXPECT_TRUE(table.take(open));
}

TEST(RequestTable, IgnoresIdsThatItNeverGave) {
  RequestTable table;
  EXPECT_FALSE(table.take(0));
  table.add(request(1));
  for (const uint64_t id : {uint64_t{0}, uint64_t{1} << 32 | 1, uint64_t{2} << 32, UINT64_MAX})
    EXPECT_FALSE(table.take(id)) << id;
  EXPECT_EQ(table.take_all().size(), 1u);
  EXPECT_TRUE(table.take_all().empty());
}

}  // namespace
}  // namespace themis
