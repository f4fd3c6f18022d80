#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/ring_world.hpp"

namespace themis::ring {
namespace {

constexpr size_t kRoundsToHeal = 60;

/// Node 0 starts the ring, the next four join one after the other (Zave's base of r + 1), the rest
/// at once.
void grow(RingWorld& world) {
  world.start(0, {});
  for (size_t i = 1; i < world.size(); ++i) {
    world.start(i, {0});
    if (i <= 4) world.world().run_until([&] { return world.node(i).joined; }, 10s);
  }
}

Point random_point(RingWorld& world) {
  Point point;
  world.world().rng().fill(point.bytes);
  return point;
}

size_t nodes_of(uint64_t seed) { return 3 + seed % 14; }

void expect_right_lookups(RingWorld& world, size_t count) {
  for (size_t n = 0; n < count; ++n) {
    const std::vector<size_t> all = world.members();
    const size_t asker = all[world.world().rng().below(all.size())];
    const Point target =
        n % 8 == 0 ? point(world.node(all[n % all.size()]).id) : random_point(world);
    const Result<Contacts> nodes = world.lookup(asker, target);
    ASSERT_TRUE(nodes) << nodes.error().text();
    EXPECT_EQ(nodes->front().id, world.node(world.responsible(target)).id);
    EXPECT_LE(nodes->size(), std::min(all.size(), RingOptions{}.successors + 1));
  }
}

class RingSeeds : public testing::TestWithParam<uint64_t> {};

TEST_P(RingSeeds, ConcurrentJoinsReachTheIdealRingAndKeepItsInvariants) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingWorld world(GetParam(), nodes_of(GetParam()));
  world.after_event = [&](size_t) {
    ASSERT_EQ(broken_list(world), "");
    ASSERT_EQ(broken_ring(world), "") << world.describe();
  };
  grow(world);
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  EXPECT_EQ(world.members().size(), world.size());
  expect_right_lookups(world, 20);
}

/// True when node i may fail: everybody keeps a live successor without it and r + 1 members remain
/// (the rules of Zave's proof, where a join is one step: so not while somebody copies a list that
/// may be all that it will have).
bool may_crash(RingWorld& world, size_t victim) {
  for (size_t i = 0; i < world.size(); ++i)
    if (world.lives(i) && world.ring(i).state() == Ring::State::joining) return false;
  const std::vector<size_t> all = world.members();
  if (all.size() <= RingOptions{}.successors + 1) return false;
  for (const size_t i : all) {
    if (i == victim) continue;
    bool has_live = false;
    for (const Contact& next : world.ring(i).table().successors())
      for (const size_t j : all)
        has_live = has_live || (j != victim && world.node(j).id == next.id);
    if (!has_live) return false;
  }
  return true;
}

TEST_P(RingSeeds, CrashesAndJoinsKeepTheInvariantsAndHeal) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingWorld world(GetParam(), 3 + nodes_of(GetParam()));
  world.after_event = [&](size_t) {
    ASSERT_EQ(broken_list(world), "");
    ASSERT_EQ(broken_ring(world), "") << world.describe();
  };
  grow(world);
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  Rng& rng = world.world().rng();
  for (int step = 0; step < 30; ++step) {
    const size_t i = 1 + rng.below(world.size() - 1);
    if (!world.lives(i)) {
      world.start(i, {0});
    } else if (world.node(i).joined && may_crash(world, i)) {
      if (rng.below(3) == 0) {
        world.leave(i);
      } else {
        world.crash(i);
      }
    }
    // Answers given before a failure arrive before the next one.
    world.world().run_for(50ms + Duration(static_cast<int64_t>(rng.below(2'000'000'000))));
  }
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  expect_right_lookups(world, 20);
}

TEST_P(RingSeeds, HealsAfterLossPartitionsCrashesAndRestarts) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingWorld world(GetParam(), nodes_of(GetParam()));
  world.after_event = [&](size_t) { ASSERT_EQ(broken_list(world), ""); };
  grow(world);
  Rng& rng = world.world().rng();
  for (int step = 0; step < 25; ++step) {
    const size_t i = rng.below(world.size());
    switch (rng.below(6)) {
      case 0:
        world.faults().loss = 0.3 * rng.unit();
        break;
      case 1:
        world.partition({i, rng.below(world.size())});
        break;
      case 2:
        world.cut(i, rng.below(world.size()));
        break;
      case 3:
        world.heal();
        break;
      case 4:
        if (i != 0 && world.lives(i)) world.crash(i);
        break;
      default:
        if (!world.lives(i)) world.start(i, {0});
        break;
    }
    world.world().run_for(Duration(static_cast<int64_t>(rng.below(5'000'000'000))));
  }
  world.faults().loss = 0;
  world.heal();
  world.world().run_for(2s);  // questions that were lost before have timed out
  ASSERT_TRUE(world.rounds_to_ideal(2 * kRoundsToHeal)) << world.describe();
  expect_right_lookups(world, 20);
}

TEST_P(RingSeeds, ObjectsAreFoundWhileTheirHoldersJoinLeaveAndCrash) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingWorld world(GetParam(), std::max<size_t>(6, nodes_of(GetParam())));
  const size_t last = world.size() - 1;
  world.start(0, {});
  for (size_t i = 1; i < last; ++i) world.start(i, {0});
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
  constexpr size_t kNames = 40;
  for (size_t n = 0; n < kNames; ++n) world.provide(0, "name-" + std::to_string(n));
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == kNames; }, 10s));
  const auto expect_all_found = [&](const std::string& when) {
    for (size_t n = 0; n < kNames; ++n) {
      const std::vector<size_t> all = world.members();
      const Result<Records> found = world.find(all[n % all.size()], "name-" + std::to_string(n));
      ASSERT_TRUE(found) << when << ": " << found.error().text();
      ASSERT_EQ(found->size(), 1u) << when;
      EXPECT_EQ(found->front().provider.id, world.node(0).id);
      EXPECT_EQ(as_text(found->front().payload), "payload of name-" + std::to_string(n));
    }
  };
  expect_all_found("at first");
  world.start(last, {0});
  expect_all_found("while one joins");
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  expect_all_found("after the join");
  world.leave(1);
  expect_all_found("while one leaves");
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  expect_all_found("after the leave");
  world.crash(2);
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  // One refresh brings back what only the crashed node had.
  world.world().run_for(RingOptions{}.refresh);
  expect_all_found("after the crash");
  EXPECT_EQ(world.store_failures, 0u);
  EXPECT_EQ(world.find(0, "name-x").error().code, Code::not_found);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingSeeds, testing::Range<uint64_t>(1, 51));

TEST(RingSim, WithdrawnNamesAreGoneAndSilentProvidersExpire) {
  RingWorld world(7, 8);
  grow(world);
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
  world.provide(3, "kept");
  world.provide(4, "lost");
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == 2; }, 10s));
  world.leave(3);
  world.world().run_for(3s);
  EXPECT_EQ(world.find(0, "kept").error().code, Code::not_found);
  ASSERT_TRUE(world.find(0, "lost"));
  world.crash(4);
  world.world().run_for(3 * RingOptions{}.refresh);
  EXPECT_EQ(world.find(0, "lost").error().code, Code::not_found);
}

TEST(RingSim, HandsObjectsToANewNodeWithoutWaitingForARefresh) {
  RingWorld world(11, 6);
  for (size_t i = 0; i < 5; ++i)
    world.start(i, i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0});
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
  for (int n = 0; n < 200; ++n) world.provide(0, "object-" + std::to_string(n));
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == 200; }, 20s));
  size_t before = 0;
  for (size_t i = 0; i < 5; ++i) before += world.ring(i).objects().record_count();
  EXPECT_EQ(before, 1800u);  // three names each, and two replicas of every object
  world.start(5, {2});
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
  world.world().run_for(10s);
  size_t after = 0;
  for (size_t i = 0; i < 6; ++i) {
    after += world.ring(i).objects().record_count();
  }
  EXPECT_EQ(after, 1800u);
  EXPECT_GT(world.ring(5).objects().record_count(), 0u);
}

TEST(RingSim, TwoHalvesOfAPartitionBecomeOneRingAgain) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RingWorld world(seed, 10);
    grow(world);
    ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal));
    world.partition({1, 3, 5, 7, 9});
    world.world().run_for(60s);
    EXPECT_NE(broken_ring(world), "");
    world.heal();
    ASSERT_TRUE(world.rounds_to_ideal(2 * kRoundsToHeal)) << world.describe();
  }
}

TEST(RingSim, HopsGrowWithTheLogarithmOfTheRing) {
  RingWorld world(5, 128);
  grow(world);
  ASSERT_TRUE(world.rounds_to_ideal(2 * kRoundsToHeal));
  world.world().run_for(20s);
  expect_right_lookups(world, 500);
  std::sort(world.hops.begin(), world.hops.end());
  double sum = 0;
  for (const unsigned h : world.hops) sum += h;
  const double mean = sum / static_cast<double>(world.hops.size());
  std::printf("128 nodes: hops mean %.2f, p99 %u\n", mean,
              world.hops[world.hops.size() * 99 / 100]);
  EXPECT_LE(mean, 0.5 * 7 + 0.5);
  EXPECT_LE(world.hops[world.hops.size() * 99 / 100], 7u);
}

TEST(RingSim, AFindAsksTwoQuestionsInThirtyTwoNodes) {
  RingWorld world(6, 32);
  grow(world);
  ASSERT_TRUE(world.rounds_to_ideal(2 * kRoundsToHeal));
  constexpr size_t kNames = 100, kFindsEach = 100;
  for (size_t n = 0; n < kNames; ++n) world.provide(n % 32, "name-" + std::to_string(n));
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == kNames; }, 20s));
  world.world().run_for(20s);
  const auto asked = [&] {
    uint64_t sum = 0;
    for (size_t i = 0; i < world.size(); ++i) sum += world.ring(i).questions_asked();
    return sum;
  };
  const auto find_all = [&] {
    std::set<uint64_t> open;
    for (size_t n = 0; n < 32 * kFindsEach; ++n)
      open.insert(world.begin_find(n % 32, "name-" + std::to_string(n / 32)));
    const auto end = [&](uint64_t user) {
      const auto found = world.find_ended(user);
      EXPECT_TRUE(!found || *found);
      return found.has_value();
    };
    return world.world().run_until([&] { return std::erase_if(open, end), open.empty(); }, 10s);
  };
  ASSERT_TRUE(find_all());  // from here on each knows of those it asks that they live
  const uint64_t before = asked();
  ASSERT_TRUE(find_all());
  const double each = static_cast<double>(asked() - before) / (32 * kFindsEach);
  std::printf("32 nodes: %.2f questions a find\n", each);
  EXPECT_LE(each, 2.0);
}

TEST(RingSim, SameSeedSameRun) {
  const auto run = [](uint64_t seed) {
    RingWorld world(seed, 9);
    world.faults().loss = 0.05;
    grow(world);
    world.world().run_for(10s);
    world.crash(4);
    world.world().run_for(10s);
    return std::pair(world.world().trace_hash(), world.describe());
  };
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto first = run(seed);
    EXPECT_EQ(first, run(seed)) << "seed " << seed;
    EXPECT_NE(first.first, run(seed + 100).first) << "seed " << seed;
  }
}

}  // namespace
}  // namespace themis::ring
