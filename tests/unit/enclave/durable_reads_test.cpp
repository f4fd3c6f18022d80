// Reads of a durable store: told without the disk, true of what survives, final only with a
// certificate that the counter has confirmed.
#include <gtest/gtest.h>

#include "tests/unit/enclave/durable_clients.hpp"

namespace themis::tests {
namespace {

/// What a commit writes: all rows of the closed store, and where its counter stands.
struct OnDisk {
  Disk::Rows journal, sealed;
  seal::CounterValue counter;
  friend bool operator==(const OnDisk&, const OnDisk&) = default;
};
OnDisk on_disk(DurableWorld& world) {
  world.close();
  const Disk disk(world);
  return {disk.rows(kJournal), disk.rows(kSealed),
          seal::CounterFile::open(world.counter_path(), world.key).value()->value().value()};
}

TEST(VerifiedStoreReads, AreToldWithoutAWrite) {
  Closed world(2);
  const OnDisk before = on_disk(world);
  ASSERT_TRUE(world.open());
  for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(world.get(i), i < 20 ? 200 + i : i);
  const auto released = world.store->commit();
  ASSERT_TRUE(released) << released.error().text();
  EXPECT_EQ(released->results[0].size() + released->results[1].size(), 50u * 10);
  EXPECT_TRUE(released->certificates.empty());
  EXPECT_TRUE(world.store->commit()->results[0].empty()) << "told once";
  EXPECT_EQ(on_disk(world), before);
}

TEST(VerifiedStoreReads, BetweenWritesLeaveTheSameStore) {
  Closed plain(2), read(2);
  for (Closed* world : {&plain, &read}) {
    ASSERT_TRUE(world->open());
    for (uint64_t i = 0; i < 30; ++i) {
      if (world == &read)
        for (uint64_t j = 0; j < 3; ++j) world->get(i + j);
      ASSERT_TRUE(world->put(i, 1'000 + i));
      if (world == &read) {
        EXPECT_EQ(world->get(i), 1'000 + i);
        ASSERT_TRUE(i % 7 != 0 || world->store->commit());
      }
    }
    ASSERT_TRUE(world->store->commit());
  }
  // The same bytes of calls, in as many commits as there were.
  const auto calls = [](const Disk::Rows& rows) {
    std::map<uint16_t, Bytes> all;
    for (const auto& [key, value] : rows)
      append(all[load<uint16_t>(value.data())], ByteView(value).subspan(2));
    return all;
  };
  EXPECT_EQ(calls(on_disk(plain).journal), calls(on_disk(read).journal));
  ASSERT_TRUE(read.open());
  for (uint64_t i = 0; i < 30; ++i) EXPECT_EQ(read.get(i), 1'000 + i);
  EXPECT_TRUE(read.store->checkpoint());
}

// An epoch's end is a commit, whatever ran in it.
TEST(VerifiedStoreReads, AnEpochOfReadsAloneEndsAndIsCertified) {
  ClientWorld world(2);
  ASSERT_TRUE(world.open());
  auto client = world.join().value();
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(world.put(client, i, i));
  ASSERT_TRUE(world.store->end_epoch());
  for (uint32_t epoch = 1; epoch < 4; ++epoch) {
    const uint64_t commits = world.counter->value()->counter;
    std::vector<Client::Sent> sent;
    for (uint64_t i = 0; i < 4; ++i) {
      const Word word{i};
      sent.push_back(
          client.call(WordStore::get, std::span(&word, 1), {}, Use::transferable_call).value());
    }
    const auto told = world.store->commit();
    ASSERT_TRUE(told) << told.error().text();
    for (const auto& each : sent) EXPECT_TRUE(client.check(each, *told));
    EXPECT_EQ(world.counter->value()->counter, commits);
    const auto ended = world.store->end_epoch();
    ASSERT_TRUE(ended) << ended.error().text();
    EXPECT_EQ(ended->certified, epoch);
    EXPECT_EQ(world.counter->value()->counter, commits + 1);
    ASSERT_EQ(ended->receipts.size(), sent.size());
    for (const receipts::Receipt& each : ended->receipts)
      EXPECT_TRUE(receipts::verify_text(each.text(), world.signing()));
  }
}

// The monitor knows what it ran; what its host calls it does not matter.
TEST(AdversaryVerifiedStoreReads, AWriteIsNotToldAsARead) {
  for (const uint16_t writes_to : {uint16_t{0}, uint16_t{1}}) {
    DurableWorld world(2);
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put(writes_to, 1));
    ASSERT_TRUE(world.store->flush(writes_to));
    EXPECT_EQ(refusal(world.trusted->release()), Code::invalid);
    // A swap that finds another value changes nothing, but only if the host told the truth.
    ASSERT_TRUE(world.store->commit());
    const Word word{writes_to};
    ASSERT_FALSE(
        world.store->call(WordStore::compare_and_swap, std::span(&word, 1), {})->result.done);
    ASSERT_TRUE(world.store->flush(writes_to));
    EXPECT_EQ(refusal(world.trusted->release()), Code::invalid);
    ASSERT_TRUE(world.store->commit());
    EXPECT_TRUE(world.trusted->release()) << "nothing is pending";
  }
}

TEST(AdversaryVerifiedStoreReads, NothingIsToldBetweenSealAndConfirm) {
  Closed world;
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(1), 201u);
  ASSERT_TRUE(world.store->flush(0));
  ASSERT_TRUE(world.trusted->seal());
  EXPECT_EQ(refusal(world.trusted->release()), Code::invalid);
  EXPECT_EQ(world.trusted->confirm()->results[0].size(), 10u);
}

TEST(AdversaryVerifiedStoreReads, NothingIsToldAfterAViolation) {
  Closed world;
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.get(1), 201u);
  ASSERT_TRUE(world.store->flush(0));
  EXPECT_FALSE(world.trusted->apply(0, {}));
  EXPECT_EQ(refusal(world.trusted->release()), Code::forged);
}

/// Never seals: whatever was asked for is to be told at once.
struct HastyHost final : PassingHost {
  using PassingHost::PassingHost;
  Result<Bytes> seal() override { return hasty ? Result<Bytes>(Bytes()) : side.seal(); }
  Result<seal::Released> confirm() override { return hasty ? side.release() : side.confirm(); }
  bool hasty = false;
};

TEST(AdversaryVerifiedStoreReads, AHostThatSealsNothingTellsNothing) {
  WorldOf<HastyHost> world;
  auto client = world.join().value();
  world.host->hasty = true;
  ASSERT_TRUE(world.put(client, 1, 10));
  EXPECT_EQ(refusal(world.store->commit()), Code::invalid);
  EXPECT_TRUE(world.store->status().failure);
}

TEST(AdversaryVerifiedStoreReads, AnAlteredAnswerIsSeen) {
  WorldOf<GarblingHost> world;
  auto client = world.join().value();
  ASSERT_TRUE(world.put(client, 1, 10));
  ASSERT_TRUE(world.store->commit());
  world.host->change = [](seal::Released& released) {
    released.results[0][17] ^= std::byte{1};  // of the value
  };
  const auto altered = world.get(client, 1).value();
  EXPECT_EQ(refusal(client.check(altered, world.store->commit().value())), Code::forged);
  world.host->change = [](seal::Released& released) { released.results[0].pop_back(); };
  ASSERT_TRUE(world.get(client, 1));
  EXPECT_EQ(refusal(world.store->commit()), Code::malformed);
  EXPECT_TRUE(world.store->status().failure);
}

/// One platform's counter, for every trusted side that runs on it.
struct PlatformCounter final : seal::SealedCounter {
  Result<seal::CounterValue> value() override { return stands; }
  Status raise(const seal::CounterValue& to) override {
    if (to.counter != stands.counter + 1) return fail(Code::replayed, "the counter has moved");
    stands = to;
    return {};
  }
  seal::CounterValue stands;
};

/// The store of one of several trusted sides.
struct Copy {
  Copy(ClientWorld& world, const std::filesystem::path& path, PlatformCounter& counter)
      : environment(storage::Environment::open(path, {.durable = false}).value()),
        trusted({1, 64, 16, 4, world.access}, world.key, counter, world.rng),
        store(ClientWorld::Store::open(*environment, trusted, world.options).value()),
        client(join()) {}
  Client join() const {
    const crypto::DhKey own = monitor::client_key_pair(0);
    return Client::join(*store, own,
                        receipts::grant(monitor::owner_key(), store->describe().id, own.share()))
        .value();
  }
  std::unique_ptr<storage::Environment> environment;
  seal::SealedMonitors<WordStore> trusted;
  std::unique_ptr<ClientWorld::Store> store;
  Client client;
};

// A host starts the trusted side twice from one state, and goes on with one of them. The other one
// can still be asked, and what it says is old: it is never final.
TEST(AdversaryVerifiedStoreReads, ACopyThatTheCounterDoesNotFollowMakesNothingFinal) {
  ClientWorld world;
  PlatformCounter counter;
  const auto path = world.directory.path() / "first", other = world.directory.path() / "second";
  {
    Copy first(world, path, counter);
    ASSERT_TRUE(world.put(first.client, 1, 10));
    ASSERT_TRUE(first.store->commit());
  }
  std::filesystem::copy(path, other, std::filesystem::copy_options::recursive);
  Copy first(world, path, counter), second(world, other, counter);
  ASSERT_TRUE(world.put(first.client, 1, 11));
  ASSERT_TRUE(first.store->end_epoch());
  const auto read = world.get(second.client, 1).value();
  const auto told = second.store->commit().value();
  EXPECT_EQ(hex_of(second.client.check(read, told)), "01010a00000000000000");
  EXPECT_TRUE(told.certificates.empty());
  EXPECT_EQ(told.certified, std::nullopt);
  EXPECT_EQ(refusal(second.store->end_epoch()), Code::replayed);
}

// An epoch also ends by the times that a host gives its evictions, of which the history has
// nothing.
TEST(AdversaryVerifiedStoreReads, ACertificateIsNotToldWithoutItsCommit) {
  DurableWorld world;
  ASSERT_TRUE(world.open());
  world.store.reset();
  world.trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
      seal::SealedMonitorsOptions{1, 64, 16}, world.key, *world.counter, world.rng);
  const Disk::Rows sealed = [&] {
    Disk::Rows rows;
    const auto table = world.environment->table(kSealed).value();
    const auto txn = world.environment->read().value();
    EXPECT_TRUE(txn.scan(table, {}, [&](ByteView key, ByteView value) {
      rows.emplace_back(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
      return true;
    }));
    return rows;
  }();
  ASSERT_TRUE(world.trusted->start(sealed.at(0).second));
  ASSERT_TRUE(world.trusted->started());
  host::CommandLog<WordStore> log(world.trusted->instance(), 0);
  constexpr uint16_t kSlot = 64;
  log.add_merkle(kSlot, 0, {Word{1}, std::nullopt});
  const Word key{1};
  log.run(WordStore::get_absent, std::span(&kSlot, 1), std::span(&key, 1), {});
  log.evict_to_deferred(kSlot, 0, monitor::Timestamp::of(1, 1));
  log.verify_epoch();
  ASSERT_TRUE(world.trusted->apply(0, log.take()));
  ASSERT_TRUE(world.trusted->certify());
  ASSERT_EQ(world.trusted->certified(), 0u) << "epoch 0 is over, and nothing was written";
  const auto told = world.trusted->release().value();
  EXPECT_EQ(to_hex(told.results[0]), "0100");
  EXPECT_TRUE(told.certificates.empty());
  EXPECT_EQ(told.certified, std::nullopt);
  ASSERT_TRUE(world.trusted->seal());
  const auto confirmed = world.trusted->confirm().value();
  EXPECT_EQ(confirmed.certificates.size(), 1u);
  EXPECT_EQ(confirmed.certified, 0u);
}

// A restart forgets what only read. Its client holds a receipt that never becomes final, even where
// the next instance certifies the epoch of the same number.
TEST(AdversaryVerifiedStoreReads, AReadOfAnInstanceThatIsGoneIsNeverFinal) {
  ClientWorld world;
  ASSERT_TRUE(world.open());
  auto writer = world.join().value();
  ASSERT_TRUE(world.put(writer, 1, 10));
  ASSERT_TRUE(world.store->commit());
  const auto before = world.store->describe();
  const auto read = world.get(writer, 1).value();
  const auto receipt = writer.check(read, world.store->commit().value());
  ASSERT_TRUE(receipt);
  ASSERT_TRUE(world.open());
  const auto released = world.store->end_epoch().value();
  ASSERT_EQ(released.certificates.size(), 1u);
  EXPECT_EQ(released.certificates[0].epoch, receipt->epoch);
  receipts::ChainView view(before);
  EXPECT_EQ(refusal(view.accept(released.certificates[0])), Code::wrong_peer);
  EXPECT_FALSE(view.is_final(receipt->epoch));
}

}  // namespace
}  // namespace themis::tests
