// Runs of records come back in the order of their keys, whatever the pieces.

#include "enclave/host/record_runs.hpp"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/rng.hpp"

namespace themis::host {
namespace {

using Map = std::map<std::string, std::string>;

/// What is visited in pieces of up to `count`, in its order, each piece twice.
std::vector<std::pair<std::string, std::string>> all_of(const std::vector<Bytes>& runs,
                                                        SeededRng& rng, uint64_t count) {
  RecordRuns sorted;
  std::vector<ByteView> views;
  for (const Bytes& run : runs) {
    EXPECT_TRUE(sorted.add(run));
    views.push_back(run);
  }
  std::vector<std::pair<std::string, std::string>> all, piece, again;
  while (!sorted.is_last()) {
    const size_t most = 1 + rng.below(count);
    for (auto* into : {&piece, &again}) {
      into->clear();
      EXPECT_TRUE(sorted.next(views, most, [&](ByteView key, ByteView value) -> Status {
        into->emplace_back(as_text(key), as_text(value));
        return {};
      }));
    }
    EXPECT_EQ(piece, again) << "until visited()";
    EXPECT_TRUE(piece.size() == most || sorted.is_last());
    sorted.visited();
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

TEST(RecordRuns, AreAMap) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRng rng(seed);
    Map map;
    std::vector<Bytes> runs(rng.below(5));
    for (Bytes& run : runs)
      for (uint64_t i = 1 + rng.below(60); i > 0; --i) {
        std::string key(1 + rng.below(12), 'k');  // many begin alike, some with eight bytes
        for (char& c : key) c = static_cast<char>(rng.below(3) + (rng.below(9) == 0 ? 200 : 60));
        const std::string value(rng.below(20), static_cast<char>(rng.below(256)));
        if (map.emplace(key, value).second) append_record(run, as_bytes(key), as_bytes(value));
      }
    const auto all = all_of(runs, rng, seed % 2 == 0 ? 7 : 300);
    EXPECT_TRUE(std::ranges::equal(all, map, [](const auto& a, const auto& b) {
      return a.first == b.first && a.second == b.second;
    }));
  }
}

TEST(RecordRuns, OfDamagedBytesAreRefused) {
  Bytes run;
  append_record(run, as_bytes("a"), as_bytes("one"));
  append_record(run, as_bytes("b"), {});
  for (size_t size = 1; size < run.size(); ++size) {
    if (size == run.size() - 7) continue;  // the first record, whole
    const Status added = RecordRuns().add(ByteView(run).first(size));
    ASSERT_FALSE(added) << size;
    EXPECT_EQ(added.error().code, Code::malformed);
  }
  Bytes keyless;
  append_record(keyless, {}, as_bytes("one"));
  EXPECT_FALSE(RecordRuns().add(keyless));
}

}  // namespace
}  // namespace themis::host
