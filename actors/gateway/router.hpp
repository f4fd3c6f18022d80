#pragma once
// Which instance answers a call. Pure: the clock and randomness are passed in, the actor around it
// does the asking.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/node/contact.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/rng.hpp"

namespace themis {

/// What became of a call that failed, in the terms that decide whether it may be sent again.
enum class CallFailure {
  not_sent,   ///< Nothing reached the instance.
  not_run,    ///< It said that it did not run it: not hosted there any more, or too busy.
  maybe_run,  ///< It went away before it answered.
  answered,   ///< The function's own failure, or the deadline: final.
};

struct RouterOptions {
  /// So long a route is used before the ring is asked again: a new instance is seen after it.
  Duration route_ttl = 2s;
  /// A node that could not be reached gets no call for so long, unless all are like that.
  Duration ejection = 5s;
  /// Routes kept; the oldest make room.
  size_t routes_max = 4096;
  /// Instances of one function that are balanced over: what one find of the ring answers.
  size_t instances_max = 64;
  /// Instances tried for one call.
  size_t attempts_max = 3;
};

/// Caches the instances of each name and chooses among them: of two at random the one with fewer
/// calls in flight (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
class Router {
 public:
  using Tried = std::vector<NodeId>;

  explicit Router(Rng& rng, RouterOptions options = {}) : rng_(rng), options_(options) {}

  /// Whether `name` has a route that is fresh enough.
  bool knows(const std::string& name, TimePoint now) const;
  /// The answer of a find. None of them forgets the name.
  void learn(const std::string& name, ring::Contacts instances, TimePoint now);
  void forget(const std::string& name) { routes_.erase(name); }

  /// An instance of `name` that is not in `tried`; nothing when there is none. Ejected nodes are
  /// chosen only when no other is left.
  std::optional<ring::Contact> choose(const std::string& name, const Tried& tried, TimePoint now);

  /// A call was given to a node, and answered or lost.
  void began(const NodeId& node) { ++nodes_[node].in_flight; }
  void ended(const NodeId& node, TimePoint now);
  /// It could not be reached, or went away with a call.
  void eject(const NodeId& node, TimePoint now);

  /// Whether a call that failed like that may be sent to another instance. Sent twice it must not
  /// run twice, unless its method is idempotent (RFC 9110 section 9.2.2).
  bool may_retry(CallFailure failure, std::string_view method, size_t attempts) const;

  size_t route_count() const { return routes_.size(); }
  size_t in_flight(const NodeId& node) const;

 private:
  struct Route {
    ring::Contacts instances;
    TimePoint learned;
  };
  struct NodeState {
    size_t in_flight = 0;
    TimePoint ejected_until{};
  };
  bool is_ejected(const NodeId& node, TimePoint now) const;
  void make_room();

  Rng& rng_;
  RouterOptions options_;
  std::unordered_map<std::string, Route> routes_;
  std::unordered_map<NodeId, NodeState, RingIdHash> nodes_;
};

bool is_idempotent(std::string_view method);

}  // namespace themis
