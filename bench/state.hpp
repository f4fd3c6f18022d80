#pragma once
// Verified state through its actors, beside the same store without its monitors.

#include "bench/options.hpp"

namespace themis::bench {

/// `verified_ops_per_s`, `unverified_ops_per_s`, their `ratio`; `*_ops_per_cpu_s` and `cpu_ratio`:
/// per second of CPU time of this process, where client and host are, and of the monitors' process
/// together; `node_ns_per_op` and `monitors_ns_per_op`: of each of the two. `epoch_latency_p50_ms`,
/// `_p99_ms`: from an epoch's end to its certificate; `monitor_entries_per_s`: calls that one
/// monitor replays, alone, per second of its thread's CPU. Not verified is what
/// spawn_plain_keeper() keeps behind the same actors and messages.
Figures measure_state(const Options& options);

}  // namespace themis::bench
