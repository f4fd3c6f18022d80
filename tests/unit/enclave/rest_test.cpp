// A monitor that starts where another one was at rest, given the records that one had listed.

#include <gtest/gtest.h>

#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {
namespace {

struct List final : Listing {
  void clear() override { bytes.clear(); }
  void add(ByteView record) override { append(bytes, record); }
  Bytes bytes;
};

/// A monitor with a list, the host that feeds it, and the aggregator.
struct Resting {
  explicit Resting(const Rest* from = nullptr) : aggregator(1, from ? from->epoch : 0) {
    SeededRng rng(from ? 2 : 1);
    rng.fill(instance);
    const MasterKey key(rng);
    MonitorOptions options{instance, 0, kNodeSlots, kRecordSlots};
    options.calls_without_client = true;
    options.clients = 0;
    options.listing = &list;
    monitor = from ? std::make_unique<Monitor<WordStore, Checked>>(options, key, *from)
                   : std::make_unique<Monitor<WordStore, Checked>>(options, key);
    log.emplace(instance, 0);
  }
  bool send() {
    Output output{results};
    if (!monitor->apply(log->take(), output)) aggregator.fail(monitor->violation());
    answers.assign(results.begin(), results.begin() + static_cast<long>(output.used));
    while (const auto report = monitor->take_report()) aggregator.accept(*report);
    return !aggregator.violation();
  }
  void call(uint8_t function, uint16_t slot, uint64_t key, uint64_t value = 0) {
    const Word keys[] = {{key}};
    log->run(function, std::span(&slot, 1), keys, {Word{value}, std::nullopt});
  }
  /// A fresh key below the root, written and put into the deferred set.
  void create(uint64_t key, uint64_t value, Timestamp time) {
    log->add_merkle(kR0, kRoot, WordHost::record(key, std::nullopt));
    call(WordStore::put, kR0, key, value);
    log->evict_to_deferred(kR0, kRoot, time);
  }
  void carry(uint64_t key, std::optional<uint64_t> value, Timestamp from, Timestamp to) {
    log->add_deferred(kR0, from, 0, WordHost::record(key, value));
    log->evict_deferred(kR0, to);
  }
  void restore(uint64_t key, std::optional<uint64_t> value, Timestamp to) {
    log->restore(kR0, WordHost::record(key, value));
    log->evict_deferred(kR0, to);
  }
  /// Two keys in the deferred set, and the end of their epoch.
  void end_an_epoch_of_two(bool listed = true) {
    create(1, 7, at(0, 1));
    create(2, 9, at(0, 2));
    listed ? log->list_epoch() : log->next_epoch();
    carry(2, 9, at(0, 2), at(1, 1));
    carry(1, 7, at(0, 1), at(1, 2));
    log->verify_epoch();
    EXPECT_TRUE(send());
  }

  InstanceId instance{};
  List list;
  std::unique_ptr<Monitor<WordStore, Checked>> monitor;
  std::optional<host::CommandLog<WordStore>> log;
  Aggregator<Checked> aggregator;
  Bytes results = Bytes(1 << 12), answers;
};

TEST(Rest, IsGoneOnFromWithTheListedRecords) {
  Resting before;
  before.end_an_epoch_of_two();
  const auto rest = before.monitor->at_rest();
  ASSERT_TRUE(rest && rest->listed);
  EXPECT_EQ(rest->epoch, 1u);
  Resting after(&*rest);
  after.restore(2, 9, at(1, 1));
  after.restore(1, 7, at(1, 2));
  ASSERT_TRUE(after.send());
  EXPECT_EQ(after.list.bytes, before.list.bytes) << "the same list";
  after.monitor->restored();
  after.log->add_deferred(kR0, at(1, 2), 0, WordHost::record(1, 7));
  after.call(WordStore::get, kR0, 1);
  after.log->evict_merkle(kR0, kRoot);
  after.log->next_epoch();
  after.carry(2, 9, at(1, 1), at(2, 1));
  after.log->verify_epoch();
  ASSERT_TRUE(after.send()) << name(after.aggregator.violation().reason);
  EXPECT_EQ(after.aggregator.certified(), 1u);
  EXPECT_EQ(to_hex(after.answers), "01010700000000000000");
}

// What the tree says of a deferred record does not depend on what it was before.
TEST(Rest, HasATopThatTheKeysDetermine) {
  std::optional<NodeValue> first;
  for (const uint64_t before : {3, 4}) {
    Resting world;
    world.log->add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
    world.call(WordStore::put, kR0, 1, before);
    world.log->evict_merkle(kR0, kRoot);
    world.log->add_merkle(kR0, kRoot, WordHost::record(1, before));
    world.log->evict_to_deferred(kR0, kRoot, at(0, 1));
    world.log->list_epoch();
    world.carry(1, before, at(0, 1), at(1, 1));
    world.log->verify_epoch();
    ASSERT_TRUE(world.send());
    const auto rest = world.monitor->at_rest();
    ASSERT_TRUE(rest);
    if (!first) first = rest->value;
    EXPECT_EQ(rest->value, *first);
    EXPECT_EQ(rest->value.edge[1], (Edge{Word{1}.place(), {}, true, true}));
  }
}

TEST(Rest, OfAMonitorWithNothingDeferredNeedsNoList) {
  Resting world;
  world.log->next_epoch();
  world.log->verify_epoch();
  ASSERT_TRUE(world.send());
  const auto rest = world.monitor->at_rest();
  ASSERT_TRUE(rest);
  EXPECT_FALSE(rest->listed);
}

// Everything but the top node, the tree and the list is gone with the monitor.
TEST(AdversaryRest, IsNoneWhileSomethingIsNeitherInTheTreeNorListed) {
  const auto rests = [](bool listed, auto more) {
    Resting world;
    world.end_an_epoch_of_two(listed);
    more(world);
    EXPECT_TRUE(world.log->empty() || world.send());
    return world.monitor->at_rest().has_value();
  };
  EXPECT_TRUE(rests(true, [](Resting&) {}));
  EXPECT_FALSE(rests(false, [](Resting&) {})) << "evicted, and not listed";
  EXPECT_FALSE(rests(true, [](Resting& world) {
    world.log->add_merkle(1, kRoot, TreeKey{{0, 0, 0, 0}, 1}, {});
  })) << "a node in a slot";
  EXPECT_FALSE(rests(true, [](Resting& world) {
    world.log->add_merkle(1, kRoot, TreeKey{{0, 0, 0, 0}, 1}, {});
    world.log->evict_to_deferred(1, kRoot, at(1, 3));
  })) << "a node in the deferred set";
  EXPECT_FALSE(rests(true, [](Resting& world) {
    world.log->run_once(WordStore::get, WordHost::record(1, 7), at(1, 2), 0, at(1, 4), {});
  })) << "a call since";
  EXPECT_FALSE(rests(true, [](Resting& world) {
    world.log->add_deferred(kR0, at(1, 2), 0, WordHost::record(1, 7));
    world.call(WordStore::put, kR0, 1, 8);
    world.log->evict_merkle(kR0, kRoot);
  })) << "what is listed came back";
  EXPECT_FALSE(rests(true, [](Resting& world) { world.log->next_epoch(); })) << "an open epoch";
  EXPECT_FALSE(rests(true, [](Resting& world) {
    world.log->next_epoch();
    world.carry(2, 9, at(1, 1), at(2, 1));
    world.carry(1, 7, at(1, 2), at(2, 2));
    world.log->verify_epoch();
  })) << "a list of the epoch before";
}

TEST(AdversaryRest, IsNoneWhileARecordIsInASlot) {
  Resting world;
  world.create(2, 9, at(0, 1));
  world.log->list_epoch();
  world.carry(2, 9, at(0, 1), at(1, 1));
  world.log->verify_epoch();
  ASSERT_TRUE(world.send());
  EXPECT_TRUE(world.monitor->at_rest());
  world.log->add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  ASSERT_TRUE(world.send());
  EXPECT_FALSE(world.monitor->at_rest());
}

// A list as long as what was evicted, but of another epoch: the clock went on by itself.
TEST(AdversaryRest, IsNoneWithTheListOfAnEpochThatWasLeft) {
  Resting world;
  world.end_an_epoch_of_two();
  world.carry(2, 9, at(1, 1), at(2, 1));  // an eviction at a later time begins the epoch as well
  world.carry(1, 7, at(1, 2), at(2, 2));
  world.log->verify_epoch();
  ASSERT_TRUE(world.send());
  EXPECT_FALSE(world.monitor->at_rest());
}

TEST(AdversaryRest, NothingIsRestoredOnceTheListIsComplete) {
  const auto play = [](bool attack) {
    Resting before;
    before.end_an_epoch_of_two();
    const auto rest = before.monitor->at_rest();
    Resting after(&*rest);
    after.restore(2, 9, at(1, 1));
    after.restore(1, 7, at(1, 2));
    EXPECT_TRUE(after.send());
    after.monitor->restored();
    if (attack) {
      after.log->restore(kR1, WordHost::record(1, 8));
      after.call(WordStore::get, kR1, 1);
      after.log->evict_deferred(kR1, at(1, 3));
    }
    after.log->next_epoch();
    after.carry(2, 9, at(1, 1), at(2, 1));
    after.carry(1, 7, at(1, 2), at(2, 2));
    if (attack) after.carry(1, 8, at(1, 3), at(2, 3));
    after.log->verify_epoch();
    after.send();
    return after.aggregator.violation().reason;
  };
  EXPECT_EQ(name(play(false)), "none");
  EXPECT_EQ(name(play(true)), "restored");
  const Without without(Reason::restored);
  EXPECT_EQ(name(play(true)), "none") << "a false history without the check";
}

TEST(AdversaryRest, NothingIsRestoredInAMonitorThatStartsEmpty) {
  Resting world;
  world.restore(1, 7, at(0, 1));
  EXPECT_FALSE(world.send());
  EXPECT_EQ(name(world.aggregator.violation().reason), "restored");
}

// The list of what is restored cannot be begun again.
TEST(AdversaryRest, AListIsKeptWhileItIsRestored) {
  Resting before;
  before.end_an_epoch_of_two();
  const auto rest = before.monitor->at_rest();
  Resting after(&*rest);
  after.restore(1, 8, at(1, 1));
  after.log->list_epoch();
  after.log->verify_epoch();
  after.restore(2, 9, at(2, 1));
  after.restore(1, 7, at(2, 2));
  after.send();
  EXPECT_NE(after.list.bytes, before.list.bytes);
  EXPECT_EQ(after.list.bytes.size(), before.list.bytes.size() * 3 / 2);
}

}  // namespace
}  // namespace themis::monitor
