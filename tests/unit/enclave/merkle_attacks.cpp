// Attacks on slots, on the tree and on calls.

#include "tests/unit/enclave/attacks.hpp"

namespace themis::monitor {
namespace {

/// The node above all even keys, and the left child of that, above those divisible by four.
constexpr TreeKey kEven{{0, 0, 0, 0}, 1};
constexpr TreeKey kFours{{0, 0, 0, 0}, 2};
constexpr uint16_t kN1 = 1, kN2 = 2;

void finish(WordHost host) {
  host.log().next_epoch();
  host.log().verify_epoch();
  host.world.send(host.thread);
}

void load(WordHost host, uint16_t slot, uint64_t key, std::optional<uint64_t> value,
          uint16_t parent = kRoot) {
  host.log().add_merkle(slot, parent, WordHost::record(key, value));
}
/// A fresh key directly under `parent`, written and put back into the tree.
void write(WordHost host, uint16_t slot, uint64_t key, uint64_t value, uint16_t parent = kRoot) {
  load(host, slot, key, std::nullopt, parent);
  host.put(slot, key, value);
  host.log().evict_merkle(slot, parent);
}
/// What kEven holds when only key 2 is below it.
NodeValue above_two(uint64_t value) {
  NodeValue node;
  node.edge[1] = {Word{2}.place(), hash(std::optional(Word{value})), true, false};
  return node;
}

/// The same with a second key below it, without which it would not be kept in the tree.
NodeValue above_two_and_four(uint64_t two, uint64_t four) {
  NodeValue node = above_two(two);
  node.edge[0] = {Word{4}.place(), hash(std::optional(Word{four})), true, false};
  return node;
}

void stale_value(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR0, 1, 7);
  host.put(kR0, 1, 8);
  host.log().evict_merkle(kR0, kRoot);  // the edge must follow the new value
  load(host, kR0, 1, attack ? 7 : 8);
  host.get(kR0, 1);
  finish(host);
}
void invented_record(Words& world, bool attack) {
  WordHost host{world};
  load(host, kR0, 1, attack ? std::optional<uint64_t>(5) : std::nullopt);
  host.call(attack ? WordStore::get : WordStore::get_absent, kR0, 1);
  finish(host);
}
void invented_node(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, attack ? above_two(5) : NodeValue{});
  load(host, kR0, 2, attack ? std::optional<uint64_t>(5) : std::nullopt, kN1);
  host.call(attack ? WordStore::get : WordStore::get_absent, kR0, 2);
  finish(host);
}
void tree_copy_of_a_deferred_record(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR0, 1, 7);
  host.put(kR0, 1, 8);
  host.log().evict_to_deferred(kR0, kRoot, at(0, 1));
  if (attack) {
    load(host, kR1, 1, 7);  // the edge still has the hash of 7
    host.get(kR1, 1);
  }
  host.log().next_epoch();
  host.carry(kR0, 1, 8, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void loaded_twice(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR0, 1, 7);
  if (attack) load(host, kR1, 1, 7);
  host.put(kR0, 1, 8);
  if (attack) host.get(kR1, 1);
  finish(host);
}
void history_erased(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 2, 7);
  host.log().add_merkle(kN1, kRoot, attack ? kFours : kEven, {});
  if (attack) {
    load(host, kR1, 2, std::nullopt);
    host.call(WordStore::get_absent, kR1, 2);
  } else {
    load(host, kR1, 2, 7, kN1);
    host.get(kR1, 2);
  }
  finish(host);
}
void hash_lost_by_a_split(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 2, 7);
  host.log().add_merkle(kN1, kRoot, kEven, {});
  load(host, kR0, 2, attack ? 9 : 7, kN1);
  host.get(kR0, 2);
  finish(host);
}
void mark_lost_by_a_split(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 2, 7);
  load(host, kR0, 2, 7);
  host.put(kR0, 2, 8);
  host.log().evict_to_deferred(kR0, kRoot, at(0, 1));
  host.log().add_merkle(kN1, kRoot, kEven, {});
  if (attack) {
    load(host, kR1, 2, 7, kN1);
    host.get(kR1, 2);
  }
  host.log().next_epoch();
  host.carry(kR0, 2, 8, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void cached_child_lost_by_a_split(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 2, 7);
  load(host, kR0, 2, 7);
  host.log().add_merkle(kN1, kRoot, kEven, {});  // takes over the child in kR0
  if (attack) load(host, kR1, 2, 7, kN1);
  host.put(kR0, 2, 8);
  if (attack) host.get(kR1, 2);
  if (!attack) host.log().evict_merkle(kR0, kN1);
  finish(host);
}
void parent_left_first(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  write(host, kR0, 4, 5, kN1);
  load(host, kR0, 2, 7, kN1);
  if (attack) {
    host.log().evict_merkle(kN1, kRoot);
    host.log().add_merkle(kN2, kRoot, kEven, above_two_and_four(7, 5));
    load(host, kR1, 2, 7, kN2);
  }
  host.put(kR0, 2, 9);
  host.get(attack ? kR1 : kR0, 2);
  finish(host);
}
void parent_deferred_first(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  load(host, kR0, 2, 7, kN1);
  if (!attack) host.log().evict_merkle(kR0, kN1);
  host.log().evict_to_deferred(kN1, kRoot, at(0, 1));
  host.log().add_deferred(kN2, at(0, 1), 0, kEven, above_two(7));
  load(host, kR1, 2, 7, kN2);
  if (attack) host.put(kR0, 2, 9);
  host.get(kR1, 2);
  finish(host);
}
void under_a_grandparent(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  load(host, kR0, 2, std::nullopt, kN1);
  host.put(kR0, 2, 7);
  host.log().evict_merkle(kR0, attack ? kRoot : kN1);
  finish(host);
}
void deferred_under_a_grandparent(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  load(host, kR0, 2, std::nullopt, kN1);
  host.put(kR0, 2, 7);
  host.log().evict_to_deferred(kR0, attack ? kRoot : kN1, at(0, 1));
  host.log().next_epoch();
  host.carry(kR0, 2, 7, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void under_another_copy_of_the_parent(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  write(host, kR0, 4, 5, kN1);
  load(host, kR0, 2, 7, kN1);
  if (attack) {
    host.log().evict_merkle(kN1, kRoot);
    host.log().add_merkle(kN2, kRoot, kEven, above_two_and_four(7, 5));
  }
  host.put(kR0, 2, 9);
  host.log().evict_merkle(kR0, attack ? kN2 : kN1);
  finish(host);
}
void over_a_cached_child(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.add(kR0, 1, 7, at(0, 1));
  host.log().evict_merkle(kR0, kRoot);
  load(host, kR0, 1, 7);
  if (attack) {  // a second copy: nobody evicted it at this time, but that shows later only
    host.add(kR1, 1, 6, at(0, 1));
    host.log().evict_merkle(kR1, kRoot);
  }
  finish(host);
}
void tree_record_put_into_the_deferred_set(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR0, 1, 7);
  host.put(kR0, 1, 8);
  if (attack) {  // the edge is not marked: the tree's 7 would be good as well
    host.evict(kR0, at(0, 1));
  } else {
    host.log().evict_to_deferred(kR0, kRoot, at(0, 1));
  }
  if (attack) load(host, kR1, 1, 7);
  host.log().next_epoch();
  host.carry(kR0, 1, 8, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void deferred_record_marked_again(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.add(kR0, 1, 7, at(0, 1));
  if (attack) {
    host.log().evict_to_deferred(kR0, kRoot, at(0, 3));
  } else {
    host.evict(kR0, at(0, 3));
  }
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 3), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void over_a_record(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.create(kR0, 2, 9, at(0, 2));
  host.add(kR0, 1, 7, at(0, 1));
  host.add(attack ? kR0 : kR1, 2, 9, at(0, 2));
  finish(host);
}
void second_root(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  if (attack) {
    host.log().add_merkle(kN1, kRoot, {}, {});
    load(host, kR0, 1, std::nullopt, kN1);
    host.call(WordStore::get_absent, kR0, 1);
  }
  finish(host);
}
void root_from_the_deferred_set(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  if (attack) {
    host.log().add_deferred(kN1, at(0, 5), 0, {}, {});
    load(host, kR0, 1, std::nullopt, kN1);
    host.call(WordStore::get_absent, kR0, 1);
  }
  finish(host);
}
void another_keys_slot(Words& world, bool attack) {
  WordHost host{world};
  load(host, kR0, 1, std::nullopt);
  load(host, kR1, 2, std::nullopt);
  host.put(kR0, 1, 7);
  host.put(kR1, 2, 9);
  host.get(attack ? kR1 : kR0, 1);
  finish(host);
}
void one_record_twice(Words& world, bool attack) {
  WordHost host{world};
  load(host, kR0, 1, std::nullopt);
  load(host, kR1, 2, std::nullopt);
  host.put(kR0, 1, 7);
  const uint16_t slots[] = {kR0, attack ? kR0 : kR1};
  const Word keys[] = {{1}, {attack ? 1u : 2u}};
  host.log().run(WordStore::transfer, slots, keys, {});
  finish(host);
}
void slot_after_its_record_left(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  if (!attack) load(host, kR0, 1, 7);
  host.get(kR0, 1);
  finish(host);
}
// What was in the slot is out of date: putting it back once more would undo the second write.
void empty_slot_put_back(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR1, 1, 7);
  host.put(kR1, 1, 8);
  host.log().evict_merkle(kR1, kRoot);
  if (attack) host.log().evict_merkle(kR0, kRoot);
  load(host, kR0, 1, attack ? 7 : 8);
  host.get(kR0, 1);
  finish(host);
}
// The node comes back without the mark that key 2 is in the deferred set.
void mark_left_out_of_a_node(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 4, 5, kN1);
  write(host, kR0, 2, 7, kN1);
  load(host, kR0, 2, 7, kN1);
  host.put(kR0, 2, 8);
  host.log().evict_to_deferred(kR0, kN1, at(0, 1));
  host.log().evict_merkle(kN1, kRoot);
  NodeValue node = above_two_and_four(7, 5);
  node.edge[1].hash = {};
  node.edge[1].in_deferred = !attack;
  host.log().add_merkle(kN1, kRoot, kEven, node);
  if (attack) {
    load(host, kR1, 2, 7, kN1);
    host.get(kR1, 2);
  }
  host.log().next_epoch();
  host.carry(kR0, 2, 8, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
// The edge of what was removed leads nowhere, and not to what was there before.
void removed_record_comes_back(Words& world, bool attack) {
  WordHost host{world};
  write(host, kR0, 1, 7);
  load(host, kR0, 1, 7);
  host.call(WordStore::remove, kR0, 1);
  host.log().evict_merkle(kR0, kRoot);
  load(host, kR0, 1, attack ? std::optional<uint64_t>(7) : std::nullopt);
  host.call(attack ? WordStore::get : WordStore::get_absent, kR0, 1);
  finish(host);
}
// A node that left the tree gives its one edge to its parent, mark and all.
void mark_lost_with_its_node(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  load(host, kR0, 2, 7, kN1);
  host.put(kR0, 2, 8);
  host.log().evict_to_deferred(kR0, kN1, at(0, 1));
  host.log().evict_merkle(kN1, kRoot);
  if (attack) {
    load(host, kR1, 2, 7);
    host.get(kR1, 2);
  }
  host.log().next_epoch();
  host.carry(kR0, 2, 8, at(0, 1), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void hash_lost_with_its_node(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  host.log().evict_merkle(kN1, kRoot);
  load(host, kR0, 2, attack ? 9 : 7);
  host.get(kR0, 2);
  finish(host);
}
void child_lost_with_its_node(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  write(host, kR0, 2, 7, kN1);
  load(host, kR0, 2, 7, kN1);
  if (attack) {
    host.log().evict_merkle(kN1, kRoot);
    load(host, kR1, 2, 7);
  }
  host.put(kR0, 2, 9);
  host.get(attack ? kR1 : kR0, 2);
  finish(host);
}
void fused_call_that_cannot_be(Words& world, bool attack) {
  WordHost host{world};
  host.create(kR0, 1, 7, at(0, 1));
  host.log().run_once(attack ? WordStore::get_absent : WordStore::get, WordHost::record(1, 7),
                      at(0, 1), 0, at(0, 3), {});
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 3), at(1, 1));
  host.log().verify_epoch();
  world.send();
}
void own_parent(Words& world, bool attack) {
  WordHost host{world};
  host.log().add_merkle(kN1, kRoot, kEven, {});
  host.log().evict_merkle(kN1, attack ? kN1 : kRoot);
  finish(host);
}
void call_that_cannot_be(Words& world, bool attack) {
  WordHost host{world};
  load(host, kR0, 1, std::nullopt);
  host.call(attack ? WordStore::get : WordStore::get_absent, kR0, 1);
  finish(host);
}

constexpr Reason kNone = Reason::none;
// An edge that is marked has no hash, so that wrong_hash catches what in_deferred does.
constexpr Attack kAttacks[] = {
    {"19/27", "StaleValue", Reason::wrong_hash, kNone, stale_value},
    {"20", "InventedRecord", Reason::not_initial, kNone, invented_record},
    {"20", "InventedNode", Reason::not_initial, kNone, invented_node},
    {"21/22", "TreeCopyOfADeferredRecord", Reason::in_deferred, kNone,
     tree_copy_of_a_deferred_record, 1, 0, Reason::wrong_hash},
    {"23", "LoadedTwice", Reason::child_cached, kNone, loaded_twice},
    {"24", "HistoryErased", Reason::not_ancestor, kNone, history_erased},
    {"25", "HashLostByASplit", Reason::wrong_hash, kNone, hash_lost_by_a_split},
    {"25", "MarkLostByASplit", Reason::in_deferred, kNone, mark_lost_by_a_split, 1, 0,
     Reason::wrong_hash},
    {"25", "CachedChildLostByASplit", Reason::child_cached, kNone, cached_child_lost_by_a_split},
    {"26", "ParentLeftFirst", Reason::children_cached, kNone, parent_left_first},
    {"26", "ParentDeferredFirst", Reason::children_cached, kNone, parent_deferred_first},
    {"28", "UnderAGrandparent", Reason::wrong_edge, Reason::wrong_parent, under_a_grandparent},
    {"28", "DeferredUnderAGrandparent", Reason::wrong_edge, Reason::wrong_parent,
     deferred_under_a_grandparent},
    {"28", "UnderAnotherCopyOfTheParent", Reason::wrong_parent, kNone,
     under_another_copy_of_the_parent, 1, 0, Reason::children_cached},
    {"+", "OverACachedChild", Reason::child_cached, Reason::count_mismatch, over_a_cached_child},
    {"29", "TreeRecordPutIntoTheDeferredSet", Reason::wrong_method, Reason::child_cached,
     tree_record_put_into_the_deferred_set},
    {"29", "DeferredRecordMarkedAgain", Reason::wrong_method, Reason::in_deferred,
     deferred_record_marked_again},
    {"30", "OverARecord", Reason::slot_occupied, kNone, over_a_record},
    {"31", "SecondRoot", Reason::not_below, kNone, second_root},
    {"31", "RootFromTheDeferredSet", Reason::root_moved, Reason::count_mismatch,
     root_from_the_deferred_set},
    {"32", "AnotherKeysSlot", Reason::wrong_key, kNone, another_keys_slot},
    {"33", "OneRecordTwice", Reason::duplicate_record, kNone, one_record_twice},
    {"+", "SlotAfterItsRecordLeft", Reason::slot_empty, kNone, slot_after_its_record_left},
    {"+", "EmptySlotPutBack", Reason::slot_empty, kNone, empty_slot_put_back},
    {"+", "MarkLeftOutOfANode", Reason::wrong_hash, kNone, mark_left_out_of_a_node},
    {"+", "RemovedRecordComesBack", Reason::not_initial, kNone, removed_record_comes_back},
    {"+", "MarkLostWithItsNode", Reason::in_deferred, kNone, mark_lost_with_its_node, 1, 0,
     Reason::wrong_hash},
    {"+", "HashLostWithItsNode", Reason::wrong_hash, kNone, hash_lost_with_its_node},
    {"+", "ChildLostWithItsNode", Reason::children_cached, kNone, child_lost_with_its_node},
    {"+", "FusedCallThatCannotBe", Reason::refused, kNone, fused_call_that_cannot_be},
    {"+", "OwnParent", Reason::same_slot, Reason::not_below, own_parent},
    {"+", "CallThatCannotBe", Reason::refused, kNone, call_that_cannot_be},
};

}  // namespace

std::span<const Attack> merkle_attacks() { return kAttacks; }

}  // namespace themis::monitor
