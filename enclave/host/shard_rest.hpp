#pragma once
// How a shard comes to rest, and starts from there. Included by shard.hpp.

#include <algorithm>

#include "enclave/host/shard.hpp"

namespace themis::host {

template <class App>
std::vector<Handover> Shard<App>::hand_over() {
  THEMIS_ASSERT(options_.thread == 0, "thread 0 has the root");
  std::vector<Handover> given;
  if (options_.threads == 1) return given;
  const auto depth = static_cast<uint16_t>(std::countr_zero(options_.threads));
  // Slots of the nodes above, by path; those of one level below follow each other.
  std::vector<uint16_t> above{0};
  for (uint16_t level = 1; level <= depth; ++level) {
    std::vector<uint16_t> here;
    for (uint64_t path = 0; path < uint64_t{1} << level; ++path) {
      const uint16_t slot = free_node_slots_.back(), parent = above[path % above.size()];
      free_node_slots_.pop_back();
      room(2);
      log_.add_merkle(slot, parent, TreeKey{{path, 0, 0, 0}, level}, {});
      here.push_back(slot);
      if (level < depth || path == 0) continue;
      given.push_back({{{path, 0, 0, 0}, level}, tick()});
      log_.evict_to_deferred(slot, parent, clock_);
      free_node_slots_.push_back(slot);
    }
    above = std::move(here);
  }
  tree_.at(ShadowTree::kTop).slot = above[0];
  return given;
}

template <class App>
void Shard<App>::receive(const Handover& handover) {
  THEMIS_ASSERT(handover.key == tree_.at(ShadowTree::kTop).key, "this thread's own top node");
  room();
  log_.add_deferred(0, handover.time, 0, handover.key, {});
  clock_ = std::max(clock_, Timestamp{handover.time.value + 1});
}

template <class App>
Status Shard<App>::come_to_rest(std::optional<uint32_t> certified, bool all) {
  carry(SIZE_MAX);
  THEMIS_CHECK(may_end(1, certified));
  start_end(all ? End::all_in_tree : End::rest);
  carry(SIZE_MAX);
  list_deferred();
  return {};
}

/// An epoch that has just begun has all that is deferred in the order in which it was evicted.
template <class App>
void Shard<App>::list_deferred() {
  listed_.clear();
  for (size_t i = 0; i < deferred_.size(); ++i) {
    if (i + kAhead < deferred_.size()) __builtin_prefetch(&entries_[deferred_[i + kAhead]]);
    append(listed_, entries_[deferred_[i]].record.encoded().key);
  }
}

/// From below: every round evicts a level of the tree at least.
template <class App>
void Shard<App>::empty_node_slots() {
  for (bool left = true; std::exchange(left, false);) {
    for (size_t slot = 0; slot < in_node_slot_.size(); ++slot) {
      const NodeId node = in_node_slot_[slot];
      if (node == kNoNode) continue;
      left = true;
      if (tree_.at(node).cached_children == 0) evict_node(node);
    }
  }
}

template <class App>
void Shard<App>::sort_by_place(std::vector<RecordId>& ids) const {
  std::vector<std::pair<TreeKey, RecordId>> sorted;  // a place may be a hash: each is computed once
  sorted.reserve(ids.size());
  for (const RecordId id : ids) sorted.emplace_back(entries_[id].record.key().place(), id);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return left_of(a.first, b.first); });
  std::transform(sorted.begin(), sorted.end(), ids.begin(),
                 [](const auto& each) { return each.second; });
}

template <class App>
void Shard<App>::warm(std::vector<RecordId> ids) {
  sort_by_place(ids);
  for (const RecordId id : ids) {
    const Entry& entry = entries_[id];
    if (entry.where != Where::tree || entry.saved == Saved::alone) continue;
    if (UINT32_MAX - clock_.counter() <= kTimesPerCall ||
        !prepare(std::span(&id, 1), {}, Where::tree))
      continue;
    load_record(id, static_cast<uint16_t>(options_.node_slots));
    evict_deferred(id);
  }
}

template <class App>
void Shard<App>::warm(std::span<const Key> keys) {
  std::vector<RecordId> ids;
  for (const Key& key : keys)
    if (const RecordId id = index_.find(key); id != kNone) ids.push_back(id);
  warm(std::move(ids));
}

template <class App>
void Shard<App>::load_listed(const Key& key) {
  THEMIS_ASSERT(log_.empty(), "a shard is loaded before it runs anything");
  const RecordId id = add(key);
  entries_[id].where = Where::deferred;
  entries_[id].list = list_;
  deferred_.push_back(id);
  leaves_.push_back({key.place(), {}, id, true});
}

template <class App>
void Shard<App>::load(const Record<App>& record) {
  THEMIS_ASSERT(log_.empty(), "a shard is loaded before it runs anything");
  const RecordId listed = deferred_.empty() ? kNone : index_.find(record.key);
  const RecordId id = listed != kNone ? listed : add(record.key);
  Entry& entry = entries_[id];
  entry.record.write(slab_, record.value);
  entry.saved = Saved::yes;
  if (listed != kNone) return;
  entry.where = Where::tree;
  leaves_.push_back({record.key.place(), monitor::hash(record.value), id});
  const bool fits = bytes() <= options_.bytes_max - options_.bytes_max / 8;
  if (!read_saved_ || fits || entry.record.chunk_bytes() == 0) return;
  entry.record.write(slab_, std::nullopt);
  entry.saved = Saved::alone;
}

template <class App>
Result<NodeValue> Shard<App>::loaded(uint32_t epoch) {
  clock_ = Timestamp::of(epoch, 0);
  std::vector<ShadowTree::Leaf> leaves = std::exchange(leaves_, {});
  std::sort(leaves.begin(), leaves.end(),
            [](const auto& a, const auto& b) { return left_of(a.place, b.place); });
  const auto twin =
      std::adjacent_find(leaves.begin(), leaves.end(),
                         [](const auto& a, const auto& b) { return a.place == b.place; });
  if (twin != leaves.end()) return fail(Code::malformed, "two keys have one place in the tree");
  tree_.build(leaves);
  for (const ShadowTree::Leaf& leaf : leaves) entries_[leaf.record].parent = leaf.parent;
  saved();
  return tree_.at(ShadowTree::kTop).value;
}

template <class App>
void Shard<App>::restore() {
  const auto passing = static_cast<uint16_t>(options_.node_slots);
  for (const RecordId id : deferred_) {
    Entry& entry = entries_[id];
    room();
    log_.restore(passing, entry.record.encoded());
    entry.slot = passing;
    entry.thread = kNoThread;
    evict_deferred(id);
  }
}

}  // namespace themis::host
