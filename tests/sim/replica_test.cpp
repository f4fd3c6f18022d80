#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/ring_world.hpp"

namespace themis::ring {
namespace {

constexpr size_t kRoundsToHeal = 60;

/// A ring of `world.size()` nodes that has settled.
void settle(RingWorld& world) {
  for (size_t i = 0; i < world.size(); ++i) {
    world.start(i, i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0});
    if (i <= 4) world.world().run_until([&] { return world.node(i).joined; }, 10s);
  }
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  world.world().run_for(5s);
}

/// The nodes that should keep `object`: the responsible one, then its successors.
std::vector<size_t> keepers(RingWorld& world, const ObjectId& object, size_t replicas) {
  const std::vector<size_t> all = world.members();
  const auto first = std::ranges::find(all, world.responsible(point(object)));
  std::vector<size_t> out;
  for (size_t i = 0; i < std::min(replicas + 1, all.size()); ++i)
    out.push_back(all[(static_cast<size_t>(first - all.begin()) + i) % all.size()]);
  return out;
}

void expect_kept_where_it_belongs(RingWorld& world, size_t names, const RingOptions& options) {
  for (size_t n = 0; n < names; ++n) {
    for (uint8_t r = 0; r <= options.redundancy; ++r) {
      const ObjectId object = object_id("name-" + std::to_string(n), r);
      const std::vector<size_t> expected = keepers(world, object, options.replicas);
      for (const size_t i : world.members()) {
        const bool keeps = !world.ring(i).objects().stores(object).empty();
        EXPECT_EQ(keeps, std::ranges::find(expected, i) != expected.end())
            << "name-" << n << " copy " << int{r} << " node " << i << "\n"
            << world.describe();
      }
    }
  }
}

class Replicas : public testing::TestWithParam<uint64_t> {};

// One copy of the name, and nothing is stored again: the refresh is an hour away.
TEST_P(Replicas, CrashOfTheResponsibleNodeRightAfterTheAckLosesNothing) {
  RingOptions options;
  options.redundancy = 0;
  options.refresh = 1200s;
  RingWorld world(GetParam(), 9, options);
  settle(world);
  const ObjectId object = object_id("precious", 0);
  const size_t responsible = world.responsible(point(object));
  const size_t provider = responsible == 0 ? 1 : 0;
  world.provide(provider, "precious");
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == 1; }, 10s));
  world.crash(responsible);
  size_t finder = provider;
  for (const size_t i : world.members()) finder = i == provider ? finder : i;
  const Result<Records> found = world.find(finder, "precious");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->at(0).provider.id, world.node(provider).id);
  EXPECT_EQ(world.store_failures, 0u);
}

TEST_P(Replicas, JoinsLeavesAndCrashesLeaveEveryObjectWhereItBelongs) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingOptions options;
  options.redundancy = 1;
  options.refresh = 1200s;  // what is repaired here is repaired by the nodes themselves
  RingWorld world(GetParam(), 12, options);
  settle(world);
  constexpr size_t kNames = 60;
  for (size_t n = 0; n < kNames; ++n) world.provide(0, "name-" + std::to_string(n));
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == kNames; }, 20s));
  world.world().run_for(5s);
  expect_kept_where_it_belongs(world, kNames, options);
  const std::vector<size_t> victims{3, 7, 9};
  for (const size_t victim : victims) {
    world.crash(victim);
    ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
    world.world().run_for(10s);
    expect_kept_where_it_belongs(world, kNames, options);
  }
  for (const size_t victim : victims) world.start(victim, {0});
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  world.world().run_for(10s);
  expect_kept_where_it_belongs(world, kNames, options);
  world.leave(5);
  ASSERT_TRUE(world.world().run_until([&] { return !world.lives(5); }, 5s));
  ASSERT_TRUE(world.rounds_to_ideal(kRoundsToHeal)) << world.describe();
  world.world().run_for(10s);
  expect_kept_where_it_belongs(world, kNames, options);
}

/// One of those that keep a copy, another one for each object.
size_t sure_keeper(RingWorld& world, const Store& store, const RingOptions& options) {
  const ObjectId object = object_id(store.record->name, store.replica);
  const std::vector<size_t> all = keepers(world, object, options.replicas);
  return all[static_cast<size_t>(object.bytes.back()) % all.size()];
}

/// All nodes but one for each object say that they have it and forget a third of what they are
/// sent: nobody sends that again but who compares.
TEST_P(Replicas, CopiesThatGotLostAreMadeAgainWithoutTheProvider) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingOptions options;
  options.refresh = 1200s;
  RingWorld world(GetParam(), 10, options);
  settle(world);
  size_t lost = 0;
  world.liar = [&](size_t i, const Question& question) -> std::optional<Result<Reply>> {
    const auto* store = std::get_if<Store>(&question);
    const auto* chunk = std::get_if<HandOver>(&question);
    const auto is_sure = [&](const Store& s) { return sure_keeper(world, s, options) == i; };
    if (store == nullptr && chunk == nullptr) return std::nullopt;
    if (store != nullptr ? is_sure(*store) : std::ranges::any_of(chunk->entries, is_sure))
      return std::nullopt;
    if (world.world().rng().below(3) != 0) return std::nullopt;
    ++lost;
    return Ack{};
  };
  constexpr size_t kNames = 40;
  for (size_t n = 0; n < kNames; ++n) world.provide(n % 10, "name-" + std::to_string(n));
  ASSERT_TRUE(world.world().run_until([&] { return world.stored == kNames; }, 20s));
  world.liar = {};
  ASSERT_GT(lost, 0u);
  world.world().run_for(15s);
  expect_kept_where_it_belongs(world, kNames, options);
}

TEST_P(Replicas, LostMessagesDelayCopiesAndLoseNone) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  RingOptions options;
  options.redundancy = 0;
  options.refresh = 1200s;
  RingWorld world(GetParam(), 10, options);
  settle(world);
  world.faults().loss = 0.05;
  constexpr size_t kNames = 40;
  for (size_t n = 0; n < kNames; ++n) world.provide(0, "name-" + std::to_string(n));
  world.world().run_until([&] { return world.stored + world.store_failures == kNames; }, 20s);
  world.crash(4);
  world.world().run_for(20s);
  world.faults().loss = 0;
  ASSERT_TRUE(world.rounds_to_ideal(2 * kRoundsToHeal)) << world.describe();
  world.world().run_for(20s);
  expect_kept_where_it_belongs(world, kNames, options);
}

TEST_P(Replicas, WatchersAreToldOfEveryChangeLongBeforeTheNextRefresh) {
  RingOptions options;
  options.refresh = 1200s;
  RingWorld world(GetParam(), 8, options);
  settle(world);
  const auto told = [&](uint64_t user) -> std::vector<Records>& { return world.watched[user]; };
  const auto until_told = [&](uint64_t user, size_t events) {
    return world.world().run_until([&] { return told(user).size() >= events; }, 10s);
  };
  for (const size_t watcher : {0u, 1u}) {
    world.watch(watcher, "service", watcher);
    ASSERT_TRUE(until_told(watcher, 1));
    EXPECT_TRUE(told(watcher)[0].empty());
  }
  world.provide(3, "service");
  ASSERT_TRUE(until_told(0, 2) && until_told(1, 2));
  EXPECT_EQ(told(0)[1].at(0).provider.id, world.node(3).id);
  world.provide(4, "service");
  ASSERT_TRUE(until_told(0, 3) && until_told(1, 3));
  EXPECT_EQ(told(1)[2].size(), 2u);
  world.leave(3);
  ASSERT_TRUE(until_told(0, 4) && until_told(1, 4));
  EXPECT_EQ(told(0)[3].size(), 1u);
  EXPECT_EQ(told(0)[3].at(0).provider.id, world.node(4).id);
  world.ring(1).unwatch(1);
  world.provide(5, "service");
  ASSERT_TRUE(until_told(0, 5));
  EXPECT_EQ(told(1).size(), 4u);
}

TEST_P(Replicas, WatchersLearnOfACrashedProviderAndOutliveACrashedHolder) {
  RingOptions options;
  options.refresh = 10s;
  options.redundancy = 0;
  RingWorld world(GetParam(), 8, options);
  settle(world);
  const size_t holder = world.responsible(point(object_id("service", 0)));
  std::vector<size_t> others;
  for (size_t i = 0; i < world.size(); ++i)
    if (i != holder) others.push_back(i);
  world.watch(others[0], "service", 1);
  world.provide(others[1], "service");
  const auto until_provided_by = [&](std::vector<size_t> providers) {
    return world.world().run_until(
        [&] {
          if (world.watched[1].empty()) return false;
          const Records& now = world.watched[1].back();
          return now.size() == providers.size() && std::ranges::all_of(providers, [&](size_t i) {
                   return std::ranges::any_of(now, [&](const Record& record) {
                     return record.provider.id == world.node(i).id;
                   });
                 });
        },
        60s);
  };
  ASSERT_TRUE(until_provided_by({others[1]}));
  world.crash(holder);
  world.provide(others[2], "service");
  ASSERT_TRUE(until_provided_by({others[1], others[2]}));
  world.crash(others[1]);
  ASSERT_TRUE(until_provided_by({others[2]}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Replicas, testing::Range<uint64_t>(1, 61));
// A hand-over was given up when its receiver ceased to be a neighbour; a push that ended while the
// node took its names back made it say goodbye at once.
INSTANTIATE_TEST_SUITE_P(Regress, Replicas, testing::Values(128, 169, 242, 288, 384));

}  // namespace
}  // namespace themis::ring
