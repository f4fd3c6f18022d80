#pragma once
// A node of a test's mesh that keeps state, its monitors in this process.

#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/monitor/state_router.hpp"
#include "actors/placement/placement.hpp"
#include "tests/unit/services/mesh.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::testing {

/// A state and a router beside a node, as the root of a process has them. The node outlives it.
class StateNode {
 public:
  StateNode(System& system, MeshNode& node, const StateAccess& access = {}) : node_(node) {
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.merge(state_kinds());
    StateOptions options;
    options.data = directory_.path();
    options.start_place = [&reactor = node.reactor(), place] {
      return spawn_place({.reactor = &reactor}, place);
    };
    options.epoch = 20ms;
    state_ = caf::actor_cast<caf::actor>(system.caf().spawn<StateActor>(options));
    node.in_loop([this, &access] {
      router_ = spawn_pinned<StateRouter>(node_.reactor(), state_, access);
      node_.exports().add(kStateRouterName, caf::actor_cast<caf::strong_actor_ptr>(router_));
      caf::anon_send(router_, UseNode{node_.node(), node_.contact()});
    });
  }
  ~StateNode() {
    node_.in_loop([this] { node_.exports().remove(Exports::target_of(kStateRouterName)); });
    node_.end(router_);
    node_.end(state_);
  }
  StateNode(const StateNode&) = delete;
  StateNode& operator=(const StateNode&) = delete;
  const caf::actor& router() const { return router_; }

 private:
  storage::TemporaryDirectory directory_;
  MeshNode& node_;
  caf::actor state_, router_;
};

}  // namespace themis::testing
