#pragma once
// How a shard keeps paths of the tree in node slots. Included by shard.hpp.

#include <algorithm>

#include "enclave/host/shard.hpp"

namespace themis::host {

/// Nodes from each of `paths` up that are in no slot, each node once.
template <class App>
size_t Shard<App>::missing_nodes(std::span<const NodeId> paths) {
  size_t missing = 0;
  for (NodeId node : paths)
    for (; node != kNoNode && !tree_.at(node).counted; node = tree_.at(node).parent) {
      ShadowNode& at = tree_.at(node);
      missing += at.slot == kNoSlot;
      at.recent = at.recent || at.slot != kNoSlot;
      at.counted = true;
    }
  for (NodeId node : paths)
    for (; node != kNoNode && tree_.at(node).counted; node = tree_.at(node).parent)
      tree_.at(node).counted = false;
  return missing;
}

/// The cache's clock: evicts nodes without children in slots that were not used since the hand last
/// passed, until `wanted` slots are free. Upper nodes have children in slots and so stay.
template <class App>
Status Shard<App>::make_node_slots(size_t wanted) {
  // The first turn may only find nodes that were used; a second one without an eviction is the
  // last.
  const size_t idle_max = 2 * in_node_slot_.size();
  for (size_t idle = 0;
       free_node_slots_.size() < wanted && wanted <= idle_max / 2 && idle < idle_max; ++idle) {
    hand_ = (hand_ + 1) % in_node_slot_.size();
    const NodeId node = in_node_slot_[hand_];
    if (node == kNoNode || tree_.at(node).cached_children != 0) continue;
    if (std::exchange(tree_.at(node).recent, false)) continue;
    evict_node(node);
    idle = 0;
  }
  if (free_node_slots_.size() >= wanted) return {};
  return fail(Code::overloaded,
              "the paths of these keys need more node slots than the monitor has");
}

template <class App>
void Shard<App>::evict_node(NodeId node) {
  ShadowNode &at = tree_.at(node), &parent = tree_.parent_of(node);
  room();
  log_.evict_merkle(at.slot, parent.slot);
  --parent.cached_children;
  in_node_slot_[at.slot] = kNoNode;
  free_node_slots_.push_back(std::exchange(at.slot, kNoSlot));
  ++nodes_evicted_;
  if (at.value.edge[0].used && at.value.edge[1].used) {
    parent.value.edge[tree_.side_of(node)] = {at.key, monitor::hash(at.value), true, false};
    return;
  }
  const NodeId above = at.parent;
  const unsigned side = tree_.side_of(node);
  if (const Edge left = tree_.collapse(node); left.used && left.key.is_leaf())
    entries_[parent.child[side]].parent = above;
}

/// Loads `node` and what is above it. There are slots enough.
template <class App>
void Shard<App>::load_path(NodeId node) {
  std::vector<NodeId> path;
  for (; tree_.at(node).slot == kNoSlot; node = tree_.at(node).parent) path.push_back(node);
  for (; !path.empty(); path.pop_back()) {
    ShadowNode &at = tree_.at(path.back()), &parent = tree_.parent_of(path.back());
    at.slot = free_node_slots_.back();
    free_node_slots_.pop_back();
    in_node_slot_[at.slot] = path.back();
    at.recent = true;
    room();
    log_.add_merkle(at.slot, parent.slot, at.key, at.value);
    ++parent.cached_children;
    ++nodes_loaded_;
  }
}

/// A new node between `above`, which is in a slot, and what its edge leads to.
template <class App>
NodeId Shard<App>::add_split(NodeId above, const TreeKey& key) {
  const unsigned side = key.side_of(tree_.at(above).key);
  const bool leaf = tree_.at(above).value.edge[side].key.is_leaf();
  const uint32_t child = tree_.at(above).child[side];
  const bool cached =
      leaf ? entries_[child].where == Where::loaded && entries_[child].thread != kNoThread
           : tree_.at(child).slot != kNoSlot;
  const NodeId node = tree_.split(above, key, cached);
  if (leaf) entries_[child].parent = node;
  ShadowNode& at = tree_.at(node);
  at.slot = free_node_slots_.back();
  free_node_slots_.pop_back();
  in_node_slot_[at.slot] = node;
  at.recent = true;
  room();
  log_.add_merkle(at.slot, tree_.at(above).slot, key, {});
  ++nodes_loaded_;
  return node;
}

/// Puts a record that is in the tree, or was never anywhere, into a slot.
template <class App>
void Shard<App>::load_record(RecordId id, uint16_t slot) {
  Entry& entry = entries_[id];
  NodeId above = entry.parent;
  if (entry.where == Where::unborn) {
    const TreeKey place = entry.record.key().place();
    above = tree_.lowest_above(place);
    load_path(above);
    if (const auto key = tree_.split_key(above, place)) above = add_split(above, *key);
    ShadowNode& parent = tree_.at(above);
    const unsigned side = place.side_of(parent.key);
    parent.value.edge[side] = {place, {}, true, false};
    parent.child[side] = id;
    entry.parent = above;
  }
  load_path(above);
  ShadowNode& parent = tree_.at(above);
  room();
  log_.add_merkle(slot, parent.slot, entry.record.encoded());
  ++parent.cached_children;
  entry.slot = slot;
  entry.thread = options_.thread;
  entry.where = Where::loaded;
}

/// From the deferred set into the tree, from left to right, so that neighbours share their paths. A
/// record whose path finds no slots stays in the deferred set, and so do all once `nodes_max` were
/// loaded.
template <class App>
void Shard<App>::to_tree(std::vector<RecordId>& cold, uint64_t nodes_max) {
  const uint64_t loaded = nodes_loaded_;
  sort_by_place(cold);
  const auto slot = static_cast<uint16_t>(options_.node_slots);
  for (const RecordId id : cold) {
    Entry& entry = entries_[id];
    const bool fits = nodes_loaded_ - loaded < nodes_max &&
                      prepare(std::span(&id, 1), {}, Where::deferred).has_value();
    add_deferred(entry, slot);
    entry.list = kNoList;
    if (!fits) {
      evict_deferred(id);
      continue;
    }
    load_path(entry.parent);
    ShadowNode& parent = tree_.at(entry.parent);
    room();
    log_.evict_merkle(slot, parent.slot);
    Edge& edge = parent.value.edge[side_of(id, parent)];
    if (!entry.record.present()) {
      parent.child[side_of(id, parent)] = kNoNode;
      edge = {};
      forget(id);
      continue;
    }
    edge = {edge.key, monitor::hash(entry.record.value()), true, false};
    entry.where = Where::tree;
    entry.slot = kNoSlot;
  }
}

}  // namespace themis::host
