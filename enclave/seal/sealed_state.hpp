#pragma once
// What the trusted side must know after a restart, as the host keeps it: it cannot be altered.

#include <optional>
#include <vector>

#include "enclave/monitor/slots.hpp"
#include "enclave/seal/counter.hpp"

namespace themis::seal {

/// One monitor thread: where the last checkpoint left it, and what it has done since.
struct SealedThread {
  monitor::TreeKey top;
  monitor::NodeValue value;
  /// HistoryChain's, over the records that were in the deferred set then, in the monitor's order.
  uint64_t list_bytes = 0;
  Tag list{};
  uint64_t call_bytes = 0, result_bytes = 0;  ///< Of calls, and of their results.
  Tag calls{}, results{};                     ///< HistoryChain's.
  friend bool operator==(const SealedThread&, const SealedThread&) = default;
};

/// Random, made with the store and kept for its life; each start of it is another instance.
using StoreId = std::array<std::byte, 16>;

/// Who may call; fixed when the store is made, since a later start must not open it to others.
struct Access {
  bool clients_only = false;               ///< Nothing is run but clients' calls.
  std::optional<crypto::PublicKey> owner;  ///< Whose grant a client needs; none: anybody is let in.
  friend bool operator==(const Access&, const Access&) = default;
};

/// Written with every commit. Not secret: the host knows the values, and tags are a PRF's output.
struct SealedState {
  uint64_t counter = 0;  ///< Of this state; each is one higher than the one it follows.
  Tag previous{};        ///< The tag of the state it follows.
  StoreId store{};
  Access access;
  bool aes = false;    ///< Which PRF the tags are of: AES-CMAC, else SipHash.
  uint32_t epoch = 0;  ///< That was open at the checkpoint.
  std::vector<SealedThread> threads;
  friend bool operator==(const SealedState&, const SealedState&) = default;
};

/// The tag is at the end of what seal() gives.
Bytes seal(const SealedState& state, const SealingKey& key);
/// Reads a state without looking at its tag: for the host. Errors: malformed; invalid (written by
/// another version of Themis).
Result<SealedState> read_sealed(ByteView sealed);
/// Errors: as read_sealed(); forged (altered, or sealed with another key).
Result<SealedState> unseal(ByteView sealed, const SealingKey& key);
/// The last bytes; `sealed` has been read.
Tag tag_of(ByteView sealed);

}  // namespace themis::seal
