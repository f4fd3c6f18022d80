#pragma once
// Malicious members of a simulated ring: they know each other and act together.

#include <map>
#include <optional>

#include "actors/ring/ring_messages.hpp"
#include "runtime/base/rng.hpp"
#include "wire/identity.hpp"

namespace themis::ring {

/// What they say in place of their rings: nothing, colluders as those responsible or closer,
/// colluders as their only neighbours, records they have forged; what they are given to keep they
/// acknowledge and forget. They answer when somebody asks whether they live. They cannot choose
/// their identities, nor answer in another's name. Without I/O; one thread.
class Colluders {
 public:
  /// `rng` outlives them.
  explicit Colluders(Rng& rng) : rng_(rng) {}

  /// A colluder, in the place of an earlier one of that address. `identity` outlives it.
  void add(const Contact& self, const wire::Identity& identity);
  /// In whose name they forge: an honest node.
  void set_victim(const NodeId& victim) { victim_ = victim; }
  bool contains(const NodeId& id) const;
  size_t count() const { return ordered_.size(); }
  /// What the colluder `self` says to a question. Nothing: its ring answers. Code::timeout: it is
  /// silent.
  std::optional<Result<Reply>> answer(const NodeId& self, const Question& question,
                                      int64_t wall_ms);

 private:
  Reply find_node(const NodeId& self, const Point& target);
  /// The first `count` of them at or after `from`, clockwise.
  Contacts after(const Point& from, size_t count) const;
  /// The last `count` before `to`, backwards, as far as `from`.
  Contacts before(const Point& to, const NodeId& from, size_t count) const;
  RecordPtr forged(const ObjectId& object, int64_t wall_ms);

  Rng& rng_;
  NodeId victim_;
  Contacts ordered_;  ///< By identity.
  std::map<net::Address, const wire::Identity*> identities_;
  std::map<ObjectId, std::string> names_;  ///< As many as the simulation has names and copies.
};

}  // namespace themis::ring
