#pragma once
// Finds a record's number by its key: open addressing, eight bytes a slot.

#include <functional>

#include "enclave/applications/types.hpp"
#include "enclave/host/shadow_tree.hpp"

namespace themis::host {

inline uint64_t index_hash(const monitor::Word& key) {
  uint64_t mixed = (key.value ^ (key.value >> 32)) * 0x9e3779b97f4a7c15;  // Knuth, TAOCP 3, 6.4
  return mixed ^ (mixed >> 32);
}
template <size_t N>
uint64_t index_hash(const monitor::Blob<N>& key) {
  return std::hash<std::string_view>()(as_text(key.view()));
}

/// Half full at most; grows by doubling. Keys live in `records`, which the caller owns and only
/// appends to. A slot holds half of the key's hash, so that other keys' records are not looked at.
/// One thread.
template <class Entries>
class KeyIndex {
 public:
  static constexpr RecordId kNone = UINT32_MAX;

  explicit KeyIndex(const Entries& entries) : entries_(entries), slots_(1'024) {}

  template <class Key>
  RecordId find(const Key& key) const {
    const uint64_t hash = index_hash(key);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot slot = slots_[at];
      if (slot.id == kNone) return kNone;
      if (slot.tag == tag(hash) && entries_[slot.id].record.key == key) return slot.id;
    }
  }
  /// Brings the slot of `key` closer; the caller has other work until it looks.
  template <class Key>
  void prefetch(const Key& key) const {
    fetch(&slots_[index_hash(key) & mask()]);
  }
  /// The same for what is likely its entry; the slot is there by now.
  template <class Key>
  void prefetch_entry(const Key& key) const {
    const uint64_t hash = index_hash(key);
    size_t at = hash & mask();
    while (slots_[at].id != kNone && slots_[at].tag != tag(hash)) at = (at + 1) & mask();
    if (slots_[at].id == kNone) return;
    const auto* entry = reinterpret_cast<const std::byte*>(&entries_[slots_[at].id]);
    fetch(entry);
    fetch(entry + sizeof(entries_[0]) - 1);  // half of them lie in two lines
  }
  /// The last of `entries` is new.
  void added_last() {
    if (entries_.size() * 2 > slots_.size()) {
      slots_.assign(slots_.size() * 2, Slot{});
      for (RecordId id = 0; id < entries_.size(); ++id) place(id);
    } else {
      place(static_cast<RecordId>(entries_.size() - 1));
    }
  }

 private:
  struct Slot {
    RecordId id = kNone;
    uint32_t tag = 0;
  };
  /// GCC 12 takes a function of nothing but prefetches for one without effect and leaves out its
  /// calls; the empty statement is an effect for it.
  static void fetch(const void* at) {
    __builtin_prefetch(at, 1);
    asm volatile("" : : "r"(at));
  }
  static uint32_t tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  size_t mask() const { return slots_.size() - 1; }
  void place(RecordId id) {
    const uint64_t hash = index_hash(entries_[id].record.key);
    size_t at = hash & mask();
    while (slots_[at].id != kNone) at = (at + 1) & mask();
    slots_[at] = {id, tag(hash)};
  }

  const Entries& entries_;
  std::vector<Slot> slots_;
};

}  // namespace themis::host
