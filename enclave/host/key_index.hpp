#pragma once
// Finds a record's number by its key: open addressing, eight bytes a slot.

#include "enclave/applications/types.hpp"
#include "enclave/host/shadow_tree.hpp"
#include "runtime/crypto/prf.hpp"

namespace themis::host {

/// Random: with a key that nobody knows, no choice of keys makes a long chain of slots.
using IndexKey = std::array<uint64_t, 4>;

/// The hash of an index, keyed by IndexKey. One thread.
class IndexHash {
 public:
  explicit IndexHash(const IndexKey& key)
      : factor_(wide(key[0], key[1])), term_(wide(key[2], key[3])) {
    prf_.rekey(crypto::SecretBytes<16>(std::as_bytes(std::span(key)).first<16>()),
               crypto::best_prf());
  }

  /// Two different words agree in any bits of it with no more than chance. Source: Dietzfelbinger,
  /// "Universal hashing and k-wise independent random variables via integer arithmetic without
  /// primes" (STACS 1996).
  uint64_t operator()(const monitor::Word& key) const {
    return static_cast<uint64_t>((factor_ * key.value + term_) >> 64);
  }
  template <size_t N>
  uint64_t operator()(const monitor::Blob<N>& key) const {
    return prf_.evaluate(key.view())[0];
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static Wide wide(uint64_t high, uint64_t low) { return Wide{high} << 64 | low; }

  Wide factor_, term_;
  crypto::Prf prf_;
};

/// Half full at most; grows by doubling. Keys live in `entries`, which the caller owns. A slot
/// holds half of the key's hash, so that other keys' records are not looked at. One thread.
template <class Entries>
class KeyIndex {
 public:
  static constexpr RecordId kNone = UINT32_MAX;
  /// Of one entry: a slot of a table that has just doubled.
  static constexpr size_t kBytesMax = 4 * (sizeof(RecordId) + sizeof(uint32_t));

  KeyIndex(const Entries& entries, const IndexKey& key)
      : entries_(entries), hash_(key), slots_(1'024) {}

  template <class Key>
  RecordId find(const Key& key) const {
    const uint64_t hash = hash_(key);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot slot = slots_[at];
      if (slot.id == kNone) return kNone;
      if (slot.tag == tag(hash) && entries_[slot.id].record.key == key) return slot.id;
    }
  }
  /// Brings the slot of `key` closer; the caller has other work until it looks.
  template <class Key>
  void prefetch(const Key& key) const {
    fetch(&slots_[hash_(key) & mask()]);
  }
  /// The same for what is likely its entry; the slot is there by now.
  template <class Key>
  void prefetch_entry(const Key& key) const {
    const uint64_t hash = hash_(key);
    size_t at = hash & mask();
    while (slots_[at].id != kNone && slots_[at].tag != tag(hash)) at = (at + 1) & mask();
    if (slots_[at].id == kNone) return;
    const auto* entry = reinterpret_cast<const std::byte*>(&entries_[slots_[at].id]);
    fetch(entry);
    fetch(entry + sizeof(entries_[0]) - 1);  // half of them lie in two lines
  }
  /// Of an entry that is not there yet.
  void add(RecordId id) {
    if (++used_ * 2 > slots_.size()) {
      const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
      for (const Slot& slot : old)
        if (slot.id != kNone) place(slot.id);
    }
    place(id);
  }
  /// Of an entry that is there. What follows moves up, so that no search ends too early.
  void erase(RecordId id) {
    size_t hole = home(id);
    while (slots_[hole].id != id) hole = (hole + 1) & mask();
    for (size_t at = (hole + 1) & mask(); slots_[at].id != kNone; at = (at + 1) & mask())
      if (((at - home(slots_[at].id)) & mask()) >= ((at - hole) & mask()))
        slots_[std::exchange(hole, at)] = slots_[at];
    slots_[hole] = {};
    --used_;
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
  size_t home(RecordId id) const { return hash_(entries_[id].record.key) & mask(); }
  void place(RecordId id) {
    const uint64_t hash = hash_(entries_[id].record.key);
    size_t at = hash & mask();
    while (slots_[at].id != kNone) at = (at + 1) & mask();
    slots_[at] = {id, tag(hash)};
  }

  const Entries& entries_;
  IndexHash hash_;
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace themis::host
