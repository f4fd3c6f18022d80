#pragma once
// Actors that run on the scheduler's pool whoever sends to them.

#include <caf/event_based_actor.hpp>

namespace themis {

/// CAF runs a receiver on its sender's execution unit, which may be a reactor; this one is always
/// handed to the pool, so its handlers may wait for a disk or compute for long.
class PoolActor : public caf::event_based_actor {
 public:
  using caf::event_based_actor::event_based_actor;

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) final;
  void enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message message,
               caf::execution_unit*) final;
};

}  // namespace themis
