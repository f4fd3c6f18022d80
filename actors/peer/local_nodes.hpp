#pragma once
// The nodes of this process: the first one shakes hands for all of them.

#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/peer/exports.hpp"
#include "wire/identity.hpp"

namespace themis {

/// Reactor thread only. A node's number is its place and stays its own when it leaves and returns.
class LocalNodes {
 public:
  using Number = uint16_t;
  /// Numbers have 16 bits.
  static constexpr size_t kNodesMax = 65'535;
  /// The session in use with a peer was lost, and why. One that drained by agreement was not.
  using Lost = std::function<void(const NodeId&, const Error&)>;

  struct Node {
    const wire::Identity* identity = nullptr;
    const Exports* exports = nullptr;
    Lost lost;
    bool here = false;
  };

  /// `identity` and `exports` outlive the table. The first node added is number 0.
  Number add(const wire::Identity& identity, const Exports& exports, Lost lost) {
    const auto known = numbers_.find(identity.id());
    THEMIS_ASSERT(known != numbers_.end() || nodes_.size() < kNodesMax, "numbers have 16 bits");
    const auto number =
        known == numbers_.end() ? static_cast<Number>(nodes_.size()) : known->second;
    if (known == numbers_.end()) nodes_.emplace_back();
    nodes_[number] = {&identity, &exports, std::move(lost), true};
    numbers_.emplace(identity.id(), number);
    return number;
  }
  void remove(Number number) {
    nodes_[number].here = false;
    nodes_[number].lost = {};
  }
  /// Null when it is not here (any more).
  const Node* find(Number number) const {
    return number < nodes_.size() && nodes_[number].here ? &nodes_[number] : nullptr;
  }
  std::optional<Number> number_of(const NodeId& id) const {
    const auto known = numbers_.find(id);
    if (known == numbers_.end() || !nodes_[known->second].here) return std::nullopt;
    return known->second;
  }
  const std::vector<Node>& all() const { return nodes_; }

 private:
  std::vector<Node> nodes_;
  std::unordered_map<NodeId, Number, RingIdHash> numbers_;
};

}  // namespace themis
