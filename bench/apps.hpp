#pragma once
// The paper's Table 2: its applications on nodes of this machine, ours beside the paper's figures.

#include "bench/options.hpp"

namespace themis::bench {

/// "apps": a list of {name, startup_s (the median of starts_s), exec_s, throughput_per_s,
/// latency_s, duration_s, cpu_ms_per_request, failures}; for those of Table 2 also
/// {paper_startup_s, paper_exec_s, paper_throughput_per_s, paper_latency_s, paper_duration_s,
/// times_paper, times_paper_per_cpu_s: were a core its own}; with --plain also the first ones as
/// {plain_startup_s, ...} and what encryption costs: {overhead_percent (time for the same
/// requests), latency_overhead_percent: medians over blocks that take turns; startup_overhead_ms:
/// over starts that take turns; cpu_overhead_percent}; with --log also {record}, the
/// times of every request in microseconds. With all of the paper's applications, and not --local,
/// also the figures of remote_calls.hpp. Sealed and plain requests come from one run. Writes the
/// log. Prints why and ends the program when nodes, applications or requests fail.
Figures measure_apps(const Options& options);

/// The same as a table for people.
void print_apps(const Figures& figures);

}  // namespace themis::bench
