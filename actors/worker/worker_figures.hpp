#pragma once
// What functions take of memory: asked of the processes when somebody looks, never on the way of a
// call.

#include <caf/actor.hpp>
#include <vector>

#include "actors/worker/function_codec.hpp"

namespace themis {

class Reactor;

/// A host that is busy is not waited for longer.
inline constexpr Duration kMeasureMax = 250ms;
/// Takes one MeasureFunctions, asks all `processes` (WorkerProcess) at once, answers with the sum
/// of what they say within kMeasureMax, and ends.
caf::actor spawn_use_gatherer(Reactor& reactor, std::vector<caf::actor> processes);

}  // namespace themis
