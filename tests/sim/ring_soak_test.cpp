// One simulated hour of 32 nodes that join, leave and crash, for 200 seeds, the invariants asserted
// after every event.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/ring_invariants.hpp"

namespace themis::ring {
namespace {

constexpr size_t kNodes = 32;
constexpr size_t kRoundsToHeal = 60;

/// A round every 5 s instead of 500 ms, all else in proportion: 720 rounds of every node in an
/// hour.
RingOptions soak_options() {
  RingOptions options;
  options.update_period = 5s;
  options.refresh = 300s;
  return options;
}

/// Zave's rule: everybody keeps a live successor without `victim`. A joining node may be copying a
/// list that is all it will have, and an answer on its way counts as given.
bool may_go(RingWorld& world, size_t victim) {
  const NodeId& gone = world.node(victim).id;
  for (size_t i = 0; i < world.size(); ++i) {
    if (i == victim || !world.lives(i)) continue;
    if (world.ring(i).state() == Ring::State::joining) return false;
    if (world.ring(i).state() != Ring::State::joined) continue;
    bool has_live = false;
    for (const Contact& next : world.ring(i).table().successors()) {
      if (next.id == gone) continue;
      const size_t at = world.index_of(next.id);
      has_live |= world.lives(at) && world.ring(at).state() == Ring::State::joined;
    }
    if (!has_live) return false;
  }
  return true;
}

/// A node comes, goes or falls every 10 s on average; questions are doubled, delayed and overtake
/// each other. Returns the hash of the run.
uint64_t soak(uint64_t seed) {
  RingWorld world(seed, kNodes, soak_options());
  const size_t base = soak_options().successors + 1;
  std::vector<size_t> stays;
  for (size_t i = 0; i < base; ++i) stays.push_back(i);
  world.faults().duplicates = 0.02;
  world.faults().latency_max = 200ms;
  world.start(0, {});
  for (size_t i = 1; i < base; ++i) {
    world.start(i, {0});
    EXPECT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
  }
  RingInvariants invariants(world, stays);
  std::string broken;
  world.after_event = [&](size_t i) {
    if (broken.empty()) broken = invariants.check(i);
  };
  Rng& rng = world.world().rng();
  const TimePoint end = world.world().now() + 1h;
  while (world.world().now() < end && broken.empty()) {
    const size_t i = base + rng.below(kNodes - base);
    if (!world.lives(i)) {
      world.start(i, {rng.below(base)});
    } else if (world.ring(i).state() == Ring::State::joined && may_go(world, i)) {
      if (rng.below(3) == 0) {
        world.leave(i);
      } else if (rng.below(2) == 0) {
        world.crash(i);
      }
    }
    // Answers given before a failure arrive before the next one.
    world.world().run_for(500ms + Duration(static_cast<int64_t>(rng.below(19'000'000'000))));
  }
  EXPECT_EQ(broken, "") << world.describe();
  EXPECT_GT(invariants.ring_checks(), 100u);
  EXPECT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  return world.world().trace_hash();
}

uint64_t seeds() {
  const char* more = std::getenv("THEMIS_SOAK_SEEDS");
  return more == nullptr ? 200 : std::strtoull(more, nullptr, 10);
}

TEST(RingSoak, KeepsZavesInvariantsAfterEveryEventForAnHourOf32Nodes) {
  for (uint64_t seed = 1; seed <= seeds() && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    soak(seed);
  }
}

TEST(RingSoak, SameSeedSameTraceHash) {
  for (uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(soak(seed), soak(seed)) << "seed " << seed;
  EXPECT_NE(soak(1), soak(2));
}

}  // namespace
}  // namespace themis::ring
