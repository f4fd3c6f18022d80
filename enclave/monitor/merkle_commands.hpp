#pragma once
// The commands between slots and the sparse Merkle tree. Included by monitor.hpp.

#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template <Application App, class Checks>
bool Monitor<App, Checks>::add_merkle_node(Reader& reader) {
  const auto slot = reader.integer<uint16_t>(), parent = reader.integer<uint16_t>();
  NodeSlot node;
  node.key = TreeKey::decode(reader);
  node.value = NodeValue::decode(reader);
  if (!reader.ok() || node.key.is_leaf()) return refuse(Reason::malformed);
  if (!node_slot_exists(slot) || !node_slot_exists(parent)) return false;
  if (!check(Reason::slot_occupied, !nodes_[slot].link.used)) return false;
  const bool initial = node.value == NodeValue{};
  const auto hash_of_node = [&node] { return hash(node.value); };
  if (!attach(slot, parent, node.key, initial, hash_of_node, &node)) return false;
  nodes_[slot] = node;
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::add_merkle_record(Reader& reader) {
  const auto slot = reader.integer<uint16_t>(), parent = reader.integer<uint16_t>();
  RecordSlot<App> added;
  added.record.key = App::Key::decode(reader);
  added.record.value = read_optional<typename App::Value>(reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!record_slot_exists(slot) || !node_slot_exists(parent)) return false;
  RecordSlot<App>& at = record_slot(slot);
  if (!check(Reason::slot_occupied, !at.link.used)) return false;
  const TreeKey place = added.record.key.place();
  const auto hash_of_record = [&added] { return hash(added.record.value); };
  if (!attach(slot, parent, place, !added.record.value, hash_of_record, nullptr)) return false;
  at.record = added.record;
  const auto side = static_cast<uint8_t>(place.side_of(nodes_[parent].key));
  at.link = {parent, side, Method::merkle, true};
  return true;
}

/// AddM's three cases: the parent's edge is empty, leads to the key, or leads past it. Links what
/// comes into `slot` to the parent; `node` is what will be there, null for a record.
template <Application App, class Checks>
template <class HashOf>
bool Monitor<App, Checks>::attach(uint16_t slot, uint16_t parent, const TreeKey& key, bool initial,
                                  HashOf hash_of, NodeSlot* node) {
  NodeSlot& above = nodes_[parent];
  if (!check(Reason::slot_empty, above.link.used)) return false;
  if (!check(Reason::not_below, key.below(above.key))) return false;
  const unsigned side = key.side_of(above.key);
  Edge& edge = above.value.edge[side];
  if (edge.used && edge.key == key) {
    if (!check(Reason::in_deferred, !edge.in_deferred) ||
        !check(Reason::wrong_hash, hash_of() == edge.hash) ||
        !check(Reason::child_cached, above.child[side] == kNoSlot))
      return false;
  } else {
    if (!check(Reason::not_initial, initial)) return false;
    if (!edge.used && !check(Reason::child_cached, above.child[side] == kNoSlot)) return false;
    if (edge.used && !split(slot, above, side, key, node)) return false;
    edge = Edge{key, {}, true, false};
  }
  if (node != nullptr) node->link = {parent, static_cast<uint8_t>(side), Method::merkle, true};
  above.child[side] = slot;
  return true;
}

/// A new node in the middle of an edge takes over what the edge led to, also what is in a slot.
template <Application App, class Checks>
bool Monitor<App, Checks>::split(uint16_t slot, NodeSlot& above, unsigned side, const TreeKey& key,
                                 NodeSlot* node) {
  const Edge& edge = above.value.edge[side];
  if (!check(Reason::not_ancestor, edge.key.below(key))) return false;
  if (node == nullptr) return true;  // a leaf is above nothing: only a dropped check comes here
  const unsigned below = edge.key.side_of(key);
  node->value.edge[below] = edge;
  const uint16_t child = above.child[side];
  node->child[below] = child;
  if (child != kNoSlot) {
    link(child).parent = slot;
    link(child).side = static_cast<uint8_t>(below);
  }
  return true;
}

/// What holds nothing leaves nothing, so that the tree is that of the present records: an absent
/// one empties its edge, and a node between one edge and its parent gives the edge to the parent.
template <Application App, class Checks>
bool Monitor<App, Checks>::evict_merkle(Reader& reader) {
  const auto slot = reader.integer<uint16_t>(), parent = reader.integer<uint16_t>();
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!slot_exists(slot) || !node_slot_exists(parent)) return false;
  if (!check(Reason::same_slot, slot != parent)) return false;
  NodeSlot& above = nodes_[parent];
  if (!check(Reason::slot_empty, link(slot).used && above.link.used)) return false;
  const TreeKey key = key_of(slot);
  if (!check(Reason::not_below, key.below(above.key)) || !no_children_cached(slot)) return false;
  const unsigned side = key.side_of(above.key);
  Edge& edge = above.value.edge[side];
  if (!check(Reason::wrong_edge, edge.used && edge.key == key)) return false;
  const Link& came = link(slot);
  if (came.parent != kNoSlot) {
    if (!check(Reason::wrong_parent, came.parent == parent && came.side == side)) return false;
  } else if (!check(Reason::child_cached, above.child[side] == kNoSlot)) {
    return false;
  }
  if (!is_node(slot)) {
    edge = record_slot(slot).record.value ? Edge{key, hash_of(slot), true, false} : Edge{};
  } else if (const Edge* below = nodes_[slot].value.edge; below[0].used && below[1].used) {
    edge = {key, hash_of(slot), true, false};
  } else {
    edge = below[below[1].used];
  }
  above.child[side] = kNoSlot;
  clear(slot);
  return true;
}

}  // namespace themis::monitor
