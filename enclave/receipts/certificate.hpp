#pragma once
// What the monitors sign of an epoch, and the chain that these certificates make.

#include <optional>

#include "enclave/receipts/keys.hpp"
#include "enclave/receipts/merkle_log.hpp"

namespace themis::receipts {

/// The hash of an epoch and, through it, of all before it.
using ChainHash = crypto::Digest;

/// "All calls up to this epoch were sequentially consistent, and these are its receipts." One for
/// every epoch of an instance, without gaps. Instances that one key signs for, as a store's before
/// and after a restart, have a chain each.
struct Certificate {
  InstanceId instance{};
  uint32_t epoch = 0;
  uint16_t threads = 0;
  ChainHash previous{};  ///< Of the epoch before; all zero for the instance's first.
  Digest root{};         ///< Of the tree over the threads' logs, see thread_leaf().
  EpochSecret secret{};
  crypto::Signature signature;

  ChainHash chain() const;
  void sign(const crypto::SigningKey& key);
  /// Errors: forged.
  [[nodiscard]] Status verify(const crypto::PublicKey& key) const;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

/// A thread's leaf in the tree of its epoch, whose index is the thread's number.
Digest thread_leaf(const LogHead& head);

/// The trusted half: signs one epoch after the other. No heap. One thread.
class CertificateSigner {
 public:
  /// Of an instance whose signing key is its own.
  CertificateSigner(const InstanceId& instance, const MasterKey& master)
      : CertificateSigner(instance, master, signing_key(master, instance), 0) {}
  /// Of one run of a store, whose key stays. `first`: the epoch that this run begins with.
  CertificateSigner(const InstanceId& instance, const MasterKey& master, crypto::SigningKey key,
                    uint32_t first);
  /// The next epoch's, whose threads' logs ended at `heads`.
  Certificate next(std::span<const LogHead> heads);
  /// The next one to sign.
  uint32_t epoch() const { return epoch_; }

 private:
  InstanceId instance_;
  MasterKey master_;
  crypto::SigningKey key_;
  uint32_t epoch_ = 0;
  ChainHash chain_{};
};

/// Certificates of epochs that follow each other, all of one instance and signed by `key`.
/// Errors: malformed (none), wrong_peer (two instances), not_found (a skipped epoch), forged (a
/// signature, or one does not continue the one before).
[[nodiscard]] Status check_chain(std::span<const Certificate> certificates,
                                 const crypto::PublicKey& key);

/// Whether two checked chains are one. Errors: wrong_peer (two instances), forged (they differ in
/// an epoch: the instance was forked), not_found (an epoch between them was not shown).
[[nodiscard]] Status check_same_chain(std::span<const Certificate> seen,
                                      std::span<const Certificate> shown);

/// What a client remembers of an instance: the last epoch it saw certified. One thread.
class ChainView {
 public:
  explicit ChainView(const Instance& instance) : instance_(instance) {}
  /// The epoch after the last one, or that one again; the first may be any.
  /// Errors: as check_chain() and check_same_chain(). Nothing changes then.
  [[nodiscard]] Status accept(const Certificate& certificate);
  /// Whether what happened in `epoch` is final.
  bool is_final(uint32_t epoch) const { return last_ && epoch <= last_->epoch; }

 private:
  Instance instance_;
  std::optional<Certificate> last_;
};

}  // namespace themis::receipts
