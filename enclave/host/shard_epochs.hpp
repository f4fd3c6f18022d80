#pragma once
// How a shard ends epochs, at once or beside calls of the next one. Included by shard.hpp.

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
  THEMIS_CHECK(begin_end(certified));
  carry(SIZE_MAX);
  return {};
}

template <class App>
Status Shard<App>::begin_end(std::optional<uint32_t> certified) {
  carry(SIZE_MAX);
  THEMIS_CHECK(may_end(1, certified));
  start_end(End::next);
  return {};
}

template <class App>
void Shard<App>::start_end(End how) {
  ending_ = how;
  room();
  how == End::next ? log_.next_epoch() : log_.list_epoch();
  clock_ = Timestamp::of(clock_.epoch() + 1, 0);
  list_ ^= 3;
  carrying_ = std::exchange(deferred_, {});
  carried_ = 0;
  std::erase_if(pinned_, [&](RecordId id) {
    Entry& entry = entries_[id];
    const bool hot = how == End::next && entry.calls >= std::max(1u, options_.hot_calls / 4);
    entry.calls = 0;
    if (hot) return false;
    free_record_slots_.push_back(entry.slot);
    entry.thread = kNoThread;
    entry.list = kNoList;
    evict_deferred(id);
    return true;
  });
}

/// Whether a record of the epoch before is in a slot now, or in the next epoch by a call.
template <class App>
bool Shard<App>::has_moved(RecordId id) {
  Entry& entry = entries_[id];
  if (entry.list == list_) return true;
  if (entry.where == Where::deferred && entry.time.epoch() < clock_.epoch()) return false;
  entry.list = kNoList;
  if (entry.where != Where::deferred) return true;
  entry.list = list_;
  entry.calls = 1;
  deferred_.push_back(id);
  return true;
}

template <class App>
void Shard<App>::carry(size_t records) {
  if (!ending_) return;
  const auto passing = static_cast<uint16_t>(options_.node_slots);
  const size_t to = carried_ + std::min(records, carrying_.size() - carried_);
  for (; carried_ < to; ++carried_) {
    if (carried_ + kAhead < carrying_.size())
      __builtin_prefetch(&entries_[carrying_[carried_ + kAhead]], 1);
    const RecordId id = carrying_[carried_];
    if (has_moved(id)) continue;
    Entry& entry = entries_[id];
    const bool is_cold = std::exchange(entry.calls, uint16_t{0}) == 0;
    if ((is_cold && cold_.size() < options_.to_tree_max) || ending_ == End::all_in_tree) {
      cold_.push_back(id);
      continue;
    }
    add_deferred(entry, passing);
    entry.list = kNoList;
    evict_deferred(id);
  }
  if (carried_ == carrying_.size()) finish_end();
}

template <class App>
void Shard<App>::finish_end() {
  std::erase_if(cold_, [this](RecordId id) { return has_moved(id); });
  to_tree(cold_, ending_ == End::all_in_tree ? UINT64_MAX : options_.to_tree_max);
  if (ending_ != End::next) empty_node_slots();
  room();
  log_.verify_epoch();
  flush();
  carrying_ = cold_ = {};
  carried_ = 0;
  ending_.reset();
}

/// Of times, for one more call beside what is to be carried.
template <class App>
bool Shard<App>::is_full() const {
  const size_t left = carrying_.size() - carried_ + cold_.size();
  return UINT32_MAX - clock_.counter() <= kTimesPerCall + left;
}

}  // namespace themis::host
