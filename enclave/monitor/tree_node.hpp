#pragma once
// The value of a tree node: two edges, each vouching for the subtree below it.

#include "enclave/monitor/tree_key.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::monitor {

/// Leads to the nearest descendant on its side, however deep it lies.
struct Edge {
  static constexpr size_t kBytesMax = 1 + TreeKey::kBytes + sizeof(crypto::Digest) + 1;

  TreeKey key;
  /// Of the descendant's value when it was last evicted to the tree: out of date on purpose while
  /// the descendant is in a slot, and zeros while it is in the deferred set.
  crypto::Digest hash{};
  bool used = false;
  bool in_deferred = false;  ///< The descendant's current copy is in the deferred set.
  friend bool operator==(const Edge&, const Edge&) = default;
};

struct NodeValue {
  static constexpr size_t kBytesMax = 2 * Edge::kBytesMax;

  Edge edge[2];
  friend bool operator==(const NodeValue&, const NodeValue&) = default;

  std::byte* encode(std::byte* to) const;
  static NodeValue decode(Reader& reader);
};

/// The first byte of every hashed value, so that no value of one kind is one of another.
enum class ValueTag : uint8_t { node = 0, absent = 1, present = 2 };

/// BLAKE2b-256 of the tag and the encoded value. The key is bound by the edge that holds the hash.
crypto::Digest hash(const NodeValue& value);

}  // namespace themis::monitor
