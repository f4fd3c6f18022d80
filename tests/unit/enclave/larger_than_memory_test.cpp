// A store whose values do not fit its memory: they leave, come back from the disk when a call needs
// them, and the monitor sees whether they are the right ones.
#include <cstdlib>
#include <random>

#include "enclave/applications/state_store.hpp"
#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {
namespace {

using monitor::StateKey;
using monitor::StateStore;

constexpr uint64_t kKeys = 1'000;
constexpr size_t kValueBytes = 1'000;

StateKey key_of(uint64_t number) {
  return StateKey::of(as_bytes("n"), as_bytes(std::to_string(number)));
}

/// Keys and their places in the tree fit, and values of some twenty to seventy of them.
struct SmallMemory {
  using Store = host::VerifiedStore<StateStore>;

  explicit SmallMemory(uint64_t seed) : rng(seed), key(rng) {
    options.node_slots = 128;
    options.record_slots = 16;
    options.bytes_max = kKeys * 320 * 8 / 7 + 24 * kValueBytes;
  }
  Status open() {
    store.reset();
    trusted.reset();
    environment.reset();
    counter.reset();
    THEMIS_TRY(counter, seal::CounterFile::open(directory.path() / "counter", key));
    THEMIS_TRY(environment,
               storage::Environment::open(directory.path() / "store", {.durable = false}));
    trusted = std::make_unique<seal::SealedMonitors<StateStore>>(
        seal::SealedMonitorsOptions{1, options.node_slots, options.record_slots, 0, {}}, key,
        *counter, rng);
    THEMIS_TRY(store, Store::open(*environment, *trusted, options));
    return {};
  }
  /// The end of an epoch makes room.
  Result<StateStore::Result> call(uint8_t function, uint64_t number,
                                  const StateStore::Arguments& arguments = {}) {
    const StateKey at = key_of(number);
    auto called = store->call(function, std::span(&at, 1), arguments);
    if (!called && called.error().code == Code::overloaded) {
      ++short_of_memory;
      THEMIS_CHECK(store->end_epoch());
      called = store->call(function, std::span(&at, 1), arguments);
    }
    if (!called) return fail(called.error());
    return called->result;
  }
  Status put(uint64_t number, std::byte fill, size_t size = kValueBytes) {
    StateStore::Arguments arguments;
    arguments.value = StateStore::Value::from(Bytes(size, fill));
    const auto put = call(StateStore::write, number, arguments);
    return put ? Status() : fail(put.error());
  }

  storage::TemporaryDirectory directory{storage::memory_path()};
  SeededRng rng;
  seal::SealingKey key;
  host::VerifiedStoreOptions options;
  size_t short_of_memory = 0;
  std::unique_ptr<seal::CounterFile> counter;
  std::unique_ptr<storage::Environment> environment;
  std::unique_ptr<seal::SealedMonitors<StateStore>> trusted;
  std::unique_ptr<Store> store;
};

TEST(LargerThanMemory, AnswersAreAMapsOverCrashes) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  SCOPED_TRACE("replay with THEMIS_SEED=" + std::to_string(seed));
  SmallMemory world(seed);
  ASSERT_TRUE(world.open());
  std::map<uint64_t, std::pair<std::byte, size_t>> map, durable;
  SeededRng rng(seed);
  for (int step = 0; step < 8'000; ++step) {
    const uint64_t number = rng.below(kKeys);
    const auto held = map.find(number);
    const uint64_t choice = rng.below(100);
    if (choice < 45 || step < 1'500) {
      const auto fill = static_cast<std::byte>(rng.below(256));
      const size_t size = 1 + rng.below(kValueBytes);
      const Status put = world.put(number, fill, size);
      ASSERT_TRUE(put) << put.error().text();
      map[number] = {fill, size};
    } else if (choice < 48) {
      const auto gone = world.call(StateStore::erase, number);
      ASSERT_TRUE(gone) << gone.error().text();
      ASSERT_EQ(gone->done, held != map.end());
      map.erase(number);
    } else {
      const auto got = world.call(StateStore::read, number);
      ASSERT_TRUE(got) << got.error().text();
      ASSERT_EQ(got->done, held != map.end());
      if (got->done) {
        ASSERT_EQ(Bytes(got->value->view().begin(), got->value->view().end()),
                  Bytes(held->second.second, held->second.first));
      }
    }
    if (choice % 25 == 0) {
      const auto kept = choice == 0 ? world.store->end_epoch() : world.store->commit();
      ASSERT_TRUE(kept) << kept.error().text();
    }
    if (step % 1'000 != 999) continue;
    ASSERT_TRUE(world.store->commit());
    const Status opened = world.open();
    ASSERT_TRUE(opened) << opened.error().text();
  }
  EXPECT_TRUE(world.store->end_epoch());
  EXPECT_GT(world.short_of_memory, 10u) << "values of the map never fitted";
}

struct Left : SmallMemory {
  Left() : SmallMemory(1) {
    EXPECT_TRUE(open());
    for (uint64_t i = 0; i < kKeys; ++i) EXPECT_TRUE(put(i, std::byte{7}));
    EXPECT_TRUE(store->checkpoint());
    EXPECT_TRUE(open());
  }
  /// Of the record on disk: nothing erases it.
  void change(uint64_t number, const std::optional<Bytes>& value) {
    const storage::Table records = environment->table("verified/records").value();
    std::array<std::byte, StateKey::kBytesMax> bytes;
    const ByteView name(bytes.data(), key_of(number).encode(bytes.data()));
    ASSERT_TRUE(environment->write([&](storage::WriteTransaction& txn) {
      return value ? txn.put(records, name, *value) : txn.erase(records, name);
    }));
  }
  Bytes encoded(std::byte fill) {
    std::array<std::byte, 1 + StateStore::Value::kBytesMax> bytes;
    const std::optional value = StateStore::Value::from(Bytes(kValueBytes, fill));
    return {bytes.data(), monitor::put_optional(bytes.data(), value)};
  }
};

TEST(LargerThanMemory, ManyTimesWhatFitsIsReadInOneEpochAfterTheOther) {
  Left world;
  for (uint64_t i = 0; i < kKeys; ++i) {
    const auto got = world.call(StateStore::read, i);
    ASSERT_TRUE(got) << got.error().text();
    ASSERT_TRUE(got->done && got->value->view()[0] == std::byte{7});
  }
  EXPECT_TRUE(world.store->end_epoch());
  EXPECT_GT(world.short_of_memory, 5u);
}

/// Until a new key finds no room after an epoch's end either, first with long values and then with
/// short ones; answers how many there are.
uint64_t fill(SmallMemory& world) {
  uint64_t number = 0;
  for (const size_t size : {kValueBytes, size_t{1}})
    while (world.put(number, std::byte{7}, size)) ++number;
  return number;
}

// Whoever fills the memory with keys locks nobody out from those that are there.
TEST(AdversaryLargerThanMemory, RegressAStoreFullOfKeysIsReadChangedAndEmptied) {
  SmallMemory world(1);
  ASSERT_TRUE(world.open());
  const uint64_t count = fill(world);
  ASSERT_GT(count, kKeys / 2);
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 0; i < count; i += 7) {
      const auto got = world.call(StateStore::read, i);
      ASSERT_TRUE(got) << i << " of " << count << ": " << got.error().text();
      ASSERT_TRUE(got->done);
      ASSERT_TRUE(world.put(i, std::byte{7}, got->value->size)) << i;
    }
    ASSERT_TRUE(world.store->commit());
    const Status opened = world.open();
    ASSERT_TRUE(opened) << opened.error().text();
  }
  for (uint64_t i = 0; i < count / 2; ++i) ASSERT_TRUE(world.call(StateStore::erase, i)->done) << i;
  ASSERT_TRUE(world.store->checkpoint());
  EXPECT_TRUE(world.put(count, std::byte{7})) << "and then there is room again";
}

// A refused key costs its caller a refusal, and the others no checkpoint.
TEST(AdversaryLargerThanMemory, RegressKeysThatAFullStoreRefusesMakeNoCheckpoints) {
  SmallMemory world(1);
  ASSERT_TRUE(world.open());
  const uint64_t count = fill(world);
  ASSERT_TRUE(world.store->checkpoint());
  for (uint64_t i = 0; i < 10; ++i) {
    const StateKey key = key_of(count + i);
    StateStore::Arguments arguments;
    arguments.value = StateStore::Value::from(Bytes(kValueBytes));
    EXPECT_FALSE(world.store->call(StateStore::write, std::span(&key, 1), arguments));
    EXPECT_FALSE(world.store->is_short());
  }
}

// Before the restart a value was read, removed and gone before the next one came to memory; the
// replay brings them all at first.
TEST(LargerThanMemory, RegressAJournalThatFittedIsRunAgainWhateverItsOrder) {
  Left world;
  // A checkpoint that brings all into the tree: the replay warms what it has calls of.
  for (uint64_t i = 0; !world.store->is_short(); ++i) {
    const StateKey key = key_of(i % kKeys);
    (void)world.store->call(StateStore::read, std::span(&key, 1), {});
  }
  ASSERT_TRUE(world.store->end_epoch());
  ASSERT_TRUE(world.open());
  // As many values as fit, of new keys, and then the old ones one after the other.
  uint64_t fresh = kKeys;
  const auto put = [&](uint64_t number, std::byte filled) {
    const StateKey key = key_of(number);
    StateStore::Arguments arguments;
    arguments.value = StateStore::Value::from(Bytes(kValueBytes, filled));
    return world.store->call(StateStore::write, std::span(&key, 1), arguments).has_value();
  };
  while (put(fresh, std::byte{8})) ++fresh;
  ASSERT_GT(fresh, kKeys + 10);
  for (uint64_t i = 0; i < 200; ++i) {
    const StateKey key = key_of(i);
    const auto gone = world.store->call(StateStore::erase, std::span(&key, 1), {});
    ASSERT_TRUE(gone) << i;
  }
  ASSERT_TRUE(world.store->commit());
  const Status opened = world.open();
  ASSERT_TRUE(opened) << opened.error().text();
}

TEST(AdversaryLargerThanMemory, AnotherValueOnDiskIsCaughtByTheMonitor) {
  Left world;
  for (uint64_t i = 0; i < kKeys; ++i) world.change(i, world.encoded(std::byte{8}));
  bool altered = false;
  for (uint64_t i = 0; i < kKeys && !altered; ++i) {
    const auto got = world.call(StateStore::read, i);
    ASSERT_TRUE(got);
    altered = got->value->view()[0] == std::byte{8};
  }
  ASSERT_TRUE(altered) << "some value had left";
  const auto told = world.store->commit();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, Code::forged);
  EXPECT_NE(told.error().detail.find("wrong_hash"), std::string::npos) << told.error().text();
}

TEST(AdversaryLargerThanMemory, AValueThatIsGoneOrDamagedIsTheErrorOfItsCall) {
  Left world;
  for (uint64_t i = 0; i < kKeys; ++i)
    world.change(i, i % 2 == 0 ? std::nullopt : std::optional(Bytes(3, std::byte{9})));
  size_t failed = 0;
  for (uint64_t i = 0; i < kKeys; ++i) {
    const auto got = world.call(StateStore::read, i);
    if (got) continue;
    ++failed;
    ASSERT_EQ(got.error().code, Code::malformed) << got.error().text();
    ASSERT_NE(got.error().detail.find("restore its directory"), std::string::npos);
  }
  EXPECT_GT(failed, kKeys / 2);
  EXPECT_TRUE(world.store->commit()) << "nothing false was told";
}

}  // namespace
}  // namespace themis::tests
