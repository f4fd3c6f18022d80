// The memory that a host shares with its monitors: where batches go, what a hostile message names,
// and two threads that pass batches through it.

#include "actors/monitor/batch_ring.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/base/rng.hpp"

namespace themis {
namespace {

/// Bytes that say which batch they are of and where in it.
Bytes numbered(uint64_t number, size_t bytes) {
  Bytes batch(bytes);
  for (size_t i = 0; i < bytes; ++i) batch[i] = static_cast<std::byte>(number * 7 + i * 13);
  return batch;
}

bool equals(ByteView a, ByteView b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

TEST(BatchRing, HoldsFourOfTheLongestAndNoFifth) {
  Bytes memory(kRingBytes);
  RingWriter writer(memory);
  const Bytes longest = numbered(1, monitor::kBatchBytesMax);
  for (uint32_t i = 0; i < 4; ++i)
    EXPECT_EQ(writer.write(longest), i * uint32_t{monitor::kBatchBytesMax});
  EXPECT_EQ(writer.write(longest), std::nullopt);
  EXPECT_EQ(writer.write(numbered(2, 1)), std::nullopt);
  EXPECT_EQ(writer.held(), 4u);
  writer.release();
  EXPECT_EQ(writer.write(longest), 0u) << "in the place of the first, up to the oldest";
  EXPECT_EQ(writer.write(numbered(3, 1)), std::nullopt) << "full, not empty";
}

TEST(BatchRing, BeginsAnewWhenEverythingIsRead) {
  Bytes memory(kRingBytes);
  RingWriter writer(memory);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(writer.write(numbered(1, 100'000)), 0u);
    EXPECT_EQ(writer.write(numbered(2, 7)), 100'032u) << "at a cache line";
    writer.release();
    writer.release();
  }
}

TEST(BatchRing, NeverOverwritesWhatIsNotReleased) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  Bytes memory(kRingBytes);
  RingWriter writer(memory);
  struct Batch {
    uint32_t at;
    Bytes bytes;
  };
  std::deque<Batch> open;
  size_t written = 0;
  for (uint64_t step = 0; step < 4'000; ++step) {
    const size_t bytes = 1 + rng.below(rng.below(4) == 0 ? monitor::kBatchBytesMax : 4'096);
    Batch batch{0, numbered(step, bytes)};
    if (const auto at = writer.write(batch.bytes)) {
      ++written;
      batch.at = *at;
      open.push_back(std::move(batch));
    } else {
      ASSERT_FALSE(open.empty()) << "an empty ring takes every batch";
    }
    if (!open.empty() && rng.below(3) != 0) {
      const auto shared = batch_at(memory, open.front().at, open.front().bytes.size());
      ASSERT_TRUE(shared) << shared.error().text();
      ASSERT_TRUE(equals(*shared, open.front().bytes)) << "step " << step;
      writer.release();
      open.pop_front();
    }
    ASSERT_EQ(writer.held(), open.size());
  }
  EXPECT_GT(written, 1'000u);
}

TEST(BatchRing, AdversaryCannotNameBytesOutsideTheRing) {
  const Bytes ring(kRingBytes);
  const uint64_t size = ring.size(), longest = monitor::kBatchBytesMax;
  EXPECT_TRUE(batch_at(ring, 0, 1));
  EXPECT_TRUE(batch_at(ring, size - 1, 1));
  EXPECT_TRUE(batch_at(ring, size - longest, longest));
  const std::pair<uint64_t, uint64_t> wrong[] = {{0, 0},
                                                 {0, longest + 1},
                                                 {size, 1},
                                                 {size - 1, 2},
                                                 {size - longest + 1, longest},
                                                 {size + 1, 1},
                                                 {UINT64_MAX, 1},
                                                 {UINT64_MAX, longest},
                                                 {1, UINT64_MAX},
                                                 {UINT32_MAX, UINT32_MAX}};
  for (const auto& [at, bytes] : wrong) {
    const auto found = batch_at(ring, at, bytes);
    ASSERT_FALSE(found) << at << " " << bytes;
    EXPECT_EQ(found.error().code, Code::malformed);
  }
  EXPECT_FALSE(batch_at({}, 0, 1)) << "without memory";
}

TEST(BatchRing, EveryThreadHasItsOwnPart) {
  Bytes all(BatchMemory::bytes_for(4));
  const auto memory = BatchMemory::over(all, 4);
  ASSERT_TRUE(memory) << memory.error().text();
  for (uint16_t thread = 0; thread < 4; ++thread) {
    EXPECT_EQ(memory->ring(thread).data(), all.data() + thread * kRingBytes);
    EXPECT_EQ(memory->ring(thread).size(), kRingBytes);
  }
  for (const uint16_t none : {uint16_t{4}, uint16_t{5}, uint16_t{UINT16_MAX}})
    EXPECT_TRUE(memory->ring(none).empty()) << none;
  EXPECT_EQ(memory->results().data(), all.data() + 4 * kRingBytes);
  EXPECT_EQ(memory->results().size(), kSharedResultsBytes);
  for (const uint16_t other : {uint16_t{1}, uint16_t{2}, uint16_t{8}})
    EXPECT_EQ(BatchMemory::over(all, other).error().code, Code::invalid);
  EXPECT_TRUE(BatchMemory().ring(0).empty());
  EXPECT_TRUE(BatchMemory::over({}, 4)->empty());
}

TEST(BatchRing, ResultsComeOutAsTheyWentIn) {
  Bytes part(100);
  const std::vector<Bytes> results = {numbered(1, 40), {}, numbered(2, 60)};
  ASSERT_TRUE(write_results(part, results));
  const uint32_t lengths[] = {40, 0, 60};
  EXPECT_EQ(read_results(part, lengths).value(), results);
  const Bytes before = part;
  const std::vector<Bytes> longer = {numbered(3, 40), numbered(4, 61)};
  EXPECT_FALSE(write_results(part, longer));
  EXPECT_EQ(part, before) << "half of it was written";
}

TEST(BatchRing, AdversaryCannotNameResultsOutsideTheirPart) {
  const Bytes part(100);
  const std::vector<uint32_t> wrong[] = {{101},        {100, 1},        {50, 51},
                                         {UINT32_MAX}, {1, UINT32_MAX}, {99, 1, 1}};
  for (const auto& lengths : wrong)
    EXPECT_EQ(read_results(part, lengths).error().code, Code::malformed);
  EXPECT_EQ(read_results(part, std::vector<uint32_t>{100, 0}).value().size(), 2u);
}

/// What carries "where" and "read" between the two, as the sealed session does.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(value);
    changed_.notify_one();
  }
  T take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !values_.empty(); });
    const T value = values_.front();
    values_.pop_front();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

TEST(BatchRing, TwoThreadsPassBatchesThroughIt) {
  constexpr uint64_t kBatches = 2'000;
  struct Place {
    uint64_t number;
    uint32_t at, bytes;
  };
  Bytes ring(kRingBytes);
  Mailbox<Place> batches;
  Mailbox<bool> read;
  std::thread reader([&] {
    Bytes copy(monitor::kBatchBytesMax);
    for (uint64_t i = 0; i < kBatches; ++i) {
      const Place told = batches.take();
      const auto shared = batch_at(ring, told.at, told.bytes);
      if (shared) std::memcpy(copy.data(), shared->data(), shared->size());
      read.put(shared &&
               equals(ByteView(copy).first(told.bytes), numbered(told.number, told.bytes)));
    }
  });
  RingWriter writer(ring);
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  uint64_t wrong = 0;
  const auto wait_for_one = [&] {
    wrong += !read.take();
    writer.release();
  };
  for (uint64_t number = 0; number < kBatches; ++number) {
    const size_t bytes = 1 + rng.below(number % 50 == 0 ? monitor::kBatchBytesMax : 20'000);
    const Bytes batch = numbered(number, bytes);
    std::optional<uint32_t> at = writer.write(batch);
    for (; !at; at = writer.write(batch)) wait_for_one();
    batches.put({number, *at, static_cast<uint32_t>(bytes)});
  }
  while (writer.held() > 0) wait_for_one();
  reader.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace themis
