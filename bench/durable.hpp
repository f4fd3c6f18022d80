#pragma once
// The verified store on disk: commits, checkpoints, and how long a restart takes.

#include "bench/options.hpp"

namespace themis::bench {

/// A million records of 8 bytes in the temporary directory, one thread, wall time unless `cpu`.
/// `put_per_s_N`: durable puts, N calls a commit; `commit_ms_N`: the median time of one.
/// `checkpoint_…`: of all records, and again of those that the puts changed.
/// `restart_s`: per million records, without a journal; `replay_m_calls_per_s`: what a journal
/// adds.
Figures measure_durable(const Options& options);

}  // namespace themis::bench
