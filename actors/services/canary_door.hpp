#pragma once
// Where peers call the canaries of a node.

#include "actors/services/service_codec.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

/// To the function service of this process: a call for a function's canary. Answered as its
/// Msg<Invoke>.
struct CallCanary {
  InvokeMsg invoke;
};

/// Passes calls on to the function service as calls of canaries, and everything else as it is: who
/// is called is said by whom is asked, so that a call may go to either version without being
/// written anew. Ends with the service.
class CanaryDoor final : public HostedActor {
 public:
  CanaryDoor(caf::actor_config& config, Reactor& reactor, caf::actor functions)
      : HostedActor(config, reactor), functions_(std::move(functions)) {}
  const char* name() const override { return "canaries"; }

 private:
  void on_message(caf::mailbox_element& element) override;
  void on_exit(const caf::error& reason) override;

  caf::actor functions_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallCanary)
