#pragma once
// What goes wrong in a simulated mesh, and when: all drawn from the world's seed.

#include <vector>

#include "actors/world/simulated_mesh.hpp"

namespace themis::world {

enum class Fault : uint8_t {
  latency,    ///< The whole network gets slow, up to seconds one way.
  slow_link,  ///< A link stalls for a while, one way.
  one_way,    ///< A node is heard by nobody, or hears nobody.
  partition,  ///< The mesh falls into two halves.
  reset,      ///< Connections break at random.
  refuse,     ///< Connects are refused at random.
  kill,       ///< A process dies; the machine resets its connections.
  vanish,     ///< A machine dies silently.
  leave,      ///< A node leaves properly.
  skew,       ///< A wall clock jumps.
};
inline constexpr size_t kFaults = static_cast<size_t>(Fault::skew) + 1;
/// "latency", "slow-link", ...: as above.
std::string_view name(Fault fault);

/// What a run is to have of them.
struct FaultPlan {
  /// Drawn from these; empty: from all.
  std::vector<Fault> only;
  /// Of the nodes, so many are replaced by others a minute besides: 0..1.
  double churn = 0;
};

/// Swarm testing (Groce et al., ISSTA 2012): each phase enables a random subset of the faults, as
/// one fault can hide another. One thread.
class FaultSchedule {
 public:
  /// Wall clocks are off by no more: records that live 90 s and are stored every 24 s survive it.
  static constexpr int64_t kSkewMsMax = 15'000;

  FaultSchedule(SimulatedMesh& mesh, FaultPlan plan)
      : mesh_(mesh), plan_(std::move(plan)), healthy_(mesh.world().faults()) {}

  /// Draws the faults of a phase and starts them.
  void begin();
  /// Ends all faults and starts every node that is down.
  void end();

 private:
  void schedule_next();
  void strike(Fault fault);
  void slow_down();
  void stall_link();
  void cut_node();
  void cut_half();
  void break_streams();
  void refuse_connects();
  void kill_one(sim::Crash how);
  void let_one_leave();
  void set_clock();
  void replace_next();
  void restart_later(size_t slot, Duration after);
  /// Runs `heal` after a random time of up to `most`, if the phase still lasts.
  void heal_later(Duration most, std::function<void()> heal);
  /// A random time of up to `most`.
  Duration random(Duration most);
  size_t pick();
  void note(uint32_t slot, uint64_t value, std::string_view what);

  SimulatedMesh& mesh_;
  const FaultPlan plan_;
  const sim::Faults healthy_;
  std::vector<Fault> enabled_;
  uint64_t phase_ = 0;
};

}  // namespace themis::world
