// What a shard holds is bounded, given back, and asked for by nobody alone.

#include <map>

#include "enclave/applications/counters.hpp"
#include "enclave/applications/ledger.hpp"
#include "tests/unit/enclave/shard_mesh.hpp"

namespace themis::host {
namespace {

using monitor::Blob;
using monitor::ByteStore;
using monitor::Ledger;

/// Room for so many records.
template <class App>
Mesh<App> small(size_t records) {
  return Mesh<App>(1, 64, 16, 1, {.hot_calls = 4, .bytes_max = records * Shard<App>::kRecordBytes});
}

TEST(Shard, RegressAFullHostServesTheKeysThatItHas) {
  auto mesh = small<WordStore>(10);
  for (uint64_t key = 0; key < 10; ++key)
    ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{key}, {}}));
  for (uint64_t key = 0; key < 10; ++key) {
    EXPECT_EQ(mesh.call(WordStore::get, {{key}})->value, Word{key});
    EXPECT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{key + 1}, {}}));
  }
  const auto refused = mesh.call(WordStore::put, {{10}}, {Word{1}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(mesh.shards[0]->counts().records, 10u);
}

// Read as absent, or written and removed: both leave when they are cold, tree nodes and all.
TEST(Shard, RegressAbsentKeysAreGivenBack) {
  for (const bool written : {false, true}) {
    auto mesh = small<WordStore>(60);
    for (const uint64_t key : {7, 8})
      ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{1}, {}}));
    const size_t nodes = mesh.shards[0]->counts().nodes;
    for (uint64_t key = 100; key < 2'000; ++key) {
      if (written) {
        ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{1}, {}})) << key;
        ASSERT_TRUE(mesh.call(WordStore::remove, {{key}})->done);
      } else {
        ASSERT_TRUE(mesh.call(WordStore::get_absent, {{key}})) << key;
      }
      if (key % 20 == 0) mesh.end_epoch();
    }
    for (int i = 0; i < 3; ++i) mesh.end_epoch();
    ASSERT_TRUE(mesh.shards[0]->come_to_rest(mesh.aggregator.certified()));
    EXPECT_EQ(mesh.shards[0]->counts().records, 2u);
    EXPECT_LE(mesh.shards[0]->counts().nodes, nodes);
    EXPECT_TRUE(mesh.monitors[0]->at_rest());
    EXPECT_TRUE(mesh.call(WordStore::get_absent, {{100}}));
    mesh.end_epoch();
    EXPECT_EQ(name(mesh.reason()), "none");
    EXPECT_TRUE(mesh.right());
  }
}

TEST(Shard, RegressARefusedCallKeepsNoKey) {
  Mesh<WordStore> mesh(1, 4, 9);
  size_t done = 0;
  for (uint64_t bit = 0; bit < 60; ++bit)
    done += mesh.call(WordStore::put, {{uint64_t{1} << bit}}, {Word{1}, {}}).has_value();
  EXPECT_LT(done, 60u);
  EXPECT_EQ(mesh.shards[0]->counts().records, done);
}

// A full table of the largest values takes what its limit says, and the limit is of bytes.
TEST(Shard, RegressTheLimitIsOfBytes) {
  EXPECT_GT(Shard<ByteStore>::kRecordBytes, 1'024u + 128u);
  EXPECT_LT(Shard<WordStore>::kRecordBytes, 512u);
  auto mesh = small<ByteStore>(3);
  size_t done = 0;
  for (int i = 0; i < 9; ++i) {
    const auto key = Blob<128>::from(as_bytes(std::to_string(i)));
    done += mesh.call(ByteStore::put, {key}, {Blob<1'024>::from(Bytes(1'024)), {}}).has_value();
  }
  EXPECT_EQ(done, 3u);
}

// Short records take what they are, longer ones more, and removed ones give it back.
TEST(Shard, RegressTheLimitCountsWhatIsThere) {
  const auto key = [](int i) { return Blob<128>::from(as_bytes(std::to_string(i))); };
  const auto value = [](size_t size) {
    return ByteStore::Arguments{Blob<1'024>::from(Bytes(size)), {}};
  };
  auto mesh = small<ByteStore>(20);
  int done = 0;
  while (mesh.call(ByteStore::put, {key(done)}, value(8))) ++done;
  EXPECT_GT(done, 60);
  EXPECT_LE(mesh.shards[0]->bytes(), 20 * Shard<ByteStore>::kRecordBytes);
  // No value can grow any more, and all can change; the host goes on as before.
  EXPECT_EQ(mesh.call(ByteStore::put, {key(0)}, value(1'000)).error().code, Code::overloaded);
  EXPECT_EQ(mesh.call(ByteStore::get, {key(0)})->value->size, 8u);
  for (int i = 0; i < done; ++i) {
    ASSERT_TRUE(mesh.call(ByteStore::put, {key(i)}, value(7)));
    if (i % 2 == 0) {
      ASSERT_TRUE(mesh.call(ByteStore::remove, {key(i)}));
    }
  }
  for (int i = 0; i < 3; ++i) mesh.end_epoch();
  for (const size_t size : {1'000u, 10u, 500u, 1'024u, 0u})
    for (int i = 1; i < 10; i += 2) {
      ASSERT_TRUE(mesh.call(ByteStore::put, {key(i)}, value(size))) << size;
      ASSERT_EQ(mesh.call(ByteStore::get, {key(i)})->value->size, size);
    }
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_TRUE(mesh.right());
}

// What is cold goes to the tree a little at each epoch's end, so that no end takes long.
TEST(Shard, RegressAnEpochsEndBringsAFewRecordsIntoTheTree) {
  constexpr uint64_t kKeys = 300, kMax = 25;
  Mesh<WordStore> mesh(1, 64, 16, 1, {.to_tree_max = kMax});
  for (uint64_t key = 0; key < kKeys; ++key)
    ASSERT_TRUE(mesh.call(WordStore::put, {{key * 977}}, {Word{key}, {}}));
  mesh.end_epoch();
  size_t left = mesh.shards[0]->counts().deferred;
  EXPECT_EQ(left, kKeys);
  for (size_t ends = 0; left > 0; ++ends) {
    ASSERT_LT(ends, kKeys);
    const uint64_t loaded = mesh.shards[0]->counts().nodes_loaded;
    mesh.end_epoch();
    const size_t now = mesh.shards[0]->counts().deferred;
    EXPECT_LT(now, left);
    EXPECT_LE(left - now, kMax);
    EXPECT_LE(mesh.shards[0]->counts().nodes_loaded - loaded, kMax + 64);  // and a path's
    left = now;
  }
  for (uint64_t key = 0; key < kKeys; ++key)
    ASSERT_EQ(mesh.call(WordStore::get, {{key * 977}})->value, Word{key});
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_EQ(mesh.aggregator.certified(), mesh.shards[0]->epoch() - 1);
  EXPECT_TRUE(mesh.right());
}

TEST(Shard, SaysWhetherTheFirstKeyWasPresent) {
  Mesh<Ledger> mesh(1, 64, 16);
  const auto was_present = [&](uint8_t function, std::vector<Word> keys) {
    EXPECT_TRUE(mesh.call(function, std::move(keys), {10, 0}));
    return mesh.shards[0]->was_present();
  };
  EXPECT_FALSE(was_present(Ledger::balance, {{1}}));
  EXPECT_FALSE(was_present(Ledger::open, {{1}}));
  EXPECT_TRUE(was_present(Ledger::open, {{1}}));
  EXPECT_TRUE(was_present(Ledger::pay, {{1}, {2}}));
  EXPECT_FALSE(was_present(Ledger::pay, {{2}, {1}}));
}

// The inverse of the hash that the index had: any key of an attacker's choice met any other.
TEST(AdversaryKeyIndex, RegressKeysThatMetUnderTheOldHashDoNotMeet) {
  constexpr uint64_t kProduct = 0x9e3779b97f4a7c15;
  uint64_t inverse = kProduct;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kProduct * inverse;
  SeededRng rng(1);
  IndexKey key, other;
  rng.fill(std::as_writable_bytes(std::span(key)));
  rng.fill(std::as_writable_bytes(std::span(other)));
  const IndexHash hash(key), differs(other);
  constexpr size_t kKeys = 4'096;
  std::map<uint64_t, size_t> slots, again, texts;
  for (uint64_t i = 0; i < kKeys; ++i) {
    const uint64_t hashed = i << 32 | 5;
    const uint64_t mixed = (hashed ^ (hashed >> 32)) * inverse;
    const Word made{mixed ^ (mixed >> 32)};
    ++slots[hash(made) % kKeys];
    ++again[differs(made) % kKeys];
    ++texts[hash(Blob<16>::from(as_bytes(std::to_string(i)))) % kKeys];
  }
  // Of 4,096 keys in as many slots two thirds of the slots have one or more.
  for (const auto* each : {&slots, &again, &texts}) EXPECT_GT(each->size(), kKeys / 2);
  EXPECT_NE(hash(Word{1}), differs(Word{1}));
  EXPECT_NE(hash(Blob<4>::from({})), differs(Blob<4>::from({})));
}

// Random adds and erases, many in one chain, against a map.
TEST(KeyIndex, FindsWhatIsThereAfterErasures) {
  struct Entry {
    struct {
      Word word;
      Word key() const { return word; }
      bool has(const Word& other) const { return word == other; }
    } record;
  };
  SeededRng rng(1);
  std::vector<Entry> entries(3'000);
  for (uint64_t i = 0; i < entries.size(); ++i) entries[i].record.word = {i};
  KeyIndex<std::vector<Entry>> index(entries, IndexKey{0, 0, uint64_t{7} << 32, 0});
  KeyIndex<std::vector<Entry>> spread(entries, IndexKey{1, 2, 3, 4});
  for (auto* each : {&index, &spread}) {
    // Every word has one hash under the first key: one chain, so fewer of them.
    const uint64_t keys = each == &index ? 100 : entries.size();
    std::vector<bool> there(keys);
    for (int i = 0; i < 20'000; ++i) {
      const auto id = static_cast<RecordId>(rng.below(keys));
      there[id] ? each->erase(id) : each->add(id);
      there[id] = !there[id];
      const uint64_t asked = rng.below(keys);
      ASSERT_EQ(each->find(Word{asked}), there[asked] ? asked : each->kNone) << i;
    }
  }
}

// One thread's epochs run ahead of an idle one: it is told so, and the instance goes on.
TEST(Shard, RegressAnIdleShardDoesNotEndTheInstance) {
  Mesh<WordStore> mesh(2, 64, 16);
  const auto end = [&](size_t thread) {
    return mesh.shards[thread]->end_epoch(mesh.aggregator.certified());
  };
  uint32_t ended = 0;
  for (int i = 0; i < 100; ++i) {
    const Status done = end(0);
    ended += done.has_value();
    if (!done) {
      EXPECT_EQ(done.error().code, Code::overloaded);
    }
  }
  EXPECT_EQ(ended, monitor::kEpochsOpen);
  EXPECT_FALSE(mesh.shards[0]->come_to_rest(mesh.aggregator.certified()));
  EXPECT_EQ(name(mesh.reason()), "none");
  ASSERT_TRUE(end(1));
  EXPECT_EQ(mesh.aggregator.certified(), 0u);
  EXPECT_TRUE(end(0));
}

// All of them went into the tree, and the next calls took them out again: 5 us of each.
TEST(Shard, RegressARestMovesNoRecordThatIsInUse) {
  constexpr uint64_t kKeys = 1'000;
  for (const uint16_t threads : {uint16_t{1}, uint16_t{2}}) {
    Mesh<WordStore> mesh(threads, 64, 16);
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (uint64_t key = 0; key < kKeys; ++key)
        ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{key}, {}}));
      if (epoch == 0) mesh.end_epoch();
    }
    for (size_t i = 0; i < threads; ++i) {
      const auto before = mesh.shards[i]->counts();
      ASSERT_TRUE(mesh.shards[i]->come_to_rest(mesh.aggregator.certified()));
      const auto after = mesh.shards[i]->counts();
      EXPECT_EQ(after.deferred, kKeys / threads);
      EXPECT_EQ(after.nodes_loaded, before.nodes_loaded);
      EXPECT_LE(after.nodes_evicted - before.nodes_evicted, 64u) << "what was in slots";
      EXPECT_EQ(mesh.shards[i]->listed().size(), kKeys / threads * sizeof(uint64_t));
      const auto rest = mesh.monitors[i]->at_rest();
      EXPECT_EQ(rest.has_value(), i > 0 || threads == 1) << "thread 0 has the tops of the others";
      EXPECT_EQ(mesh.lists[i].bytes.size(), kKeys / threads * (8 + 1 + 8));
    }
  }
}

// Where memory is short all of it goes, so that values can leave.
TEST(Shard, ARestCanBringAllIntoTheTree) {
  Mesh<WordStore> mesh(1, 64, 16);
  for (uint64_t key = 0; key < 1'000; ++key)
    ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{key}, {}}));
  ASSERT_TRUE(mesh.shards[0]->come_to_rest(mesh.aggregator.certified(), true));
  EXPECT_EQ(mesh.shards[0]->counts().deferred, 0u);
  EXPECT_TRUE(mesh.shards[0]->listed().empty());
  EXPECT_TRUE(mesh.monitors[0]->at_rest());
  EXPECT_TRUE(mesh.call(WordStore::get, {{7}}));
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
}

TEST(Shard, RegressRecordsThatAreHotAtOnceCoolDown) {
  for (const uint32_t hot : {0u, 1u, 3u, 4u}) {
    Mesh<WordStore> mesh(1, 64, 12, 1, {.hot_calls = hot});
    for (int i = 0; i < 5; ++i)
      for (uint64_t key = 0; key < 10; ++key)
        ASSERT_TRUE(mesh.call(WordStore::put, {{key}}, {Word{key}, {}}));
    EXPECT_GT(mesh.shards[0]->counts().pinned, 0u) << hot;
    for (int i = 0; i < 3; ++i) mesh.end_epoch();
    EXPECT_EQ(mesh.shards[0]->counts().pinned, 0u) << hot;
  }
}

// Eight accounts at the end of one path of 40 nodes, 64 slots.
TEST(Shard, RegressAPathThatKeysShareIsCountedOnce) {
  Mesh<Ledger> mesh(1, 64, 16);
  for (unsigned bit = 0; bit < 40; ++bit)
    ASSERT_TRUE(mesh.call(Ledger::open, {{uint64_t{1} << bit}}, {100, 0}));
  std::vector<Word> eight;
  for (uint64_t i = 0; i < 8; ++i) {
    eight.push_back({i << 41 | uint64_t{1} << 40});
    ASSERT_TRUE(mesh.call(Ledger::open, {eight.back()}, {100, 0}));
  }
  for (int i = 0; i < 3; ++i) mesh.end_epoch();
  for (unsigned bit = 2; bit < 62; ++bit)  // another path drives them out
    (void)mesh.call(Ledger::open, {{1 | uint64_t{1} << bit}}, {100, 0});
  const auto paid = mesh.call(Ledger::distribute, eight, {1, 0});
  ASSERT_TRUE(paid) << paid.error().text();
  EXPECT_TRUE(paid->done);
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_TRUE(mesh.right());
}

// Gets of one hot record of 1,024 bytes alone: 17 bytes of command give 1,028 bytes of result.
TEST(Shard, RegressShortCallsOfALargeValueHaveRoomForTheirResults) {
  Mesh<ByteStore> mesh(1, 64, 16);
  const auto key = Blob<128>::from(as_bytes("k"));
  ASSERT_TRUE(mesh.call(ByteStore::put, {key}, {Blob<1'024>::from(Bytes(1'024)), {}}));
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(mesh.call(ByteStore::get, {key}));
  EXPECT_EQ(mesh.shards[0]->counts().pinned, 1u);
  mesh.end_epoch();
  EXPECT_EQ(name(mesh.reason()), "none");
  EXPECT_TRUE(mesh.right());
}

}  // namespace
}  // namespace themis::host
