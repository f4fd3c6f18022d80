#include "actors/peer/proxy_actor.hpp"

#include <caf/all.hpp>

namespace themis {

void ProxyActor::on_message(caf::mailbox_element& element) {
  if (element.content().match_elements<CancelRequest>())
    return session_->cancel_request(element.content().get_as<CancelRequest>(0).frame);
  const wire::FramePtr* frame = session_->types().frame_of(element.content());
  if (frame == nullptr) {
    reply(element, caf::make_message(
                       to_caf({Code::invalid, "only wire messages travel to other processes"})));
  } else if (element.mid.is_request()) {
    session_->send_request(std::move(element.sender), element.mid, target_, *frame, nodes_);
  } else {
    session_->send_tell(target_, *frame, nodes_);
  }
}

}  // namespace themis
