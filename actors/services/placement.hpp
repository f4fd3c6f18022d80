#pragma once
// Which nodes a function goes to. Pure: no actors, no clock, no I/O.

#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/ring/contact.hpp"
#include "actors/ring/ring_math.hpp"

namespace themis {

/// Where the `index`-th instance of a function belongs:
/// BLAKE2b-256("themis/place/v1", framed name, framed u32 index).
/// Every node computes the same points, so a function returns to the same nodes.
ring::Point placement_point(std::string_view name, uint32_t index);

/// Which of the nodes that run a function wakes it at a time of its cron lines: the first one
/// clockwise from the point of "cron/" and its name. `nodes`: at least one.
NodeId woken_node(const std::string& function, const std::vector<NodeId>& nodes);

/// The order in which nodes are asked. First those that are instances already, then the node
/// responsible for each point, then the points' successors; each once. `self` comes last: untrusted
/// code stays off the node that faces HTTP when another can take it.
ring::Contacts rank_candidates(const ring::Contact& self, const ring::Contacts& current,
                               const std::vector<ring::Contacts>& points);

/// Asks candidates in order until `wanted` of them said yes: as many at once as are still missing.
class Placement {
 public:
  Placement() = default;
  Placement(size_t wanted, ring::Contacts candidates);

  /// The next node to ask; nothing while those that were asked may be enough. Each call hands out
  /// another one.
  std::optional<ring::Contact> next();
  /// An asked node's answer.
  void accepted(const ring::Contact& node);
  void refused(const Error& why);
  /// The function itself is at fault: nobody else is asked.
  void give_up(const Error& why);

  /// Nobody is being asked, and nobody is left or needed.
  bool is_settled() const;
  const ring::Contacts& placed() const { return placed_; }
  /// Nobody asked them, because enough others said yes.
  const std::deque<ring::Contact>& left() const { return left_; }
  /// Why the last node refused; nothing while none has.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  size_t wanted_ = 0;
  size_t asked_ = 0;
  std::deque<ring::Contact> left_;
  ring::Contacts placed_;
  std::optional<Error> failure_;
};

}  // namespace themis
