// Attacks that work on the hash, on memory under the monitor's eyes, and on the aggregator.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/crypto/hash.hpp"
#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {
namespace {

using crypto::PrfBlock;

PrfBlock operator^(const PrfBlock& a, const PrfBlock& b) { return {a[0] ^ b[0], a[1] ^ b[1]}; }

template <class Element>
Bytes bytes(const Element& element) {
  Bytes encoded(Element::kBytesMax);
  encoded.resize(static_cast<size_t>(element.encode(encoded.data()) - encoded.data()));
  return encoded;
}

constexpr uint32_t kCandidates = 160;  // over 128: more unknowns than equations

PrfBlock value_of(const crypto::Prf& prf, uint32_t i, bool swapped) {
  const WordRecord record = WordHost::record(1, swapped ? i + 1'000'000 : i);
  return prf.evaluate(bytes(RecordElement<WordStore>{record, at(0, 1 + 2 * i), 0}));
}

/// Gaussian elimination over GF(2): which values to swap so that the sum under `prf` stays.
std::vector<bool> swaps_that_cancel(const crypto::Prf& prf) {
  struct Row {
    PrfBlock sum;
    std::vector<bool> members;
  };
  std::array<std::optional<Row>, 128> pivots;
  for (uint32_t i = 0; i < kCandidates; ++i) {
    Row row{value_of(prf, i, false) ^ value_of(prf, i, true), std::vector<bool>(kCandidates)};
    row.members[i] = true;
    for (unsigned bit = 0; bit < 128; ++bit) {
      if (((row.sum[bit / 64] >> (bit % 64)) & 1) == 0) continue;
      if (!pivots[bit]) {
        pivots[bit] = row;
        break;
      }
      row.sum = row.sum ^ pivots[bit]->sum;
      for (uint32_t j = 0; j < kCandidates; ++j)
        row.members[j] = row.members[j] != pivots[bit]->members[j];
    }
    if (row.sum == PrfBlock{}) return row.members;
  }
  return {};
}

/// Record 1 is written 160 times; every time it is read back swapped where `swaps` says so.
Reason play(const std::vector<bool>& swaps) {
  Words world;
  WordHost host{world};
  host.create(kR0, 1, 0, at(0, 1));
  for (uint32_t i = 0; i + 1 < kCandidates; ++i)
    host.log().run_once(WordStore::put, WordHost::record(1, swaps[i] ? i + 1'000'000 : i),
                        at(0, 1 + 2 * i), 0, at(0, 3 + 2 * i), {Word{i + 1}, std::nullopt});
  host.log().next_epoch();
  const uint32_t last = kCandidates - 1;
  host.carry(kR0, 1, swaps[last] ? last + 1'000'000 : last, at(0, 1 + 2 * last), at(1, 1));
  host.verify();
  return world.reason();
}

// Attack 2. With the key the forgery is a matter of linear algebra, so the key must stay secret.
TEST(AdversaryMultiset, SwapsFoundByEliminationNeedTheKey) {
  EXPECT_EQ(play(std::vector<bool>(kCandidates)), Reason::none);
  Words world;
  SeededRng rng(1);
  InstanceId instance;
  rng.fill(instance);
  const MasterKey master(rng);
  ASSERT_EQ(instance, world.instance);
  const crypto::Prf guessed(crypto::SecretBytes<16>{}, crypto::best_prf());
  const auto by_guess = swaps_that_cancel(guessed);
  ASSERT_EQ(by_guess.size(), kCandidates);
  EXPECT_EQ(play(by_guess), Reason::multiset_mismatch);
  // The same with the key of another epoch, and of another instance.
  InstanceId other = instance;
  other[0] ^= std::byte{1};
  for (const auto& key : {epoch_key(master, instance, 1), epoch_key(master, other, 0)})
    EXPECT_EQ(play(swaps_that_cancel(crypto::Prf(key, crypto::best_prf()))),
              Reason::multiset_mismatch);
  const crypto::Prf real(epoch_key(master, instance, 0), crypto::best_prf());
  EXPECT_EQ(play(swaps_that_cancel(real)), Reason::none) << "the forgery itself is sound";
}

// What was learnt of one epoch's sums says nothing of the next one's.
TEST(AdversaryMultiset, OneElementHasAnotherValueInEachEpochInstanceAndRun) {
  SeededRng rng(1);
  const MasterKey master(rng), other_master(rng);
  InstanceId instance{}, other_instance{};
  other_instance[15] = std::byte{1};
  const WordRecord record = WordHost::record(1, 7);
  const RecordElement<WordStore> element{record, at(0, 1), 0};
  const auto sum = [&](const MasterKey& key, const InstanceId& id, uint32_t epoch) {
    Epochs epochs(key, id, crypto::best_prf());
    epochs.add(epoch, element);
    return epochs.close(0, epoch).added.sum;
  };
  const PrfBlock first = sum(master, instance, 5);
  EXPECT_EQ(sum(master, instance, 5), first);
  EXPECT_NE(sum(master, instance, 6), first);
  EXPECT_NE(sum(master, other_instance, 5), first);
  EXPECT_NE(sum(other_master, instance, 5), first);
}

// Whoever gets at the memory later must not be able to forge what is certified.
TEST(AdversaryMultiset, AClosedEpochsKeyIsGoneFromMemory) {
  SeededRng rng(1);
  const MasterKey master(rng);
  const InstanceId instance{};
  Epochs epochs(master, instance, crypto::best_prf());
  const WordRecord record = WordHost::record(1, 7);
  epochs.add(0, RecordElement<WordStore>{record, at(0, 1), 0});
  // The ring is the last member, and epoch 0 is the first in it, its key at the start.
  const std::byte* ring = nullptr;
  std::memcpy(&ring, reinterpret_cast<const std::byte*>(&epochs) + sizeof epochs - sizeof ring,
              sizeof ring);
  const auto key = epoch_key(master, instance, 0);
  const auto is_there = [&] {
    const ByteView memory(ring, 1'024);
    return !std::ranges::search(memory, key.view()).empty();
  };
  EXPECT_TRUE(is_there());
  epochs.close(0, 0);
  EXPECT_FALSE(is_there());
}

// Attack 1 at its root: equal changes of two elements change a linear tag equally.
TEST(AdversaryMultiset, TheHashIsNotLinear) {
  SeededRng rng(7);
  const crypto::Prf prf(crypto::SecretBytes<16>(rng), crypto::best_prf());
  for (int i = 0; i < 1'000; ++i) {
    Bytes a(28), b(28), delta(28);
    for (Bytes* each : {&a, &b, &delta}) rng.fill(*each);
    const PrfBlock before = prf.evaluate(a) ^ prf.evaluate(b);
    for (size_t j = 0; j < a.size(); ++j) {
      a[j] ^= delta[j];
      b[j] ^= delta[j];
    }
    ASSERT_NE(prf.evaluate(a) ^ prf.evaluate(b), before);
  }
}

// Attack 43: what could be read in two ways has two different encodings.
TEST(AdversaryMultiset, NoTwoElementsHaveTheSameBytes) {
  using Store = KeyValue<Blob<4>, Blob<4>>;
  std::map<std::string, std::string> seen;
  const std::vector<std::string> texts = {"", "a", "ab", std::string("\0", 1),
                                          std::string("\1a", 2)};
  for (const auto& key : texts)
    for (int value = -1; value < static_cast<int>(texts.size()); ++value)
      for (const uint64_t time : {0u, 1u, 256u})
        for (const uint16_t thread : {uint16_t{0}, uint16_t{1}}) {
          Record<Store> record{Blob<4>::from(as_bytes(key)), std::nullopt};
          if (value >= 0) record.value = Blob<4>::from(as_bytes(texts[static_cast<size_t>(value)]));
          const RecordElement<Store> element{record, {time}, thread};
          const std::string name =
              key + '/' + std::to_string(value) + '/' + std::to_string(time * 2 + thread);
          EXPECT_TRUE(seen.emplace(to_hex(bytes(element)), name).second) << name;
        }
  NodeValue one_edge;
  one_edge.edge[0] = {Word{4}.place(), {}, true, false};
  NodeValue other_side;
  other_side.edge[1] = one_edge.edge[0];
  for (const NodeValue& value : {NodeValue{}, one_edge, other_side})
    EXPECT_TRUE(seen.emplace(to_hex(bytes(NodeElement{TreeKey{}, value, {0}, 0})), "node").second);
}

/// An application whose call lets the host write to the batch while it is being read.
struct Racing : WordStore {
  static inline std::span<std::byte> shared;
  static bool run(uint8_t function, const Arguments& arguments, std::span<Record<Racing>> records,
                  Result& result) {
    for (std::byte& byte : shared) byte = std::byte{0xff};
    Record<WordStore> record{records[0].key, records[0].value};
    const bool ran = WordStore::run(function, arguments, std::span(&record, 1), result);
    records[0].value = record.value;
    return ran;
  }
};

TEST(AdversaryMonitorMemory, ABatchRewrittenWhileItIsReadChangesNothing) {
  World<Racing> world;
  auto& log = world.log();
  const Word key[] = {{1}};
  const uint16_t slot[] = {kR0};
  log.add_merkle(kR0, kRoot, {{1}, std::nullopt});
  for (const uint64_t value : {7, 8}) log.run(Racing::put, slot, key, {{value}, std::nullopt});
  log.run(Racing::get, slot, key, {});
  log.next_epoch();
  log.verify_epoch();
  const ByteView batch = log.take();
  Bytes memory(batch.begin(), batch.end());
  Racing::shared = memory;
  EXPECT_TRUE(world.deliver(0, memory)) << name(world.reason());
  EXPECT_EQ(memory[0], std::byte{0xff});
  EXPECT_TRUE(world.certified(0));
  EXPECT_EQ(to_hex(world.answers()), "0100010001010800000000000000");
}

/// An application that takes its record for another one's.
struct Renaming : WordStore {
  static bool run(uint8_t, const Arguments&, std::span<Record<Renaming>> records, Result& result) {
    records[0].key = Word{2};
    result.done = true;
    return true;
  }
};

TEST(AdversaryMonitorMemory, RegressAFunctionDoesNotMoveItsRecord) {
  World<Renaming> world;
  auto& log = world.log();
  log.add_merkle(kR0, kRoot, {{1}, std::nullopt});
  log.evict_to_deferred(kR0, kRoot, at(0, 1));
  log.run_once(Renaming::put, {{1}, std::nullopt}, at(0, 1), 0, at(0, 3), {});
  log.next_epoch();
  log.add_deferred(kR0, at(0, 3), 0, Record<Renaming>{{1}, std::nullopt});
  log.evict_deferred(kR0, at(1, 1));
  log.verify_epoch();
  EXPECT_TRUE(world.send()) << name(world.reason());
}

/// Keys that all have one place in the tree: what a collision of the key hash would be.
struct SamePlace : Word {
  static SamePlace decode(Reader& reader) { return {Word::decode(reader)}; }
  TreeKey place() const { return Word{1}.place(); }
};
using Colliding = KeyValue<SamePlace, Word>;

// Attack 44.
TEST(AdversaryMonitorMemory, KeysOfOnePlaceAreNotTakenForEachOther) {
  const auto play = [](uint64_t called, uint64_t carried) {
    World<Colliding> world;
    auto& log = world.log();
    const uint16_t slot[] = {kR0};
    const SamePlace one[] = {{{1}}}, other[] = {{{called}}};
    log.add_merkle(kR0, kRoot, {one[0], std::nullopt});
    log.run(Colliding::put, slot, one, {{7}, std::nullopt});
    log.run(Colliding::get, slot, other, {});
    log.evict_to_deferred(kR0, kRoot, at(0, 1));
    log.next_epoch();
    log.add_deferred(kR0, at(0, 1), 0, {{{carried}}, Word{7}});
    log.evict_deferred(kR0, at(1, 1));
    log.verify_epoch();
    world.send();
    return world.reason();
  };
  EXPECT_EQ(play(1, 1), Reason::none);
  EXPECT_EQ(play(2, 1), Reason::wrong_key);
  EXPECT_EQ(play(1, 2), Reason::multiset_mismatch);
}

EpochReport report(uint16_t thread, uint32_t epoch, uint64_t count = 0) {
  return {thread, epoch, {{count, 0}, count}, {{count, 0}, count}};
}

// Attacks 16, 17 and 50.
TEST(AdversaryAggregator, CertifiesOnlyWhatAllThreadsReportedInARow) {
  Aggregator<> aggregator(2);
  EXPECT_TRUE(aggregator.accept(report(0, 0)));
  EXPECT_TRUE(aggregator.accept(report(0, 1)));
  EXPECT_TRUE(aggregator.accept(report(1, 1)));
  EXPECT_FALSE(aggregator.certified()) << "epoch 0 is not complete";
  EXPECT_TRUE(aggregator.accept(report(1, 0)));
  EXPECT_EQ(aggregator.certified(), 1u);
}

TEST(AdversaryAggregator, AMismatchEndsCertificationForGood) {
  Aggregator<> aggregator(1);
  EXPECT_TRUE(aggregator.accept(report(0, 0)));
  EpochReport wrong = report(0, 1, 3);
  wrong.added.sum[1] ^= 1;
  EXPECT_FALSE(aggregator.accept(wrong));
  EXPECT_EQ(aggregator.violation().reason, Reason::multiset_mismatch);
  EXPECT_EQ(aggregator.violation().batch, 1u);
  EXPECT_FALSE(aggregator.accept(report(0, 1)));
  EXPECT_FALSE(aggregator.accept(report(0, 2)));
  EXPECT_EQ(aggregator.certified(), 0u);
}

// A thread's refusal ends certification also when all other reports are right.
TEST(AdversaryAggregator, CertifiesNothingAfterAThreadHasRefused) {
  Aggregator<> aggregator(1);
  EXPECT_TRUE(aggregator.accept(report(0, 0)));
  const Violation first{Reason::wrong_hash, 0, 1, 30};
  aggregator.fail(first);
  aggregator.fail({Reason::refused, 0, 2, 31});
  EXPECT_EQ(aggregator.violation(), first) << "the first one is kept";
  for (uint32_t epoch = 1; epoch < 4; ++epoch) EXPECT_FALSE(aggregator.accept(report(0, epoch)));
  EXPECT_EQ(aggregator.certified(), 0u);
  EXPECT_EQ(aggregator.violation(), first);
}

TEST(AdversaryAggregator, RemembersNothingOfAnEpochThatHadItsPlace) {
  Aggregator<> aggregator(2);
  for (uint32_t epoch = 0; epoch < 3 * kEpochsReported; ++epoch) {
    ASSERT_TRUE(aggregator.accept(report(0, epoch, epoch)));
    // Half of it does not certify an epoch, whoever reported in this place before.
    ASSERT_EQ(aggregator.certified().value_or(UINT32_MAX), epoch - 1);
    ASSERT_TRUE(aggregator.accept(report(1, epoch, 2 * epoch)));
    ASSERT_EQ(aggregator.certified(), epoch);
  }
}

TEST(AdversaryAggregator, RefusesReportsThatNoMonitorMakes) {
  const auto reason = [](std::initializer_list<EpochReport> reports) {
    Aggregator<> aggregator(2);
    for (const EpochReport& each : reports) aggregator.accept(each);
    return aggregator.violation().reason;
  };
  EXPECT_EQ(reason({report(2, 0)}), Reason::unknown_reporter);
  EXPECT_EQ(reason({report(0, 0), report(0, 0)}), Reason::duplicate_report);
  EXPECT_EQ(reason({report(0, 0), report(1, 0), report(1, 0)}), Reason::duplicate_report);
  EXPECT_EQ(reason({report(0, kEpochsReported)}), Reason::report_window);
  EXPECT_EQ(reason({report(0, kEpochsReported - 1)}), Reason::none);
}

TEST(AdversaryAggregator, RecordsMayMoveBetweenSixtyFourThreads) {
  Aggregator<> aggregator(64);
  for (uint16_t thread = 0; thread < 64; ++thread) {
    EpochReport each = report(thread, 0, thread);
    // Records move between threads: each one's sums differ, all together agree.
    each.added = report(0, 0, (thread + 1u) % 64).added;
    EXPECT_TRUE(aggregator.accept(each));
  }
  EXPECT_EQ(aggregator.certified(), 0u);
}

}  // namespace
}  // namespace themis::monitor
