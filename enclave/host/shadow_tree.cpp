#include "enclave/host/shadow_tree.hpp"

#include <algorithm>

namespace themis::host {

ShadowTree::ShadowTree(const TreeKey& top, uint16_t slot) {
  nodes_.emplace_back();
  nodes_[kTop].key = top;
  nodes_[kTop].slot = slot;
}

NodeId ShadowTree::lowest_above(const TreeKey& place) const {
  NodeId node = kTop;
  while (true) {
    const ShadowNode& at = nodes_[node];
    const unsigned side = place.side_of(at.key);
    const Edge& edge = at.value.edge[side];
    if (!edge.used || !place.below(edge.key)) return node;
    node = at.child[side];
  }
}

std::optional<TreeKey> ShadowTree::split_key(NodeId above, const TreeKey& place) const {
  const Edge& edge = nodes_[above].value.edge[place.side_of(nodes_[above].key)];
  if (!edge.used || edge.key == place) return std::nullopt;
  return monitor::common_prefix(edge.key, place);
}

NodeId ShadowTree::make_node() {
  if (free_.empty()) {
    nodes_.emplace_back();
    return static_cast<NodeId>(nodes_.size() - 1);
  }
  const NodeId id = free_.back();
  free_.pop_back();
  nodes_[id] = {};
  return id;
}

NodeId ShadowTree::split(NodeId above, const TreeKey& key, bool below_cached) {
  const NodeId id = make_node();
  ShadowNode &node = nodes_[id], &parent = nodes_[above];
  const unsigned side = key.side_of(parent.key);
  Edge& edge = parent.value.edge[side];
  const unsigned down = edge.key.side_of(key);
  node.key = key;
  node.parent = above;
  node.value.edge[down] = edge;
  node.child[down] = parent.child[side];
  if (!edge.key.is_leaf()) nodes_[node.child[down]].parent = id;
  node.cached_children = below_cached ? 1 : 0;
  if (!below_cached) ++parent.cached_children;  // the node itself; else it takes the child's place
  edge = {key, {}, true, false};
  parent.child[side] = id;
  return id;
}

Edge ShadowTree::collapse(NodeId node) {
  const ShadowNode& at = nodes_[node];
  const bool right = at.value.edge[1].used;
  const Edge edge = at.value.edge[right];
  const uint32_t child = edge.used ? at.child[right] : kNoNode;
  const unsigned side = side_of(node);
  parent_of(node).value.edge[side] = edge;
  parent_of(node).child[side] = child;
  if (edge.used && !edge.key.is_leaf()) nodes_[child].parent = at.parent;
  free_.push_back(node);
  return edge;
}

void ShadowTree::build(std::span<Leaf> leaves) {
  nodes_.reserve(leaves.size() + 1);  // one fewer than leaves have two below each, and the top
  build_sides(kTop, leaves);
}

void ShadowTree::build_sides(NodeId node, std::span<Leaf> leaves) {
  const uint16_t depth = nodes_[node].key.depth;
  const auto right = std::partition_point(
      leaves.begin(), leaves.end(), [&](const Leaf& leaf) { return leaf.place.bit(depth) == 0; });
  const auto left_count = static_cast<size_t>(right - leaves.begin());
  build_side(node, 0, leaves.first(left_count));
  build_side(node, 1, leaves.subspan(left_count));
}

void ShadowTree::build_side(NodeId above, unsigned side, std::span<Leaf> leaves) {
  if (leaves.empty()) return;
  if (leaves.size() == 1) {
    nodes_[above].value.edge[side] = {leaves[0].place, leaves[0].hash, true, leaves[0].in_deferred};
    nodes_[above].child[side] = leaves[0].record;
    leaves[0].parent = above;
    return;
  }
  const NodeId id = make_node();
  nodes_[id].key = monitor::common_prefix(leaves.front().place, leaves.back().place);
  nodes_[id].parent = above;
  build_sides(id, leaves);
  nodes_[above].value.edge[side] = {nodes_[id].key, monitor::hash(nodes_[id].value), true, false};
  nodes_[above].child[side] = id;
}

bool left_of(const TreeKey& a, const TreeKey& b) {
  for (size_t word = 0; word < a.path.size(); ++word) {
    const uint64_t differ = a.path[word] ^ b.path[word];
    if (differ != 0) return (b.path[word] & differ & (0 - differ)) != 0;
  }
  return a.depth < b.depth;
}

}  // namespace themis::host
