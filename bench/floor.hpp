#pragma once
// The floor under every session: the same bytes over a raw loopback socket, two threads, nothing
// else.

#include "bench/options.hpp"

namespace themis::bench {

struct Floor {
  double rtt_p50_us = 0;
  double one_way_per_s = 0;
};

/// Ping-pong, then one way, of `options.bytes` messages between two epoll threads over loopback TCP
/// with TCP_NODELAY.
Floor measure_floor(const Options& options);

}  // namespace themis::bench
