// Checkpoints that leave records where they are: what was in use is listed, comes back at a start,
// and comes to its place on disk with later commits.
#include <gtest/gtest.h>

#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {
namespace {

/// Keys 0 to 9 once, 10 to 19 often, 20 to 24 removed, 30 to 34 only asked for; then a checkpoint.
struct Rested : DurableWorld {
  explicit Rested(uint16_t thread_count = 1) : DurableWorld(thread_count) {
    EXPECT_TRUE(open());
    for (uint64_t i = 0; i < 25; ++i) EXPECT_TRUE(put(i, 100 + i));
    EXPECT_TRUE(store->checkpoint());
    for (uint64_t i = 10; i < 20; ++i)
      for (uint64_t value = 200; value < 210; ++value) EXPECT_TRUE(put(i, value + i));
    for (uint64_t i = 20; i < 25; ++i) EXPECT_TRUE(remove(i));
    for (uint64_t i = 30; i < 35; ++i) EXPECT_TRUE(is_absent(i));
    EXPECT_TRUE(store->checkpoint());
  }
  bool remove(uint64_t at) {
    const Word word{at};
    return store->call(WordStore::remove, std::span(&word, 1), {})->result.done;
  }
  bool is_absent(uint64_t at) {
    const Word word{at};
    return store->call(WordStore::get_absent, std::span(&word, 1), {}).has_value();
  }
  void expect_all() {
    for (uint64_t i = 0; i < 40; ++i) {
      const std::optional<uint64_t> value = i < 10   ? std::optional(100 + i)
                                            : i < 20 ? std::optional(209 + i)
                                                     : std::nullopt;
      EXPECT_EQ(get(i), value) << i;
      EXPECT_EQ(is_absent(i), !value) << i;
    }
  }
  Error refused() {
    close();
    const Status opened = open();
    close();
    return opened ? Error{} : opened.error();
  }
};

// A start with what the checkpoint wrote as it wrote it; with its order found; at its place.
TEST(VerifiedStoreRest, IsGoneOnFromAtEveryStageOfTheMerge) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{4}}) {
    for (uint64_t commits = 0; commits < 4; ++commits) {
      Rested world(threads);
      for (uint64_t i = 0; i < commits; ++i) {
        ASSERT_TRUE(world.put(50 + i, i));
        ASSERT_TRUE(world.store->commit());
      }
      world.close();
      EXPECT_EQ(Disk(world).rows(kChanges).empty(), commits >= 2) << "when it is at its place";
      const Status opened = world.open();
      ASSERT_TRUE(opened) << opened.error().text();
      world.expect_all();
      const auto ended = world.store->end_epoch();
      ASSERT_TRUE(ended) << ended.error().text();
      EXPECT_EQ(world.store->status().certified, 2u);
      ASSERT_TRUE(world.open());
      world.expect_all();
      ASSERT_TRUE(world.store->checkpoint());
    }
  }
}

TEST(VerifiedStoreRest, ListsWhatWasInUse) {
  Rested world;
  EXPECT_EQ(world.store->status().journal_bytes, 0u);
  world.close();
  const Disk::Rows listed = Disk(world).rows(kListed);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].second.size(), 2 + 20 * 8u) << "what was touched: ten, five, five";
}

// Removed, forgotten by the host, and written or asked for again before the next checkpoint.
TEST(VerifiedStoreRest, ARecordThatWasForgottenIsWhatItWasLast) {
  for (const bool written : {true, false}) {
    Rested world;
    ASSERT_TRUE(world.remove(0));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.store->end_epoch());
    if (written) {
      ASSERT_TRUE(world.put(0, 77));
    }
    EXPECT_EQ(world.is_absent(0), !written);
    ASSERT_TRUE(world.store->checkpoint());
    const Status opened = world.open();
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(world.get(0), written ? std::optional<uint64_t>(77) : std::nullopt);
    EXPECT_EQ(world.is_absent(0), !written);
    EXPECT_TRUE(world.store->end_epoch());
  }
}

TEST(VerifiedStoreRest, ChecksAgainAtTheNextStartAndTheOneAfter) {
  Rested world;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(world.open());
    world.expect_all();
    if (i > 0) {
      ASSERT_TRUE(world.store->checkpoint());
    }
  }
}

/// What is refused when a disk's list, or what a checkpoint wrote, is changed.
template <class Change>
std::string after(const char* table, Change change) {
  Rested world;
  world.close();
  {
    const Disk disk(world);
    Disk::Rows rows = disk.rows(table);
    change(rows.at(0).second);
    disk.replace(table, rows);
  }
  return world.refused().detail;
}
constexpr const char* kNotThose =
    "the records of monitor thread 0 are not those of the checkpoint: restore the store's "
    "directory";

TEST(AdversaryVerifiedStoreRest, AnotherListIsRefused) {
  constexpr size_t kKey = 8, kFirst = 2;  // a thread's number, then keys
  EXPECT_EQ(after(kListed, [](Bytes&) {}), "") << "the control";
  EXPECT_EQ(after(kListed,
                  [](Bytes& list) {
                    std::swap_ranges(list.begin() + kFirst, list.begin() + kFirst + kKey,
                                     list.begin() + kFirst + kKey);
                  }),
            kNotThose)
      << "another order";
  EXPECT_EQ(after(kListed, [](Bytes& list) { list.resize(list.size() - kKey); }), kNotThose)
      << "one is said to be in the tree";
  EXPECT_EQ(after(kListed,
                  [](Bytes& list) {
                    const uint64_t key = 5;
                    append(list, std::as_bytes(std::span(&key, 1)));
                  }),
            kNotThose)
      << "one of the tree is listed";
  EXPECT_EQ(after(kListed,
                  [](Bytes& list) {
                    const Bytes first(list.begin() + kFirst, list.begin() + kFirst + kKey);
                    append(list, first);
                  }),
            "two keys have one place in the tree");
  EXPECT_EQ(after(kListed, [](Bytes& list) { list.pop_back(); }),
            "a list of the store is damaged: restore its directory");
}

TEST(AdversaryVerifiedStoreRest, AnotherValueOfAListedRecordIsRefused) {
  EXPECT_EQ(after(kChanges,
                  [](Bytes& run) {
                    const auto at = std::ranges::search(run, from_hex("01dd00").value()).begin();
                    ASSERT_NE(at, run.end()) << "key 12 has 221";
                    at[1] = std::byte{0xde};
                  }),
            kNotThose);
}

// On its way to the monitor, which takes it: it is the list that is wrong then.
TEST(AdversaryVerifiedStoreRest, AFalseRecordIsNotRestored) {
  for (const bool lies : {false, true}) {
    Rested world;
    world.store.reset();
    world.trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
        seal::SealedMonitorsOptions{1, 64, 16, 4, {}}, world.key, *world.counter, world.rng);
    LyingHost host(*world.trusted);
    if (lies) host.truth = from_hex("01dd00000000000000").value();
    host.lie = from_hex("01de00000000000000").value();
    const auto opened = DurableWorld::Store::open(*world.environment, host, world.options);
    EXPECT_EQ(opened ? "" : opened.error().detail, lies ? kNotThose : "");
  }
}

/// A host that begins the list of what it restores again: after a false record.
struct ForgetfulHost final : PassingHost {
  using PassingHost::PassingHost;
  Status start(ByteView sealed) override {
    THEMIS_CHECK(side.start(sealed));
    host::CommandLog<WordStore> log(side.instance(), 0);
    log.restore(64, monitor::Record<WordStore>{{999}, Word{1}});
    log.evict_deferred(64, monitor::Timestamp::of(2, 1));
    if (begins_again) log.list_epoch();
    return side.apply(0, log.take());
  }
  Status apply(uint16_t thread, ByteView batch) override {
    Bytes sent(batch.begin(), batch.end());  // one more was sent before it
    std::byte* const sequence = sent.data() + sizeof(monitor::InstanceId) + 2;
    store(sequence, load<uint64_t>(sequence) + 1);
    return side.apply(thread, sent);
  }
  bool begins_again = false;
};

TEST(AdversaryVerifiedStoreRest, ARecordThatWasNotListedIsNotRestored) {
  for (const bool begins_again : {false, true}) {
    Rested world;
    world.store.reset();
    world.trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
        seal::SealedMonitorsOptions{1, 64, 16, 4, {}}, world.key, *world.counter, world.rng);
    ForgetfulHost host(*world.trusted);
    host.begins_again = begins_again;
    const auto opened = DurableWorld::Store::open(*world.environment, host, world.options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::forged) << opened.error().text();
  }
}

/// Counts, so that a batch can be added to the host's.
struct CountingHost final : PassingHost {
  using PassingHost::PassingHost;
  Status apply(uint16_t thread, ByteView batch) override {
    ++batches;
    return side.apply(thread, batch);
  }
  size_t batches = 0;
};

// Once the list is found to be the sealed one, it is closed.
TEST(AdversaryVerifiedStoreRest, NothingIsRestoredAfterTheStart) {
  Rested world;
  world.store.reset();
  world.trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
      seal::SealedMonitorsOptions{1, 64, 16, 4, {}}, world.key, *world.counter, world.rng);
  CountingHost host(*world.trusted);
  ASSERT_TRUE(DurableWorld::Store::open(*world.environment, host, world.options));
  host::CommandLog<WordStore> log(host.instance(), 0);
  for (size_t i = 0; i < host.batches; ++i) (void)log.take();
  log.restore(64, monitor::Record<WordStore>{{999}, Word{1}});
  const Status applied = host.side.apply(0, log.take());
  ASSERT_FALSE(applied);
  EXPECT_NE(applied.error().detail.find("restored"), std::string::npos) << applied.error().text();
}

// The list is that of its checkpoint, not of an older one with the same records.
TEST(AdversaryVerifiedStoreRest, TheListOfAnEarlierCheckpointIsRefused) {
  Rested world;
  world.close();
  const Disk::Rows old = Disk(world).rows(kListed);
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.put(12, 1));
  ASSERT_TRUE(world.store->checkpoint());
  world.close();
  Disk(world).replace(kListed, old);
  EXPECT_EQ(world.refused().detail, kNotThose);
}

TEST(VerifiedStoreRest, AStoreOfTheFormatBeforeIsRefused) {
  Rested world;
  world.close();
  {
    const Disk disk(world);
    Disk::Rows rows = disk.rows(kSealed);
    rows.at(0).second.erase(rows[0].second.begin(), rows[0].second.begin() + 8);
    disk.replace(kSealed, rows);
  }
  EXPECT_EQ(world.refused(),
            (Error{Code::invalid,
                   "the store was written by another version of Themis, or its sealed state is "
                   "damaged: start it with that version, or restore its directory"}));
}

}  // namespace
}  // namespace themis::tests
