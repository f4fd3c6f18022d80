#pragma once
// The commands between slots and the deferred set, of time, and rest. Included by monitor.hpp.

#include "enclave/monitor/monitor.hpp"

namespace themis::monitor {

template <Application App, class Checks>
bool Monitor<App, Checks>::add_deferred_node(Reader& reader) {
  const auto slot = reader.integer<uint16_t>();
  const Timestamp time{reader.integer<uint64_t>()};
  const auto thread = reader.integer<uint16_t>();
  NodeSlot node;
  node.key = TreeKey::decode(reader);
  node.value = NodeValue::decode(reader);
  if (!reader.ok() || node.key.is_leaf()) return refuse(Reason::malformed);
  if (!node_slot_exists(slot)) return false;
  if (!check(Reason::slot_occupied, !nodes_[slot].link.used)) return false;
  if (!check(Reason::root_moved, !node.key.is_root())) return false;
  if (!enter(NodeElement{node.key, node.value, time, thread})) return false;
  node.link = {kNoSlot, 0, Method::deferred, true};
  nodes_[slot] = node;
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::add_deferred_record(Reader& reader, bool restore) {
  const auto slot = reader.integer<uint16_t>();
  const Timestamp time{restore ? 0 : reader.integer<uint64_t>()};
  const uint16_t thread = restore ? 0 : reader.integer<uint16_t>();
  Record<App> record;
  record.key = App::Key::decode(reader);
  record.value = read_optional<typename App::Value>(reader);
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!record_slot_exists(slot)) return false;
  RecordSlot<App>& at = record_slot(slot);
  if (!check(Reason::slot_occupied, !at.link.used)) return false;
  if (restore ? !check(Reason::restored, restoring_)
              : !enter(RecordElement<App>{record, time, thread}))
    return false;
  if (restore) list(record);
  at.record = record;
  at.link = {kNoSlot, 0, Method::deferred, true};
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::in_window(uint32_t epoch) {
  return check(Reason::epoch_closed, epoch >= to_verify_) &&
         check(Reason::epoch_window, epoch < to_verify_ || epoch - to_verify_ < kEpochsOpen);
}

/// What AddB does but for the slot. The clock passes the time of what was read, so that a later
/// write is later on every thread's clock; an earlier epoch may still be added to, to close it.
template <Application App, class Checks>
template <class Element>
bool Monitor<App, Checks>::enter(const Element& element) {
  const Timestamp time = element.time;
  if (!in_window(time.epoch())) return false;
  if (!check(Reason::counter_overflow, time.counter() != UINT32_MAX)) return false;
  epochs_.add(time.epoch(), element);
  const Timestamp after{time.value + 1};
  if (clock_ < after) {
    clock_ = after;
    last_evicted_.kind = LastEvicted::root;
  }
  return true;
}

/// Exactly one of `node` and `record` is given. Moves the clock to `time`.
template <Application App, class Checks>
bool Monitor<App, Checks>::may_evict_at(Timestamp time, const TreeKey* node,
                                        const typename App::Key* record) {
  const bool later =
      clock_ < time ||
      (clock_ == time && last_evicted_.place() < (node != nullptr ? *node : record->place()));
  if (!check(Reason::evict_order, later) || !in_window(time.epoch())) return false;
  clock_ = time;
  last_evicted_.kind = node != nullptr ? LastEvicted::node : LastEvicted::record;
  if (node != nullptr) last_evicted_.node_key = *node;
  if (record != nullptr) last_evicted_.record_key = *record;
  return true;
}

/// What EvictB and EvictBM do alike: `slot` is in use and goes into the deferred set.
template <Application App, class Checks>
bool Monitor<App, Checks>::leave(uint16_t slot, Timestamp time) {
  if (!no_children_cached(slot)) return false;
  if (is_node(slot)) {
    const NodeSlot& at = nodes_[slot];
    if (!check(Reason::root_moved, !at.key.is_root()) || !may_evict_at(time, &at.key, nullptr))
      return false;
    epochs_.evict(time.epoch(), NodeElement{at.key, at.value, time, options_.thread});
  } else {
    const Record<App>& record = record_slot(slot).record;
    if (!may_evict_at(time, nullptr, &record.key)) return false;
    epochs_.evict(time.epoch(), RecordElement<App>{record, time, options_.thread});
    if (list_epoch_ == time.epoch()) list(record);
  }
  clear(slot);
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::evict_deferred(Reader& reader) {
  const auto slot = reader.integer<uint16_t>();
  const Timestamp time{reader.integer<uint64_t>()};
  if (!reader.ok()) return refuse(Reason::malformed);
  return slot_exists(slot) && check(Reason::slot_empty, link(slot).used) &&
         check(Reason::wrong_method, link(slot).method == Method::deferred) && leave(slot, time);
}

template <Application App, class Checks>
bool Monitor<App, Checks>::evict_to_deferred(Reader& reader) {
  const auto slot = reader.integer<uint16_t>(), parent = reader.integer<uint16_t>();
  const Timestamp time{reader.integer<uint64_t>()};
  if (!reader.ok()) return refuse(Reason::malformed);
  if (!slot_exists(slot) || !node_slot_exists(parent)) return false;
  if (!check(Reason::same_slot, slot != parent)) return false;
  NodeSlot& above = nodes_[parent];
  if (!check(Reason::slot_empty, link(slot).used && above.link.used)) return false;
  const Link came = link(slot);
  if (!check(Reason::wrong_method, came.method == Method::merkle)) return false;
  const TreeKey key = key_of(slot);
  if (!check(Reason::not_below, key.below(above.key))) return false;
  const unsigned side = key.side_of(above.key);
  Edge& edge = above.value.edge[side];
  if (!check(Reason::wrong_edge, edge.used && edge.key == key) ||
      !check(Reason::in_deferred, !edge.in_deferred) ||
      !check(Reason::wrong_parent, came.parent == parent && came.side == side) ||
      !leave(slot, time))
    return false;
  edge = {key, {}, true, true};  // no hash: the place determines it all
  above.child[side] = kNoSlot;
  return true;
}

template <Application App, class Checks>
void Monitor<App, Checks>::list(const Record<App>& record) {
  std::array<std::byte, App::Key::kBytesMax + 1 + App::Value::kBytesMax> bytes;
  const std::byte* end = put_optional(record.key.encode(bytes.data()), record.value);
  options_.listing->add({bytes.data(), end});
  ++listed_;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::next_epoch(bool listed) {
  const uint32_t epoch = clock_.epoch();
  if (!check(Reason::epoch_overflow, epoch != UINT32_MAX) || !in_window(epoch + 1)) return false;
  clock_ = Timestamp::of(epoch + 1, 0);
  last_evicted_.kind = LastEvicted::root;
  if (listed) options_.listing->clear();
  list_epoch_ = listed ? std::optional(epoch + 1) : std::nullopt;
  listed_ = 0;
  put(history_.get() + history_bytes_++, uint8_t{0});
  return true;
}

template <Application App, class Checks>
bool Monitor<App, Checks>::verify_epoch() {
  if (!check(Reason::epoch_running, clock_.epoch() > to_verify_)) return false;
  if (!check(Reason::reports_pending, reported_ - taken_ < kEpochsOpen)) return false;
  reports_[reported_++ % kEpochsOpen] = epochs_.close(options_.thread, to_verify_);
  ++to_verify_;
  return true;
}

template <Application App, class Checks>
Monitor<App, Checks>::Monitor(const MonitorOptions& options, const MasterKey& master,
                              const Rest& from)
    : Monitor(options, master) {
  nodes_[0].link.used = true;
  nodes_[0].key = from.top;
  nodes_[0].value = from.value;
  to_verify_ = from.epoch;
  clock_ = Timestamp::of(from.epoch, 0);
  restoring_ = options.listing != nullptr;
}

template <Application App, class Checks>
std::optional<Rest> Monitor<App, Checks>::at_rest() {
  bool empty = nodes_[0].link.used && nodes_[0].link.parent == kNoSlot;
  for (uint32_t i = 1; i < options_.node_slots + options_.record_slots; ++i)
    empty = empty && !link(static_cast<uint16_t>(i)).used;
  const uint64_t listed = list_epoch_ == to_verify_ ? listed_ : 0;
  if (!empty || violation_ || taken_ != reported_ || clock_.epoch() != to_verify_ ||
      epochs_.counts(to_verify_) != std::pair(uint64_t{0}, listed))
    return std::nullopt;
  return Rest{nodes_[0].key, nodes_[0].value, to_verify_, listed != 0};
}

}  // namespace themis::monitor
