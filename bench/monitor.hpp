#pragma once
// The verifier alone: its PRF, and recorded command streams played to one monitor thread.

#include "bench/options.hpp"

namespace themis::bench {

/// One thread's CPU time, the best of several rounds. `prf_*_m_per_s`: evaluations of 32 and 48
/// bytes; `*_m_ops_per_s`: verified operations of 8-byte keys and values, half gets, half puts.
Figures measure_monitor(const Options& options);

}  // namespace themis::bench
