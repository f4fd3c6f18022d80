#pragma once
// Whom a node knows on the ring: successor list, predecessor and fingers, and the best next step
// towards a point.

#include <optional>

#include "actors/ring/ring_messages.hpp"

namespace themis::ring {

/// A pure value of one node. Lists never hold the node itself or an identity twice; the successor
/// list is in clockwise order. Every change is of O(entries), of which there are about log2(nodes)
/// + r + 1.
class RoutingTable {
 public:
  /// `successors_max`: r, 1..kSuccessorsMax.
  RoutingTable(Contact self, size_t successors_max);

  const Contact& self() const { return self_; }
  const Contacts& successors() const { return successors_; }
  const std::optional<Contact>& predecessor() const { return predecessor_; }
  const Contacts& fingers() const { return fingers_; }
  /// Successors, fingers and predecessor together, each once, in clockwise order from this node.
  const Contacts& entries() const { return entries_; }
  /// Raised by every change of entries().
  uint64_t version() const { return version_; }
  bool alone() const { return successors_.empty(); }
  /// The first successor; this node itself when it is alone.
  const Contact& successor() const { return successors_.empty() ? self_ : successors_.front(); }

  /// Objects at `target` are this node's: it lies in (predecessor, self]. Without a predecessor
  /// only a lone node knows.
  bool is_responsible(const Point& target) const;
  /// One step of a lookup, answered from this table. Only a lone node names itself: a predecessor
  /// that has just died, or one not known yet, makes a range too large; the node before the target
  /// knows better.
  FindNodeReply step(const Point& target) const;
  /// As step(); beyond the first successor, too, it names as responsible whom the rest of the list
  /// or a finger says to be. Those may be out of date: whom it names must know better.
  FindNodeReply step_to_owner(const Point& target) const;
  /// The closest entries strictly between this node and `target`, closest to the target first.
  Contacts closest_before(const Point& target, size_t count) const;

  /// Takes `first` and then what it reported as its successors: what is out of clockwise order is
  /// left out.
  void set_successors(const Contact& first, const Contacts& rest);
  /// Takes `contact` into the list where it belongs; the last one may fall off its end.
  void add_successor(const Contact& contact);
  void set_predecessor(std::optional<Contact> contact);
  /// `contact` is the first node at or after finger_start(self, bit): finger `bit`, and every
  /// finger up to its own distance. Returns the next finger that needs a lookup, or -1 when
  /// `contact` closes the circle.
  int set_finger(int bit, const Contact& contact);
  /// Starts a round of refreshing: the first finger beyond the first successor, or -1 when there is
  /// none. Contacts that are no node's finger any more are forgotten on the way, here and by
  /// set_finger.
  int begin_refresh();

  /// Forgets an identity everywhere. True when it was known.
  bool drop(const NodeId& id);
  /// Forgets it only if it is known under this very address, so that a false address cannot evict a
  /// good contact.
  bool drop(const Contact& contact);
  /// A known identity proved itself at a new address.
  void refresh_address(const Contact& contact);
  /// The first entry at or after `point`, going from this node once around; nullptr: none is.
  const Contact* first_from(const Point& point) const;
  const Contact* find(const NodeId& id) const;
  bool is_successor(const NodeId& id) const;
  bool is_neighbour(const NodeId& id) const;

 private:
  void rebuild();

  Contact self_;
  size_t successors_max_;
  Contacts successors_;
  std::optional<Contact> predecessor_;
  Contacts fingers_;  ///< Clockwise.
  Contacts entries_;
  std::vector<Distance> distances_;  ///< Of entries_, from self.
  uint64_t version_ = 0;
};

}  // namespace themis::ring
