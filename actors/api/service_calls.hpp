#pragma once
// Calling a service by its name from an actor: find its instances, reach one, ask it.

#include <caf/event_based_actor.hpp>
#include <unordered_map>

#include "actors/node/node_api.hpp"
#include "runtime/base/rng.hpp"
#include "themis/service.hpp"

namespace themis {

/// A service called `name` is announced on the ring, and exported by its node, under this name.
std::string service_name(const std::string& name);

/// Member of an event-based actor; its thread only.
class ServiceCalls {
 public:
  /// Found instances are used for so long before the ring is asked again.
  static constexpr Duration kFoundFor = 2s;
  static constexpr size_t kNamesMax = 4096;

  ServiceCalls(caf::event_based_actor& self, caf::actor node)
      : self_(self), node_(std::move(node)) {}

  /// Asks one instance, chosen at random; another one when nothing could be sent to it. `then` is
  /// called once, or destroyed by stop().
  void call(const std::string& name, wire::FramePtr params, Answer then);

  /// Drops what waits. Called when the actor exits: what waits holds promises, and those hold the
  /// actor.
  void stop() { std::exchange(calls_, {}).clear(); }

 private:
  struct Found {
    ring::Records records;
    TimePoint at;
  };
  struct Call {
    std::string name;
    wire::FramePtr params;
    Answer then;
    ring::Records left;  ///< Instances not tried yet.
  };

  void try_next(uint64_t id);
  void ask(uint64_t id, const caf::actor& instance);
  void finish(uint64_t id, Result<wire::FramePtr> outcome);

  caf::event_based_actor& self_;
  caf::actor node_;
  std::unordered_map<std::string, Found> found_;
  std::unordered_map<uint64_t, Call> calls_;
  uint64_t last_call_ = 0;
  SystemRng rng_;
};

}  // namespace themis
