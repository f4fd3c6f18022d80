#pragma once
// Verified state through its actors, beside a plain map behind the same messages.

#include "bench/options.hpp"

namespace themis::bench {

/// `verified_ops_per_s`, `unverified_ops_per_s`, their `ratio`; `*_ops_per_cpu_s`: per second of
/// CPU time of this process, where the client and the host are, and with --local the monitors;
/// `epoch_latency_p50_ms`, `_p99_ms`: from an epoch's end to its certificate;
/// `monitor_entries_per_s`: calls that one monitor replays, alone, per second of its thread's CPU.
Figures measure_state(const Options& options);

}  // namespace themis::bench
