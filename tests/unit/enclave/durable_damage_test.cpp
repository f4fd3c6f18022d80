// Random damage to what is on disk: the store is refused, or every answer is right.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {
namespace {

using Model = std::map<uint64_t, uint64_t>;

/// One change of a table: a bit, a length, another row's value, an older value, a row gone.
void damage(SeededRng& rng, Disk::Rows& rows, const Disk::Rows& older) {
  auto& row = rows[rng.below(rows.size())];
  switch (rng.below(6)) {
    case 0:
    case 1: {
      Bytes& side = rng.below(3) == 0 ? row.first : row.second;
      if (side.empty()) return;
      side[rng.below(side.size())] ^= std::byte{1} << rng.below(8);
      return;
    }
    case 2:
      row.second.resize(rng.below(row.second.size() + 20));
      return;
    case 3:
      std::swap(row.second, rows[rng.below(rows.size())].second);
      return;
    case 4:
      row.second = older[rng.below(older.size())].second;
      return;
    default:
      std::swap(row, rows.back());
      rows.pop_back();
  }
}

/// A counter that starts where another one is and waits for no disk, ten thousand times.
struct MemoryCounter final : seal::SealedCounter {
  explicit MemoryCounter(const seal::CounterValue& from) : value_(from) {}
  Result<seal::CounterValue> value() override { return value_; }
  Status raise(const seal::CounterValue& to) override {
    value_ = to;
    return {};
  }
  seal::CounterValue value_;
};
seal::CounterValue counter_of(const DurableWorld& world) {
  return seal::CounterFile::open(world.counter_path(), world.key).value()->value().value();
}

/// Whether the store opens; then every answer must be right and certified.
bool opens(storage::Environment& environment, DurableWorld& world,
           const seal::CounterValue& confirmed, const Model& model) {
  MemoryCounter counter(confirmed);
  seal::SealedMonitors<WordStore> trusted({1, 64, 16}, world.key, counter, world.rng);
  const auto store = DurableWorld::Store::open(environment, trusted, world.options);
  if (!store) return false;
  bool right = true;
  for (const auto& [key, value] : model) {
    const Word word{key};
    const auto got = (*store)->call(WordStore::get, std::span(&word, 1), {});
    right = right && got && got->result.value == Word{value};
  }
  const auto ended = (*store)->checkpoint();
  EXPECT_TRUE(right || !ended) << "a false answer was certified";
  return ended.has_value();
}

Model closed_model() {
  Model model;
  for (uint64_t i = 0; i < 50; ++i) model[i] = i < 20 ? 200 + i : i;
  return model;
}

void restore(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Records, journal and sealed state, changed one to three times: the store is refused, or nothing
// has changed.
TEST(AdversaryVerifiedStore, TenThousandDamagedTablesGiveNoFalseAnswer) {
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t first = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  const uint64_t runs = replay ? 1 : 8'000;
  Closed world;
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.store->checkpoint());
  ASSERT_TRUE(world.put(7, 207));  // as before; what the checkpoint wrote is not at its place yet
  ASSERT_TRUE(world.store->commit());
  world.close();
  const seal::CounterValue counter = counter_of(world);
  const Disk disk(world);
  const char* const tables[] = {kRecords, kChanges, kListed, kJournal, kSealed};
  std::map<std::string, Disk::Rows> now, older;
  for (const char* table : tables) now[table] = disk.rows(table);
  ASSERT_TRUE(opens(*disk.environment, world, counter, closed_model())) << "the control";
  for (const char* table : tables) older[table] = disk.rows(table);
  older[kJournal] = now[kJournal];  // of another thread's or time's place
  older[kChanges] = now[kChanges];
  uint64_t refused = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE(fmt::format("replay with THEMIS_SEED={}", seed));
    SeededRng rng(seed);
    std::map<std::string, Disk::Rows> rows = now;
    for (uint64_t i = 0; i <= rng.below(3); ++i) {
      const char* table = tables[rng.below(std::size(tables))];
      if (!rows[table].empty()) damage(rng, rows[table], older[table]);
    }
    disk.replace(rows);
    refused += !opens(*disk.environment, world, counter, closed_model());
    ASSERT_FALSE(HasFailure());
  }
  if (replay == nullptr) {
    EXPECT_GT(refused, runs * 8 / 10) << "what the checkpoint has yet to bring covers some";
  }
}

// LMDB has no checksums: a flipped bit of a page may end the process, which is no answer.
TEST(AdversaryVerifiedStore, TwoThousandFlippedBitsOfPagesGiveNoFalseAnswer) {
  constexpr unsigned kSecondsMax = 20;  // a damaged page may lead in a circle
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRng rng(seed);
  Closed world;
  const auto data = world.store_path() / "data.mdb";
  const std::string pages = content_of(data);
  const seal::CounterValue counter = counter_of(world);
  int refused = 0, unchanged = 0, ended = 0;
  for (int run = 0; run < 2'000; ++run) {
    std::string changed = pages;
    for (uint64_t flips = 1 + rng.below(2); flips > 0;) {
      char& byte = changed[rng.below(changed.size())];
      if (byte == 0) continue;  // most of the file is free
      byte ^= static_cast<char>(1 << rng.below(8));
      --flips;
    }
    restore(data, changed);
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(kSecondsMax);
      auto environment = storage::Environment::open(world.store_path(), {.durable = false});
      const bool opened = environment && opens(**environment, world, counter, closed_model());
      ::_exit(testing::Test::HasFailure() ? 2 : opened ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (!WIFEXITED(status)) {
      ++ended;
      continue;
    }
    ASSERT_NE(WEXITSTATUS(status), 2) << "a false answer was certified, run " << run;
    ++(WEXITSTATUS(status) == 0 ? unchanged : refused);
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(unchanged, 100);
  RecordProperty("ended_by_lmdb", ended);
  std::cout << fmt::format("refused {}, unchanged {}, ended by LMDB {}\n", refused, unchanged,
                           ended);
}

}  // namespace
}  // namespace themis::tests
