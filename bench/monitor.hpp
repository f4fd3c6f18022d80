#pragma once
// The verifier of state: its PRF, recorded command streams, and a store with its host in one
// thread.

#include "bench/options.hpp"

namespace themis::bench {

/// One thread's CPU time, the best of several rounds. `prf_*_m_per_s`: evaluations of 32 and 48
/// bytes; `*_m_ops_per_s`: verified operations of 8-byte keys and values, half gets, half puts;
/// `store_1m_*`: a million records through the host: first writes, calls, and what one epoch's end
/// costs for records that stay in the deferred set or go to the tree.
Figures measure_monitor(const Options& options);

}  // namespace themis::bench
