#pragma once
// What a shard is given when it is made.

#include "enclave/host/key_index.hpp"

namespace themis::host {

struct ShardOptions {
  monitor::InstanceId instance{};
  uint16_t thread = 0;
  /// A power of two, at most 64; a record belongs to thread `place.path[0] % threads`.
  uint16_t threads = 1;
  /// As the monitor has them: 256 for a path made to be deep, and as many as threads above the
  /// tops.
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  /// Calls in one epoch after which a record stays in a slot as long as there is one.
  uint32_t hot_calls = 16;
  /// Of records, absent ones until they are cold: Shard::bytes(); a growing table is there twice.
  uint64_t bytes_max = uint64_t{4} << 30;
  /// Records that the end of one epoch may bring into the tree, and nodes that it may load for
  /// them, about 1 us each; what else is cold is carried on for a twentieth of that, and its turn
  /// comes: 1 M touched records in under 150 ms.
  uint32_t to_tree_max = 16'384;
  /// Random, and nobody who chooses keys knows it: they could make them meet in the index.
  IndexKey index_key{};
};

}  // namespace themis::host
