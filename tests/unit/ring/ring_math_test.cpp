#include "actors/ring/ring_math.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"
#include "tests/unit/ring/ring_samples.hpp"

namespace themis::ring {
namespace {

const NodeId kZero = id_at<NodeId>(0);
const NodeId kLow = id_at<NodeId>(10);
const NodeId kHigh = id_at<NodeId>(200);

TEST(RingMath, DistanceWrapsAroundTheCircle) {
  EXPECT_EQ(distance(kLow, kLow), Distance{});
  EXPECT_EQ(distance(kLow, kHigh), (Distance{uint64_t{190} << 56, 0, 0, 0}));
  EXPECT_EQ(distance(kHigh, kLow), (Distance{uint64_t{66} << 56, 0, 0, 0}));
  EXPECT_EQ(distance(id_at<NodeId>(0, 1), kZero),
            (Distance{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}));
}

TEST(RingMath, BetweenLeavesOutBothEndsAndRangeKeepsTheLast) {
  const NodeId middle = id_at<NodeId>(100);
  EXPECT_TRUE(is_between(kLow, middle, kHigh));
  EXPECT_FALSE(is_between(kHigh, middle, kLow));
  EXPECT_TRUE(is_between(kHigh, kZero, kLow));
  EXPECT_FALSE(is_between(kLow, kLow, kHigh));
  EXPECT_FALSE(is_between(kLow, kHigh, kHigh));
  EXPECT_TRUE(is_in_range(kLow, kHigh, kHigh));
  EXPECT_FALSE(is_in_range(kLow, kLow, kHigh));
}

TEST(RingMath, EqualEndsMeanTheWholeCircle) {
  EXPECT_TRUE(is_between(kLow, kHigh, kLow));
  EXPECT_FALSE(is_between(kLow, kLow, kLow));
  EXPECT_TRUE(is_in_range(kLow, kLow, kLow));
  EXPECT_TRUE(is_in_range(kLow, kHigh, kLow));
}

TEST(RingMath, FingerStartCarriesAndWraps) {
  EXPECT_EQ(finger_start(kZero, 0), id_at<Point>(0, 1));
  EXPECT_EQ(finger_start(kZero, 255), id_at<Point>(128));
  EXPECT_EQ(finger_start(kHigh, 255), id_at<Point>(72));
  NodeId ones;
  ones.bytes.fill(std::byte{255});
  EXPECT_EQ(finger_start(ones, 0), Point{});
}

TEST(RingMath, DistanceToAFingerStartIsThatPowerOfTwoForEveryNode) {
  SeededRng rng(3);
  for (int round = 0; round < 50; ++round) {
    NodeId id;
    rng.fill(id.bytes);
    for (int bit = 0; bit < kRingBits; ++bit)
      ASSERT_EQ(finger_bit(distance(id, finger_start(id, bit))), bit) << "seed 3, " << id.hex();
  }
  EXPECT_EQ(finger_bit(Distance{}), -1);
}

}  // namespace
}  // namespace themis::ring
