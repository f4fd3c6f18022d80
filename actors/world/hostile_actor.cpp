#include "actors/world/hostile_actor.hpp"

#include <caf/all.hpp>

#include "actors/ring/ring_codec.hpp"

namespace themis::world {

std::optional<Result<ring::Reply>> HostileActor::lie(const wire::FramePtr& frame) {
  const Result<ring::Question> question = ring::decode_question(frame);
  if (!question) return std::nullopt;
  return colluders_.answer(node_->ring().table().self().id, *question, reactor_.loop().wall_ms());
}

/// The only error of a colluder is silence: the asker waits for its timeout, and cancels then.
void HostileActor::on_message(caf::mailbox_element& element) {
  const wire::FramePtr* frame = types_.frame_of(element.content());
  if (frame == nullptr) return;
  const auto said = lie(*frame);
  if (!said) {
    node_.strong()->enqueue(element.sender, element.mid, element.move_content_to_message(),
                            &reactor_);
  } else if (*said) {
    reply(element, types_.message_of(ring::encode(**said)));
  }
}

}  // namespace themis::world
