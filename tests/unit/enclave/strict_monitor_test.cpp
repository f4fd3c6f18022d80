// Bytes, limits and memory: what a monitor refuses before it looks at any record, and what it keeps
// to itself.

#include <gtest/gtest.h>

#include "runtime/crypto/hash.hpp"
#include "tests/unit/enclave/monitor_world.hpp"

#include "tests/unit/enclave/allocations.hpp"

namespace themis::monitor {
namespace {

/// Commands as raw bytes under a header, whose length is wrong by `length_error`.
Violation after(const Bytes& commands, int64_t length_error = 0) {
  Words world;
  Bytes batch(kBatchHeaderBytes);
  std::byte* to = put(batch.data(), ByteView(world.instance));
  to = put(put(to, uint16_t{0}), uint64_t{0});
  put(to, static_cast<uint32_t>(static_cast<int64_t>(commands.size()) + length_error));
  append(batch, commands);
  world.deliver(0, batch);
  return world.monitors[0]->violation();
}

/// One batch with every kind of command, accepted when whole. Offsets of its commands are returned.
Bytes every_command(Words& world, std::vector<size_t>* starts = nullptr) {
  WordHost host{world};
  constexpr TreeKey kEven{{0, 0, 0, 0}, 1};
  Bytes all;
  const auto step = [&] {
    const ByteView batch = host.log().take();
    if (starts != nullptr) starts->push_back(kBatchHeaderBytes + all.size());
    append(all, batch.subspan(kBatchHeaderBytes));
  };
  const auto record = WordHost::record;
  host.log().add_merkle(1, kRoot, kEven, {}), step();
  host.log().add_merkle(kR0, 1, record(2, std::nullopt)), step();
  host.put(kR0, 2, 7), step();
  host.log().evict_merkle(kR0, 1), step();
  host.log().add_merkle(kR0, 1, record(2, 7)), step();
  host.log().evict_to_deferred(kR0, 1, at(0, 1)), step();
  host.log().run_once(WordStore::compare_and_swap, record(2, 7), at(0, 1), 0, at(0, 3),
                      {Word{8}, Word{7}}),
      step();
  host.add(kR0, 2, 8, at(0, 3)), step();
  host.evict(kR0, at(0, 5)), step();
  host.log().evict_to_deferred(1, kRoot, at(0, 6)), step();
  NodeValue node;
  node.edge[1] = {Word{2}.place(), {}, true, true};
  host.log().add_deferred(1, at(0, 6), 0, kEven, node), step();
  host.log().evict_deferred(1, at(0, 8)), step();
  host.log().next_epoch(), step();
  host.carry(kR0, 2, 8, at(0, 5), at(1, 1)), step();
  host.log().add_deferred(1, at(0, 8), 0, kEven, node), step();
  host.log().verify_epoch(), step();
  return all;
}

TEST(AdversaryStrictMonitor, RefusesEveryTruncationAtItsCommand) {
  Words world;
  std::vector<size_t> starts;
  const Bytes all = every_command(world, &starts);
  ASSERT_EQ(after(all).reason, Reason::none);
  for (size_t size = 0; size < all.size(); ++size) {
    const Violation found = after(Bytes(all.begin(), all.begin() + static_cast<long>(size)));
    const bool whole =
        std::find(starts.begin(), starts.end(), kBatchHeaderBytes + size) != starts.end();
    // carry() is two commands in one step; its first half alone is whole as well.
    if (found.reason == Reason::none) {
      EXPECT_TRUE(whole || size > starts[13] - kBatchHeaderBytes) << size;
      continue;
    }
    ASSERT_EQ(found.reason, Reason::malformed) << size;
    if (size < starts[13] - kBatchHeaderBytes) {
      const size_t offset =
          *(std::upper_bound(starts.begin(), starts.end(), kBatchHeaderBytes + size) - 1);
      EXPECT_EQ(found.offset, offset) << size;
    }
  }
}

TEST(AdversaryStrictMonitor, RefusesWhatIsNotTheOneEncoding) {
  const auto one = [](auto write) {
    Words world;
    WordHost host{world};
    write(host);
    const ByteView batch = host.log().take().subspan(kBatchHeaderBytes);
    return Bytes(batch.begin(), batch.end());
  };
  constexpr TreeKey kNode{{0, 0, 0, 0}, 1};
  NodeValue value;
  value.edge[0] = {Word{4}.place(), {}, true, false};
  const Bytes node = one([&](WordHost host) { host.log().add_merkle(1, kRoot, kNode, {}); });
  const Bytes edge = one([&](WordHost host) { host.log().add_merkle(1, kRoot, kNode, value); });
  const Bytes record =
      one([](WordHost host) { host.log().add_merkle(kR0, kRoot, WordHost::record(1, {})); });
  ASSERT_EQ(after(node).reason, Reason::none);
  ASSERT_EQ(after(edge).reason, Reason::not_initial);
  ASSERT_EQ(after(record).reason, Reason::none);
  const auto with = [](Bytes bytes, size_t index, uint8_t byte) {
    bytes[index] = static_cast<std::byte>(byte);
    return after(bytes).reason;
  };
  constexpr size_t kKey = 5, kDepth = kKey + 32, kEdge = kKey + 34;
  EXPECT_EQ(with(node, 0, 0), Reason::malformed) << "no such command";
  EXPECT_EQ(with(node, 0, 15), Reason::malformed) << "no such command";
  EXPECT_EQ(with(node, kDepth + 1, 1), Reason::malformed) << "depth 257";
  EXPECT_EQ(with(node, kKey, 2), Reason::malformed) << "a bit beyond the depth";
  EXPECT_EQ(with(node, kEdge, 2), Reason::malformed) << "a bool of 2";
  EXPECT_EQ(with(edge, kEdge + 1 + 34 + 32, 2), Reason::malformed) << "a bool of 2";
  EXPECT_EQ(with(edge, kEdge + 1 + 33, 2), Reason::malformed) << "an edge key of depth 512";
  EXPECT_EQ(with(record, 13, 2), Reason::malformed) << "a bool of 2";
  Bytes leaf = node;  // a node that claims to be a leaf, under a data key
  put(put(leaf.data() + kDepth, uint16_t{256}), uint8_t{0});
  EXPECT_EQ(after(leaf).reason, Reason::malformed);
  EXPECT_EQ(after(node, 1).reason, Reason::malformed) << "shorter than its header says";
  EXPECT_EQ(after(node, -1).reason, Reason::malformed) << "longer than its header says";
  EXPECT_EQ(after(Bytes(kBatchBytesMax)).reason, Reason::malformed) << "over the limit";
}

TEST(AdversaryStrictMonitor, RefusesSlotsAndFunctionsThatDoNotExist) {
  const auto reason = [](auto write) {
    Words world;
    WordHost host{world};
    write(host);
    world.send();
    return world.reason();
  };
  constexpr TreeKey kNode{{0, 0, 0, 0}, 1};
  constexpr uint16_t kBeyond = kNodeSlots + kRecordSlots;
  const WordRecord absent = WordHost::record(1, std::nullopt);
  for (const uint16_t slot : {kR0, kBeyond, kNoSlot}) {
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_merkle(slot, kRoot, kNode, {}); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_merkle(1, slot, kNode, {}); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_merkle(kR1, slot, absent); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().evict_merkle(kRoot, slot); }), Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_deferred(slot, at(0, 1), 0, kNode, {}); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().evict_to_deferred(kRoot, slot, at(0, 1)); }),
              Reason::slot_range);
  }
  for (const uint16_t slot : {uint16_t{0}, kBeyond, kNoSlot}) {
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_merkle(slot, kRoot, absent); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.log().add_deferred(slot, at(0, 1), 0, absent); }),
              Reason::slot_range);
    EXPECT_EQ(reason([&](WordHost h) { h.get(slot, 1); }), Reason::slot_range);
  }
  for (const uint16_t slot : {kBeyond, kNoSlot})
    EXPECT_EQ(reason([&](WordHost h) { h.evict(slot, at(0, 1)); }), Reason::slot_range);
  for (const uint8_t function : {uint8_t{0}, uint8_t{7}, uint8_t{255}})
    EXPECT_EQ(reason([&](WordHost h) { h.call(function, kR0, 1); }), Reason::unknown_function);
  // The fused call takes functions of one record only.
  EXPECT_EQ(reason([&](WordHost h) {
              h.log().run_once(WordStore::transfer, absent, at(0, 1), 0, at(0, 2), {});
            }),
            Reason::unknown_function);
}

TEST(AdversaryStrictMonitor, RefusesClientsAndCallsThatCannotBe) {
  const auto violation = [](auto write) {
    Words world;
    WordHost host{world};
    auto client = host.join(1);
    host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
    write(host, WordHost::sign_put(client, 1, 7));
    world.send();
    return world.reason();
  };
  using receipts::Caller;
  EXPECT_EQ(violation([](WordHost h, Caller c) { h.put(kR0, 1, 7, c); }), Reason::none);
  for (const uint16_t number : {uint16_t{2}, uint16_t{1'024}, uint16_t{0xfffe}})
    EXPECT_EQ(violation([&](WordHost h, Caller c) {
                c.client = number;
                h.put(kR0, 1, 7, c);
              }),
              Reason::unknown_client);
  for (const int use : {0, 3, 255})
    EXPECT_EQ(violation([&](WordHost h, Caller c) {
                c.use = static_cast<receipts::Use>(use);
                h.put(kR0, 1, 7, c);
              }),
              Reason::malformed);
  const crypto::DhShare share = client_key_pair(3).share();
  for (const uint16_t number : {uint16_t{1'024}, receipts::kNoClient})
    EXPECT_EQ(violation([&](WordHost h, Caller) { h.log().register_client(number, share); }),
              Reason::client_range);
  EXPECT_EQ(violation([](WordHost h, Caller) { h.log().register_client(3, crypto::DhShare{}); }),
            Reason::not_granted)
      << "a share of small order";
  // A transferable receipt belongs to an epoch that is open.
  EXPECT_EQ(violation([&](WordHost h, Caller) {
              auto client = h.join(2);
              for (uint32_t i = 0; i < kEpochsOpen; ++i) h.log().next_epoch();
              h.put(kR0, 1, 7, WordHost::sign_put(client, 1, 7, receipts::Use::transferable_call));
            }),
            Reason::epoch_window);
}

TEST(StrictMonitor, KeepsTheFirstViolationAndAcceptsNothingAfterIt) {
  Words world;
  WordHost host{world};
  host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  world.send();
  host.log().next_epoch();
  host.get(kR0, 1);
  ASSERT_FALSE(world.send());
  const Violation first = world.monitors[0]->violation();
  EXPECT_EQ(first.reason, Reason::refused);
  EXPECT_EQ(first.batch, 1u);
  EXPECT_EQ(first.offset, kBatchHeaderBytes + 1);
  EXPECT_EQ(first.thread, 0);
  // A good batch, under the number of the failed one and under the next.
  host::CommandLog<WordStore> again(world.instance, 0);
  (void)again.take();
  for (int i = 0; i < 2; ++i) {
    again.next_epoch();
    again.verify_epoch();
    EXPECT_FALSE(world.deliver(0, again.take()));
  }
  EXPECT_EQ(world.monitors[0]->violation(), first);
  EXPECT_FALSE(world.monitors[0]->take_report());
  EXPECT_FALSE(world.aggregator.certified());
}

TEST(StrictMonitor, WantsRoomForResultsAndItsReportsTaken) {
  Words world;
  WordHost host{world};
  world.output.room = std::span(world.results).first(WordStore::Result::kBytesMax - 1);
  host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  host.put(kR0, 1, 1);
  EXPECT_FALSE(world.send());
  EXPECT_EQ(world.reason(), Reason::output_room);
  EXPECT_EQ(world.output.used, 0u);

  Words other;
  WordHost impatient{other};
  for (uint32_t i = 0; i <= kEpochsOpen; ++i) {
    impatient.log().next_epoch();
    impatient.log().verify_epoch();
  }
  EXPECT_FALSE(other.send());
  EXPECT_EQ(other.reason(), Reason::reports_pending);
}

TEST(AdversaryStrictMonitor, TheLastEpochHasNoNextOne) {
  SeededRng rng(1);
  const MasterKey key(rng);
  const InstanceId instance{};
  Monitor<WordStore> monitor({instance, 0, kNodeSlots, kRecordSlots}, key,
                             Rest{TreeKey{}, NodeValue{}, UINT32_MAX - 1});
  host::CommandLog<WordStore> log(instance, 0);
  Output output;
  log.next_epoch();
  log.verify_epoch();
  EXPECT_TRUE(monitor.apply(log.take(), output));
  log.next_epoch();
  EXPECT_FALSE(monitor.apply(log.take(), output));
  EXPECT_EQ(monitor.violation().reason, Reason::epoch_overflow);
}

TEST(StrictMonitor, TakesNoHeapForLargeValuesEither) {
  World<ByteStore> world;
  auto& log = world.log();
  const Blob<128> key[] = {Blob<128>::from(Bytes(128, std::byte{1}))};
  const auto value = Blob<1'024>::from(Bytes(1'024, std::byte{2}));
  const uint16_t slot[] = {kR0};
  log.add_merkle(kR0, kRoot, {key[0], std::nullopt});
  log.run(ByteStore::put, slot, key, {value, std::nullopt});
  log.evict_merkle(kR0, kRoot);
  log.add_merkle(kR0, kRoot, {key[0], value});
  log.evict_to_deferred(kR0, kRoot, at(0, 1));
  log.run_once(ByteStore::compare_and_swap, {key[0], value}, at(0, 1), 0, at(0, 3), {value, value});
  log.next_epoch();
  log.add_deferred(kR0, at(0, 3), 0, Record<ByteStore>{key[0], value});
  log.evict_deferred(kR0, at(1, 1));
  log.verify_epoch();
  const ByteView batch = log.take();
  const uint64_t before = tests::allocations();
  EXPECT_TRUE(world.monitors[0]->apply(batch, world.output));
  const auto report = world.monitors[0]->take_report();
  EXPECT_TRUE(world.aggregator.accept(report.value()));
  EXPECT_EQ(tests::allocations(), before);
  EXPECT_EQ(world.aggregator.certified(), 0u);
}

TEST(StrictMonitor, TakesNoHeapAfterItsConstruction) {
  Words world;
  const Bytes all = every_command(world);
  Bytes batch(kBatchHeaderBytes);
  put(put(put(put(batch.data(), ByteView(world.instance)), uint16_t{0}), uint64_t{0}),
      static_cast<uint32_t>(all.size()));
  append(batch, all);
  const uint64_t before = tests::allocations();
  EXPECT_TRUE(world.monitors[0]->apply(batch, world.output));
  const auto report = world.monitors[0]->take_report();
  EXPECT_TRUE(world.aggregator.accept(report.value()));
  EXPECT_FALSE(world.monitors[0]->apply(batch, world.output));
  EXPECT_EQ(tests::allocations(), before);
  EXPECT_EQ(world.aggregator.certified(), 0u);
}

// 1 to 40 elements: below, at and over what is evaluated at once.
TEST(StrictMonitor, CountsEveryPendingElementOfAnEpoch) {
  for (uint32_t extra = 0; extra < 40; ++extra) {
    for (const bool changed : {false, true}) {
      Words world;
      WordHost host{world};
      host.create(kR0, 1, 7, at(0, 1));
      for (uint32_t i = 0; i < extra; ++i)
        host.log().run_once(WordStore::get, WordHost::record(1, 7), at(0, 1 + 2 * i), 0,
                            at(0, 3 + 2 * i), {});
      host.log().next_epoch();
      host.carry(kR0, 1, changed ? 8 : 7, at(0, 1 + 2 * extra), at(1, 1));
      host.verify();
      EXPECT_EQ(world.reason(), changed ? Reason::multiset_mismatch : Reason::none) << extra;
    }
  }
}

}  // namespace
}  // namespace themis::monitor
