#pragma once
// Actor to actor through a real session over loopback TCP: round trips, echoes in flight, one-way
// messages.

#include "bench/options.hpp"

namespace themis::bench {

/// Two reactors on two threads, one identity each, `options.inflight` requests open; the raw socket
/// of the same run beside it.
Figures measure_session(const Options& options);

}  // namespace themis::bench
