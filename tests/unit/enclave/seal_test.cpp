// The sealed state, its counter and the history's tags: what is altered, older or forked is
// refused.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "enclave/seal/counter_file.hpp"
#include "enclave/seal/history_chain.hpp"
#include "enclave/seal/sealed_monitors.hpp"
#include "runtime/base/rng.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::seal {
namespace {

SealedState example(uint16_t threads) {
  SeededRng rng(1);
  SealedState state;
  state.counter = 7;
  rng.fill(state.previous);
  rng.fill(state.store);
  state.aes = true;
  state.epoch = 12;
  for (uint16_t thread = 0; thread < threads; ++thread) {
    SealedThread made;
    made.top = {{thread, 0, 0, 0}, 6};
    made.value.edge[thread % 2] = {{{thread, 0, 0, 0}, 9}, {}, true, false};
    made.call_bytes = thread;
    rng.fill(made.calls);
    state.threads.push_back(made);
  }
  return state;
}

TEST(SealedState, ReadsWhatWasSealed) {
  SeededRng rng(2);
  const SealingKey key(rng), other(rng);
  for (const uint16_t threads : std::initializer_list<uint16_t>{1, 2, 8, 64}) {
    const Bytes sealed = seal(example(threads), key);
    EXPECT_EQ(unseal(sealed, key).value(), example(threads));
    EXPECT_EQ(read_sealed(sealed).value(), example(threads));
    EXPECT_EQ(unseal(sealed, other).error().code, Code::forged);
  }
}

TEST(AdversarySealedState, EveryFlippedBitAndEveryTruncationIsRefused) {
  SeededRng rng(3);
  const SealingKey key(rng);
  const Bytes sealed = seal(example(2), key);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(unseal(changed, key)) << "bit " << bit;
  }
  for (size_t bytes = 0; bytes < sealed.size(); ++bytes)
    ASSERT_FALSE(unseal(ByteView(sealed).first(bytes), key)) << bytes;
}

TEST(HistoryChain, DependsOnTheBytesAndNotOnTheirPieces) {
  SeededRng rng(4);
  Bytes stream(10'000);
  rng.fill(stream);
  const crypto::SecretBytes<16> chunk_key(rng), tag_key(rng);
  for (const auto kind :
       {crypto::PrfKind::cmac_vaes, crypto::PrfKind::cmac_aes, crypto::PrfKind::siphash}) {
    if (!crypto::available(kind)) continue;
    HistoryChain whole(chunk_key, tag_key, kind);
    whole.add(stream);
    const Tag tag = whole.tag();
    for (int round = 0; round < 50; ++round) {
      HistoryChain pieces(chunk_key, tag_key, kind);
      for (ByteView left = stream; !left.empty();) {
        const size_t taken = std::min(left.size(), size_t{1} + rng.below(500));
        pieces.add(left.first(taken));
        left = left.subspan(taken);
        if (rng.below(4) == 0) pieces.tag();  // asking changes nothing
      }
      ASSERT_TRUE(pieces.is(stream.size(), tag));
    }
    whole.clear();
    EXPECT_TRUE(whole.is(0, {}));
    whole.add(stream);
    EXPECT_EQ(whole.tag(), tag);
  }
}

TEST(AdversaryHistoryChain, ChangedSwappedShortenedAndExtendedStreamsHaveOtherTags) {
  SeededRng rng(5);
  Bytes stream(1'000);
  rng.fill(stream);
  const crypto::SecretBytes<16> chunk_key(rng), tag_key(rng);
  const auto tag_of = [&](ByteView bytes) {
    HistoryChain chain(chunk_key, tag_key, crypto::best_prf());
    chain.add(bytes);
    return chain.tag();
  };
  std::vector<Tag> seen{tag_of(stream)};
  for (size_t at = 0; at < stream.size(); ++at) {
    Bytes changed = stream;
    changed[at] ^= std::byte{1};
    seen.push_back(tag_of(changed));
    seen.push_back(tag_of(ByteView(stream).first(at)));
  }
  Bytes longer = stream;
  for (int i = 0; i < 300; ++i) {
    longer.push_back(std::byte{0});
    seen.push_back(tag_of(longer));
  }
  for (size_t chunk = 0; chunk + 1 < stream.size() / 120; ++chunk) {
    Bytes swapped = stream;
    std::swap_ranges(swapped.begin() + static_cast<ptrdiff_t>(chunk * 120),
                     swapped.begin() + static_cast<ptrdiff_t>(chunk * 120 + 120),
                     swapped.begin() + static_cast<ptrdiff_t>(chunk * 120 + 120));
    seen.push_back(tag_of(swapped));
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

struct Counter {
  storage::TemporaryDirectory directory;
  SeededRng rng{6};
  SealingKey key{rng};
  std::filesystem::path path() const { return directory.path() / "counter"; }
  Result<std::unique_ptr<CounterFile>> open() const { return CounterFile::open(path(), key); }
  CounterValue at(uint64_t counter) const {
    CounterValue value{counter, {}};
    value.tag[0] = std::byte(counter + 1);
    return value;
  }
  void raise_to(uint64_t last) const {
    const auto file = open().value();
    for (uint64_t i = file->value()->counter + 1; i <= last; ++i) ASSERT_TRUE(file->raise(at(i)));
  }
  Bytes content() const {
    std::ifstream file(path(), std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    return to_bytes(all);
  }
  void overwrite(ByteView bytes) const {
    std::ofstream(path(), std::ios::binary)
        .write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
  }
};

TEST(CounterFile, KeepsItsValueAcrossReopening) {
  const Counter counter;
  EXPECT_EQ(counter.open().value()->value().value(), CounterValue{});
  for (uint64_t i = 1; i <= 5; ++i) {
    counter.raise_to(i);
    EXPECT_EQ(counter.open().value()->value().value(), counter.at(i));
  }
}

TEST(CounterFile, BelongsToOneProcessAtATime) {
  const Counter counter;
  const auto file = counter.open().value();
  EXPECT_EQ(counter.open().error().code, Code::exists);
}

// A write that the power cut ended may have left anything in its sector, and nothing else.
TEST(CounterFile, ATornWriteLeavesTheValueBefore) {
  for (uint64_t last = 1; last <= 4; ++last) {
    const Counter counter;
    counter.raise_to(last - 1);
    const Bytes before = counter.content();
    counter.raise_to(last);
    const Bytes after = counter.content();
    for (size_t written = 0; written <= 512; written += 8) {
      Bytes torn = before;
      torn.resize(after.size());
      const size_t sector = last % 2 * 512;
      std::copy_n(after.begin() + static_cast<ptrdiff_t>(sector), written,
                  torn.begin() + static_cast<ptrdiff_t>(sector));
      counter.overwrite(torn);
      const auto value = counter.open().value()->value().value();
      ASSERT_EQ(value, written < 40 ? (last == 1 ? CounterValue{} : counter.at(last - 1))
                                    : counter.at(last))
          << written;
    }
  }
}

TEST(AdversaryCounterFile, NeverGivesAValueThatItDidNotHave) {
  const Counter counter;
  counter.raise_to(4);
  const Bytes content = counter.content();
  for (size_t bit = 0; bit < content.size() * 8; ++bit) {
    Bytes changed = content;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    counter.overwrite(changed);
    const auto file = counter.open();
    ASSERT_TRUE(file);
    const CounterValue value = (*file)->value().value();
    ASSERT_TRUE(value == counter.at(4) || value == counter.at(3)) << "bit " << bit;
  }
  SeededRng rng(7);
  const SealingKey other(rng);
  counter.overwrite(content);
  EXPECT_EQ(CounterFile::open(counter.path(), other).error().code, Code::forged);
}

TEST(SealedCounter, TakesTheConfirmedStateAndTheOneAfterIt) {
  SealedState state = example(1);
  const Tag tag{std::byte{1}}, other{std::byte{2}};
  EXPECT_TRUE(check_counter(state, tag, {7, tag}));
  EXPECT_TRUE(check_counter(state, tag, {6, state.previous}));
  EXPECT_TRUE(check_counter({}, {}, {}));
  const auto refused = [&](const CounterValue& counter) {
    const Status status = check_counter(state, tag, counter);
    return status ? ""
                  : std::string(status.error().detail.substr(0, status.error().detail.find(':')));
  };
  EXPECT_EQ(refused({8, tag}), "the store was rolled back");
  EXPECT_EQ(refused({7, other}), "this is another commit 7 than the one that was confirmed");
  EXPECT_EQ(refused({6, other}), "this is another commit 7 than the one that was confirmed");
  EXPECT_EQ(refused({5, state.previous}), "the counter stands at 5, the store at commit 7");
  state = {};
  EXPECT_EQ(refused({5, other}), "the store is empty, but its counter stands at 5");
}

}  // namespace
}  // namespace themis::seal
