#pragma once
// One entry of the routing table as an actor: the address under which others reach that node.

#include "actors/ring/contact.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

class NodeActor;

/// Hosted by its node: what it is sent goes to the contact's node actor, over the session there is
/// or a new one. Ends when the contact leaves the routing table. Its size is measured by
/// `themis-bench actors`.
class FingerActor final : public HostedActor {
 public:
  FingerActor(caf::actor_config& config, Reactor& reactor, NodeActor& node, ring::Contact contact)
      : HostedActor(config, reactor), node_(node), contact_(std::move(contact)) {}

  const ring::Contact& contact() const { return contact_; }
  /// Reactor thread.
  void end(const Error& why);
  const char* name() const override { return "finger"; }

 private:
  void on_message(caf::mailbox_element& element) override;

  NodeActor& node_;  ///< Ends its fingers before it ends.
  ring::Contact contact_;
};

}  // namespace themis
