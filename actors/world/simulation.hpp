#pragma once
// One seeded run of a mesh: phases of faults, each followed by a calm in which everything must be
// right again.

#include <string>

#include "actors/world/fault_schedule.hpp"

namespace themis::world {

struct SimulationOptions {
  uint64_t seed = 1;
  size_t nodes = 8;
  /// Virtual; at least kPhaseMin.
  Duration time = 600s;
  FaultPlan faults;
  ring::RingOptions ring;
  /// This share of the nodes colludes from the first ideal ring on (Colluders): 0..1. Then the ring
  /// need not become ideal in a calm, and wrong answers of the honest nodes' checks are counted
  /// only; that a find names who never provided is a broken promise still.
  double malicious = 0;
  /// This share of the nodes dies at once after each calm and stays away until names have been
  /// looked for: 0..1.
  double kill = 0;
  Sabotage sabotage = Sabotage::none;
  Ledger::Sink sink;  ///< Gets a line for each happening, when there is one.
};

/// What the checks of a run found.
struct CheckReport {
  size_t malicious = 0;  ///< Nodes.
  Tallies calm{};        ///< At the end of the calms.
  size_t killed = 0;     ///< Nodes, each time.
  Tallies soon{};        ///< Three update periods after the kill.
  Tallies later{};       ///< A refresh after that.
};

struct SimulationReport {
  uint64_t seed = 0;
  uint64_t hash = 0;
  Duration virtual_time{};
  Duration wall_time{};
  uint64_t events = 0;
  uint64_t faults = 0;
  uint64_t starts = 0;
  uint64_t finds_ok = 0;
  uint64_t finds_failed = 0;
  uint64_t lookups_ok = 0;
  uint64_t lookups_failed = 0;
  uint64_t calls_ok = 0;
  uint64_t calls_failed = 0;
  uint64_t reaches_failed = 0;
  CheckReport checks;
  Duration longest_find{};
  Duration longest_reach{};
  Duration longest_heal{};  ///< From the last fault to the ideal ring.
  std::string violation;    ///< Empty: all that was promised was kept.
};

/// After the last fault the ring is ideal within this.
inline constexpr Duration kHealMax = 60s;
/// After the last fault every record of the past has expired on every clock: its lifetime of three
/// refreshes, and what two clocks may differ by.
inline constexpr Duration kSettle = 130s;
/// All questions of a check are answered within this.
inline constexpr Duration kCheckMax = 60s;
/// The shortest phase: some faults, and the calm after them.
inline constexpr Duration kPhaseMin = kSettle + 30s;
/// Faults and calm alternate this often.
inline constexpr Duration kPhase = 300s;

/// Runs to the end or to the first broken promise. Sets the calling thread up for nothing, leaves
/// nothing behind; one run at a time in a thread.
SimulationReport simulate(const SimulationOptions& options);

}  // namespace themis::world
