#pragma once
// How a shard runs calls. Included by shard.hpp.

#include "enclave/host/shard.hpp"

namespace themis::host {

template <class App>
Shard<App>::Shard(const ShardOptions& options, Deliver deliver, ReadSaved read_saved)
    : options_(options),
      deliver_(std::move(deliver)),
      read_saved_(std::move(read_saved)),
      log_(options.instance, options.thread),
      tree_({{options.thread, 0, 0, 0}, static_cast<uint16_t>(std::countr_zero(options.threads))},
            0),
      in_node_slot_(options.node_slots, kNoNode) {
  THEMIS_ASSERT(std::has_single_bit(options.threads) && options.threads <= monitor::kThreadsMax &&
                    options.thread < options.threads,
                "a power of two of threads, at most 64");
  THEMIS_ASSERT(options.record_slots > kPassing && options.node_slots > options.threads,
                "slots for one call and for every top node");
  for (uint32_t slot = options.node_slots; slot-- > 1;)
    free_node_slots_.push_back(static_cast<uint16_t>(slot));
  for (uint32_t slot = options.record_slots; slot-- > kPassing;)
    free_record_slots_.push_back(static_cast<uint16_t>(options.node_slots + slot));
}

template <class App>
void Shard<App>::flush() {
  output_in_batch_ = 0;
  if (!log_.empty()) deliver_(log_.take());
}

template <class App>
void Shard<App>::room(size_t commands) {
  if (!log_.has_room(commands)) flush();
}

template <class App>
RecordId Shard<App>::add(const Key& key) {
  if (free_entries_.empty()) {
    free_entries_.push_back(static_cast<RecordId>(entries_.size()));
    entries_.emplace_back();
  }
  const RecordId id = free_entries_.back();
  free_entries_.pop_back();
  entries_[id] = {};
  entries_[id].record.start(slab_, key);
  index_.add(id);
  return id;
}

/// An absent record that the tree has nothing of.
template <class App>
void Shard<App>::forget(RecordId id) {
  if (entries_[id].saved != Saved::no) gone_.push_back(entries_[id].record.key());
  index_.erase(id);
  entries_[id].record.clear(slab_);
  entries_[id] = {};
  free_entries_.push_back(id);
}

template <class App>
Result<typename App::Result> Shard<App>::call(uint8_t function, std::span<const Key> keys,
                                              const typename App::Arguments& arguments,
                                              const Caller& caller) {
  if (keys.empty() || App::arity(function) != keys.size())
    return fail(Code::invalid, "the function does not exist, or not with so many keys");
  carry(kCarriedByCall);
  return keys.size() == 1 ? call_upto<1>(function, keys, arguments, caller)
                          : call_upto<kPassing>(function, keys, arguments, caller);
}

/// Memory for records is set up for as many as there can be: almost all calls have one.
template <class App>
template <size_t kRecordsMax>
Result<typename App::Result> Shard<App>::call_upto(uint8_t function, std::span<const Key> keys,
                                                   const typename App::Arguments& arguments,
                                                   const Caller& caller) {
  std::array<Record<App>, kRecordsMax> records;
  std::array<RecordId, kRecordsMax> numbers{};
  for (size_t i = 0; i < keys.size(); ++i) {
    if (options_.threads > 1 && keys[i].thread_bits() % options_.threads != options_.thread)
      return fail(Code::invalid, "a key of another monitor thread");
    for (size_t j = 0; j < i; ++j)
      if (keys[i] == keys[j]) return fail(Code::invalid, "one key twice in one call");
    const RecordId id = numbers[i] = index_.find(keys[i]);
    records[i].key = keys[i];
    if (id != kNone) {
      THEMIS_CHECK(bring_back(id, std::span(numbers).first(i)));
      records[i].value = entries_[id].record.value();
    }
    if (i == 0) was_present_ = records[i].value.has_value();
  }
  typename App::Result result;
  const std::span ids = std::span(numbers).first(keys.size());
  const std::span after = std::span(records).first(keys.size());
  if (!App::run(function, arguments, after, result))
    return fail(Code::invalid, "the function cannot be called on these records");
  output_bytes_ = output_of(result, caller);
  if (is_full()) return fail(Code::overloaded, "the epoch is full; end it");
  THEMIS_CHECK(make_room(ids, after));
  const auto at_hand = [this](RecordId id) {
    return id != kNone &&
           (entries_[id].where == Where::deferred || entries_[id].where == Where::pinned);
  };
  if (!std::ranges::all_of(ids, at_hand)) THEMIS_CHECK(prepare(ids, keys, Where::tree));
  for (size_t i = 0; i < keys.size(); ++i)
    if (ids[i] == kNone) ids[i] = add(keys[i]);
  for (const RecordId id : ids)
    if (entries_[id].calls != UINT16_MAX) ++entries_[id].calls;
  Entry& first = entries_[ids[0]];
  if (ids.size() == 1 && first.where == Where::deferred && !should_pin(first)) {
    run_one(first, function, arguments, caller);
    write(ids[0], records[0].value);
    return result;
  }
  run_in_slots(ids, function, arguments, caller);
  for (size_t i = 0; i < ids.size(); ++i) write(ids[i], records[i].value);
  for (const RecordId id : ids)
    if (entries_[id].where == Where::loaded) evict_deferred(id);
  return result;
}

template <class App>
void Shard<App>::write(RecordId id, const std::optional<typename App::Value>& value) {
  PackedRecord<App>& record = entries_[id].record;
  if (record.value() == value) return;
  record.write(slab_, value);
  note_change(id);
}

template <class App>
void Shard<App>::room_for_call() {
  constexpr size_t kBefore = monitor::kOutputBytesMax - monitor::kCallOutputBytesMax<App>;
  if (!log_.has_room() || output_in_batch_ > kBefore) flush();
  output_in_batch_ += output_bytes_;
}

template <class App>
size_t Shard<App>::output_of(const typename App::Result& result, const Caller& caller) {
  std::array<std::byte, App::Result::kBytesMax> bytes;
  const auto encoded = static_cast<size_t>(result.encode(bytes.data()) - bytes.data());
  if (caller.client == receipts::kNoClient) return encoded;
  return encoded + monitor::kCallOutputBytesMax<App> - App::Result::kBytesMax;
}

/// Makes sure of node slots for the path of every record that is in `from` or has no entry.
template <class App>
Status Shard<App>::prepare(std::span<const RecordId> ids, std::span<const Key> keys, Where from) {
  constexpr int kAttempts = 4;  // what is evicted for one path may be on another
  for (int i = 0; i < kAttempts; ++i) {
    std::array<NodeId, kPassing> paths{};
    size_t count = 0, wanted = 0;
    for (size_t j = 0; j < ids.size(); ++j) {
      if (ids[j] == kNone) {
        ++wanted;  // for a split
        paths[count++] = tree_.lowest_above(keys[j].place());
      } else if (entries_[ids[j]].where == from) {
        paths[count++] = entries_[ids[j]].parent;
      }
    }
    wanted += missing_nodes(std::span(paths).first(count));
    if (wanted <= free_node_slots_.size()) return {};
    THEMIS_CHECK(make_node_slots(wanted));
  }
  return fail(Code::overloaded, "these keys' paths do not fit the monitor's node slots together");
}

template <class App>
template <class AnyArguments>
void Shard<App>::run_one(Entry& entry, uint8_t function, const AnyArguments& arguments,
                         const Caller& caller) {
  const Timestamp from = entry.time;
  clock_ = std::max(clock_, Timestamp{from.value + 1});
  room_for_call();
  entry.time = tick();
  log_.run_once(function, entry.record.encoded(), from, entry.thread, entry.time, arguments,
                caller);
  entry.thread = options_.thread;
}

template <class App>
void Shard<App>::run_in_slots(std::span<const RecordId> ids, uint8_t function,
                              const typename App::Arguments& arguments, const Caller& caller) {
  std::array<uint16_t, kPassing> slots{};
  std::array<Key, kPassing> keys;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto passing = static_cast<uint16_t>(options_.node_slots + i);
    if (entries_[ids[i]].where == Where::deferred) {
      Entry& entry = entries_[ids[i]];
      const bool pin = should_pin(entry);
      add_deferred(entry, pin ? free_record_slots_.back() : passing);
      if (pin) {
        free_record_slots_.pop_back();
        pinned_.push_back(ids[i]);
        entry.where = Where::pinned;
      }
    } else if (entries_[ids[i]].where != Where::pinned) {
      load_record(ids[i], passing);
    }
    slots[i] = entries_[ids[i]].slot;
    keys[i] = entries_[ids[i]].record.key();
  }
  room_for_call();
  log_.run(function, std::span(slots).first(ids.size()), std::span(keys).first(ids.size()),
           arguments, caller);
}

template <class App>
void Shard<App>::add_deferred(Entry& entry, uint16_t slot) {
  room();
  log_.add_deferred(slot, entry.time, entry.thread, entry.record.encoded());
  clock_ = std::max(clock_, Timestamp{entry.time.value + 1});
  entry.slot = slot;
  entry.thread = kNoThread;
  entry.where = Where::loaded;
}

/// From a slot into the deferred set, the way it came.
template <class App>
void Shard<App>::evict_deferred(RecordId id) {
  Entry& entry = entries_[id];
  room();
  entry.time = tick();
  if (entry.thread == kNoThread) {
    log_.evict_deferred(entry.slot, entry.time);
  } else {
    ShadowNode& parent = tree_.at(entry.parent);
    log_.evict_to_deferred(entry.slot, parent.slot, entry.time);
    Edge& edge = parent.value.edge[side_of(id, parent)];
    edge = {edge.key, {}, true, true};
    --parent.cached_children;
  }
  entry.thread = options_.thread;
  entry.slot = kNoSlot;
  entry.where = Where::deferred;
  if (entry.list != kNoList) return;
  entry.list = list_;
  deferred_.push_back(id);
}

template <class App>
void Shard<App>::register_client(uint16_t number, const crypto::DhShare& share,
                                 const crypto::Signature& grant) {
  room();
  log_.register_client(number, share, grant);
}

}  // namespace themis::host
