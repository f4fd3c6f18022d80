// What a checkpoint wrote comes to its place with later commits, from wherever a crash left it.

#include "enclave/host/store_tables.hpp"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/rng.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::host {
namespace {

using Map = std::map<uint64_t, Bytes>;

ByteView view(const uint64_t& key) { return std::as_bytes(std::span(&key, 1)); }

/// Tables of their own, opened again as after a crash.
struct Tables {
  Tables() { open(); }
  void open() {
    tables.reset();
    environment.reset();
    environment =
        storage::Environment::open(directory.path() / "store", {.durable = false}).value();
    tables = StoreTables::open(*environment).value();
  }
  /// An empty value: gone.
  Status checkpoint(const Map& changes) {
    return tables->checkpoint(
        [&](const StoreTables::PutRecord& put) -> Status {
          for (const auto& [key, value] : changes) THEMIS_CHECK(put(view(key), value));
          return {};
        },
        {}, [] { return as_bytes("sealed"); });
  }
  Status commit(size_t bytes = 100) {
    const Bytes calls(bytes);
    const ByteView of_threads[] = {calls};
    return tables->commit(of_threads, as_bytes("sealed"));
  }
  Map records() const {
    Map found;
    EXPECT_TRUE(tables->records([&](ByteView key, ByteView value) -> Status {
      found[load<uint64_t>(key.data())] = Bytes(value.begin(), value.end());
      return {};
    }));
    return found;
  }

  storage::TemporaryDirectory directory{storage::memory_path()};
  std::unique_ptr<storage::Environment> environment;
  std::optional<StoreTables> tables;
};

/// Three runs: of the first half gone or new values, of the second new keys.
struct Changes {
  static constexpr uint64_t kRecords = 10'000;
  Map before, changes, after;
  Changes() {
    SeededRng rng(7);
    for (uint64_t i = 0; i < 2 * kRecords; ++i) {
      const uint64_t key = rng.next();
      const Bytes value(120 + rng.below(40), static_cast<std::byte>(i));
      if (i < kRecords) before[key] = Bytes(10, std::byte{1});
      changes[key] = i < kRecords && i % 3 == 0 ? Bytes() : value;
    }
    for (const auto& [key, value] : changes)
      if (!value.empty()) after[key] = value;
  }
};

TEST(StoreTables, BringWhatACheckpointWroteToItsPlacePieceByPiece) {
  const Changes data;
  Tables world;
  ASSERT_TRUE(world.checkpoint(data.before));
  ASSERT_TRUE(world.tables->merge_all());
  ASSERT_EQ(world.records(), data.before);
  ASSERT_TRUE(world.checkpoint(data.changes));
  EXPECT_EQ(world.records(), data.before) << "nothing yet";
  size_t commits = 0;
  for (; !world.tables->is_merged(); ++commits) ASSERT_TRUE(world.commit());
  EXPECT_GT(commits, 2 * Changes::kRecords / 1'024) << "a piece with each";
  EXPECT_EQ(world.records(), data.after);
  EXPECT_EQ(world.tables->journal_bytes(), commits * 102);
  EXPECT_TRUE(world.commit());
}

// A long commit brings more of it: the next checkpoint is nearer.
TEST(StoreTables, BringMoreOfItWithLongCommits) {
  const Changes data;
  Tables world;
  ASSERT_TRUE(world.checkpoint(data.changes));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.commit(20'000 * 256));
  EXPECT_TRUE(world.tables->is_merged()) << "three runs to be sorted, and all of it at once";
  EXPECT_EQ(world.records(), data.after);
}

TEST(StoreTables, GoOnFromWhateverACrashLeft) {
  const Changes data;
  for (const int commits : {0, 1, 3, 4, 9, 15, 21}) {
    SCOPED_TRACE(commits);
    Tables world;
    ASSERT_TRUE(world.checkpoint(data.before));
    ASSERT_TRUE(world.tables->merge_all());
    ASSERT_TRUE(world.checkpoint(data.changes));
    for (int i = 0; i < commits; ++i) ASSERT_TRUE(world.commit());
    world.open();
    EXPECT_FALSE(world.tables->is_merged());
    for (int i = 0; i < commits; ++i) ASSERT_TRUE(world.commit());
    world.open();
    ASSERT_TRUE(world.tables->merge_all());
    EXPECT_EQ(world.records(), data.after);
    world.open();
    EXPECT_TRUE(world.tables->is_merged());
    EXPECT_EQ(world.tables->journal_bytes(), static_cast<uint64_t>(2 * commits) * 102);
  }
}

TEST(StoreTables, KeepALongListWhole) {
  Tables world;
  Bytes first(3 * kRunBytes + 5), second(7, std::byte{9});
  SeededRng(1).fill(first);
  const ByteView lists[] = {first, {}, second};
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(world.tables->checkpoint([](const auto&) { return Status(); }, lists,
                                         [] { return ByteView(); }));
  world.open();
  std::map<uint16_t, Bytes> found;
  ASSERT_TRUE(world.tables->listed([&](uint16_t thread, ByteView keys) -> Status {
    EXPECT_TRUE(found.emplace(thread, Bytes(keys.begin(), keys.end())).second);
    return {};
  }));
  EXPECT_EQ(found, (std::map<uint16_t, Bytes>{{0, first}, {2, second}}));
  EXPECT_TRUE(world.tables->is_merged()) << "nothing had changed";
}

}  // namespace
}  // namespace themis::host
