#include "actors/ring/object_table.hpp"

#include <gtest/gtest.h>

#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

const ObjectId kObject = id_at<ObjectId>(50);

/// With the records of `get` as values.
Records live(const ObjectTable& table, int64_t wall_ms, uint64_t start = 0) {
  Records out;
  for (const RecordPtr& record : table.get(kObject, wall_ms, start)) out.push_back(*record);
  return out;
}
Result<Change> put(ObjectTable& table, const RecordPtr& record, int64_t wall_ms = 0) {
  return table.put(kObject, {0, record}, wall_ms);
}

TEST(ObjectTable, NewestSequenceOfAProviderWins) {
  ObjectTable table;
  EXPECT_EQ(put(table, record_of(1, 5)), Change::content);
  EXPECT_EQ(put(table, record_of(2, 1)), Change::content);
  Record newer = unsigned_record(1);
  newer.sequence = 6;
  newer.payload = to_bytes("v2");
  const RecordPtr newest = sign_one(newer, 1);
  EXPECT_EQ(put(table, newest), Change::content);
  EXPECT_EQ(put(table, record_of(1, 5)), Change::outdated);
  EXPECT_EQ(put(table, record_of(2, 2)), Change::renewed);
  EXPECT_EQ(live(table, 0), (Records{*newest, *record_of(2, 2)}));
  EXPECT_EQ(table.record_count(), 2u);
}

TEST(ObjectTable, ExpiredRecordsAreNotReturnedAndThenFreed) {
  ObjectTable table;
  ASSERT_TRUE(put(table, record_of(1, 1, 2'000)));
  ASSERT_TRUE(put(table, record_of(2, 1, 9'000)));
  ASSERT_TRUE(put(table, record_of(1, 2, 5'500)));
  EXPECT_EQ(live(table, 5'499).size(), 2u);
  EXPECT_EQ(live(table, 5'500).size(), 1u);
  table.expire(7'000);
  EXPECT_EQ(table.record_count(), 1u);
  table.expire(10'000);
  EXPECT_EQ(table.record_count(), 0u);
  EXPECT_EQ(table.object_count(), 0u);
}

TEST(ObjectTable, AdversaryCannotReplayWhatWasWithdrawn) {
  ObjectTable table;
  ASSERT_TRUE(put(table, record_of(1, 5)));
  EXPECT_EQ(put(table, withdrawal_of(1, 5)), Change::none);
  EXPECT_EQ(put(table, withdrawal_of(1, 6)), Change::content);
  EXPECT_EQ(put(table, record_of(1, 5)), Change::outdated);
  ASSERT_EQ(live(table, 0).size(), 1u);
  EXPECT_TRUE(live(table, 0).front().withdrawn);
  EXPECT_EQ(put(table, record_of(1, 7)), Change::content);
  EXPECT_FALSE(live(table, 0).front().withdrawn);
  EXPECT_EQ(put(table, withdrawal_of(2, 1)), Change::none);
  table.expire(11'000);
  EXPECT_EQ(table.object_count(), 0u);
}

TEST(ObjectTable, LiveRecordsComeBeforeWithdrawals) {
  ObjectTable table;
  ASSERT_TRUE(put(table, withdrawal_of(1, 1)));
  ASSERT_TRUE(put(table, record_of(2)));
  EXPECT_EQ(live(table, 0), (Records{*record_of(2), *withdrawal_of(1, 1)}));
}

TEST(ObjectTable, RefusesLifetimesThatAreOverOrTooLong) {
  ObjectTable table;
  const auto code = [&](int64_t expires_ms) {
    const auto kept = put(table, record_of(1, 1, expires_ms), 1'000);
    return kept ? Code::internal : kept.error().code;
  };
  EXPECT_EQ(code(1'000), Code::invalid);
  EXPECT_EQ(code(1'000 + kRecordLifetimeMsMax + 1), Code::invalid);
  EXPECT_EQ(code(INT64_MAX), Code::invalid);
  EXPECT_EQ(code(INT64_MIN), Code::invalid);
  EXPECT_EQ(table.record_count(), 0u);
}

TEST(ObjectTable, AdversaryCannotFillItPastItsLimits) {
  ObjectTable table({.records_per_object = 2, .records_per_provider = 3, .records = 5});
  const auto put = [&](unsigned object, unsigned provider) {
    return table.put(id_at<ObjectId>(object), {0, record_of(provider)}, 0).has_value();
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

TEST(ObjectTable, RegressWhatExpiredCountsForNoLimitThoughTheFirstRecordLivesOn) {
  ObjectTable table({.records_per_object = 2});
  ASSERT_TRUE(put(table, record_of(1, 1, 3'600'000), 1'000));
  ASSERT_TRUE(put(table, record_of(2, 1, 2'000), 1'000));
  ASSERT_TRUE(put(table, record_of(3, 1, 90'000), 4'000));
  // One that is replaced by a shorter one is over with that.
  ASSERT_TRUE(put(table, record_of(1, 2, 20'000), 5'000));
  table.expire(22'000);
  EXPECT_EQ(table.record_count(), 1u);
}

TEST(ObjectTable, CallersSeeEveryProviderInTurn) {
  ObjectTable table;
  for (unsigned provider = 1; provider <= 100; ++provider)
    ASSERT_TRUE(put(table, record_of(provider)));
  const Records first = live(table, 0, 0);
  const Records second = live(table, 0, 90);
  EXPECT_EQ(first.size(), kRecordsPerReplyMax);
  EXPECT_EQ(second.front(), *record_of(91));
  EXPECT_EQ(second[10], *record_of(1));
}

TEST(ObjectTable, KnowsWhatLiesInARange) {
  ObjectTable table;
  for (const unsigned at : {10u, 60u, 200u})
    ASSERT_TRUE(table.put(id_at<ObjectId>(at), {3, record_of(1)}, 0));
  EXPECT_EQ(table.inside(id_at<Point>(200), id_at<Point>(50)), (std::vector{id_at<ObjectId>(10)}));
  EXPECT_EQ(table.inside(id_at<Point>(50), id_at<Point>(50)).size(), 3u);
  EXPECT_EQ(table.stores(id_at<ObjectId>(10)).at(0).replica, 3u);
}

TEST(ObjectId, DiffersByNameAndReplica) {
  EXPECT_EQ(object_id("a", 0), object_id("a", 0));
  EXPECT_NE(object_id("a", 0), object_id("a", 1));
  EXPECT_NE(object_id("a", 0), object_id("b", 0));
}

}  // namespace
}  // namespace themis::ring
