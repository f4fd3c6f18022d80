// Attacks on the deferred set, on time and on the batches.

#include "runtime/crypto/hash.hpp"
#include "tests/unit/enclave/attacks.hpp"

namespace themis::monitor {
namespace {

void finish(WordHost host) {
  host.log().verify_epoch();
  host.world.send(host.thread);
}

// The public code's first fault: its element was a tag that is linear in the record, so that one
// change of two values at once left the sum as it was.
void equal_delta(Words& world, bool attack) {
  WordHost host{world};
  const uint64_t delta = attack ? 0x5a5a : 0;
  host.create(kR0, 1, 7, at(0, 1));
  host.create(kR1, 2, 9, at(0, 2));
  host.log().next_epoch();
  host.carry(kR0, 1, 7 ^ delta, at(0, 1), at(1, 1));
  host.carry(kR1, 2, 9 ^ delta, at(0, 2), at(1, 2));
  finish(host);
}
void equal_delta_at_one_time(Words& world, bool attack) {
  WordHost host{world};
  const uint64_t delta = attack ? 1 : 0;
  host.create(kR0, 1, 7, at(0, 1));
  host.create(kR1, 2, 9, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7 ^ delta, at(0, 1), at(1, 1));
  host.carry(kR1, 2, 9 ^ delta, at(0, 1), at(1, 1));
  finish(host);
}
void changed_value(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, attack ? 8 : 7, at(0, 1), at(1, 1));
  finish(host);
}
void made_absent(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 0, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, attack ? std::nullopt : std::optional<uint64_t>(0), at(0, 1), at(1, 1));
  finish(host);
}
void stale_version(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.add(kR0, 1, 7, at(0, 1));
  host.put(kR0, 1, 8);
  host.evict(kR0, at(0, 3));
  host.log().next_epoch();
  host.carry(kR0, 1, attack ? 7 : 8, at(0, attack ? 1 : 3), at(1, 1));
  finish(host);
}
void added_twice(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  for (const uint16_t slot : {kR2, kR3}) {
    if (!attack) break;
    host.add(slot, 1, 99, at(0, 50));  // never evicted; twice, it cancels itself in the sum
    host.get(slot, 1);
  }
  finish(host);
}
void other_time(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, attack ? 9 : 1), at(1, 1));
  finish(host);
}
void other_thread(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(1, 1), attack ? 1 : 0);
  finish(host);
}
void left_out_of_migration(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  if (!attack) host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  finish(host);
}
void in_two_threads(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  other.log().next_epoch();
  if (attack) other.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  finish(host);
  finish(other);
}
void from_the_future(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  host.create(kR0, 1, 7, at(0, 100));
  other.add(kR0, 1, 7, at(0, 100));
  other.put(kR0, 1, 8);
  other.evict(kR0, at(0, attack ? 5 : 101));  // before what it read was written
  host.log().next_epoch();
  other.log().next_epoch();
  other.carry(kR0, 1, 8, at(0, attack ? 5 : 101), at(1, 1), 1);
  finish(host);
  finish(other);
}
void time_travel(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 5));
  host.add(kR0, 1, 7, at(0, 5));
  host.evict(kR0, at(0, attack ? 3 : 7));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, attack ? 3 : 7), at(1, 1));
  finish(host);
}
void keys_do_not_rise(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, attack ? 2 : 1, 7, at(0, 9));
  host.create(kR1, attack ? 1 : 2, 7, at(0, 9));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 9), at(1, 1));
  host.carry(kR1, 2, 7, at(0, 9), at(1, 2));
  finish(host);
}
void evicted_twice_at_one_time(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 5));
  host.add(kR0, 1, 7, at(0, 5));
  host.evict(kR0, at(0, attack ? 5 : 6));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, attack ? 5 : 6), at(1, 1));
  finish(host);
}
/// A node that nobody wrote, whose edge leads to an invented value of key 2.
constexpr TreeKey kEven{{0, 0, 0, 0}, 1};
NodeValue invented_above_two() {
  NodeValue node;
  node.edge[1] = {Word{2}.place(), hash(std::optional(Word{99})), true, false};
  return node;
}
void read_through_invented_node(WordHost host, Timestamp time, Timestamp new_time) {
  host.log().add_deferred(1, time, 0, kEven, invented_above_two());
  host.log().add_merkle(kR0, 1, WordHost::record(2, 99));
  host.get(kR0, 2);
  host.log().evict_merkle(kR0, 1);
  host.log().evict_deferred(1, new_time);
}
// Two adds and two evictions of one node at one time each: both cancel.
void node_evicted_twice_at_one_time(Words& world, bool attack) {
  WordHost host{world};
  if (attack) {
    read_through_invented_node(host, at(0, 1), at(0, 9));
    read_through_invented_node(host, at(0, 1), at(0, 9));
  }
  host.log().next_epoch();
  finish(host);
}
// The same with one eviction by each of two threads: their number tells them apart.
void node_evicted_by_two_threads_at_one_time(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  for (const WordHost& each : {host, other}) {
    if (attack) read_through_invented_node(each, at(0, 1), at(0, 9));
    WordHost{each}.log().next_epoch();
    finish(each);
  }
}
// Nobody has been in that epoch; a clock that came there by reading would never be verified.
void from_an_epoch_too_far_ahead(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  if (attack) host.add(kR1, 2, 99, at(kEpochsOpen, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  finish(host);
}
void clock_runs_away(Words& world, bool attack) {
  WordHost host{world};
  for (uint32_t i = 0; i < (attack ? kEpochsOpen : kEpochsOpen - 1); ++i) host.log().next_epoch();
  finish(host);
}
void counter_wraps(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, attack ? UINT32_MAX : 5));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, attack ? UINT32_MAX : 5), at(1, 1));
  finish(host);
}
void into_a_verified_epoch(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
  finish(host);
  if (attack) {
    host.add(kR1, 1, 99, at(0, 9));
    host.get(kR1, 1);
    host.evict(kR1, at(1, 4));
  }
  host.log().next_epoch();
  if (attack) host.carry(kR0, 1, 99, at(1, 4), at(2, 1));
  host.carry(kR0, 1, 7, at(1, 1), at(2, 2));
  finish(host);
}
void verified_while_running(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.add(kR0, 1, 7, at(0, 1));
  if (attack) host.log().verify_epoch();
  host.evict(kR0, at(0, 4));
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 4), at(1, 1));
  if (!attack) host.log().verify_epoch();
  world.send();
}
void too_far_ahead(Words& world, bool attack) {
  WordHost host{world};
  const uint32_t ahead = attack ? kEpochsOpen : 1;
  host.create(kR0, 1, 7, at(0, 1));
  for (uint32_t i = 0; i < ahead; ++i) host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 1), at(ahead, 1));
  finish(host);
}
void one_thread_runs_away(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  for (uint32_t i = 0; i < (attack ? kEpochsReported + 1 : 1); ++i) {
    other.log().next_epoch();
    finish(other);
  }
  host.log().next_epoch();
  finish(host);
}
void batch_replayed(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  host.put(kR0, 1, 8);
  const ByteView taken = host.log().take();
  const Bytes first(taken.begin(), taken.end());
  world.deliver(0, first);
  if (attack) world.deliver(0, first);
  host.log().next_epoch();
  finish(host);
}
void batch_put_again(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  world.send();
  host.put(kR0, 1, 8);
  const ByteView taken = host.log().take();
  const Bytes eight(taken.begin(), taken.end());
  world.deliver(0, eight);
  host.put(kR0, 1, 9);
  world.send();
  if (attack) world.deliver(0, eight);
  // Two batches are counted as received now: the log's own number would be wrong without the check.
  host.get(kR0, 1);
  host.log().next_epoch();
  finish(host);
}
void batch_for_another_thread(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  host.log().next_epoch();
  host.log().verify_epoch();
  other.log().next_epoch();
  other.log().verify_epoch();
  const ByteView taken = host.log().take();
  const Bytes first(taken.begin(), taken.end());
  world.deliver(0, first);
  world.deliver(1, attack ? ByteView(first) : other.log().take());
}
void batch_of_another_instance(Words& world, bool attack) {
  InstanceId instance = world.instance;
  if (attack) instance[15] ^= std::byte{1};
  host::CommandLog<WordStore> log(instance, 0);
  log.next_epoch();
  log.verify_epoch();
  world.deliver(0, log.take());
}

constexpr Reason kNone = Reason::none;
constexpr Attack kAttacks[] = {
    {"1", "EqualDeltaOnTwoValues", Reason::multiset_mismatch, kNone, equal_delta},
    {"1", "EqualDeltaAtOneTime", Reason::multiset_mismatch, kNone, equal_delta_at_one_time},
    {"3", "ChangedValue", Reason::multiset_mismatch, kNone, changed_value},
    {"43", "ZeroMadeAbsent", Reason::multiset_mismatch, kNone, made_absent},
    {"4", "StaleVersion", Reason::multiset_mismatch, kNone, stale_version},
    {"5", "AddedTwiceToCancel", Reason::count_mismatch, kNone, added_twice},
    {"6", "OtherTime", Reason::multiset_mismatch, kNone, other_time},
    {"7", "OtherThread", Reason::multiset_mismatch, kNone, other_thread},
    {"8", "LeftOutOfMigration", Reason::count_mismatch, Reason::multiset_mismatch,
     left_out_of_migration},
    {"9", "InTwoThreads", Reason::count_mismatch, Reason::multiset_mismatch, in_two_threads, 2},
    {"10", "FromTheFuture", Reason::evict_order, kNone, from_the_future, 2},
    {"11", "TimeTravel", Reason::evict_order, kNone, time_travel},
    {"12", "KeysDoNotRise", Reason::evict_order, kNone, keys_do_not_rise},
    {"12", "EvictedTwiceAtOneTime", Reason::evict_order, kNone, evicted_twice_at_one_time},
    {"12", "NodeEvictedTwiceAtOneTime", Reason::evict_order, kNone, node_evicted_twice_at_one_time},
    {"7", "NodeEvictedByTwoThreadsAtOneTime", Reason::multiset_mismatch, kNone,
     node_evicted_by_two_threads_at_one_time, 2},
    {"18", "FromAnEpochTooFarAhead", Reason::epoch_window, Reason::evict_order,
     from_an_epoch_too_far_ahead},
    {"18", "ClockRunsAway", Reason::epoch_window, kNone, clock_runs_away},
    {"13", "CounterWraps", Reason::counter_overflow, kNone, counter_wraps},
    {"14", "IntoAVerifiedEpoch", Reason::epoch_closed, kNone, into_a_verified_epoch, 1, 1},
    {"15", "VerifiedWhileRunning", Reason::epoch_running, Reason::epoch_closed,
     verified_while_running},
    {"18", "TooFarAhead", Reason::epoch_window, kNone, too_far_ahead},
    {"18", "OneThreadRunsAway", Reason::report_window, Reason::duplicate_report,
     one_thread_runs_away, 2},
    {"37", "BatchReplayed", Reason::out_of_sequence, Reason::slot_occupied, batch_replayed},
    {"37", "BatchPutAgain", Reason::out_of_sequence, kNone, batch_put_again},
    {"37", "BatchForAnotherThread", Reason::wrong_thread, kNone, batch_for_another_thread, 2},
    {"38", "BatchOfAnotherInstance", Reason::wrong_instance, kNone, batch_of_another_instance},
};

}  // namespace

std::span<const Attack> deferred_attacks() { return kAttacks; }

}  // namespace themis::monitor
