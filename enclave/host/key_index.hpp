#pragma once
// Finds a record's number by its key: open addressing, eight bytes a slot.

#include "enclave/applications/types.hpp"
#include "enclave/host/shadow_tree.hpp"
#include "runtime/base/huge_pages.hpp"
#include "runtime/crypto/prf.hpp"

namespace themis::host {

/// Random: with a key that nobody knows, no choice of keys makes a long chain of slots.
using IndexKey = std::array<uint64_t, 4>;

/// The hash of an index, keyed by IndexKey. One thread.
class IndexHash {
 public:
  explicit IndexHash(const IndexKey& key) {
    const crypto::Prf prf(crypto::SecretBytes<16>(std::as_bytes(std::span(key)).first<16>()),
                          crypto::best_prf());
    factors_[0] = wide(key[0], key[1]);
    term_ = wide(key[2], key[3]);
    for (uint64_t i = 1; i < factors_.size(); ++i) {
      const crypto::PrfBlock block = prf.evaluate(std::as_bytes(std::span(&i, 1)));
      factors_[i] = wide(block[0], block[1]);
    }
  }

  /// Two different words agree in any bits of it with no more than chance. Source: Dietzfelbinger,
  /// "Universal hashing and k-wise independent random variables via integer arithmetic without
  /// primes" (STACS 1996).
  uint64_t operator()(const monitor::Word& key) const {
    return static_cast<uint64_t>((factors_[0] * key.value + term_) >> 64);
  }
  /// The same for two different lists of words, the first of which is the length. Source: Lemire
  /// and Kaser, "Strongly universal string hashing is fast" (The Computer Journal 57, 2014),
  /// section 2.
  template <size_t N>
  uint64_t operator()(const monitor::Blob<N>& key) const {
    static_assert(N <= kBytesMax);
    const std::byte* const bytes = key.data();
    Wide sum = factors_[0] * key.size + term_;
    size_t i = 0;
    if constexpr (N >= kWord) {
      for (; (i + 1) * kWord <= key.size; ++i)
        sum += factors_[i + 1] * load<uint64_t>(bytes + i * kWord);
      // The last word reaches back into the one before.
      if (i > 0) sum += factors_[i + 1] * load<uint64_t>(bytes + key.size - kWord);
    }
    if (i == 0) {
      uint64_t word = 0;
      for (size_t j = 0; j < key.size; ++j) word = word << 8 | static_cast<uint64_t>(bytes[j]);
      sum += factors_[1] * word;
    }
    return static_cast<uint64_t>(sum >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static Wide wide(uint64_t high, uint64_t low) { return Wide{high} << 64 | low; }
  static constexpr size_t kWord = 8, kBytesMax = 192;  // the longest key, a StateKey

  std::array<Wide, 2 + kBytesMax / kWord> factors_;  // of the length or a word, then of the bytes
  Wide term_;
};

/// Half full at most; grows by doubling. Keys live in `entries`, which the caller owns, a line
/// each. A slot holds half of the key's hash, so that other keys' records are not looked at. One
/// thread.
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
      if (slot.tag == tag(hash) && entries_[slot.id].record.has(key)) return slot.id;
    }
  }
  /// Three steps to a record, for whoever has other work between them: while the first fetches its
  /// slot, while the second fetches its entry; the third is find(), or has_at() with what the
  /// second has found.
  template <class Key>
  uint64_t start(const Key& key) const {
    const uint64_t hash = hash_(key);
    fetch(&slots_[hash & mask()]);
    return hash;
  }
  /// kNone: there is none; else most likely the one.
  RecordId look(uint64_t hash) const {
    size_t at = hash & mask();
    while (slots_[at].id != kNone && slots_[at].tag != tag(hash)) at = (at + 1) & mask();
    const RecordId id = slots_[at].id;
    if (id != kNone) fetch(&entries_[id]);
    return id;
  }
  /// Whether this is the key's record, whatever has happened since.
  template <class Key>
  bool has_at(RecordId id, const Key& key) const {
    return id < entries_.size() && entries_[id].record.used() && entries_[id].record.has(key);
  }
  /// Both steps, for keys whose calls come next.
  template <class Key>
  void prefetch(std::span<const Key> keys) const {
    constexpr size_t kStep = 16;  // lines that may be on their way at once
    std::array<uint64_t, kStep> hashes;
    for (; keys.size() > kStep; keys = keys.subspan(kStep)) prefetch(keys.first(kStep));
    for (size_t i = 0; i < keys.size(); ++i) hashes[i] = start(keys[i]);
    for (size_t i = 0; i < keys.size(); ++i) (void)look(hashes[i]);
  }
  /// Of an entry that is not there yet.
  void add(RecordId id) {
    if (++used_ * 2 > slots_.size()) {
      const HugeVector<Slot> old = std::exchange(slots_, HugeVector<Slot>(slots_.size() * 2));
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
  size_t home(RecordId id) const { return hash_(entries_[id].record.key()) & mask(); }
  void place(RecordId id) {
    const uint64_t hash = hash_(entries_[id].record.key());
    size_t at = hash & mask();
    while (slots_[at].id != kNone) at = (at + 1) & mask();
    slots_[at] = {id, tag(hash)};
  }

  const Entries& entries_;
  IndexHash hash_;
  HugeVector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace themis::host
