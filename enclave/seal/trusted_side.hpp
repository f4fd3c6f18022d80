#pragma once
// What a durable store needs of the side that verifies it, wherever that side runs.

#include <optional>
#include <vector>

#include "enclave/monitor/reason.hpp"
#include "enclave/receipts/call.hpp"
#include "enclave/receipts/certificate.hpp"
#include "enclave/seal/sealed_state.hpp"

namespace themis::seal {

/// What may be shown to clients once the calls are durable.
struct Released {
  /// By thread, in the order of the calls: the encoded result; for a client's call its operation
  /// receipt, and the leaf after it when that is to be transferable. See monitor::Output.
  std::vector<Bytes> results;
  std::optional<uint32_t> certified;  ///< The last certified epoch.
  /// Of the epochs certified since the last one, in order.
  std::vector<receipts::Certificate> certificates;
};

/// What a client is registered with.
struct ClientEntry {
  uint16_t number = 0;  ///< In the thread's table.
  crypto::DhShare share;
  crypto::Signature grant;
};

/// What a trusted side knows of its clients.
class ClientDesk {
 public:
  virtual ~ClientDesk() = default;

  /// This run for its clients; known after start(). The key that signs certificates is the store's
  /// and stays over restarts, everything else is new with each.
  virtual const receipts::Instance& describe() const = 0;
  /// After started(): a client of one thread until the next start, under a number that is free.
  /// `grant`: of the store's owner; any when it has none. Nothing ends by a wrong one.
  /// Errors: invalid (no such thread), overloaded (the table is full), exists (the number),
  /// denied (no grant, or the share is no key).
  virtual Status register_client(uint16_t thread, const ClientEntry& client) = 0;
  /// Whether that thread would take this call: its client made it. Without a client: whether there
  /// need be none. That its nonce rises is the host's to see. As apply(), each thread on its own.
  virtual bool admits(uint16_t thread, const receipts::Caller& caller, ByteView body) = 0;
};

/// The monitors, their aggregator, and the seal over both. The host calls it in this order:
/// start(), apply() as often as the journal needs, started(); then apply() and certify(); and for
/// each commit seal() or checkpoint(), a durable write of what that gave, confirm(); or release()
/// where nothing was written.
///
/// Nothing that a batch answered leaves this side before the state it was true of is confirmed, so
/// a host that goes back to an older state can only forget what nobody was told. apply() may run
/// for several threads at a time, each on one; everything else alone.
class TrustedSide {
 public:
  virtual ~TrustedSide() = default;

  /// `sealed`: what the store has; empty for a store that does not exist yet.
  /// Errors: malformed, forged (altered, another key, another number of threads); replayed (the
  /// counter knows of a later state, or of another one); invalid (this CPU has not the PRF).
  virtual Status start(ByteView sealed) = 0;
  /// The store is as it was sealed, and from here on a store for clients runs only their calls.
  /// Errors: forged ("monitor thread 0 did not do what was sealed:
  /// ..."), io.
  virtual Status started() = 0;

  /// Errors: forged ("monitor thread 1 refused batch 17 at byte 4,022: wrong_hash"): nothing is
  /// accepted any more; overloaded (kHeldBytesMax, kHeldCertificatesMax: seal and confirm first);
  /// invalid (what was sealed is not confirmed: its answers would leave with this one's).
  virtual Status apply(uint16_t thread, ByteView batch) = 0;
  /// Takes the threads' reports of the epochs they have ended; at least once an epoch.
  /// Errors: forged ("epoch 4 is not certified: multiset_mismatch").
  virtual Status certify() = 0;

  /// The state after all batches so far. Errors: forged (there was a violation).
  virtual Result<Bytes> seal() = 0;
  /// The same, without the history: all threads are at rest, see monitor::Monitor::at_rest().
  /// Errors: invalid (they are not), forged.
  virtual Result<Bytes> checkpoint() = 0;
  /// What seal() or checkpoint() gave last is on disk. Errors: io: nothing may be told, and only a
  /// restart finds out which state counts.
  virtual Result<Released> confirm() = 0;
  /// The results since the last confirm(), all of them of calls that only read: nothing is sealed.
  /// Without certificates, which wait for confirm(): until then this may be another copy of the
  /// trusted side than the one that the counter follows, and its answers may be old.
  /// Errors: invalid (a thread has run a call that may write, or ended an epoch, since then: seal
  /// and confirm that; or what was sealed is not confirmed), forged (there was a violation).
  virtual Result<Released> release() = 0;

  /// Also of epochs whose calls are not confirmed yet.
  virtual std::optional<uint32_t> certified() const = 0;
  /// Known after start().
  virtual const monitor::InstanceId& instance() const = 0;

  /// Null: a side that runs the calls of whoever reaches it, and has no clients.
  virtual ClientDesk* clients() { return nullptr; }
};

/// Results of one thread that wait for confirm(): 60,000 of a kilobyte.
constexpr size_t kHeldBytesMax = 64 * 1024 * 1024;
/// Certificates that do: 200 KiB. Whoever commits with each epoch has one.
constexpr size_t kHeldCertificatesMax = 1'024;

}  // namespace themis::seal
