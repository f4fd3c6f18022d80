#pragma once
// Starts actors of registered kinds under a supervisor of its own: the root actor of an enclave
// process, and the same thing for actors placed in the node's own process.

#include <unordered_map>

#include "actors/peer/exports.hpp"
#include "actors/placement/kinds.hpp"
#include "actors/placement/placement.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "enclave.capnp.h"

namespace themis {

/// Answers SpawnActor with the actor and Msg<schema::Spawn> with Msg<schema::Spawned>, its number
/// among `exports`. What it started it does not start again: whoever asked learns of the end and
/// decides. An exit message ends all of them, then itself.
class Spawner final : public PinnedActor {
 public:
  /// `exports` may be null: then nobody outside can ask. It outlives the actor.
  Spawner(caf::actor_config& config, Kinds kinds, Exports* exports);
  const char* name() const override { return "spawner"; }
  void on_exit() override;

 private:
  caf::behavior make_behavior() override;
  caf::result<caf::actor> spawn_local(const SpawnActor& ask);
  caf::result<wire::Msg<schema::Spawned>> spawn_exported(const wire::Msg<schema::Spawn>& message);
  /// Asks the supervisor; `then` gets the actor or why there is none.
  void spawn(const SpawnActor& ask, std::function<void(Result<caf::actor>)> then);
  void on_down(const caf::down_msg& down);

  const Kinds kinds_;
  Exports* const exports_;
  caf::actor supervisor_;
  std::unordered_map<caf::actor_addr, wire::Target> targets_;
};

}  // namespace themis
