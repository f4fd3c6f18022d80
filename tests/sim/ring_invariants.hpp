#pragma once
// Zave's invariants, checked after every event of a simulated ring at the cost of what changed.

#include <unordered_map>

#include "tests/sim/ring_world.hpp"

namespace themis::ring {

/// Holds what it saw last of every node. Source: Zave, IEEE TSE 43(12), 2017, section 4:
/// OneLiveSuccessor, ordered lists without duplicates, one ordered ring that every member reaches,
/// and a base of r + 1 members that no list skips.
class RingInvariants {
 public:
  /// `base`: nodes that are members and stay it; empty: nobody does, and only lists are judged.
  RingInvariants(RingWorld& world, std::vector<size_t> base);

  /// After a step of node i; empty, or what is broken.
  std::string check(size_t i);
  /// Times that the whole ring was judged.
  uint64_t ring_checks() const { return ring_checks_; }

 private:
  struct Seen {
    bool member = false;
    uint64_t version = 0;
    std::vector<NodeId> successors;
  };
  std::string check_list(size_t i) const;
  std::string check_ring();
  size_t best_of(size_t i) const;

  RingWorld& world_;
  std::vector<size_t> base_;
  std::vector<Seen> seen_;
  std::unordered_map<NodeId, size_t, RingIdHash> index_;
  uint64_t ring_checks_ = 0;
};

}  // namespace themis::ring
