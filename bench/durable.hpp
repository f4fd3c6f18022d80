#pragma once
// The verified store on disk: commits, checkpoints, and how long a restart takes.

#include "bench/options.hpp"

namespace themis::bench {

/// A million records of 8 bytes in the temporary directory, one thread; `cpu`: of this process,
/// else wall time. `put_per_s_N`: durable puts of warm records, N calls a commit; `commit_ms_N`:
/// the median time of one. `load`: of all records, in the order of the tree; `epoch_end` and
/// `checkpoint_all`: after a call of each; `checkpoint`: after the puts. `restart`: without a
/// journal; `replay`: what a journal of uniform puts adds.
Figures measure_durable(const Options& options);

}  // namespace themis::bench
