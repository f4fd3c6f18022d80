#include "actors/ring/push_queue.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

ObjectId object(unsigned place) { return id_at<ObjectId>(place); }

/// One record in each of `count` objects, from place 1 on.
std::vector<ObjectId> fill(ObjectTable& table, unsigned count) {
  std::vector<ObjectId> out;
  for (unsigned place = 1; place <= count; ++place) {
    out.push_back(object(place));
    EXPECT_TRUE(table.put(out.back(), {0, record_of(1)}, 0));
  }
  return out;
}

TEST(PushQueue, RegressSkipsNoRecordWhenAnotherExpiresBetweenChunks) {
  ObjectTable table;
  std::set<NodeId> sent;
  for (unsigned provider = 1; provider <= 20; ++provider)
    ASSERT_TRUE(
        table.put(object(50), {0, record_of(provider, 1, provider == 1 ? 2'000 : 900'000)}, 0));
  PushQueue queue;
  queue.add({object(50)}, table);
  for (int64_t now = 0;; now = 10'000) {
    const std::vector<Store> chunk = queue.next(table, now);
    if (chunk.empty()) break;
    for (const Store& store : chunk) EXPECT_TRUE(sent.insert(store.record->provider.id).second);
    queue.acknowledged({});
    table.expire(10'000);
  }
  EXPECT_EQ(sent.size(), 20u);
  EXPECT_TRUE(queue.empty());
}

TEST(PushQueue, RegressAnObjectWaitsOnceHoweverOftenItIsAdded) {
  ObjectTable table;
  const std::vector<ObjectId> objects = fill(table, 5);
  PushQueue queue;
  for (int round = 0; round < 100; ++round) queue.add(objects, table);
  EXPECT_EQ(queue.next(table, 0).size(), 5u);
  EXPECT_EQ(queue.acknowledged({}), objects);
  EXPECT_TRUE(queue.next(table, 0).empty());
  // What the table lost is not waited for.
  queue.add(objects, table);
  for (const ObjectId& gone : objects) table.erase(gone);
  queue.add({}, table);
  EXPECT_TRUE(queue.empty());
}

TEST(PushQueue, OneThatChangesWhileItIsSentIsSentAgain) {
  ObjectTable table;
  const std::vector<ObjectId> objects = fill(table, 2);
  PushQueue queue;
  queue.add(objects, table);
  ASSERT_EQ(queue.next(table, 0).size(), 2u);
  ASSERT_TRUE(table.put(objects[0], {0, record_of(1, 2)}, 0));
  queue.add({objects[0]}, table);
  EXPECT_EQ(queue.acknowledged({}), std::vector{objects[1]});
  const std::vector<Store> again = queue.next(table, 0);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].record->sequence, 2u);
  EXPECT_EQ(queue.acknowledged({}), std::vector{objects[0]});
}

TEST(PushQueue, RegressOneRefusedRecordHoldsUpNoOther) {
  ObjectTable table;
  const std::vector<ObjectId> objects = fill(table, 40);
  ASSERT_TRUE(table.put(objects[0], {0, record_of(1, 2)}, 0));
  PushQueue queue;
  queue.add(objects, table);
  std::set<ObjectId> arrived;
  std::vector<unsigned> attempts;
  for (unsigned round = 0; round < 40; ++round) {
    queue.next_round();
    for (auto chunk = queue.next(table, 0); !chunk.empty(); chunk = queue.next(table, 0)) {
      // There is no room for the first.
      Refused refused;
      for (size_t i = 0; i < chunk.size(); ++i)
        if (chunk[i].record->sequence == 2) refused.retry = static_cast<uint16_t>(1u << i);
      if (refused.retry != 0) attempts.push_back(round);
      for (const ObjectId& object : queue.acknowledged(refused)) arrived.insert(object);
    }
  }
  EXPECT_EQ(arrived.size(), 39u);
  EXPECT_EQ(attempts, (std::vector<unsigned>{0, 1, 3, 7, 15, 31}));
  EXPECT_FALSE(queue.gave_up());
  // For good: it is not sent again, and is not taken for arrived.
  queue.add({objects[0]}, table);
  ASSERT_EQ(queue.next(table, 0).size(), 1u);
  EXPECT_TRUE(queue.acknowledged({1, 0}).empty());
  EXPECT_TRUE(queue.empty());
}

TEST(PushQueue, SendsAChunkThatNobodyAcknowledgesAFewTimes) {
  ObjectTable table;
  PushQueue queue;
  queue.add(fill(table, 50), table);
  for (unsigned attempt = 0; attempt < PushQueue::kTriesMax; ++attempt) {
    EXPECT_FALSE(queue.gave_up());
    ASSERT_FALSE(queue.next(table, 0).empty());
    queue.failed();
  }
  EXPECT_TRUE(queue.gave_up());
}

}  // namespace
}  // namespace themis::ring
