#pragma once
// Who lives around a point of the ring: settled by asking the nodes there, not by what one of them
// says.

#include <optional>

#include "actors/ring/ring_messages.hpp"

namespace themis::ring {

/// A pure state machine run by the requester at the end of a lookup. Of all nodes that anybody
/// named, the first one at or after the point that answers by itself is responsible: its session
/// proves its identity, so a liar can leave a node out but cannot put one in, and a dead node is
/// passed over. It takes one honest answer that names the right node. What makes it end: an
/// identity is asked once, kQuestionsMax bounds the whole.
class Neighbourhood {
 public:
  static constexpr size_t kInFlightMax = 8;
  static constexpr size_t kQuestionsMax = 64;
  static constexpr size_t kKnownMax = 64;  ///< On each side of the point; the closest are kept.
  /// Nodes after the point that are asked at once when the first of them may be dead or a lie.
  static constexpr size_t kAheadMax = 3;
  /// Nodes before the point that are asked when no node after it is left.
  static constexpr size_t kWitnessesMin = 8;

  /// `witnesses`: so many of the closest nodes before the point are asked for their neighbours in
  /// any case.
  Neighbourhood(const NodeId& self, Point target, size_t witnesses);

  /// Somebody named it.
  void add(const Contact& contact);
  void add(const Contacts& contacts);
  /// The next node to ask for its neighbours; nothing while enough questions are open or none is
  /// left to be asked.
  std::optional<Contact> next();
  void on_reply(const NodeId& asked, const Neighbours& reply);
  /// It did not answer, or is no member of the ring.
  void on_failure(const NodeId& asked);
  bool done() { return in_flight_ == 0 && choose() == nullptr; }
  /// Once done: the responsible node, then those after it. Errors: unavailable.
  Result<Contacts> result() const;

 private:
  enum class State : uint8_t { named, asked, answered, failed };
  struct Known {
    Distance far;  ///< From the point, on its side.
    Contact contact;
    State state = State::named;
  };
  using Side = std::vector<Known>;  ///< Closest first.

  void settle(const NodeId& asked, State state);
  Known* choose();
  Known* choose_after();
  Known* choose_before();
  bool anybody_after() const;

  NodeId self_;
  Point target_;
  size_t witnesses_;
  Side before_, after_;
  size_t in_flight_ = 0;
  size_t questions_ = 0;
  bool failures_ = false;
};

}  // namespace themis::ring
