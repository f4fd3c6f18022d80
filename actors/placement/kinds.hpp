#pragma once
// The kinds of native actors that can be placed in an enclave process, by name.

#include <caf/actor.hpp>
#include <functional>
#include <map>
#include <string>

#include "actors/system/reactor.hpp"
#include "runtime/base/error.hpp"

namespace themis {

/// Starts one actor of a kind under `name`, pinned to or hosted on `reactor`. Reactor thread.
using KindFactory = std::function<Result<caf::actor>(Reactor& reactor, const std::string& name)>;
using Kinds = std::map<std::string, KindFactory, std::less<>>;

/// "probe": answers Probe with Confinement, for tests and status. Others: state_kinds().
Kinds built_in_kinds();

}  // namespace themis
