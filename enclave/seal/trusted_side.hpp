#pragma once
// What a durable store needs of the side that verifies it, wherever that side runs.

#include <optional>
#include <vector>

#include "enclave/monitor/reason.hpp"
#include "enclave/seal/sealed_state.hpp"

namespace themis::seal {

/// What may be shown to clients once the calls are durable.
struct Released {
  std::vector<Bytes> results;  ///< By thread: the encoded results, in the order of the calls.
  std::optional<uint32_t> certified;  ///< The last certified epoch.
};

/// The monitors, their aggregator, and the seal over both. The host calls it in this order:
/// start(), apply() as often as the journal needs, started(); then apply() and certify(); and for
/// each commit seal() or checkpoint(), a durable write of what that gave, confirm().
///
/// Nothing that a batch answered leaves this side before the state after it is confirmed, so a host
/// that goes back to an older state can only forget what nobody was told. apply() may run for
/// several threads at a time, each on one; everything else alone.
class TrustedSide {
 public:
  virtual ~TrustedSide() = default;

  /// `sealed`: what the store has; empty for a store that does not exist yet.
  /// Errors: malformed, forged (altered, another key, another number of threads); replayed (the
  /// counter knows of a later state, or of another one); invalid (this CPU has not the PRF).
  virtual Status start(ByteView sealed) = 0;
  /// The store is as it was sealed. Errors: forged ("monitor thread 0 did not do what was sealed:
  /// ..."), io.
  virtual Status started() = 0;

  /// Errors: forged ("monitor thread 1 refused batch 17 at byte 4,022: wrong_hash"): nothing is
  /// accepted any more; overloaded (kHeldBytesMax: seal and confirm first).
  virtual Status apply(uint16_t thread, ByteView batch) = 0;
  /// Takes the threads' reports of the epochs they have ended; at least once an epoch.
  /// Errors: forged ("epoch 4 is not certified: multiset_mismatch").
  virtual Status certify() = 0;

  /// The state after all batches so far. Errors: forged (there was a violation).
  virtual Result<Bytes> seal() = 0;
  /// The same, without the history: all threads are at rest. Errors: invalid (they are not),
  /// forged.
  virtual Result<Bytes> checkpoint() = 0;
  /// What seal() or checkpoint() gave last is on disk. Errors: io: nothing may be told, and only a
  /// restart finds out which state counts.
  virtual Result<Released> confirm() = 0;

  /// Also of epochs whose calls are not confirmed yet.
  virtual std::optional<uint32_t> certified() const = 0;
  /// Known after start().
  virtual const monitor::InstanceId& instance() const = 0;
};

/// Results of one thread that wait for confirm(): 60,000 of a kilobyte.
constexpr size_t kHeldBytesMax = 64 * 1024 * 1024;

}  // namespace themis::seal
