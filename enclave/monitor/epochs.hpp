#pragma once
// Time, and the multisets of what a monitor thread added and evicted in each open epoch.

#include <compare>
#include <memory>

#include "enclave/receipts/keys.hpp"
#include "enclave/receipts/merkle_log.hpp"

namespace themis::monitor {

/// The epoch in the high half, a counter in the low one.
struct Timestamp {
  uint64_t value = 0;
  static Timestamp of(uint32_t epoch, uint32_t counter) {
    return {uint64_t{epoch} << 32 | counter};
  }
  uint32_t epoch() const { return static_cast<uint32_t>(value >> 32); }
  uint32_t counter() const { return static_cast<uint32_t>(value); }
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

using receipts::InstanceId;
using receipts::MasterKey;

/// A multiset: the XOR of its elements' PRF values, and how many: another can meet either alone.
struct Accumulator {
  crypto::PrfBlock sum{};
  uint64_t count = 0;
  friend bool operator==(const Accumulator&, const Accumulator&) = default;
};

/// What a thread says of an epoch it is done with. Never shown to the host.
struct EpochReport {
  uint16_t thread = 0;
  uint32_t epoch = 0;
  Accumulator added, evicted;
  receipts::LogHead receipts;  ///< Of the calls that asked for a transferable one.
};

/// Epochs a thread may have open at once, 230 KiB: two are needed, three when a thread runs ahead.
constexpr uint32_t kEpochsOpen = 16;

/// The open epochs of one thread. Each has a key, of the master key, the instance and the epoch,
/// which all threads share; closed, it is wiped. No heap after construction. One thread.
class Epochs {
 public:
  Epochs(const MasterKey& master, const InstanceId& instance, crypto::PrfKind kind);

  /// `element` has kBytesMax and encode(to), which returns the end.
  template <class Element>
  void add(uint32_t epoch, const Element& element) {
    Epoch& at = open(epoch);
    at.added.add_written<Element::kBytesMax>(at.prf,
                                             [&](std::byte* to) { return element.encode(to); });
    ++at.added_count;
  }
  template <class Element>
  void evict(uint32_t epoch, const Element& element) {
    Epoch& at = open(epoch);
    at.evicted.add_written<Element::kBytesMax>(at.prf,
                                               [&](std::byte* to) { return element.encode(to); });
    ++at.evicted_count;
  }
  /// Of the transferable receipts of `epoch`.
  receipts::MerkleLog& log(uint32_t epoch) { return open(epoch).log; }
  const receipts::EpochSecret& secret(uint32_t epoch) { return open(epoch).secret; }
  /// Ends `epoch` and forgets its key.
  EpochReport close(uint16_t thread, uint32_t epoch);
  /// What was added and evicted in `epoch`, which is not closed.
  std::pair<uint64_t, uint64_t> counts(uint32_t epoch) {
    return {open(epoch).added_count, open(epoch).evicted_count};
  }

 private:
  struct Epoch {
    bool open = false;
    uint32_t number = 0;
    crypto::Prf prf;
    crypto::PrfSum added, evicted;
    uint64_t added_count = 0, evicted_count = 0;
    receipts::EpochSecret secret{};
    receipts::MerkleLog log;
  };
  Epoch& open(uint32_t epoch) {
    Epoch& at = ring_[epoch % kEpochsOpen];
    if (!at.open || at.number != epoch) start(at, epoch);
    return at;
  }
  void start(Epoch& at, uint32_t epoch);

  crypto::SecretBytes<32> master_;
  InstanceId instance_;
  crypto::PrfKind kind_;
  std::unique_ptr<Epoch[]> ring_ = std::make_unique<Epoch[]>(kEpochsOpen);
};

}  // namespace themis::monitor
