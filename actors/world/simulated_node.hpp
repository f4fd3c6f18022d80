#pragma once
// One machine of a simulated mesh and the process that runs on it: the real node actor with its
// users, on a reactor of virtual time.

#include <memory>
#include <vector>

#include "actors/system/system.hpp"
#include "actors/world/caller_actor.hpp"
#include "actors/world/colluders.hpp"

namespace themis::world {

/// The same for all nodes of a mesh.
struct MeshSettings {
  uint16_t port = 7001;
  size_t names = 0;  ///< That the callers announce and find.
  ring::RingOptions ring;
  SessionTimes sessions;
};

/// The host outlives all processes that run on it, as does the identity, which is all that its disk
/// has. One thread.
class SimulatedNode {
 public:
  SimulatedNode(System& system, sim::World& world, Ledger& ledger, const MeshSettings& settings,
                uint32_t slot);
  ~SimulatedNode();
  SimulatedNode(const SimulatedNode&) = delete;
  SimulatedNode& operator=(const SimulatedNode&) = delete;

  /// Starts a process; with a `fresh` identity it is another node. Only when none runs.
  void start(std::vector<net::Address> bootstrap, bool fresh);
  /// Ends the process in the middle of whatever it does.
  void crash(sim::Crash how);
  /// Asks the node to leave the ring and ends the process when it has: within kLeaveMax.
  void leave();
  static constexpr Duration kLeaveMax = 2s;
  /// From now on, over restarts too, it is one of `colluders`, which outlive it. It runs.
  void turn_hostile(ring::Colluders& colluders);
  bool is_hostile() const { return colluders_ != nullptr; }

  /// A process runs that has not been asked to leave.
  bool serves() const { return process_ != nullptr && !leaving_; }
  bool runs() const { return process_ != nullptr; }
  NodeActor& node() const;
  CallerActor& caller() const;
  sim::Host& host() const { return host_; }
  const net::Address& address() const { return address_; }
  uint32_t slot() const { return slot_; }

 private:
  struct Process;
  void stand_in();
  void finish_leaving(uint64_t life);
  void end_process();

  System& system_;
  sim::World& world_;
  Ledger& ledger_;
  const MeshSettings& settings_;
  uint32_t slot_;
  sim::Host& host_;
  net::Address address_;
  std::unique_ptr<wire::Identity> identity_;
  std::unique_ptr<Process> process_;
  ring::Colluders* colluders_ = nullptr;
  uint64_t life_ = 0;
  bool leaving_ = false;
  caf::strong_actor_ptr leaked_;  ///< For Sabotage::leak only.
};

}  // namespace themis::world
