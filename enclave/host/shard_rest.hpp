#pragma once
// How a shard ends epochs, comes to rest, and starts from there. Included by shard.hpp.

#include <algorithm>

#include "enclave/host/shard.hpp"

namespace themis::host {

/// The aggregator takes reports of twice as many epochs: whoever keeps to this never meets its end.
template <class App>
Status Shard<App>::may_end(uint32_t epochs, std::optional<uint32_t> certified) const {
  const uint32_t next = certified ? *certified + 1 : 0;
  if (clock_.epoch() - next + epochs <= monitor::kEpochsOpen) return {};
  return fail(Code::overloaded,
              "the epoch is too far ahead of the last certified one: end the "
              "epochs of the other monitor threads");
}

template <class App>
Status Shard<App>::end_epoch(std::optional<uint32_t> certified) {
  THEMIS_CHECK(may_end(1, certified));
  finish_epoch(false);
  return {};
}

/// `rest`: nothing is kept where it is for having been used.
template <class App>
void Shard<App>::finish_epoch(bool rest) {
  room();
  log_.next_epoch();
  clock_ = Timestamp::of(clock_.epoch() + 1, 0);
  std::erase_if(pinned_, [this, rest](RecordId id) {
    Entry& entry = entries_[id];
    const bool hot = !rest && entry.calls >= std::max(1u, options_.hot_calls / 4);
    entry.calls = 0;
    if (hot) return false;
    free_record_slots_.push_back(entry.slot);
    entry.thread = kNoThread;
    evict_deferred(id);
    return true;
  });
  std::vector<RecordId> warm, cold;
  const auto passing = static_cast<uint16_t>(options_.node_slots);
  for (const RecordId id : deferred_) {
    Entry& entry = entries_[id];
    if (entry.where != Where::deferred) {
      entry.listed = false;
    } else if (entry.time.epoch() == clock_.epoch()) {
      warm.push_back(id);  // left its slot just now
    } else if (std::exchange(entry.calls, uint16_t{0}) == 0 || rest) {
      cold.push_back(id);
    } else {
      add_deferred(entry, passing);
      evict_deferred(id);
      warm.push_back(id);
    }
  }
  deferred_ = std::move(warm);
  to_tree(cold);
  room();
  log_.verify_epoch();
  flush();
}

template <class App>
Status Shard<App>::come_to_rest(std::optional<uint32_t> certified) {
  THEMIS_CHECK(may_end(2, certified));
  used_ = deferred_;
  used_.insert(used_.end(), pinned_.begin(), pinned_.end());
  finish_epoch(true);
  finish_epoch(true);  // what left its slot in the first is in the deferred set until the second
  if (!deferred_.empty())
    return fail(Code::overloaded, "a path of the tree needs more node slots than the monitor has");
  // From below: every round evicts a level of the tree at least.
  for (bool left = true; std::exchange(left, false);) {
    for (size_t slot = 0; slot < in_node_slot_.size(); ++slot) {
      const NodeId node = in_node_slot_[slot];
      if (node == kNoNode) continue;
      left = true;
      if (tree_.at(node).cached_children == 0) evict_node(node);
    }
  }
  flush();
  return {};
}

template <class App>
void Shard<App>::sort_by_place(std::vector<RecordId>& ids) const {
  std::vector<std::pair<TreeKey, RecordId>> sorted;  // a place may be a hash: each is computed once
  sorted.reserve(ids.size());
  for (const RecordId id : ids) sorted.emplace_back(entries_[id].record.key.place(), id);
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
    if (entry.where != Where::tree || index_.find(entry.record.key) != id) continue;
    if (UINT32_MAX - clock_.counter() <= kTimesPerCall ||
        !prepare(std::span(&id, 1), std::span(&entry.record.key, 1), Where::tree))
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
void Shard<App>::warm_again() {
  warm(std::exchange(used_, {}));
}

template <class App>
Result<NodeValue> Shard<App>::load(std::vector<Record<App>> records, uint32_t epoch) {
  THEMIS_ASSERT(entries_.empty() && log_.empty(), "a shard is loaded before it runs anything");
  clock_ = Timestamp::of(epoch, 0);
  std::vector<ShadowTree::Leaf> leaves;
  leaves.reserve(records.size());
  entries_.reserve(records.size());
  for (Record<App>& record : records) {
    const RecordId id = add(record.key);
    leaves.push_back({record.key.place(), monitor::hash(record.value), id});
    entries_[id].record.value = std::move(record.value);
    entries_[id].where = Where::tree;
    entries_[id].saved = true;
  }
  std::sort(leaves.begin(), leaves.end(),
            [](const auto& a, const auto& b) { return left_of(a.place, b.place); });
  const auto twin =
      std::adjacent_find(leaves.begin(), leaves.end(),
                         [](const auto& a, const auto& b) { return a.place == b.place; });
  if (twin != leaves.end()) return fail(Code::malformed, "two keys have one place in the tree");
  tree_.build(leaves);
  for (const ShadowTree::Leaf& leaf : leaves) entries_[leaf.record].parent = leaf.parent;
  return tree_.at(ShadowTree::kTop).value;
}

}  // namespace themis::host
