#pragma once
// Finding and storing where the object is: what one core of a node answers, without the network.

#include "bench/options.hpp"

namespace themis::bench {

/// Ring::answer of a ring that keeps 100,000 objects of 100 providers, each with 1,000 records
/// under one signature. CPU time of one thread; `options.seconds` for each part. Fields: objects,
/// find_local_per_s (GetObject), store_local_per_s (Store of the next refresh, each record verified
/// against its signature), verify_per_s, signatures_checked (in all stores).
Figures measure_find_local(const Options& options);

}  // namespace themis::bench
