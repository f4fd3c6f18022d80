#pragma once
// The state's keeper without its monitors, to be measured beside it.

#include "actors/monitor/state_keeper.hpp"

namespace themis::bench {

/// Answers as a StateKeeper, from the same index and with the same journal, synced as often: what
/// it has not is what makes a store verified, the command log, the monitors and the seal. Detached.
caf::actor spawn_plain_keeper(caf::actor_system& system, const StateKeeperOptions& options);

}  // namespace themis::bench
