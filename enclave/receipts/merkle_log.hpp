#pragma once
// The tree over a list of leaves that only grows, and the paths that prove a leaf in it. Source:
// RFC 9162 section 2.1, with SHA-256.

#include <vector>

#include "runtime/crypto/sha256.hpp"

namespace themis::receipts {

using crypto::Digest;

/// A hasher that has the byte before every leaf, and nothing else yet.
inline crypto::Sha256 leaf_hasher() {
  constexpr std::byte kLeaf{0};
  crypto::Sha256 hasher;
  hasher.add(ByteView(&kLeaf, 1));
  return hasher;
}
Digest node_hash(const Digest& left, const Digest& right);

/// What a log is at one time.
struct LogHead {
  Digest root{};  ///< All zero for an empty log.
  uint64_t size = 0;
  friend bool operator==(const LogHead&, const LogHead&) = default;
};

/// The roots of the full subtrees of a growing log: what is needed to go on. No heap. One thread.
class MerkleLog {
 public:
  void add(const Digest& leaf);
  LogHead head() const;
  void clear() { size_ = 0; }

 private:
  std::array<Digest, 64> peaks_;  // peaks_[i], of 2^i leaves, is there when bit i of size_ is set
  uint64_t size_ = 0;
};

/// The hashes beside the way from a leaf to the root, lowest first: at most one a level.
using Path = std::vector<Digest>;
constexpr size_t kPathMax = 64;

/// A whole log with its inner nodes, for who builds paths. One thread.
class LogTree {
 public:
  explicit LogTree(std::vector<Digest> leaves);
  LogHead head() const;
  /// `index` is less than the number of leaves.
  Path path(uint64_t index) const;

 private:
  std::vector<std::vector<Digest>> levels_;  // leaves first; the last one is the root
};

/// The root that `path` leads to from the leaf at `index` of `size`.
/// Errors: forged (the path's length is not that of this place).
Result<Digest> root_of(const Digest& leaf, uint64_t index, uint64_t size, const Path& path);

}  // namespace themis::receipts
