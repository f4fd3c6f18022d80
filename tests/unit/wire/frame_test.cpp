#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace themis::wire {
namespace {

NodeId some_peer() { return NodeId{.bytes = {std::byte{1}, std::byte{2}}}; }

TEST(Frame, IsZeroedAndWordAlignedWhenMade) {
  const FramePtr frame = Frame::make(5);
  EXPECT_EQ(frame->size(), 40u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(frame->data()) % 8, 0u);
  for (const std::byte byte : frame->bytes()) EXPECT_EQ(byte, std::byte{0});
  EXPECT_EQ(frame->peer(), nullptr);
  EXPECT_EQ(frame->deadline(), TimePoint::max());
}

TEST(Frame, LivesAsLongAsSomebodyHoldsIt) {
  const OriginPtr origin(new Origin(some_peer(), UINT64_MAX, [] {}));
  FramePtr first = Frame::make_received(2, origin);
  FramePtr second = first;
  FramePtr third = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(&*second, &*third);
  EXPECT_EQ(*second->peer(), some_peer());
  second = FramePtr{};
  EXPECT_EQ(origin->take_released(), 0u);
  third = FramePtr{};
  EXPECT_EQ(origin->take_released(), 16 + Frame::kCost);
}

TEST(Frame, KeepsItsOriginAlive) {
  FramePtr frame;
  {
    const OriginPtr origin(new Origin(some_peer(), 1, [] {}));
    frame = Frame::make_received(1, origin);
  }
  EXPECT_EQ(*frame->peer(), some_peer());
}

TEST(Origin, TellsOnceWhenEnoughWasFreedUntilItIsAsked) {
  int told = 0;
  const OriginPtr origin(new Origin(some_peer(), 1000, [&] { ++told; }));
  origin->release(999);
  EXPECT_EQ(told, 0);
  origin->release(1);
  origin->release(5000);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(origin->take_released(), 6000u);
  origin->release(999);
  EXPECT_EQ(told, 1);
  origin->release(1);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(origin->take_released(), 1000u);
  EXPECT_EQ(origin->take_released(), 0u);
}

TEST(Origin, TellsNobodyOnceItsSessionIsOver) {
  int told = 0;
  const OriginPtr origin(new Origin(some_peer(), 1, [&] { ++told; }));
  origin->close();
  origin->release(5000);
  EXPECT_EQ(told, 0);
}

/// A frame freed by another thread reached a session whose reactor was gone.
TEST(Origin, RegressNobodyIsBeingToldAnyMoreOnceItIsClosed) {
  for (int round = 0; round < 100; ++round) {
    std::atomic<bool> telling{false}, over{false};
    const OriginPtr origin(new Origin(some_peer(), 1, [&] {
      telling = true;
      for (int i = 0; i < 200; ++i) std::this_thread::yield();
      telling = false;
    }));
    std::thread other([&, frame = Frame::make_received(1, origin)]() mutable {
      frame = FramePtr{};
      over = true;
    });
    while (!telling && !over) std::this_thread::yield();
    origin->close();
    ASSERT_FALSE(telling) << "round " << round;
    other.join();
  }
}

TEST(Origin, AccountsForEveryByteThatManyThreadsFree) {
  constexpr size_t kThreads = 3, kFrames = 20'000;
  std::atomic<uint64_t> told{0};
  const OriginPtr origin(new Origin(some_peer(), 4096, [&] { told.fetch_add(1); }));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (size_t i = 0; i < kFrames; ++i) Frame::make_received(i % 7, origin);
    });
  uint64_t released = 0, seen = 0;
  uint64_t expected = 0;
  for (size_t i = 0; i < kFrames; ++i) expected += kThreads * (i % 7 * 8 + Frame::kCost);
  // As a session does it: asks only when it was told, and must get all but less than one step.
  while (released + 4096 <= expected) {
    if (told.load() == seen) continue;
    seen = told.load();
    released += origin->take_released();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(released + origin->take_released(), expected);
}

TEST(Frame, MayCarryAnIdempotencyKeyOfItsOwn) {
  const FramePtr plain = Frame::make(3);
  EXPECT_EQ(plain->idempotency_key(), nullptr);
  IdempotencyKey key;
  key.bytes[15] = std::byte{1};
  const FramePtr keyed = Frame::make(3);
  keyed.writable()->set_idempotency_key(key);
  ASSERT_NE(keyed->idempotency_key(), nullptr);
  EXPECT_EQ(*keyed->idempotency_key(), key);
  EXPECT_EQ(keyed->words(), 3u);
  EXPECT_EQ(keyed->peer(), nullptr) << "it was made here";
}

}  // namespace
}  // namespace themis::wire
