#pragma once
// The actor system by itself: messages, requests, spawning, the size of a finger entry, the time of
// a restart.

#include "bench/options.hpp"

namespace themis::bench {

/// What `themis-bench actors` prints. `options.seconds` is shared by the timed parts. Field names
/// that the specification fixes: messages_per_s and request_per_s (one message under way, two
/// actors on one reactor), spawn_per_s and bytes_per_actor (finger entries), restart_p99_us (kill
/// to the replacement's answer, no back-off).
Figures measure_actors(const Options& options);

}  // namespace themis::bench
