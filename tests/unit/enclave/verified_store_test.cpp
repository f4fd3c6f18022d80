// The durable store: what was committed is there after a restart, and every epoch goes on.
#include <gtest/gtest.h>

#include <map>

#include "enclave/applications/ledger.hpp"
#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {
namespace {

using Model = std::map<uint64_t, uint64_t>;

TEST(VerifiedStore, KeepsWhatWasCommitted) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.put(1, 10));
  ASSERT_TRUE(world.put(2, 20));
  ASSERT_TRUE(world.store->commit());
  ASSERT_TRUE(world.put(3, 30));  // never committed
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(1), 10u);
  EXPECT_EQ(world.get(2), 20u);
  EXPECT_EQ(world.get(3), std::nullopt);
  ASSERT_TRUE(world.store->end_epoch());
  EXPECT_EQ(world.store->status().certified, 0u);
}

TEST(VerifiedStore, TellsWhichCallsAreDurable) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  const uint64_t first = world.put(1, 1)->ticket, second = world.put(2, 2)->ticket;
  EXPECT_EQ(first, second);
  EXPECT_LT(world.store->status().committed, first);
  ASSERT_TRUE(world.store->commit());
  EXPECT_EQ(world.store->status().committed, first);
  EXPECT_GT(world.put(3, 3)->ticket, first);
}

TEST(VerifiedStore, GivesResultsOnlyWithTheirCommit) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.put(1, 10));
  EXPECT_EQ(world.get(1), 10u);
  const auto released = world.store->commit();
  ASSERT_TRUE(released);
  // A put: done, no value. A get: done, a value, 10.
  EXPECT_EQ(to_hex(released->results[0]),
            "01000101"
            "0a00000000000000");
  const auto again = world.store->commit();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->results[0].empty()) << "there was nothing new";
}

/// Random calls, commits, epochs, checkpoints and restarts against a map.
struct Play {
  DurableWorld& world;
  SeededRng rng;
  uint64_t keys;
  Model committed{}, now{};
  int restarts = 0;

  void step() {
    const uint64_t choice = rng.below(1'000);
    if (choice < 5) return restart();
    if (choice < 15) return done(world.store->checkpoint());
    if (choice < 30) return done(world.store->end_epoch());
    if (choice < 40) return worked(world.store->begin_end());
    if (choice < 60) return worked(world.store->carry(rng.below(20)));
    if (choice < 120) return done(world.store->commit());
    // Half of the calls go to an eighth of the keys: some become hot, most cold.
    const uint64_t number = rng.below(2) == 0 ? rng.below(keys) : rng.below(1 + keys / 8);
    const uint64_t key = number * 0x9e3779b97f4a7c15, value = rng.below(1'000);
    if (choice < 600) {
      ASSERT_TRUE(world.put(key, value));
      now[key] = value;
    } else if (choice < 700) {
      const Word word{key};
      ASSERT_TRUE(world.store->call(WordStore::remove, std::span(&word, 1), {}));
      now.erase(key);
    } else {
      const auto found = now.find(key);
      ASSERT_EQ(world.get(key), found == now.end() ? std::nullopt : std::optional(found->second));
    }
  }
  static void worked(const Status& status) { ASSERT_TRUE(status) << status.error().text(); }
  template <class Outcome>
  void done(const Outcome& outcome) {
    ASSERT_TRUE(outcome) << outcome.error().text();
    committed = now;
  }
  void restart() {
    ++restarts;
    // Slots may change between starts: the calls count, not the commands.
    world.options.node_slots = 48 + static_cast<uint32_t>(rng.below(80));
    world.options.record_slots = 10 + static_cast<uint32_t>(rng.below(30));
    world.options.hot_calls = static_cast<uint32_t>(rng.below(8));
    const Status opened = world.open();
    ASSERT_TRUE(opened) << opened.error().text();
    now = committed;
  }
};

struct Shape {
  uint16_t threads;
  uint64_t keys;
};
class VerifiedStoreShapes : public testing::TestWithParam<Shape> {};

TEST_P(VerifiedStoreShapes, AgreesWithAMapAcrossRestarts) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DurableWorld world(GetParam().threads, seed);
    ASSERT_TRUE(world.open());
    Play play{world, SeededRng(seed), GetParam().keys};
    for (int i = 0; i < 4'000 && !HasFatalFailure(); ++i) play.step();
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_GT(play.restarts, 5);
    play.restart();
    for (const auto& [key, value] : play.committed) ASSERT_EQ(world.get(key), value);
    const uint32_t epoch = world.store->status().epoch;
    const auto released = world.store->checkpoint();
    ASSERT_TRUE(released) << released.error().text();
    EXPECT_EQ(released->certified, epoch);
  }
}
INSTANTIATE_TEST_SUITE_P(All, VerifiedStoreShapes,
                         testing::Values(Shape{1, 300}, Shape{1, 3}, Shape{2, 300}, Shape{8, 800}));

TEST(VerifiedStore, ACheckpointEmptiesTheJournalAndIsDueWhenThatIsLong) {
  DurableWorld world;
  world.options.journal_bytes_max = 1'000;
  world.options.journal_bytes_per_record = 0;
  ASSERT_TRUE(world.open());
  for (uint64_t i = 0; i < 200; ++i) ASSERT_TRUE(world.put(i, i));
  ASSERT_TRUE(world.store->commit());
  EXPECT_GT(world.store->status().journal_bytes, 200u * 17);
  EXPECT_TRUE(world.store->is_checkpoint_due());
  ASSERT_TRUE(world.store->end_epoch());
  EXPECT_TRUE(world.store->is_checkpoint_due());
  ASSERT_TRUE(world.store->checkpoint());
  EXPECT_FALSE(world.store->is_checkpoint_due());
  EXPECT_EQ(world.store->status().journal_bytes, 0u);
  ASSERT_TRUE(world.put(1, 99));
  ASSERT_TRUE(world.store->end_epoch());
  EXPECT_EQ(world.store->status().journal_bytes, 2u + 17 + 1);
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(1), 99u);
  EXPECT_EQ(world.get(2), 2u);
}

// Until the last of its records is carried the epoch is open, and calls are of the next one.
TEST(VerifiedStore, AnEpochEndsBesideCalls) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{2}}) {
    DurableWorld world(threads);
    ASSERT_TRUE(world.open());
    for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(world.put(i, i));
    ASSERT_TRUE(world.store->begin_end());
    EXPECT_EQ(world.store->status().epoch, 1u);
    for (uint64_t i = 50; i < 60; ++i) ASSERT_TRUE(world.put(i, 2 * i));
    auto told = world.store->commit();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->certified, std::nullopt);
    EXPECT_TRUE(world.store->is_ending());
    // What a call has brought along is not carried once more.
    ASSERT_TRUE(world.store->carry(SIZE_MAX));
    EXPECT_FALSE(world.store->is_ending());
    // Nothing was written since: the commit is for the certificate alone.
    told = world.store->commit();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->certified, 0u);
    ASSERT_EQ(told->certificates.size(), 1u);
    ASSERT_TRUE(world.store->end_epoch());
    EXPECT_EQ(world.store->status().certified, 1u);
    for (uint64_t i = 0; i < 100; ++i)
      EXPECT_EQ(world.get(i), i >= 50 && i < 60 ? 2 * i : i) << "key " << i;
  }
}

TEST(VerifiedStore, CallsAloneBringAnEpochToItsEnd) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(world.put(i, i));
  ASSERT_TRUE(world.store->begin_end());
  for (uint64_t i = 0; i < 25; ++i) {
    ASSERT_TRUE(world.store->is_ending()) << "after " << i << " calls";
    EXPECT_EQ(world.get(0), 0u);
  }
  EXPECT_FALSE(world.store->is_ending());
  EXPECT_EQ(world.store->commit()->certified, 0u);
}

TEST(VerifiedStore, ACrashWhileAnEpochEndsLosesNothing) {
  DurableWorld world(2);
  ASSERT_TRUE(world.open());
  for (uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(world.put(i, i));
  ASSERT_TRUE(world.store->begin_end());
  for (uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(world.put(i, 100 + i));
  ASSERT_TRUE(world.store->commit());
  ASSERT_TRUE(world.store->is_ending());
  ASSERT_TRUE(world.open());
  EXPECT_FALSE(world.store->is_ending());
  EXPECT_EQ(world.store->status().epoch, 1u);
  for (uint64_t i = 0; i < 40; ++i) EXPECT_EQ(world.get(i), i < 5 ? 100 + i : i);
  ASSERT_TRUE(world.store->end_epoch());
  EXPECT_EQ(world.store->status().certified, 1u);
}

TEST(VerifiedStore, ACheckpointFirstEndsTheEpochThatIsEnding) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  for (uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(world.put(i, i));
  ASSERT_TRUE(world.store->begin_end());
  ASSERT_TRUE(world.put(1, 11));
  const auto told = world.store->checkpoint();
  ASSERT_TRUE(told) << told.error().text();
  EXPECT_EQ(told->certified, 1u);
  EXPECT_EQ(told->certificates.size(), 2u);
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(1), 11u);
  EXPECT_EQ(world.get(2), 2u);
}

/// Tells what is certified when it is asked to start and to confirm, as one in another process.
struct LateSide final : PassingHost {
  using PassingHost::PassingHost;
  std::optional<uint32_t> certified() const override { return told; }
  Status started() override {
    const Status done = side.started();
    told = side.certified();
    return done;
  }
  std::optional<uint32_t> told;
};

// Such a store did not open again after more epochs than a monitor has open at once.
TEST(VerifiedStore, RegressAJournalOfManyEpochsIsRunAgainByASideThatTellsLate) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{2}}) {
    DurableWorld world(threads);
    ASSERT_TRUE(world.open());
    for (uint64_t i = 0; i < 3 * monitor::kEpochsOpen; ++i) {
      ASSERT_TRUE(world.put(i, i));
      ASSERT_TRUE(world.store->end_epoch());
    }
    world.store.reset();
    seal::SealedMonitors<WordStore> trusted({threads, 64, 16}, world.key, *world.counter,
                                            world.rng);
    LateSide late(trusted);
    const auto opened = DurableWorld::Store::open(*world.environment, late, world.options);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ((*opened)->status().epoch, 3 * monitor::kEpochsOpen);
    EXPECT_TRUE((*opened)->end_epoch());
  }
}

TEST(VerifiedStore, CallsOfEightRecordsAreRunAgain) {
  using monitor::Ledger;
  DurableWorld files;
  ASSERT_TRUE(files.open());
  files.close();
  std::filesystem::remove_all(files.store_path());
  std::filesystem::remove(files.counter_path());
  uint64_t total = 0;
  for (int start = 0; start < 3; ++start) {
    const auto counter = seal::CounterFile::open(files.counter_path(), files.key).value();
    const auto environment = storage::Environment::open(files.store_path()).value();
    seal::SealedMonitors<Ledger> trusted({1, 64, 16}, files.key, *counter, files.rng);
    const auto store =
        host::VerifiedStore<Ledger>::open(*environment, trusted, files.options).value();
    std::vector<Word> accounts;
    for (uint64_t i = 0; i < 8; ++i) accounts.push_back({i});
    const auto call = [&](uint8_t function, std::span<const Word> keys,
                          Ledger::Arguments arguments) {
      return store->call(function, keys, arguments).value().result;
    };
    if (start == 0)
      for (const Word& each : accounts) call(Ledger::open, std::span(&each, 1), {700, 0});
    const auto paid = call(Ledger::distribute, accounts, {1, static_cast<uint64_t>(start)});
    EXPECT_TRUE(paid.done);
    EXPECT_EQ(paid.value->balance, 700u - 7 * (static_cast<uint64_t>(start) + 1));
    ASSERT_TRUE(store->end_epoch());
    total = 0;
    for (const Word& each : accounts)
      total += call(Ledger::balance, std::span(&each, 1), {}).value->balance;
    EXPECT_EQ(total, 5'600u);
  }
}

}  // namespace
}  // namespace themis::tests
