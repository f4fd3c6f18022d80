#pragma once
// The way to a malicious node: its peers reach this actor where they mean its ring.

#include "actors/node/node_actor.hpp"
#include "actors/world/colluders.hpp"

namespace themis::world {

/// Exported in place of a node actor: says to the ring's questions what a colluder says, and hands
/// the others on to the node. The node itself, its sessions and what it asks are real.
class HostileActor final : public HostedActor {
 public:
  /// `types` and `colluders` outlive it; `node` has started.
  HostileActor(caf::actor_config& config, Reactor& reactor, const MessageTypes& types,
               ring::Colluders& colluders, HostedPtr<NodeActor> node)
      : HostedActor(config, reactor),
        types_(types),
        colluders_(colluders),
        node_(std::move(node)) {}
  void end() { quit(caf::exit_reason::normal); }
  const char* name() const override { return "hostile"; }

 private:
  void on_message(caf::mailbox_element& element) override;
  std::optional<Result<ring::Reply>> lie(const wire::FramePtr& frame);

  const MessageTypes& types_;
  ring::Colluders& colluders_;
  HostedPtr<NodeActor> node_;
};

}  // namespace themis::world
