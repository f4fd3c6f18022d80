#pragma once
// Which values a shard has in memory. Keys, what belongs to them and the tree always are. Included
// by shard.hpp.

#include "enclave/host/shard.hpp"

namespace themis::host {

/// Keys never leave: new ones keep off a part in which the values of all come and go.
template <class App>
uint64_t Shard<App>::bytes_max_of_new() const {
  const uint64_t of_values = std::max(options_.bytes_max / 16, kPassing * kRecordBytes);
  return read_saved_ ? options_.bytes_max - std::min(options_.bytes_max, of_values)
                     : options_.bytes_max;
}

/// Whether the records as they will be fit: a full host serves what makes none of them larger.
template <class App>
Status Shard<App>::make_room(std::span<const RecordId> ids, std::span<const Record<App>> after) {
  uint64_t more = 0, fresh = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    fresh += ids[i] == kNone;
    const size_t size = PackedRecord<App>::chunk_bytes(after[i]);
    const size_t old = ids[i] == kNone ? 0 : entries_[ids[i]].record.chunk_bytes();
    if (size > old) more += size;  // while it moves both are there
  }
  more += fresh * kEntryBytes;
  if (more == 0) return {};
  const uint64_t most = fresh == 0 ? options_.bytes_max : bytes_max_of_new();
  const bool is_full = fresh != 0 && live() >= full_from_;
  if (bytes() + more > most && !is_full) leave_values(more, ids);
  if ((bytes() + more <= most || !limited_) && live() + fresh < kNone) return {};
  return fail(Code::overloaded, "no memory for more; removed keys leave with their epoch");
}

/// The value of a call's record, if it had left; whether it is the right one is the monitor's to
/// see. Not to make room by those of `with`.
template <class App>
Status Shard<App>::bring_back(RecordId id, std::span<const RecordId> with) {
  if (entries_[id].saved != Saved::alone) return {};
  Record<App> record{entries_[id].record.key(), std::nullopt};
  THEMIS_TRY(record.value, read_saved_(record.key));
  const uint64_t more = PackedRecord<App>::chunk_bytes(record);
  if (bytes() + more > options_.bytes_max) leave_values(more, with);
  if (bytes() + more > options_.bytes_max && limited_)
    return fail(Code::overloaded, "no memory for another value; the epoch's end makes room");
  entries_[id].record.write(slab_, record.value);
  entries_[id].saved = Saved::yes;
  return {};
}

/// Lets values leave until `more` fits with an eighth to spare: of records in the tree that the
/// disk has as they are. Not of `but`.
template <class App>
void Shard<App>::leave_values(uint64_t more, std::span<const RecordId> but) {
  if (!read_saved_ || swept_) return;
  if (!saved_) {
    swept_ = true;
    return;
  }
  const uint64_t spare = std::min(options_.bytes_max, options_.bytes_max / 8 + more);
  const uint64_t goal = options_.bytes_max - spare;
  for (size_t seen = 0; bytes() > goal; ++seen) {
    if (seen == entries_.size()) {
      swept_ = true;
      return;
    }
    sweep_ = sweep_ + 1 < entries_.size() ? sweep_ + 1 : 0;
    Entry& entry = entries_[sweep_];
    if (entry.where != Where::tree || entry.changed || entry.saved != Saved::yes) continue;
    if (entry.record.chunk_bytes() == 0) continue;
    if (std::ranges::find(but, static_cast<RecordId>(sweep_)) != but.end()) continue;
    entry.record.write(slab_, std::nullopt);
    entry.saved = Saved::alone;
  }
}

template <class App>
template <class Visit>
Status Shard<App>::for_each_changed(Visit visit) const {
  for (const Key& key : gone_) {
    const RecordId again = index_.find(key);
    if (again != kNone && entries_[again].record.present()) continue;
    std::array<std::byte, Key::kBytesMax> bytes;
    THEMIS_CHECK(visit(EncodedRecord{ByteView(bytes.data(), key.encode(bytes.data())), {}}));
  }
  for (size_t i = 0; i < changed_.size(); ++i) {
    if (i + kAhead < changed_.size()) __builtin_prefetch(&entries_[changed_[i + kAhead]]);
    const Entry& entry = entries_[changed_[i]];
    if (entry.changed && (entry.saved != Saved::no || entry.record.present()))
      THEMIS_CHECK(visit(entry.record.encoded()));
  }
  return {};
}

template <class App>
void Shard<App>::written() {
  gone_.clear();
  for (size_t i = 0; i < changed_.size(); ++i) {
    if (i + kAhead < changed_.size()) __builtin_prefetch(&entries_[changed_[i + kAhead]], 1);
    Entry& entry = entries_[changed_[i]];
    if (std::exchange(entry.changed, false))
      entry.saved = entry.record.present() ? Saved::yes : Saved::no;
  }
  changed_.clear();
  listed_ = {};
  saved_ = false;
}

template <class App>
typename Shard<App>::Counts Shard<App>::counts() const {
  const size_t left = carrying_.size() - carried_ + cold_.size();
  return {live(),         tree_.size(),  deferred_.size() + left,
          pinned_.size(), nodes_loaded_, nodes_evicted_};
}

template <class App>
void Shard<App>::saved() {
  saved_ = true;
  swept_ = false;
  leave_values(0, {});
  swept_ = false;
  full_from_ = bytes() + kRecordBytes > bytes_max_of_new() ? live() : SIZE_MAX;
}

}  // namespace themis::host
