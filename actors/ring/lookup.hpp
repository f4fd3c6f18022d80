#pragma once
// One iterative lookup: who is responsible for a point, found by asking nodes ever closer to it.

#include <functional>
#include <optional>
#include <set>

#include "actors/ring/ring_messages.hpp"

namespace themis::ring {

/// A pure state machine run by the requester. What makes it end: an identity is asked once, every
/// contact a node offers must lie strictly between that node and the target, and kQuestionsMax
/// bounds the whole. Source: Chord (Stoica et al. 2003, section IV), iterative; parallel questions
/// as in Kademlia.
class Lookup {
 public:
  static constexpr size_t kInFlightMax = 3;
  static constexpr size_t kQuestionsMax = 64;   ///< Four times the hops of a ring of 2^32 nodes.
  static constexpr size_t kCandidatesMax = 64;  ///< The closest are kept; liars offer many.
  static constexpr size_t kEndsMax = 64;

  /// `seeds`: known nodes before the target. `doubts`: the first node that says who is responsible
  /// is not believed; the lookup goes on until all nodes it has heard of have been asked, as liars
  /// may offer more of their own than honest nodes do of theirs, and all that they say are ends().
  Lookup(const NodeId& self, Point target, Contacts seeds, bool doubts = false);
  /// One question at a time until one fails: for who knows that the closest seed lives.
  void ask_singly() { width_ = 1; }
  /// For the place of `self` itself, from `entry` on (with a zero id: whoever answers there): only
  /// that node may say that it is alone and so responsible for everything.
  static Lookup through(const NodeId& self, const Contact& entry);

  struct Found {
    Contact responsible;
    Contacts successors;  ///< What follows it, clockwise, as its predecessor reported.
    Contact answered_by;
    /// Questions on the path that led here, one after the other; 0: known without asking.
    unsigned hops = 0;
  };

  const Point& target() const { return target_; }
  /// The next node to ask, or nothing while enough questions are open or no candidate is left.
  /// `taken`: identities that another lookup for the same point has asked; they are passed over,
  /// and the one that is returned is added.
  std::optional<Contact> next(std::set<NodeId>* taken = nullptr);
  /// `asked`: as returned by next(), with the identity that answered. Contacts out of order are
  /// dropped. `is_suspect`: contacts that lately did not answer; they are asked only when nobody
  /// else is left.
  void on_reply(const Contact& asked, const FindNodeReply& reply,
                const std::function<bool(const NodeId&)>& is_suspect = {});
  /// It did not answer, or said no. `asked`: as returned by next().
  void on_failure(const NodeId& asked);
  /// The nodes before the target that it knows and that have not failed, closest first.
  Contacts nodes() const;
  /// Who was said to be responsible, and what follows those.
  const Contacts& ends() const { return ends_; }
  bool done() const { return (found_ && !doubts_) || (in_flight_ == 0 && !has_candidate()); }
  /// Once done. Errors: unavailable.
  Result<Found> result() const;
  size_t questions() const { return questions_; }

 private:
  struct Candidate {
    Distance to_target;  ///< Clockwise; zero-id seeds come first.
    Contact contact;
    unsigned hops = 1;  ///< To get its answer.
    bool asked = false;
    bool last_resort = false;
    bool failed = false;
  };
  bool has_candidate() const;
  void add(const Contact& contact, unsigned hops, bool last_resort);
  std::optional<Contact> ask_first(bool last_resort, std::set<NodeId>* taken);
  unsigned hops_of(const NodeId& asked) const;

  NodeId self_;
  Point target_;
  bool doubts_;
  bool may_be_alone_ = false;
  std::vector<Candidate> candidates_;              ///< Closest first.
  std::vector<std::pair<NodeId, unsigned>> seen_;  ///< Identities that were asked, with their hops.
  std::optional<Found> found_;                     ///< By the first that said so.
  Contacts ends_;
  size_t width_ = kInFlightMax;
  size_t in_flight_ = 0;
  size_t questions_ = 0;
};

}  // namespace themis::ring
