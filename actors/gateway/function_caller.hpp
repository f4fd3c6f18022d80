#pragma once
// Calling a function wherever it runs: find its instances, choose one, ask it, and another one when
// that is safe.

#include <caf/event_based_actor.hpp>
#include <unordered_map>

#include "actors/gateway/invocation.hpp"
#include "actors/gateway/router.hpp"
#include "runtime/net/loop.hpp"

namespace themis {

/// A call on its way, as its caller gave it.
struct FunctionCall {
  CallTarget target;
  std::string method;
  InvokeMsg invoke;
  TimePoint deadline;
};

/// Part of the gateway actor; its thread only. A call whose route is cached costs one request to
/// the instance's proxy and nothing on the ring.
class FunctionCaller {
 public:
  /// Calls under way; each holds a request of up to 1 MB.
  static constexpr size_t kCallsMax = 4096;

  struct Answer {
    OutcomeMsg outcome;
    NodeId node;  ///< Who computed it, or failed.
  };
  /// Called once. Errors: not_found (no such function), unavailable, overloaded, timeout; the
  /// function's own.
  using Then = std::function<void(Result<Answer>)>;

  struct Counters {
    uint64_t calls = 0;
    uint64_t retries = 0;
    uint64_t finds = 0;     ///< Calls that asked the ring first.
    uint64_t replaced = 0;  ///< Functions placed anew because no instance was left.
    uint64_t failures = 0;
  };

  FunctionCaller(caf::event_based_actor& actor, const net::Loop& loop, Rng& rng, caf::actor node,
                 caf::actor functions)
      : actor_(actor),
        loop_(loop),
        router_(rng),
        node_(std::move(node)),
        functions_(std::move(functions)) {}

  void call(FunctionCall call, Then then);
  /// A function was deployed or removed here: its route is old.
  void forget(const std::string& ring_name) { router_.forget(ring_name); }
  /// A proxy ended.
  void on_down(const caf::actor_addr& proxy);
  /// The gateway ends: no call is answered any more, no actor is held.
  void stop();

  const Counters& counters() const { return counters_; }
  size_t open_calls() const { return open_.size(); }
  size_t route_count() const { return router_.route_count(); }

 private:
  struct Open {
    FunctionCall call;
    Then then;
    std::string name;  ///< On the ring.
    Router::Tried tried;
    bool fresh = false;     ///< The ring was asked for this call.
    bool replaced = false;  ///< Placing anew was asked for this call.
    Error last{Code::not_found, ""};
  };

  void find(uint64_t id);
  void found(uint64_t id, ring::Contacts instances);
  void try_next(uint64_t id);
  void no_instance(uint64_t id);
  void place_anew(uint64_t id);
  void reach(uint64_t id, const ring::Contact& instance);
  void ask(uint64_t id, const NodeId& node, const caf::actor& proxy);
  void failed(uint64_t id, const NodeId& node, CallFailure failure, Error error);
  void finish(uint64_t id, Result<Answer> answer);

  caf::event_based_actor& actor_;
  const net::Loop& loop_;
  Router router_;
  caf::actor node_;
  caf::actor functions_;
  std::unordered_map<uint64_t, Open> open_;
  std::unordered_map<NodeId, caf::actor, RingIdHash> proxies_;
  uint64_t last_id_ = 0;
  Counters counters_;
};

}  // namespace themis
