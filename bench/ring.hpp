#pragma once
// The ring at work: finds and stores between real nodes over sealed sessions, and how fast many
// nodes join.

#include "bench/options.hpp"

namespace themis::bench {

/// `options.nodes` nodes in one process; finds at full rate, then at half of it for the latency.
/// With `options.plain` the sealed rate of the same run beside it.
Figures measure_find(const Options& options);
/// `options.nodes` nodes join through one of them at once.
Figures measure_join(const Options& options);

}  // namespace themis::bench
