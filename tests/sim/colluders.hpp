#pragma once
// Malicious members of a simulated ring: they know each other and act together.

#include "tests/sim/ring_world.hpp"

namespace themis::ring {

/// From begin() on a share of the nodes answers for itself: with silence, with colluders as those
/// responsible or closer, with colluders as its only neighbours, with records it has forged; what
/// it is given to keep it acknowledges and forgets. They answer when somebody asks whether they
/// live. They cannot choose their identities, nor answer in another's name.
class Colluders {
 public:
  explicit Colluders(RingWorld& world) : world_(world) {}

  /// `share`: of the members; never node 0.
  void begin(double share);
  bool contains(size_t i) const { return is_one_[i]; }
  size_t count() const { return ordered_.size(); }

 private:
  std::optional<Result<Reply>> answer(size_t i, const Question& question);
  Reply find_node(const NodeId& self, const Point& target);
  /// The first `count` of them at or after `from`, clockwise.
  Contacts after(const Point& from, size_t count) const;
  /// The last `count` before `to`, backwards, as far as `from`.
  Contacts before(const Point& to, const NodeId& from, size_t count) const;
  RecordPtr forged(const ObjectId& object);

  RingWorld& world_;
  std::vector<bool> is_one_;
  Contacts ordered_;  ///< By identity.
  std::map<ObjectId, std::string> names_;
};

}  // namespace themis::ring
