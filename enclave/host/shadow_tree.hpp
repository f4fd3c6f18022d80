#pragma once
// The host's copy of one thread's part of the sparse Merkle tree. Data only: it writes no commands.

#include "enclave/monitor/slots.hpp"
#include "runtime/base/huge_pages.hpp"

namespace themis::host {

using monitor::Edge;
using monitor::kNoSlot;
using monitor::NodeValue;
using monitor::TreeKey;

/// What an edge leads to: the number of a node, or of a record when its key is a leaf.
using NodeId = uint32_t;
using RecordId = uint32_t;
constexpr NodeId kNoNode = UINT32_MAX;

struct ShadowNode {
  TreeKey key;
  NodeValue value;  ///< Exactly what the monitor has, or would have.
  uint32_t child[2] = {kNoNode, kNoNode};
  NodeId parent = kNoNode;
  uint16_t slot = kNoSlot;
  uint8_t cached_children = 0;  ///< Added under it and still in slots; it cannot leave before them.
  bool recent = false;          ///< Used since the cache's hand last passed.
  bool counted = false;         ///< By whoever walks several paths.
};

/// Has the nodes of the records that are in it, and no others once they left their slots. One
/// thread.
class ShadowTree {
 public:
  /// `top`: the node above all of this thread's records, in `slot` for good.
  ShadowTree(const TreeKey& top, uint16_t slot);

  static constexpr NodeId kTop = 0;
  ShadowNode& at(NodeId node) { return nodes_[node]; }
  size_t size() const { return nodes_.size() - free_.size(); }
  ShadowNode& parent_of(NodeId node) { return nodes_[nodes_[node].parent]; }
  unsigned side_of(NodeId node) const {
    return nodes_[node].key.side_of(nodes_[nodes_[node].parent].key);
  }

  /// The lowest node above `place`. Its edge on that side is empty, leads to `place`, or leads past
  /// it, in which case a new node at split_key() has to come between first.
  NodeId lowest_above(const TreeKey& place) const;
  /// Nothing when no node has to come between.
  std::optional<TreeKey> split_key(NodeId above, const TreeKey& place) const;
  /// Puts a node for `key` into the edge below `above`, as the monitor does; it comes into a slot.
  /// `below_cached`: what the edge led to is in a slot.
  NodeId split(NodeId above, const TreeKey& key, bool below_cached);

  /// Takes out a node that has one edge or none and no children in slots: its parent gets the edge.
  /// Answers the edge; the caller moves the record that it leads to, if it is a leaf's.
  Edge collapse(NodeId node);

  /// A record in the tree, for build(), which fills in the parent.
  struct Leaf {
    TreeKey place;
    crypto::Digest hash;  ///< Zeros when in_deferred.
    RecordId record = 0;
    bool in_deferred = false;
    NodeId parent = kNoNode;
  };
  /// All nodes above these leaves, which are below the top and in the order of left_of(), each
  /// place once, as if all had been evicted. The tree has nothing but its top node yet.
  void build(std::span<Leaf> leaves);

 private:
  NodeId make_node();
  void build_side(NodeId above, unsigned side, std::span<Leaf> leaves);
  void build_sides(NodeId node, std::span<Leaf> leaves);

  HugeVector<ShadowNode> nodes_;
  std::vector<NodeId> free_;
};

/// The order of a walk through the tree from left to right.
bool left_of(const TreeKey& a, const TreeKey& b);

}  // namespace themis::host
