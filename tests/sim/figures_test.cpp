// The figures of the ring, in virtual time, each printed by the test that holds it to its bound.
#include "tests/sim/figures.hpp"

#include <algorithm>
#include <cmath>

namespace themis::ring {
namespace {

double per(double count, size_t of) { return count / static_cast<double>(of); }

TEST(RingFigures, FiveHundredNodesThatJoinAtOnceBecomeTheIdealRing) {
  constexpr size_t kNodes = 500;
  constexpr double kAtRestMax =
      8;  ///< Questions a node a second: two rounds, a merge now and then.
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

/// Crashes without a word, questions to the dead time out after a second; others come in their
/// place.
TEST(RingFigures, LookupsStayRightWhileAThirdOfTheNodesIsReplacedEachMinute) {
  constexpr size_t kNodes = 100;
  constexpr int kMinutes = 10;
  constexpr size_t kReplaced = 30 * kMinutes;
  RingWorld world(2, kNodes + kReplaced);
  settle(world, kNodes);
  Lookups lookups(world);
  Rng& rng = world.world().rng();
  for (size_t n = 0; n < kReplaced; ++n) {
    const std::vector<size_t> all = world.members();
    const auto any = [&] { return all[rng.below(all.size())]; };
    world.crash(any());
    world.start(kNodes + n, {any(), any()});
    for (int part = 0; part < 100; ++part) {
      if (part % 4 == 0) lookups.begin();
      world.world().run_for(20ms);
      lookups.collect();
    }
  }
  std::printf("churn: 30 %% of %zu nodes replaced a minute for %d minutes: lookups %s\n", kNodes,
              kMinutes, lookups.tally().text().c_str());
  EXPECT_GE(lookups.tally().share(), 0.999);
  world.world().run_for(10 * RingOptions{}.update_period);
  Lookups after(world);
  after.run(1000, 5ms);
  std::printf("churn: 10 rounds after it stopped: lookups %s\n", after.tally().text().c_str());
  EXPECT_EQ(after.tally().right, after.tally().all());
}

TEST(RingFigures, HopsOfAThousandNodesStayBelowTheLogarithm) {
  constexpr size_t kNodes = 1000;
  RingWorld world(3, kNodes);
  settle(world, kNodes);
  world.hops.clear();
  Lookups lookups(world);
  lookups.run(5000, 2ms);
  std::ranges::sort(world.hops);
  double sum = 0;
  for (const unsigned hops : world.hops) sum += hops;
  const double mean = per(sum, world.hops.size());
  const unsigned p99 = world.hops[world.hops.size() * 99 / 100];
  std::printf("hops: %zu nodes: mean %.2f, p99 %u; lookups %s\n", kNodes, mean, p99,
              lookups.tally().text().c_str());
  const double log2 = std::log2(kNodes);
  EXPECT_LE(mean, 0.5 * log2 + 0.5);
  EXPECT_LE(p99, log2);
  EXPECT_EQ(lookups.tally().right, lookups.tally().all());
}

struct Kill {
  sim::Crash how;
  const char* text;
};
class RingFiguresKill : public testing::TestWithParam<Kill> {};

/// Names whose provider is killed too are not asked for.
TEST_P(RingFiguresKill, HalfOfTheNodesAtOnceLosesNoRecord) {
  constexpr size_t kNodes = 400;
  constexpr uint64_t kSeeds = 4;
  Tally soon, later;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RingOptions options;
    options.successors = 8;
    RingWorld world(seed, kNodes, options);
    settle(world, kNodes);
    for (size_t i = 0; i < kNodes; ++i) world.provide(i, "name-" + std::to_string(i));
    ASSERT_TRUE(world.world().run_until([&] { return world.stored == kNodes; }, 20s));
    std::vector<size_t> all = world.members();
    for (size_t i = all.size(); i > 1; --i)
      std::swap(all[i - 1], all[world.world().rng().below(i)]);
    for (size_t i = 0; i < kNodes / 2; ++i) world.crash(all[i], GetParam().how);
    std::map<std::string, NodeId> names;
    for (size_t i = 0; i < kNodes; ++i)
      if (world.lives(i)) names["name-" + std::to_string(i)] = world.node(i).id;
    world.world().run_for(3 * options.update_period);
    const auto add = [](Tally& to, const Tally& more) {
      to.right += more.right, to.wrong += more.wrong, to.failed += more.failed;
      to.longest = std::max(to.longest, more.longest);
    };
    add(soon, find_all(world, names, 5));
    world.world().run_for(options.refresh);
    add(later, find_all(world, names, 1));
  }
  std::printf(
      "half of %zu nodes %s at once, r = 8, k = 2: finds begun 3 periods later %s; after "
      "a refresh %s\n",
      kNodes, GetParam().text, soon.text().c_str(), later.text().c_str());
  EXPECT_GE(soon.share(), 0.999);
  EXPECT_EQ(later.right, later.all());
}

INSTANTIATE_TEST_SUITE_P(Kinds, RingFiguresKill,
                         testing::Values(Kill{sim::Crash::reset, "killed (sessions break)"},
                                         Kill{sim::Crash::vanish,
                                              "vanished (questions time out)"}));

}  // namespace
}  // namespace themis::ring
