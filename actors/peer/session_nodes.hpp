#pragma once
// Which nodes the two ends of one session have presented to each other, and under which numbers.

#include <span>

#include "actors/peer/local_nodes.hpp"
#include "wire/presence.hpp"

namespace themis {

/// Pure. Numbers start at 1 and count up on each side. Limits: wire::kPresentedMax on each side.
class SessionNodes {
 public:
  std::optional<uint16_t> own_number(LocalNodes::Number node) const {
    const auto known = own_numbers_.find(node);
    return known == own_numbers_.end() ? std::nullopt : std::optional(known->second);
  }
  /// Errors: overloaded.
  Result<uint16_t> add_own(LocalNodes::Number node) {
    if (own_.size() >= wire::kPresentedMax)
      return fail(Code::overloaded, "too many nodes were presented on this session");
    own_.push_back(node);
    return own_numbers_[node] = static_cast<uint16_t>(own_.size());
  }
  /// The node here that the peer means by `number`; nothing: none was given that number.
  std::optional<LocalNodes::Number> own(uint16_t number) const {
    if (number == 0 || number > own_.size()) return std::nullopt;
    return own_[number - 1];
  }

  std::optional<uint16_t> peer_number(const NodeId& node) const {
    const auto known = peer_numbers_.find(node);
    return known == peer_numbers_.end() ? std::nullopt : std::optional(known->second);
  }
  /// Whether the next node may be presented under `number`, before its proof is checked. Errors:
  /// overloaded, malformed (not the next number).
  Status check_next(uint16_t number) const {
    if (peer_.size() >= wire::kPresentedMax)
      return fail(Code::overloaded, "the peer presents too many nodes");
    if (number != peer_.size() + 1)
      return fail(Code::malformed, "the peer presents a node out of order");
    return {};
  }
  /// Errors: malformed (presented before).
  Status add_peer(const NodeId& node) {
    if (!peer_numbers_.emplace(node, static_cast<uint16_t>(peer_.size() + 1)).second)
      return fail(Code::malformed, "the peer presents a node twice");
    peer_.push_back(node);
    return {};
  }
  /// By number, the first one is 1.
  std::span<const NodeId> peer() const { return peer_; }

 private:
  std::vector<LocalNodes::Number> own_;
  std::unordered_map<LocalNodes::Number, uint16_t> own_numbers_;
  std::vector<NodeId> peer_;
  std::unordered_map<NodeId, uint16_t, RingIdHash> peer_numbers_;
};

}  // namespace themis
