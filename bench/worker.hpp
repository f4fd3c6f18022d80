#pragma once
// Function workers: calls through the sandbox border, cold starts, memory of an isolate, process
// starts.

#include "bench/options.hpp"

namespace themis::bench {

/// Starts real function hosts from the files beside this build's programs. Fields:
/// warm_call_p50_us, warm_call_p99_us, calls_per_s, handler_cpu_p50_us, cold_p50_us, cold_p99_us
/// (install and first call of a function never seen), cold_cpu_p50_us, cold_cpu_p99_us (of that the
/// CPU time: the rest waited for a core), cold_crowd_p50_us, cold_crowd_p99_us (one
/// right after the other, with no isolate made ahead), isolate_kb (called once), idle_isolate_kb
/// (and at rest), idle_per_gib (how many of these 1 GiB holds), functions and functions_host_mb
/// (all of these, each called: the private memory of their host, which keeps functions_loaded of
/// them), idle_host_mb and idle_host_per_gib (the same at rest; functions in 1 GiB with all that
/// their process has besides), spawn_worker_p50_ms (launch to the first answer of a call). Ends the
/// program with 1 when a function host cannot be started.
Figures measure_worker(const Options& options);

}  // namespace themis::bench
