#pragma once
// The Merkle tree over the records that a provider signs together: one signature, a path a record.

#include <span>

#include "actors/ring/record.hpp"

namespace themis::ring {

/// BLAKE2b-256("themis/record/node/v1", left, right).
crypto::Digest node_digest(const crypto::Digest& left, const crypto::Digest& right);

/// What a provider signs: "themis/record-root/v1", the network, the time, the count and the root.
Bytes root_message(std::string_view network, const RecordProof& proof, const crypto::Digest& root);

/// Levels of digests from the leaves up to the root. A node without a sibling moves up as it is.
/// Source of the construction: RFC 6962, section 2.1, with the lone node at any level.
class RecordTree {
 public:
  /// `leaves`: 1..kTreeRecordsMax.
  explicit RecordTree(std::vector<crypto::Digest> leaves);
  const crypto::Digest& root() const { return levels_.back().front(); }
  std::vector<crypto::Digest> path(uint32_t index) const;

 private:
  std::vector<std::vector<crypto::Digest>> levels_;
};

/// The way from one leaf to the root. A node's slot is its place in a heap whose root has slot 1.
class Climb {
 public:
  /// `proof` has the form that check_form demands, and outlives the climb.
  Climb(const RecordProof& proof, const crypto::Digest& leaf);
  bool at_root() const { return width_ == 1; }
  uint32_t slot() const { return slot_; }
  const crypto::Digest& digest() const { return digest_; }
  bool has_sibling() const { return position_ % 2 == 1 || position_ + 1 < width_; }
  /// The node beside this one as the path tells it; nullptr: the path ends too early.
  const crypto::Digest* sibling() const;
  /// One level up. False: the path is too short.
  bool step();
  /// One level up past a sibling that is known to be right, without hashing: digest() is stale
  /// then.
  void skip();
  /// All of the path was used.
  bool is_complete() const { return at_root() && used_ == path_.size(); }

 private:
  void rise();

  std::span<const crypto::Digest> path_;
  crypto::Digest digest_;
  uint32_t position_;
  uint32_t width_;  ///< Nodes of this level.
  uint32_t slot_;
  size_t used_ = 0;
};

}  // namespace themis::ring
