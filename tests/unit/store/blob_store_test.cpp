// Content-addressed blobs: a damaged copy is never returned, an acknowledged one survives kill -9.
#include "runtime/store/blob_store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "runtime/base/rng.hpp"
#include "runtime/crypto/hash.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::storage {
namespace {

struct Opened {
  std::unique_ptr<Environment> environment;
  BlobStore blobs;
};

Opened open(const std::filesystem::path& directory) {
  auto environment = Environment::open(directory).value();
  auto blobs = BlobStore::open(*environment, "code", &crypto::blake2b).value();
  return {std::move(environment), blobs};
}

TEST(BlobStore, ReturnsWhatWasStoredUnderItsHash) {
  TemporaryDirectory directory;
  auto [environment, blobs] = open(directory.path());
  const auto id = blobs.put(as_bytes("export default {}"));
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, crypto::blake2b(as_bytes("export default {}")));
  EXPECT_EQ(as_text(blobs.get(*id).value()), "export default {}");
  EXPECT_EQ(blobs.put(as_bytes("export default {}")).value(), *id);
  EXPECT_TRUE(blobs.contains(*id).value());
  EXPECT_TRUE(blobs.get(blobs.put({}).value()).value().empty());
  size_t listed = 0;
  ASSERT_TRUE(blobs.list([&](const BlobId&, size_t bytes) {
    EXPECT_TRUE(bytes == 0 || bytes == 17);
    return ++listed > 0;
  }));
  EXPECT_EQ(listed, 2u);
}

TEST(BlobStore, KnowsWhatIsNotThere) {
  TemporaryDirectory directory;
  auto [environment, blobs] = open(directory.path());
  const BlobId unknown{};
  EXPECT_EQ(blobs.get(unknown).error().code, Code::not_found);
  EXPECT_FALSE(blobs.contains(unknown).value());
  EXPECT_EQ(blobs.erase(unknown).error().code, Code::not_found);
  const BlobId id = blobs.put(as_bytes("x")).value();
  ASSERT_TRUE(blobs.erase(id));
  EXPECT_EQ(blobs.get(id).error().code, Code::not_found);
}

TEST(BlobStore, RefusesABlobOverTheLimit) {
  TemporaryDirectory directory;
  auto [environment, blobs] = open(directory.path());
  Bytes bytes(kBlobBytesMax);
  EXPECT_TRUE(blobs.put(bytes));
  bytes.push_back({});
  EXPECT_EQ(blobs.put(bytes).error().code, Code::too_large);
}

/// Changes one byte of the blob in the file, as a bad disk or an attacker with the disk would.
void damage(const std::filesystem::path& file_name, std::string_view content) {
  std::fstream file(file_name, std::ios::in | std::ios::out | std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  file.clear();
  size_t copies = 0;
  for (size_t at = all.find(content); at != std::string::npos; at = all.find(content, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at + content.size() / 2));
    file.put('#');
    ++copies;
  }
  ASSERT_GT(copies, 0u);
}

TEST(BlobStore, AdversaryWithTheDiskCannotChangeABlob) {
  TemporaryDirectory directory;
  const std::string content = "the quick brown fox jumps over the lazy dog, many times";
  const BlobId id = open(directory.path()).blobs.put(as_bytes(content)).value();
  damage(directory.path() / "data.mdb", content);
  auto [environment, blobs] = open(directory.path());
  EXPECT_EQ(blobs.get(id).error().code, Code::forged);
  ASSERT_EQ(blobs.put(as_bytes(content)).value(), id);
  EXPECT_EQ(as_text(blobs.get(id).value()), content) << "storing it again mends it";
}

Bytes blob_of(uint64_t seed) {
  SeededRng rng(seed);
  Bytes bytes(1 + rng.below(6000));
  rng.fill(bytes);
  return bytes;
}

/// Stores blobs until it is killed; each seed is written to `acknowledged` after its put returned.
[[noreturn]] void write_blobs(const std::filesystem::path& directory, uint64_t first_seed,
                              int acknowledged) {
  auto [environment, blobs] = open(directory);
  for (uint64_t seed = first_seed;; ++seed) {
    if (!blobs.put(blob_of(seed))) ::_exit(2);
    if (::write(acknowledged, &seed, sizeof seed) != sizeof seed) ::_exit(3);
  }
}

TEST(BlobStore, LosesNoAcknowledgedBlobToKill9) {
  constexpr int kCycles = 25;
  TemporaryDirectory directory;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRng rng(seed);
  std::vector<uint64_t> acknowledged;
  for (int cycle = 0; cycle < kCycles; ++cycle) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const uint64_t first_seed = rng.next();
    const pid_t child = ::fork();
    if (child == 0) write_blobs(directory.path(), first_seed, pipe_ends[1]);
    ::close(pipe_ends[1]);
    const uint64_t wanted = 1 + rng.below(30);
    uint64_t written = 0;
    for (uint64_t i = 0; ::read(pipe_ends[0], &written, sizeof written) == sizeof written;) {
      acknowledged.push_back(written);
      if (++i == wanted) ::kill(child, SIGKILL);  // what is in the pipe still counts
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    auto [environment, blobs] = open(directory.path());
    for (const uint64_t one : acknowledged) {
      const Bytes expected = blob_of(one);
      ASSERT_EQ(blobs.get(crypto::blake2b(expected)).value_or(Bytes{}), expected);
    }
  }
  RecordProperty("acknowledged", static_cast<int>(acknowledged.size()));
  EXPECT_GE(acknowledged.size(), size_t{kCycles});
}

}  // namespace
}  // namespace themis::storage
