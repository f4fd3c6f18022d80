#pragma once
// Finds a record's number by its key: open addressing, four bytes a slot.

#include <functional>

#include "enclave/host/shadow_tree.hpp"

namespace themis::host {

inline uint64_t index_hash(const monitor::Word& key) {
  uint64_t mixed = key.value * 0x9e3779b97f4a7c15;  // Fibonacci hashing (Knuth, TAOCP 3, 6.4)
  return mixed ^ (mixed >> 32);
}
template <size_t N>
uint64_t index_hash(const monitor::Blob<N>& key) {
  return std::hash<std::string_view>()(as_text(key.view()));
}

/// Half full at most; grows by doubling. Keys live in `records`, which the caller owns and only
/// appends to. One thread.
template <class Entries>
class KeyIndex {
 public:
  static constexpr RecordId kNone = UINT32_MAX;

  explicit KeyIndex(const Entries& entries) : entries_(entries), slots_(1'024, kNone) {}

  template <class Key>
  RecordId find(const Key& key) const {
    for (size_t at = index_hash(key) & mask();; at = (at + 1) & mask()) {
      const RecordId id = slots_[at];
      if (id == kNone || entries_[id].record.key == key) return id;
    }
  }
  /// Brings the slot of `key` closer; the caller has other work until it looks.
  template <class Key>
  void prefetch(const Key& key) const {
    __builtin_prefetch(&slots_[index_hash(key) & mask()]);
  }
  /// The last of `entries` is new.
  void added_last() {
    if (entries_.size() * 2 > slots_.size()) {
      slots_.assign(slots_.size() * 2, kNone);
      for (RecordId id = 0; id < entries_.size(); ++id) place(id);
    } else {
      place(static_cast<RecordId>(entries_.size() - 1));
    }
  }

 private:
  size_t mask() const { return slots_.size() - 1; }
  void place(RecordId id) {
    size_t at = index_hash(entries_[id].record.key) & mask();
    while (slots_[at] != kNone) at = (at + 1) & mask();
    slots_[at] = id;
  }

  const Entries& entries_;
  std::vector<RecordId> slots_;
};

}  // namespace themis::host
