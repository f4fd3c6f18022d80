// A host that brings back anything but the last confirmed state is refused, with the reason.
#include <gtest/gtest.h>

#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {
namespace {

TEST(AdversaryVerifiedStore, AnOlderStoreIsRefused) {
  Closed world;
  world.keep("old");
  world.go_on(1);
  world.bring_back_store("old");
  EXPECT_EQ(world.refused(),
            (Error{Code::replayed,
                   "the store was rolled back: it is at commit 4, its counter at 5; restore the "
                   "newest directory"}));
}

TEST(AdversaryVerifiedStore, AnotherContinuationOfTheSameCommitIsRefused) {
  Closed world;
  world.keep("old");
  world.go_on(1);
  world.keep("first");
  // A crash before the counter rose: commit 5 is made a second time, and this one is confirmed.
  world.bring_back_store("old");
  world.bring_back_counter("old");
  world.go_on(2);
  world.bring_back_store("first");
  EXPECT_EQ(
      world.refused().detail,
      "this is another commit 5 than the one that was confirmed: restore the newest directory");
}

TEST(AdversaryVerifiedStore, ACounterOfAnOlderTimeIsRefused) {
  Closed world;
  world.keep("old");
  world.go_on(1);
  world.go_on(2);
  world.bring_back_counter("old");
  EXPECT_EQ(world.refused().detail,
            "the counter stands at 4, the store at commit 6: the counter is of an older time; "
            "restore it");
}

TEST(AdversaryVerifiedStore, AStoreThatIsGoneIsNotMadeAnew) {
  Closed world;
  std::filesystem::remove_all(world.store_path());
  EXPECT_EQ(world.refused().detail,
            "the store is empty, but its counter stands at 4: restore the store's directory");
}

// What a crash leaves between the store's write and the counter's.
TEST(VerifiedStore, ACommitWithoutItsConfirmationIsTaken) {
  Closed world;
  world.keep("old");
  world.go_on(77);
  world.bring_back_counter("old");
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(7), 77u);
  ASSERT_TRUE(world.put(8, 78)) << "and gone on with";
  EXPECT_TRUE(world.store->commit());
  world.close();
  world.bring_back_store("old");
  EXPECT_EQ(world.refused().code, Code::replayed) << "the counter has caught up";
}

TEST(VerifiedStore, AnotherKeyOrNumberOfThreadsIsRefused) {
  Closed world;
  SeededRng rng(99);
  world.options.threads = 2;
  EXPECT_EQ(world.refused().detail, "the store was made with 1 monitor threads, not 2");
  world.options.threads = 1;
  world.key = seal::SealingKey(rng);
  EXPECT_EQ(world.refused().code, Code::forged);
}

TEST(AdversaryVerifiedStore, AJournalWithoutItsLastOrFirstCallsIsRefused) {
  for (const bool last : {true, false}) {
    Closed world(2);
    {
      const Disk disk(world);
      Disk::Rows rows = disk.rows(kJournal);
      ASSERT_EQ(rows.size(), 4u) << "two commits of two threads";
      rows.erase(last ? rows.end() - 1 : rows.begin());
      disk.replace(kJournal, rows);
    }
    const Error error = world.refused();
    EXPECT_EQ(error.code, Code::forged);
    EXPECT_NE(error.detail.find(last ? "monitor thread 1" : "monitor thread 0"), std::string::npos)
        << error.detail;
  }
}

TEST(AdversaryVerifiedStore, CallsInAnotherOrderAreRefused) {
  Closed world;
  {
    const Disk disk(world);
    Disk::Rows rows = disk.rows(kJournal);
    std::swap(rows[0].second, rows[1].second);
    disk.replace(kJournal, rows);
  }
  EXPECT_EQ(world.refused().code, Code::forged);
}

TEST(AdversaryVerifiedStore, RecordsOfAnotherCheckpointAreRefused) {
  Closed world;
  const char* const tables[] = {kRecords, kChanges, kListed};
  std::map<std::string, Disk::Rows> old;
  for (const char* table : tables) old[table] = Disk(world).rows(table);
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.store->checkpoint());
  world.close();
  Disk(world).replace(old);
  EXPECT_EQ(world.refused(), (Error{Code::forged,
                                    "the records of monitor thread 0 are not those of the "
                                    "checkpoint: restore the store's directory"}));
}

/// A host whose monitor is told that key 19 has 220, and a call on it; what that told.
struct LiedTo : Closed {
  explicit LiedTo(uint8_t function) {
    counter = seal::CounterFile::open(counter_path(), key).value();
    environment = storage::Environment::open(store_path()).value();
    trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
        seal::SealedMonitorsOptions{1, 64, 16}, key, *counter, rng);
    host = std::make_unique<LyingHost>(*trusted);
    store = Store::open(*environment, *host, options).value();
    host->truth = from_hex("01db00000000000000").value();
    host->lie = from_hex("01dc00000000000000").value();
    EXPECT_TRUE(call(function));
    told = to_hex(store->commit().value().results[0]);
    host->truth.clear();
  }
  ~LiedTo() { close(); }
  Result<Store::Called> call(uint8_t function) const {
    const Word word{19};
    return store->call(function, std::span(&word, 1), {});
  }
  std::unique_ptr<LyingHost> host;
  std::string told;
};

TEST(AdversaryVerifiedStore, AFalseAnswerIsCaughtInItsEpoch) {
  for (const uint8_t function : {WordStore::get, WordStore::compare_and_swap}) {
    LiedTo world(function);
    ASSERT_EQ(world.told.substr(2), "01dc00000000000000") << "the lie was not told";
    const auto ended = world.store->end_epoch();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error(), (Error{Code::forged, "epoch 2 is not certified: multiset_mismatch"}));
    EXPECT_EQ(world.store->status().failure, ended.error());
    EXPECT_EQ(world.call(WordStore::get).error(), ended.error());
  }
}

// Whether the host asks for the reports of its epochs or not.
TEST(AdversaryVerifiedStore, NothingIsSealedAfterAViolation) {
  LiedTo world(WordStore::get);
  world.host->asks = false;
  const auto ended = world.store->end_epoch();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().detail, "epoch 2 is not certified: multiset_mismatch");
  for (const Result<Bytes>& sealed : {world.trusted->seal(), world.trusted->checkpoint()}) {
    ASSERT_FALSE(sealed);
    EXPECT_EQ(sealed.error().code, Code::forged);
  }
}

TEST(AdversaryVerifiedStore, ACheckpointOfThreadsThatAreNotAtRestIsRefused) {
  DurableWorld world(2);
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.put(1, 1));
  ASSERT_TRUE(world.store->flush(1));
  EXPECT_EQ(world.trusted->checkpoint().error(),
            (Error{Code::invalid, "monitor thread 1 is not at rest"}));
}

// A call that may write has another result after the restart, when nobody lies: what clients were
// told before must not become final with the epoch.
TEST(AdversaryVerifiedStore, AFalseAnswerBeforeACrashIsNotFinalAfterIt) {
  for (const bool crash : {false, true}) {
    LiedTo world(WordStore::compare_and_swap);
    ASSERT_EQ(world.told, "0001dc00000000000000") << "the lie was not told";
    if (!crash) {
      EXPECT_FALSE(world.store->end_epoch());
    }
    EXPECT_EQ(world.refused().detail,
              "monitor thread 0 had other results for these calls before the restart: it was given "
              "false records then");
  }
}

// One that only reads is not run again. Nothing that the next instance certifies says that it was
// right: see durable_reads_test.cpp for what its client has.
TEST(AdversaryVerifiedStore, AFalseReadBeforeACrashLeavesNothingBehind) {
  LiedTo world(WordStore::get);
  ASSERT_EQ(world.told, "0101dc00000000000000") << "the lie was not told";
  const monitor::InstanceId before = world.trusted->instance();
  ASSERT_TRUE(world.open());
  EXPECT_NE(world.trusted->instance(), before);
  EXPECT_EQ(world.get(19), 219u);
  EXPECT_TRUE(world.store->end_epoch());
}

}  // namespace
}  // namespace themis::tests
