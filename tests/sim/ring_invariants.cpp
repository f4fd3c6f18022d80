#include "tests/sim/ring_invariants.hpp"

#include <algorithm>

namespace themis::ring {

RingInvariants::RingInvariants(RingWorld& world, std::vector<size_t> base)
    : world_(world), seen_(world.size()) {
  for (size_t i = 0; i < world.size(); ++i) {
    index_[world.node(i).id] = i;
    check(i);
  }
  base_ = std::move(base);
}

std::string RingInvariants::check(size_t i) {
  Seen& seen = seen_[i];
  const bool lives = world_.lives(i);
  const bool member = lives && world_.ring(i).state() == Ring::State::joined;
  const uint64_t version = lives ? world_.ring(i).table().version() : 0;
  if (member == seen.member && version == seen.version) return {};
  seen.version = version;
  if (lives)
    if (std::string broken = check_list(i); !broken.empty()) return broken;
  std::vector<NodeId> successors;
  if (lives)
    for (const Contact& next : world_.ring(i).table().successors()) successors.push_back(next.id);
  if (member == seen.member && successors == seen.successors) return {};
  seen.member = member;
  seen.successors = std::move(successors);
  return base_.empty() ? std::string{} : check_ring();
}

std::string RingInvariants::check_list(size_t i) const {
  const RoutingTable& table = world_.ring(i).table();
  const NodeId& self = table.self().id;
  const NodeId* last = &self;
  for (const Contact& next : table.successors()) {
    if (!is_between(*last, next.id, self))
      return "successors of " + self.brief() + " are out of order";
    if (world_.ring(i).state() == Ring::State::joined)
      for (const size_t stays : base_)
        if (is_between(*last, world_.node(stays).id, next.id))
          return self.brief() + " skips the principal " + world_.node(stays).id.brief();
    last = &next.id;
  }
  return {};
}

/// The first live successor of member i; the node itself when it is alone; else nobody.
size_t RingInvariants::best_of(size_t i) const {
  if (seen_[i].successors.empty()) return i;
  for (const NodeId& next : seen_[i].successors)
    if (const size_t at = index_.at(next); seen_[at].member) return at;
  return world_.size();
}

std::string RingInvariants::check_ring() {
  ++ring_checks_;
  const size_t count = world_.size();
  std::vector<size_t> best(count, count);
  size_t start = count;
  for (size_t i = 0; i < count; ++i) {
    if (!seen_[i].member) continue;
    best[i] = best_of(i);
    if (best[i] == count) return world_.node(i).id.brief() + " has no live successor";
    start = i;
  }
  if (start == count) return {};
  for (size_t hop = 0; hop < count; ++hop) start = best[start];
  std::vector<bool> reaches(count);
  size_t wraps = 0;
  for (size_t at = start; !reaches[at]; at = best[at]) {
    reaches[at] = true;
    if (world_.node(best[at]).id <= world_.node(at).id) ++wraps;
  }
  if (wraps > 1) return "the ring winds round the circle more than once";
  for (const size_t stays : base_)
    if (seen_[stays].member && !reaches[stays])
      return "the principal " + world_.node(stays).id.brief() + " is not in the ring";
  for (size_t i = 0; i < count; ++i) {
    size_t at = i;
    for (size_t hop = 0; seen_[i].member && !reaches[at]; at = best[at])
      if (++hop > count) return world_.node(i).id.brief() + " does not reach the ring";
  }
  return {};
}

}  // namespace themis::ring
