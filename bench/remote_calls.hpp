#pragma once
// A null remote call, function to function across nodes, as the calling function measures it.

#include "apps/themis/commands.hpp"
#include "bench/options.hpp"

namespace themis::bench {

/// {remote_call_p50_us, remote_call_p99_us, remote_call_cpu_us: of all processes, remote_calls}.
/// Starts a mesh of its own, of three nodes. Errors: as AppsMesh.
cli::Maybe<Figures> measure_remote_calls();

}  // namespace themis::bench
