#pragma once
// Decides whether a record is its provider's own; a signature seen before costs a few hashes.

#include <list>
#include <unordered_map>

#include "actors/ring/record_tree.hpp"
#include "wire/identity.hpp"

namespace themis::ring {

/// Remembers the signatures it has checked and the upper nodes of their trees, the least recently
/// used forgotten first. Whether a record is accepted never depends on what is remembered. Pure;
/// one thread.
class RecordVerifier {
 public:
  /// Providers a node hears of between two refreshes; 32 KB each at worst.
  static constexpr size_t kRootsMax = 1024;
  /// Levels below a root that are remembered: a tree of 1,024 costs one or two hashes a record
  /// then.
  static constexpr uint32_t kLevelsKept = 9;

  explicit RecordVerifier(std::string network, size_t roots_max = kRootsMax)
      : network_(std::move(network)), roots_max_(roots_max) {}

  /// Whether it has expired is for the caller to see. Errors: malformed and too_large (check_form),
  /// forged (key that is not the provider's, another network's, a changed field, path or
  /// signature).
  Status verify(const Record& record);
  /// Ed25519 checks so far.
  uint64_t signatures_checked() const { return signatures_checked_; }
  const std::string& network() const { return network_; }

 private:
  struct Root {
    NodeId provider;
    crypto::PublicKey key;
    RecordProof proof;  ///< Without index and path.
    /// By slot, the root at 1; zero: not known yet. A node is known only together with all siblings
    /// above it.
    std::vector<crypto::Digest> nodes;
  };
  struct SignatureHash {
    size_t operator()(const crypto::Signature& s) const { return load<size_t>(s.bytes.data()); }
  };
  using Roots = std::list<Root>;

  Status verify_known(Root& root, const Record& record, const crypto::Digest& leaf);
  Status verify_new(const Record& record, const crypto::Digest& leaf);

  std::string network_;
  size_t roots_max_;
  Roots roots_;  ///< Most recently used first.
  std::unordered_map<crypto::Signature, Roots::iterator, SignatureHash> by_signature_;
  uint64_t signatures_checked_ = 0;
};

}  // namespace themis::ring
