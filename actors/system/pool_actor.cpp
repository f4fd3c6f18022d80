#include "actors/system/pool_actor.hpp"

#include <caf/all.hpp>

namespace themis {

void PoolActor::enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) {
  caf::event_based_actor::enqueue(std::move(element), nullptr);
}

void PoolActor::enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message message,
                        caf::execution_unit*) {
  enqueue(caf::make_mailbox_element(std::move(from), id, {}, std::move(message)), nullptr);
}

}  // namespace themis
