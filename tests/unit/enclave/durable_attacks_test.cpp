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
  const Disk::Rows old = Disk(world).rows(kRecords);
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.store->checkpoint());
  world.close();
  Disk(world).replace(kRecords, old);
  EXPECT_EQ(world.refused(), (Error{Code::forged,
                                    "the records of monitor thread 0 are not those of the "
                                    "checkpoint: restore the store's directory"}));
}

/// A trusted side whose batches a lying host can change.
struct LyingHost final : seal::TrustedSide {
  explicit LyingHost(seal::TrustedSide& to) : side(to) {}
  Status start(ByteView sealed) override { return side.start(sealed); }
  Status started() override { return side.started(); }
  Status apply(uint16_t thread, ByteView batch) override {
    Bytes sent(batch.begin(), batch.end());
    const auto at = std::search(sent.begin(), sent.end(), truth.begin(), truth.end());
    if (!truth.empty() && at != sent.end()) std::copy(lie.begin(), lie.end(), at);
    return side.apply(thread, sent);
  }
  Status certify() override { return side.certify(); }
  Result<Bytes> seal() override { return side.seal(); }
  Result<Bytes> checkpoint() override { return side.checkpoint(); }
  Result<seal::Released> confirm() override { return side.confirm(); }
  std::optional<uint32_t> certified() const override { return side.certified(); }
  const monitor::InstanceId& instance() const override { return side.instance(); }

  seal::TrustedSide& side;
  Bytes truth, lie;
};

// The same calls have other results after the restart, when nobody lies. What clients were told
// before must not become final with the epoch.
TEST(AdversaryVerifiedStore, AFalseAnswerBeforeACrashIsNotFinalAfterIt) {
  for (const bool crash : {false, true}) {
    Closed world;
    auto counter = seal::CounterFile::open(world.counter_path(), world.key).value();
    auto environment = storage::Environment::open(world.store_path()).value();
    seal::SealedMonitors<WordStore> trusted({1, 64, 16}, world.key, *counter, world.rng);
    LyingHost host(trusted);
    auto store = DurableWorld::Store::open(*environment, host, world.options).value();
    const Word word{19};
    ASSERT_TRUE(store->call(WordStore::get, std::span(&word, 1), {}));
    host.truth = from_hex("01db00000000000000").value();
    host.lie = from_hex("01dc00000000000000").value();
    const auto released = store->commit();
    ASSERT_TRUE(released);
    ASSERT_EQ(to_hex(released->results[0]), "0101dc00000000000000") << "the lie was not told";
    host.truth.clear();
    if (!crash) {
      const auto ended = store->end_epoch();
      ASSERT_FALSE(ended);
      EXPECT_EQ(ended.error(),
                (Error{Code::forged, "epoch 3 is not certified: multiset_mismatch"}));
      EXPECT_EQ(store->status().failure, ended.error());
      EXPECT_EQ(store->call(WordStore::get, std::span(&word, 1), {}).error(), ended.error());
    }
    store.reset();
    environment.reset();
    counter.reset();
    EXPECT_EQ(world.refused().detail,
              "monitor thread 0 had other results for these calls before the restart: it was given "
              "false records then");
  }
}

}  // namespace
}  // namespace themis::tests
