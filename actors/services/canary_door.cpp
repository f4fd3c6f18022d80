#include "actors/services/canary_door.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "rpc.capnp.h"

namespace themis {

void CanaryDoor::on_message(caf::mailbox_element& element) {
  const auto pass_on = [&](caf::message message) {
    // The answer goes to who asked.
    caf::actor_cast<caf::strong_actor_ptr>(functions_)
        ->enqueue(element.sender, element.mid, std::move(message), &reactor_);
  };
  const auto& content = element.content();
  if (!functions_)
    return reply(element, caf::make_message(to_caf({Code::not_hosted, "this node ends"})));
  if (content.match_elements<InvokeMsg>())
    return pass_on(caf::make_message(CallCanary{content.get_as<InvokeMsg>(0)}));
  if (content.match_elements<CancelRequest>())
    return pass_on(caf::make_message(content.get_as<CancelRequest>(0)));
  using Echo = wire::Msg<schema::Echo>;
  if (content.match_elements<Echo>()) return pass_on(caf::make_message(content.get_as<Echo>(0)));
  reply(element, caf::make_message(to_caf({Code::invalid, "canaries take Invoke only"})));
}

void CanaryDoor::on_exit(const caf::error& reason) {
  functions_ = nullptr;
  quit(reason);
}

}  // namespace themis
