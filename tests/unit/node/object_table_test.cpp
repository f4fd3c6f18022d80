#include "actors/node/object_table.hpp"

#include <gtest/gtest.h>

#include "tests/unit/node/ring_samples.hpp"

namespace themis::ring {
namespace {

const ObjectId kObject = id_at<ObjectId>(50);

TEST(ObjectTable, NewestSequenceOfAProviderWins) {
  ObjectTable table;
  ASSERT_TRUE(table.put(kObject, record_of(1, 5), 0));
  ASSERT_TRUE(table.put(kObject, record_of(2, 1), 0));
  Record newer = record_of(1, 6);
  newer.payload = to_bytes("v2");
  ASSERT_TRUE(table.put(kObject, newer, 0));
  ASSERT_TRUE(table.put(kObject, record_of(1, 5), 0));
  EXPECT_EQ(table.get(kObject, 0), (Records{newer, record_of(2, 1)}));
  EXPECT_EQ(table.record_count(), 2u);
}

TEST(ObjectTable, ExpiredRecordsAreNotReturnedAndThenFreed) {
  ObjectTable table;
  ASSERT_TRUE(table.put(kObject, record_of(1, 1, 2'000), 0));
  ASSERT_TRUE(table.put(kObject, record_of(2, 1, 9'000), 0));
  ASSERT_TRUE(table.put(kObject, record_of(1, 2, 5'500), 0));
  EXPECT_EQ(table.get(kObject, 5'499).size(), 2u);
  EXPECT_EQ(table.get(kObject, 5'500).size(), 1u);
  table.expire(7'000);
  EXPECT_EQ(table.record_count(), 1u);
  table.expire(10'000);
  EXPECT_EQ(table.record_count(), 0u);
  EXPECT_EQ(table.object_count(), 0u);
}

TEST(ObjectTable, WithdrawalNeedsANewerSequence) {
  ObjectTable table;
  ASSERT_TRUE(table.put(kObject, record_of(1, 5), 0));
  ASSERT_TRUE(table.put(kObject, record_of(1, 5, 0), 0));
  EXPECT_EQ(table.record_count(), 1u);
  ASSERT_TRUE(table.put(kObject, record_of(1, 6, 0), 0));
  EXPECT_EQ(table.object_count(), 0u);
  ASSERT_TRUE(table.put(kObject, record_of(1, 7, 0), 0));
  EXPECT_EQ(table.object_count(), 0u);
}

TEST(ObjectTable, RefusesBadFormsAndLifetimes) {
  ObjectTable table;
  const auto code = [&](Record record) {
    const Status status = table.put(kObject, record, 1'000);
    return status ? Code::internal : status.error().code;
  };
  Record record = record_of(1);
  record.name.clear();
  EXPECT_EQ(code(record), Code::malformed);
  record.name.assign(kNameBytesMax + 1, 'x');
  EXPECT_EQ(code(record), Code::malformed);
  record = record_of(1);
  record.payload.resize(kPayloadBytesMax + 1);
  EXPECT_EQ(code(record), Code::malformed);
  EXPECT_EQ(code(record_of(0)), Code::malformed);
  EXPECT_EQ(code(record_of(1, 1, 1'000)), Code::invalid);
  EXPECT_EQ(code(record_of(1, 1, 1'000 + ObjectLimits{}.lifetime_ms_max + 1)), Code::invalid);
  EXPECT_EQ(code(record_of(1, 1, INT64_MAX)), Code::invalid);
  EXPECT_EQ(code(record_of(1, 1, INT64_MIN)), Code::invalid);
  EXPECT_EQ(table.record_count(), 0u);
}

TEST(ObjectTable, AdversaryCannotFillItPastItsLimits) {
  ObjectTable table({.records_per_object = 2, .records_per_provider = 3, .records = 5});
  const auto put = [&](unsigned object, unsigned provider) {
    return table.put(id_at<ObjectId>(object), record_of(provider), 0).has_value();
  };
  EXPECT_TRUE(put(1, 1) && put(1, 2));
  EXPECT_FALSE(put(1, 3));
  EXPECT_TRUE(put(2, 1) && put(3, 1));
  EXPECT_FALSE(put(4, 1));
  EXPECT_TRUE(put(4, 2));
  EXPECT_FALSE(put(5, 2));
  EXPECT_EQ(table.record_count(), 5u);
  table.erase(id_at<ObjectId>(1));
  EXPECT_EQ(table.record_count(), 3u);
  EXPECT_TRUE(put(5, 2));
  EXPECT_TRUE(put(1, 2));
  table.expire(20'000);
  EXPECT_EQ(table.record_count(), 0u);
  EXPECT_TRUE(put(6, 1));
}

TEST(ObjectTable, CallersSeeEveryProviderInTurn) {
  ObjectTable table;
  for (unsigned provider = 1; provider <= 100; ++provider)
    ASSERT_TRUE(table.put(kObject, record_of(provider), 0));
  const Records first = table.get(kObject, 0, 0);
  const Records second = table.get(kObject, 0, 90);
  EXPECT_EQ(first.size(), kRecordsPerReplyMax);
  EXPECT_EQ(second.front(), record_of(91));
  EXPECT_EQ(second[10], record_of(1));
}

TEST(ObjectTable, KnowsWhatLiesOutsideOfARange) {
  ObjectTable table;
  for (const unsigned at : {10u, 60u, 200u})
    ASSERT_TRUE(table.put(id_at<ObjectId>(at), record_of(1), 0));
  EXPECT_EQ(table.outside(id_at<NodeId>(50), id_at<NodeId>(200)),
            (std::vector{id_at<ObjectId>(10)}));
  EXPECT_TRUE(table.outside(id_at<NodeId>(50), id_at<NodeId>(50)).empty());
}

TEST(ObjectId, DiffersByNameAndReplica) {
  EXPECT_EQ(object_id("a", 0), object_id("a", 0));
  EXPECT_NE(object_id("a", 0), object_id("a", 1));
  EXPECT_NE(object_id("a", 0), object_id("b", 0));
}

}  // namespace
}  // namespace themis::ring
