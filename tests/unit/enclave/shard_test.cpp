// The host's half against the real monitors: whatever the keys, the slots and the threads, every
// answer is what a map says, and every epoch is certified; and what is changed on the way is
// caught.

#include <gtest/gtest.h>

#include <map>

#include "enclave/applications/ledger.hpp"
#include "tests/unit/enclave/log_checker.hpp"
#include "tests/unit/enclave/rounds.hpp"
#include "tests/unit/enclave/shard_mesh.hpp"

namespace themis::host {
namespace {

using monitor::Blob;

/// `calls` random calls on `keys` keys, an epoch's end now and then; every result checked with a
/// map.
template <class KeyOf>
void play_words(Mesh<WordStore>& mesh, SeededRng& rng, uint64_t keys, int calls, KeyOf key_of) {
  std::map<uint64_t, uint64_t> model;
  for (int i = 0; i < calls; ++i) {
    // Half of the calls go to an eighth of the keys: some become hot, most cold.
    const uint64_t number = rng.below(2) == 0 ? rng.below(keys) : rng.below(1 + keys / 8);
    const uint64_t key = key_of(number), value = rng.below(1'000);
    const auto found = model.find(key);
    switch (rng.below(4)) {
      case 0: {
        ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{value}, {}}));
        model[key] = value;
        break;
      }
      case 1: {
        const bool there = found != model.end();
        const auto got = mesh.call(there ? WordStore::get : WordStore::get_absent, {{key}});
        ASSERT_TRUE(got);
        ASSERT_EQ(got->value, there ? std::optional(Word{found->second}) : std::nullopt);
        ASSERT_FALSE(mesh.call(there ? WordStore::get_absent : WordStore::get, {{key}}));
        break;
      }
      case 2:
        ASSERT_TRUE(mesh.call(WordStore::remove, {{key}}));
        model.erase(key);
        break;
      default: {
        const uint64_t to = key_of((number + 1) % keys);
        if (to == key || (to ^ key) % mesh.shards.size() != 0) break;
        const bool can = found != model.end() && !model.contains(to);
        const auto moved = mesh.call(WordStore::transfer, {{key}, {to}});
        ASSERT_TRUE(moved);
        ASSERT_EQ(moved->done, can);
        if (can) {
          model[to] = found->second;
          model.erase(key);
        }
      }
    }
    const uint64_t choice = rng.below(1'200);
    if (choice < 2) mesh.end_epoch();
    if (choice == 2 || choice == 3) mesh.begin_end();
    if (choice > 1'000) mesh.carry(rng.below(8));
  }
  mesh.end_epoch();
}

struct Shape {
  uint16_t threads;
  uint32_t node_slots, record_slots;
  uint64_t keys;
};

class ShardShapes : public testing::TestWithParam<Shape> {};

TEST_P(ShardShapes, AnswersAreAMapsAndEveryEpochIsCertified) {
  const Shape& shape = GetParam();
  for (uint64_t seed = 1; seed <= tests::rounds(5); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRng rng(seed);
    Mesh<WordStore> mesh(shape.threads, shape.node_slots, shape.record_slots, seed);
    const uint64_t stride = seed % 2 == 0 ? 1 : 0x9e3779b97f4a7c15;
    play_words(mesh, rng, shape.keys, 3'400, [stride](uint64_t i) { return i * stride; });
    EXPECT_EQ(name(mesh.reason()), "none");
    EXPECT_TRUE(mesh.right());
    EXPECT_EQ(mesh.aggregator.certified(), mesh.shards[0]->epoch() - 1);
    EXPECT_EQ(mesh.shards[0]->epoch(), mesh.monitors[0]->clock().epoch());
  }
}

// Plenty of slots; as few as a path needs; one pinned record; several threads.
INSTANTIATE_TEST_SUITE_P(All, ShardShapes,
                         testing::Values(Shape{1, 1'024, 1'024, 500}, Shape{1, 40, 9, 500},
                                         Shape{1, 64, 12, 3}, Shape{2, 64, 16, 300},
                                         Shape{8, 64, 16, 800}, Shape{64, 128, 16, 4'000}));

TEST(Shard, UsesEveryPlaceThatARecordCanBe) {
  Mesh<WordStore> mesh(1, 64, 12);
  SeededRng rng(1);
  play_words(mesh, rng, 500, 6'000, [](uint64_t i) { return i; });
  const auto counts = mesh.shards[0]->counts();
  EXPECT_GT(counts.pinned, 0u);
  EXPECT_GT(counts.deferred, counts.pinned);
  EXPECT_GT(counts.records, counts.deferred);
  EXPECT_GT(counts.nodes_evicted, 0u);
  EXPECT_GE(counts.nodes_loaded, counts.nodes_evicted);
}

TEST(Shard, RecordsOfTextWork) {
  using Store = monitor::KeyValue<Blob<16>, Blob<200>>;
  Mesh<Store> mesh(2, 64, 16);
  SeededRng rng(3);
  std::map<std::string, std::string> model;
  for (int i = 0; i < 2'000; ++i) {
    const std::string key = "key " + std::to_string(rng.below(200));
    const std::string value(rng.below(200), 'v');
    const auto blob = Blob<16>::from(as_bytes(key));
    if (rng.below(2) == 0) {
      ASSERT_TRUE(mesh.call(Store::put, {blob}, {Blob<200>::from(as_bytes(value)), {}}));
      model[key] = value;
    } else if (model.contains(key)) {
      const auto got = mesh.call(Store::get, {blob});
      ASSERT_TRUE(got);
      ASSERT_EQ(as_text(got->value->view()), model[key]);
    }
    if (i % 300 == 0) mesh.end_epoch();
  }
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_TRUE(mesh.right());
}

TEST(Shard, CallsOfEightRecordsWork) {
  using monitor::Ledger;
  Mesh<Ledger> mesh(1, 64, 12);
  for (uint64_t account = 0; account < 40; ++account)
    ASSERT_TRUE(mesh.call(Ledger::open, {{account}}, {1'000, 0}));
  SeededRng rng(5);
  std::map<uint64_t, uint64_t> payments;
  for (int i = 0; i < 500; ++i) {
    std::vector<Word> accounts;
    const uint64_t first = rng.below(40);
    for (uint64_t j = 0; j < 8; ++j) accounts.push_back({(first + j * 5) % 40});
    const auto paid = mesh.call(Ledger::distribute, accounts, {rng.below(100), payments[first]});
    ASSERT_TRUE(paid);
    payments[first] += paid->done;
    if (i % 100 == 99) mesh.end_epoch();
  }
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_TRUE(mesh.right());
  uint64_t total = 0;
  for (uint64_t account = 0; account < 40; ++account)
    total += mesh.call(Ledger::balance, {{account}})->value->balance;
  EXPECT_EQ(total, 40'000u);
}

TEST(Shard, RefusesWhatCannotBeCalledAndWritesNothing) {
  Mesh<WordStore> mesh(2, 64, 16);
  const auto code = [&](uint8_t function, std::vector<Word> keys) {
    return mesh.call(function, std::move(keys)).error().code;
  };
  EXPECT_EQ(code(99, {{1}}), Code::invalid);
  EXPECT_EQ(code(WordStore::put, {{1}, {3}}), Code::invalid);
  EXPECT_EQ(code(WordStore::transfer, {{1}, {1}}), Code::invalid);
  EXPECT_EQ(code(WordStore::transfer, {{1}, {2}}), Code::invalid);
  EXPECT_EQ(code(WordStore::get, {{1}}), Code::invalid);
  EXPECT_EQ(mesh.shards[1]->counts().records, 0u);
  mesh.end_epoch();
  EXPECT_EQ(mesh.aggregator.certified(), 0u);
}

// Keys whose paths share 1 to 63 bits: one long chain of nodes.
TEST(AdversaryShard, KeysMadeForADeepTreeAreServedOrRefused) {
  for (const uint32_t node_slots : {16u, 80u}) {
    Mesh<WordStore> mesh(1, node_slots, 16);
    size_t refused = 0;
    for (int round = 0; round < 3; ++round) {
      for (unsigned bit = 0; bit < 64; ++bit) {
        const auto put = mesh.call(WordStore::put, {{uint64_t{1} << bit}}, {Word{bit}, {}});
        if (!put) {
          EXPECT_EQ(put.error().code, Code::overloaded);
          ++refused;
        }
      }
      mesh.end_epoch();
      mesh.end_epoch();
    }
    EXPECT_EQ(refused > 0, node_slots < 64);
    EXPECT_EQ(name(mesh.reason()), "none");
    EXPECT_TRUE(mesh.right());
  }
}

/// A bit of records, nodes, calls or times flipped; two parts of them swapped; or a part of a batch
/// of before put back. As likely as not parts are of a value's length.
void damage(SeededRng& rng, Bytes& batch, const std::vector<Bytes>& before) {
  if (rng.below(2) == 0) {
    batch[rng.below(batch.size())] ^= std::byte{1} << rng.below(8);
    return;
  }
  const size_t length = rng.below(2) == 0 ? 8 : 1 + rng.below(80);
  const bool older = rng.below(2) == 0 && !before.empty();
  const Bytes from = older ? before[rng.below(before.size())] : batch;
  if (std::min(from.size(), batch.size()) <= monitor::kBatchHeaderBytes + length) return;
  const auto place = [&](const Bytes& in) {
    return monitor::kBatchHeaderBytes +
           rng.below(in.size() - monitor::kBatchHeaderBytes - length + 1);
  };
  const size_t to = place(batch), at = place(from);
  if (!older) std::memcpy(&batch[at], &from[to], length);
  std::memcpy(&batch[to], &from[at], length);
}

// One batch is changed on its way. Either the epoch is never certified, or every answer is what a
// map gives for the calls as they arrived; a changed call is for the client's own MAC to catch.
TEST(AdversaryShard, AFlippedBitASwapOrAnOlderPartThatMakesAnAnswerWrongIsCaughtInItsEpoch) {
  size_t caught = 0, certified = 0;
  for (uint64_t seed = 1; seed <= tests::rounds(200); ++seed) {
    SeededRng rng(seed);
    const auto threads = static_cast<uint16_t>(1 + seed % 2);
    Mesh<WordStore> mesh(threads, 32, 12, seed);
    const uint64_t target = rng.below(3 * threads);
    std::vector<std::vector<Bytes>> sent(threads);
    mesh.change = [&](uint16_t thread, Bytes& batch) {
      if (mesh.batches == target) damage(rng, batch, sent[thread]);
      sent[thread].push_back(batch);
    };
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (int i = 0; i < 60; ++i) {
        const Word key{rng.below(24)};
        if (rng.below(2) == 0) {
          (void)mesh.call(WordStore::put, {key}, {Word{rng.below(100)}, {}});
        } else if (!mesh.call(WordStore::get, {key})) {
          (void)mesh.call(WordStore::get_absent, {key});
        }
      }
      mesh.end_epoch();
    }
    EXPECT_GT(mesh.batches, target);
    EXPECT_NE(mesh.aggregator.certified() == 2u, bool(mesh.aggregator.violation())) << seed;
    ++(mesh.aggregator.violation() ? caught : certified);
    for (uint16_t thread = 0; thread < threads && !mesh.aggregator.violation(); ++thread) {
      tests::LogChecker checker;
      for (const Bytes& batch : sent[thread]) checker.read(batch);
      ASSERT_EQ(checker.answers(), mesh.answered[thread]) << "seed " << seed;
    }
  }
  EXPECT_GT(caught, 4 * certified);
}

}  // namespace
}  // namespace themis::host
