#pragma once
// A durable store in a directory of its own, which can be closed, opened again and put back in
// time.

#include <gtest/gtest.h>

#include <map>

#include "enclave/applications/key_value.hpp"
#include "enclave/host/verified_store.hpp"
#include "enclave/seal/counter_file.hpp"
#include "enclave/seal/sealed_monitors.hpp"
#include "runtime/base/rng.hpp"
#include "tests/unit/enclave/passing_host.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::tests {

using monitor::Word;
using monitor::WordStore;

struct DurableWorld {
  using Store = host::VerifiedStore<WordStore>;

  explicit DurableWorld(uint16_t threads = 1, uint64_t seed = 1) : rng(seed), key(rng) {
    options.threads = threads;
    options.node_slots = 64;
    options.record_slots = 16;
    options.hot_calls = 4;
  }
  std::filesystem::path store_path() const { return directory.path() / "store"; }
  std::filesystem::path counter_path() const { return directory.path() / "counter"; }

  /// Closes what is open first: as a process that ends without warning.
  Status open() {
    close();
    THEMIS_TRY(counter, seal::CounterFile::open(counter_path(), key));
    THEMIS_TRY(environment, storage::Environment::open(store_path(), {.durable = durable}));
    trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
        seal::SealedMonitorsOptions{options.threads, options.node_slots, options.record_slots,
                                    clients_max, access},
        key, *counter, rng);
    THEMIS_TRY(store, Store::open(*environment, *trusted, options));
    return {};
  }
  void close() {
    store.reset();
    trusted.reset();
    environment.reset();
    counter.reset();
  }
  /// Of the closed store and its counter, under a name.
  void keep(const std::string& name) const {
    std::filesystem::copy(store_path(), directory.path() / (name + "-store"),
                          std::filesystem::copy_options::recursive);
    std::filesystem::copy(counter_path(), directory.path() / (name + "-counter"));
  }
  void bring_back_store(const std::string& name) const {
    std::filesystem::remove_all(store_path());
    std::filesystem::copy(directory.path() / (name + "-store"), store_path(),
                          std::filesystem::copy_options::recursive);
  }
  void bring_back_counter(const std::string& name) const {
    std::filesystem::copy(directory.path() / (name + "-counter"), counter_path(),
                          std::filesystem::copy_options::overwrite_existing);
  }

  Result<Store::Called> put(uint64_t at, uint64_t value) {
    const Word word{at};
    return store->call(WordStore::put, std::span(&word, 1), {Word{value}, std::nullopt});
  }
  /// Nothing when it is absent.
  std::optional<uint64_t> get(uint64_t at) {
    const Word word{at};
    const auto got = store->call(WordStore::get, std::span(&word, 1), {});
    return got && got->result.value ? std::optional(got->result.value->value) : std::nullopt;
  }

  bool durable = false;  ///< Whether a commit survives a power cut: the crash tests want it.
  storage::TemporaryDirectory directory{storage::memory_path()};
  SeededRng rng;
  seal::SealingKey key;
  host::VerifiedStoreOptions options;
  uint16_t clients_max = 4;
  seal::Access access;  ///< Anybody's calls, unless a test says otherwise.
  std::unique_ptr<seal::CounterFile> counter;
  std::unique_ptr<storage::Environment> environment;
  std::unique_ptr<seal::SealedMonitors<WordStore>> trusted;
  std::unique_ptr<Store> store;
};

/// A host that changes batches on their way.
struct LyingHost final : PassingHost {
  using PassingHost::PassingHost;
  Status apply(uint16_t thread, ByteView batch) override {
    Bytes sent(batch.begin(), batch.end());
    const auto at = std::search(sent.begin(), sent.end(), truth.begin(), truth.end());
    if (!truth.empty() && at != sent.end()) std::copy(lie.begin(), lie.end(), at);
    return side.apply(thread, sent);
  }
  Status certify() override { return asks ? side.certify() : Status(); }
  Bytes truth, lie;
  bool asks = true;  // whether epochs are certified
};

/// Some history with a checkpoint, calls after it, and an epoch between them; closed.
struct Closed : DurableWorld {
  explicit Closed(uint16_t threads = 1) : DurableWorld(threads) {
    EXPECT_TRUE(open());
    for (uint64_t i = 0; i < 50; ++i) EXPECT_TRUE(put(i, i));
    EXPECT_TRUE(store->checkpoint());
    for (uint64_t i = 0; i < 20; ++i) EXPECT_TRUE(put(i, 100 + i));
    EXPECT_TRUE(store->end_epoch());
    for (uint64_t i = 0; i < 20; ++i) EXPECT_TRUE(put(i, 200 + i));
    EXPECT_TRUE(store->commit());
    close();
  }
  /// One more commit.
  void go_on(uint64_t value) {
    EXPECT_TRUE(open());
    EXPECT_TRUE(put(7, value));
    EXPECT_TRUE(store->commit());
    close();
  }
  Error refused() {
    const Status opened = open();
    close();
    return opened ? Error{} : opened.error();
  }
};

/// Changes the closed store's tables as whoever has the disk could.
struct Disk {
  std::unique_ptr<storage::Environment> environment;
  explicit Disk(const DurableWorld& world)
      : environment(storage::Environment::open(world.store_path(), {.durable = false}).value()) {}
  using Rows = std::vector<std::pair<Bytes, Bytes>>;
  Rows rows(std::string_view table) const {
    Rows all;
    const storage::Table at = environment->table(table).value();
    const auto txn = environment->read().value();
    EXPECT_TRUE(txn.scan(at, {}, [&](ByteView key, ByteView value) {
      all.emplace_back(Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end()));
      return true;
    }));
    return all;
  }
  /// What each of these tables has, in one transaction.
  void replace(const std::map<std::string, Rows>& tables) const {
    std::map<std::string, Rows> old;
    std::map<std::string, storage::Table> at;
    for (const auto& [name, with] : tables) {
      old[name] = rows(name);
      at[name] = environment->table(name).value();
    }
    EXPECT_TRUE(environment->write([&](storage::WriteTransaction& txn) -> Status {
      for (const auto& [name, with] : tables) {
        for (const auto& row : old[name]) EXPECT_TRUE(txn.erase(at[name], row.first));
        for (const auto& row : with) EXPECT_TRUE(txn.put(at[name], row.first, row.second));
      }
      return {};
    }));
  }
  void replace(const char* table, const Rows& with) const {
    replace(std::map<std::string, Rows>{{table, with}});
  }
};
inline constexpr const char* kRecords = "verified/records";
inline constexpr const char* kChanges = "verified/changes";
inline constexpr const char* kListed = "verified/listed";
inline constexpr const char* kJournal = "verified/journal";
inline constexpr const char* kSealed = "verified/sealed";

}  // namespace themis::tests
