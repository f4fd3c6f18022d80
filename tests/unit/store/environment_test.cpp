// The key-value environment: order, transactions, growth, limits, and one process per directory.
#include "runtime/store/environment.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>
#include <thread>

#include "runtime/base/rng.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::storage {
namespace {

struct Store {
  TemporaryDirectory directory;
  std::unique_ptr<Environment> environment;
  Table table;

  explicit Store(Options options = {.durable = false}) {
    environment = Environment::open(directory.path() / "data", options).value();
    table = environment->table("t").value();
  }
  Status put(std::string_view key, std::string_view value) {
    return environment->write(
        [&](WriteTransaction& txn) { return txn.put(table, as_bytes(key), as_bytes(value)); });
  }
  std::string get(std::string_view key) {
    const auto txn = environment->read().value();
    const auto value = txn.get(table, as_bytes(key));
    return value ? std::string(as_text(*value)) : std::string(name(value.error().code));
  }
};

std::string keys_of(const ReadTransaction& txn, Table table, std::string_view prefix) {
  std::string keys;
  EXPECT_TRUE(txn.scan(table, as_bytes(prefix), [&](ByteView key, ByteView) {
    keys += std::string(as_text(key)) + ' ';
    return true;
  }));
  return keys;
}

TEST(Environment, KeepsWhatWasWrittenAcrossReopening) {
  Store store;
  ASSERT_TRUE(store.put("k", "v"));
  store.environment.reset();
  store.environment = Environment::open(store.directory.path() / "data").value();
  store.table = store.environment->table("t").value();
  EXPECT_EQ(store.get("k"), "v");
  EXPECT_EQ(store.get("other"), "not_found");
}

TEST(Environment, CreatesItsDirectoryForTheOwnerOnly) {
  Store store;
  struct stat info {};
  ASSERT_EQ(::stat((store.directory.path() / "data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0700u);
  ASSERT_EQ(::stat((store.directory.path() / "data/data.mdb").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

TEST(Environment, ScansByPrefixInOrder) {
  Store store;
  for (const char* key : {"b", "ab", "aa", "a", "ac", "\xff\xff"}) ASSERT_TRUE(store.put(key, "x"));
  const auto txn = store.environment->read().value();
  EXPECT_EQ(keys_of(txn, store.table, "a"), "a aa ab ac ");
  EXPECT_EQ(keys_of(txn, store.table, ""), "a aa ab ac b \xff\xff ");
  EXPECT_EQ(keys_of(txn, store.table, "\xff"), "\xff\xff ");
  EXPECT_EQ(keys_of(txn, store.table, "c"), "");
  int visited = 0;
  ASSERT_TRUE(txn.scan(store.table, {}, [&](ByteView, ByteView) { return ++visited < 2; }));
  EXPECT_EQ(visited, 2);
}

TEST(Environment, ChangesNothingWhenTheBodyFails) {
  Store store;
  ASSERT_TRUE(store.put("k", "old"));
  const Status status = store.environment->write([&](WriteTransaction& txn) -> Status {
    THEMIS_CHECK(txn.put(store.table, as_bytes("k"), as_bytes("new")));
    EXPECT_EQ(as_text(txn.get(store.table, as_bytes("k")).value()), "new");
    return fail(Code::denied, "second thoughts");
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail, "second thoughts");
  EXPECT_EQ(store.get("k"), "old");
}

// LMDB's transaction stayed open, and the next writer waited for it for ever.
TEST(Environment, RegressABodyThatThrowsChangesNothing) {
  Store store;
  ASSERT_TRUE(store.put("k", "old"));
  const auto throwing = [&] {
    (void)store.environment->write([&](WriteTransaction& txn) -> Status {
      THEMIS_CHECK(txn.put(store.table, as_bytes("k"), as_bytes("new")));
      throw std::bad_alloc();
    });
  };
  EXPECT_THROW(throwing(), std::bad_alloc);
  EXPECT_EQ(store.get("k"), "old");
  ASSERT_TRUE(store.put("k", "next"));
  EXPECT_EQ(store.get("k"), "next");
}

TEST(Environment, ShowsAReaderItsSnapshot) {
  Store store;
  ASSERT_TRUE(store.put("k", "old"));
  const auto before = store.environment->read().value();
  std::thread([&] { ASSERT_TRUE(store.put("k", "new")); }).join();
  EXPECT_EQ(as_text(before.get(store.table, as_bytes("k")).value()), "old");
  EXPECT_EQ(store.get("k"), "new");
}

TEST(Environment, RefusesKeysAndValuesOverTheirLimits) {
  Store store;
  const std::string longest(kKeyBytesMax, 'k');
  EXPECT_TRUE(store.put(longest, "v"));
  EXPECT_EQ(store.put(longest + "k", "v").error().code, Code::too_large);
  EXPECT_EQ(store.put("", "v").error().code, Code::invalid);
  EXPECT_EQ(store.put("k", std::string(kValueBytesMax + 1, 'v')).error().code, Code::too_large);
  const auto txn = store.environment->read().value();
  EXPECT_EQ(txn.get(store.table, {}).error().code, Code::invalid);
  EXPECT_EQ(store.environment->table("").error().code, Code::invalid);
}

TEST(Environment, GrowsItsMapAndStopsAtTheLimit) {
  Store store({.map_bytes = 1 << 20, .map_bytes_max = 8 << 20, .durable = false});
  const std::string value(100'000, 'v');
  int stored = 0;
  Status status;
  while ((status = store.put(fmt::format("{:04}", stored), value))) ASSERT_LT(++stored, 1000);
  EXPECT_EQ(status.error().code, Code::overloaded);
  EXPECT_NE(status.error().detail.find("map_bytes_max"), std::string::npos);
  EXPECT_GT(stored, 60) << "8 MB hold more than 6 MB of values";
  EXPECT_EQ(store.environment->usage().map_bytes, 8u << 20);
  EXPECT_EQ(store.get("0000"), value);
  EXPECT_EQ(store.get(fmt::format("{:04}", stored)), "not_found");
}

TEST(Environment, GrowsForOneTransactionLargerThanTheMap) {
  Store store({.map_bytes = 1 << 20, .durable = false});
  int runs = 0;
  const std::string value(1'000'000, 'v');
  ASSERT_TRUE(store.environment->write([&](WriteTransaction& txn) -> Status {
    ++runs;
    for (const char* key : {"a", "b", "c", "d", "e"})
      THEMIS_CHECK(txn.put(store.table, as_bytes(key), as_bytes(value)));
    return {};
  }));
  EXPECT_GT(runs, 1);
  EXPECT_EQ(store.get("e"), value);
}

TEST(Environment, GrowsWhileOtherThreadsRead) {
  Store store({.map_bytes = 1 << 20, .durable = false});
  ASSERT_TRUE(store.put("first", "1"));
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) EXPECT_EQ(store.get("first"), "1");
  });
  const std::string value(200'000, 'v');
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(store.put(fmt::format("{}", i), value));
  done = true;
  reader.join();
  EXPECT_GT(store.environment->usage().map_bytes, 10u << 20);
}

TEST(Environment, RegressUsageIsSafeWhileTheMapMoves) {
  for (int round = 0; round < 20; ++round) {
    Store store({.map_bytes = 1 << 16, .durable = false});
    std::atomic<bool> done = false;
    std::thread watcher([&] {
      while (!done) EXPECT_GE(store.environment->usage().map_bytes, 1u << 16);
    });
    const std::string value(4 << 20, 'v');  // seven doublings
    EXPECT_TRUE(store.put("k", value));
    done = true;
    watcher.join();
  }
}

TEST(Environment, RefusesReadersAndTablesOverTheirLimits) {
  Store store({.tables_max = 2, .readers_max = 3, .durable = false});
  EXPECT_TRUE(store.environment->table("u"));
  EXPECT_EQ(store.environment->table("v").error().code, Code::overloaded);
  std::vector<ReadTransaction> open;
  for (int i = 0; i < 3; ++i) open.push_back(store.environment->read().value());
  EXPECT_EQ(store.environment->read().error().code, Code::overloaded);
  open.pop_back();
  EXPECT_TRUE(store.environment->read());
}

TEST(Environment, NamesTheProcessThatHoldsTheDirectory) {
  TemporaryDirectory directory;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = Environment::open(directory.path());
    if (held && ::write(ready[1], "r", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto second = Environment::open(directory.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), (Error{Code::exists, fmt::format("{} is in use by process {}",
                                                             directory.path().string(), child)}));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(Environment::open(directory.path())) << "the lock dies with its process";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Environment, ReportsAPathThatIsNoDirectory) {
  TemporaryDirectory directory;
  ASSERT_TRUE(Environment::open(directory.path()));
  const auto opened = Environment::open(directory.path() / "lock");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io);
  EXPECT_NE(opened.error().detail.find("is not a directory"), std::string::npos);
}

// A power cut or a full disk during the creation left a file that is no store, for good.
TEST(Environment, RegressACreationThatWasCutInTwoIsDoneAgain) {
  TemporaryDirectory directory;
  ASSERT_TRUE(Environment::open(directory.path() / "whole"));
  const auto whole = directory.path() / "whole/data.mdb";
  const size_t size = std::filesystem::file_size(whole);
  for (size_t kept = 0; kept < size; kept += 512) {
    const auto cut = directory.path() / std::to_string(kept);
    std::filesystem::create_directory(cut);
    std::filesystem::copy_file(whole, cut / "data.new");
    std::filesystem::resize_file(cut / "data.new", kept);
    EXPECT_TRUE(Environment::open(cut)) << kept;
    EXPECT_FALSE(std::filesystem::exists(cut / "data.new"));
  }
}

TEST(Environment, ReportsAFileThatIsNotAStore) {
  TemporaryDirectory directory;
  {
    std::unique_ptr<FILE, int (*)(FILE*)> file(
        std::fopen((directory.path() / "data.mdb").c_str(), "w"), &std::fclose);
    std::fputs(std::string(8192, 'x').c_str(), file.get());
  }
  const auto opened = Environment::open(directory.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io);
}

TEST(Environment, AgreesWithAMapOverRandomOperations) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRng rng(seed);
  Store store({.map_bytes = 1 << 20, .durable = false});
  std::map<std::string, std::string> model;
  for (int round = 0; round < 300; ++round) {
    auto next = model;
    SeededRng choices(rng.next());
    const bool abort = rng.below(5) == 0;
    const Status status = store.environment->write([&](WriteTransaction& txn) -> Status {
      SeededRng again = choices;  // the body may run twice
      next = model;
      for (uint64_t i = again.below(20); i > 0; --i) {
        const std::string key = fmt::format("{}", again.below(200));
        if (again.below(3) == 0) {
          const Status erased = txn.erase(store.table, as_bytes(key));
          EXPECT_EQ(erased.has_value(), next.erase(key) == 1);
        } else {
          const std::string value(again.below(5000), static_cast<char>('a' + again.below(26)));
          THEMIS_CHECK(txn.put(store.table, as_bytes(key), as_bytes(value)));
          next[key] = value;
        }
      }
      if (abort) return fail(Code::cancelled, "");
      return {};
    });
    ASSERT_EQ(status.has_value(), !abort);
    if (!abort) model = next;
  }
  std::map<std::string, std::string> stored;
  const auto txn = store.environment->read().value();
  ASSERT_TRUE(txn.scan(store.table, {}, [&](ByteView key, ByteView value) {
    return stored.emplace(as_text(key), as_text(value)).second;
  }));
  EXPECT_EQ(stored, model);
}

}  // namespace
}  // namespace themis::storage
