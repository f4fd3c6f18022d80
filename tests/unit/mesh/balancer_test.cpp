#include "actors/mesh/balancer.hpp"

#include <gtest/gtest.h>

#include "tests/unit/mesh/samples.hpp"

namespace themis::mesh {
namespace {

using testing::after;
using testing::instance;
using testing::is_share;

constexpr int kCalls = 10'000;

class BalancerTest : public ::testing::Test {
 protected:
  std::vector<int> spread(Balance policy, const Instances& instances,
                          const std::vector<Load>& loads) {
    std::vector<Candidate> candidates;
    for (size_t i = 0; i < instances.size(); ++i) candidates.push_back({&instances[i], &loads[i]});
    std::vector<int> chosen(instances.size());
    for (int i = 0; i < kCalls; ++i) ++chosen[balancer_.choose(policy, candidates, after(0s))];
    return chosen;
  }

  static constexpr uint64_t kSeed = 7;
  SeededRng rng_{kSeed};
  Balancer balancer_{rng_};
};

TEST_F(BalancerTest, RandomIsUniformWhateverTheLoad) {
  std::vector<Load> loads(4);
  loads[0].in_flight = 50;
  for (int count :
       spread(Balance::random, {instance(1), instance(2), instance(3), instance(4)}, loads))
    EXPECT_TRUE(is_share(count, kCalls, 0.25)) << count << " with seed " << kSeed;
}

TEST_F(BalancerTest, WeightedFollowsTheWeights) {
  const auto chosen = spread(Balance::weighted, {instance(1, 90), instance(2, 10), instance(3, 0)},
                             std::vector<Load>(3));
  EXPECT_TRUE(is_share(chosen[0], kCalls, 0.9)) << chosen[0] << " with seed " << kSeed;
  EXPECT_TRUE(is_share(chosen[1], kCalls, 0.1)) << chosen[1];
  EXPECT_EQ(chosen[2], 0) << "a weight of 0 takes nothing";
}

TEST_F(BalancerTest, WeightsThatAreAllZeroAreEqual) {
  const auto chosen =
      spread(Balance::weighted, {instance(1, 0), instance(2, 0)}, std::vector<Load>(2));
  EXPECT_TRUE(is_share(chosen[0], kCalls, 0.5)) << chosen[0] << " with seed " << kSeed;
}

TEST_F(BalancerTest, LeastLoadedNeverTakesTheMostLoaded) {
  std::vector<Load> loads(3);
  loads[1].in_flight = 1;
  const auto chosen = spread(Balance::least_loaded, {instance(1), instance(2), instance(3)}, loads);
  EXPECT_EQ(chosen[1], 0);
  EXPECT_TRUE(is_share(chosen[0], kCalls, 0.5)) << chosen[0] << " with seed " << kSeed;
}

TEST_F(BalancerTest, LatencyPrefersTheFasterAndWeighsItsQueue) {
  std::vector<Load> loads(2);
  loads[0].latency.add(10ms, after(0s));
  loads[1].latency.add(2ms, after(0s));
  EXPECT_EQ(spread(Balance::latency, {instance(1), instance(2)}, loads)[0], 0);
  loads[1].in_flight = 9;  // 10 * 2 ms are more than 10 ms
  EXPECT_EQ(spread(Balance::latency, {instance(1), instance(2)}, loads)[1], 0);
}

TEST_F(BalancerTest, LatencyTriesAnUnmeasuredInstanceOnce) {
  std::vector<Load> loads(2);
  loads[0].latency.add(1ms, after(0s));
  EXPECT_EQ(spread(Balance::latency, {instance(1), instance(2)}, loads)[0], 0);
  loads[1].in_flight = 1;
  EXPECT_EQ(spread(Balance::latency, {instance(1), instance(2)}, loads)[1], 0);
}

TEST(PeakEwma, RisesAtOnceAndFallsSlowly) {
  PeakEwma latency;
  EXPECT_EQ(latency.ms(after(0s)), 0);
  latency.add(10ms, after(0s));
  latency.add(200ms, after(1s));
  EXPECT_DOUBLE_EQ(latency.ms(after(1s)), 200);
  latency.add(10ms, after(2s));
  EXPECT_NEAR(latency.ms(after(2s)), 200 * 0.9048 + 10 * 0.0952, 0.1);
  EXPECT_LT(latency.ms(after(60s)), 1) << "what is old says little";
}

TEST(LatencyWindow, KnowsItsP95OnceItHasSamples) {
  LatencyWindow window;
  for (int i = 1; i < 20; ++i) window.add(i * 1ms);
  EXPECT_FALSE(window.p95());
  window.add(20ms);
  EXPECT_EQ(window.p95(), Duration(20ms));
  for (int i = 0; i < 128; ++i) window.add(1ms);
  EXPECT_EQ(window.p95(), Duration(1ms)) << "the old samples are gone";
}

}  // namespace
}  // namespace themis::mesh
