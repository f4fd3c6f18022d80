// The figures of the ring, each printed by the test that holds it to its bound; virtual time.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/ring_world.hpp"

namespace themis::ring {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

double per(double count, size_t of) { return count / static_cast<double>(of); }

TEST(RingFigures, FiveHundredNodesThatJoinAtOnceBecomeTheIdealRing) {
  constexpr size_t kNodes = 500;
  constexpr double kAtRestMax = 24;  ///< Questions a node a second; mostly one finger's lookup.
  RingWorld world(1, kNodes);
  world.faults().latency_min = world.faults().latency_max = 1ms;
  const std::vector<size_t> bootstrap{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (size_t i = 0; i < kNodes; ++i) world.start(i, i == 0 ? std::vector<size_t>{} : bootstrap);
  const auto wait = [&](const std::function<bool()>& done) {
    while (!done() && world.world().now() < TimePoint{} + 60s) world.world().run_for(10ms);
    return world.world().now().time_since_epoch();
  };
  const Duration joined = wait([&] { return world.members().size() == kNodes; });
  const Duration ideal = wait([&] { return world.is_ideal(); });
  const double asks = per(static_cast<double>(world.asks), kNodes);
  world.world().run_for(60s);
  const uint64_t before = world.asks;
  world.world().run_for(60s);
  const double at_rest = per(static_cast<double>(world.asks - before) / 60, kNodes);
  std::printf(
      "join: %zu nodes at once through %zu: all joined after %.2f s, ideal after %.2f s; "
      "questions a node: %.0f until then, %.1f a second at rest\n",
      kNodes, bootstrap.size(), seconds(joined), seconds(ideal), asks, at_rest);
  EXPECT_LE(joined, 1500ms);
  EXPECT_LE(ideal, 5s);
  EXPECT_LE(at_rest, kAtRestMax);
}

}  // namespace
}  // namespace themis::ring
