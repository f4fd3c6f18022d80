#pragma once
// Batches to monitors in a process of their own and results back, in messages and over shared
// memory.

#include "bench/options.hpp"

namespace themis::bench {

/// `batches_*`: MB of commands a second, and CPU nanoseconds a byte of this process and of the
/// monitors'; `results_*`: the same of the results, a megabyte in each commit. Each is
/// `..._messages` and `..._shared`, measured in turn. `monitor_ns_per_byte_*`: what the commands
/// cost the monitor, alone, which is in the figures of its process.
Figures measure_batches(const Options& options);

}  // namespace themis::bench
