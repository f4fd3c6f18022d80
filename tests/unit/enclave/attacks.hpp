#pragma once
// The attacks of Zeta's specification (section 5.1, by its numbers), each a run of a malicious host
// beside the same run of an honest one.

#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {

struct Attack {
  const char* number;  ///< In the specification's list; "+" for what follows from its checks.
  const char* name;
  Reason caught;  ///< By which check.
  /// What still catches it when that check is dropped; none: a wrong history is certified.
  Reason second;
  /// Plays the whole run until the epoch `epoch` is certified, with or without the attack.
  void (*play)(Words& world, bool attack);
  uint16_t threads = 1;
  uint32_t epoch = 0;
  /// A check that must be dropped as well for this one to be reached.
  Reason behind = Reason::none;
  bool clients_only = false;  ///< In the world that it is played in.
};

/// Attacks on the deferred set, time and the batches.
std::span<const Attack> deferred_attacks();
/// Attacks on slots, the tree and calls.
std::span<const Attack> merkle_attacks();
/// Attacks on who calls.
std::span<const Attack> client_attacks();

}  // namespace themis::monitor
