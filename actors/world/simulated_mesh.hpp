#pragma once
// A whole mesh in one thread: real nodes with real sessions on one seeded world.

#include <memory>
#include <vector>

#include "actors/world/ring_check.hpp"
#include "actors/world/simulated_node.hpp"

namespace themis::world {

/// Same seed, same settings and same calls: same run, to the last byte on the wire.
class SimulatedMesh {
 public:
  SimulatedMesh(uint64_t seed, size_t nodes, MeshSettings settings);
  ~SimulatedMesh();

  sim::World& world() { return world_; }
  Ledger& ledger() { return ledger_; }
  const MeshSettings& settings() const { return settings_; }
  size_t size() const { return nodes_.size(); }
  SimulatedNode& node(size_t slot) { return *nodes_[slot]; }

  /// Starts the process of a slot. Slot 0 has no bootstrap, ever: it starts a ring of its own, as
  /// the first node of a mesh does whenever it is restarted. The others know it and one more.
  void start(size_t slot, bool fresh);
  /// From now on a share of the nodes, drawn, colludes; never the first, through which nodes join.
  /// All run.
  void corrupt(double share);
  /// Different slots, drawn: this share of all, never the first.
  std::vector<size_t> draw_slots(double share);
  /// Who may be named for `target`: who is responsible, and while that one is malicious, who
  /// follows. `members`: sorted, not empty.
  std::vector<NodeId> acceptable(const ring::Members& members, const ring::Point& target) const;
  const ring::Colluders& colluders() const { return colluders_; }
  /// The tables of all nodes that serve, sorted.
  ring::Members members() const;
  /// All nodes that serve have joined and form the perfect ring; else what is wrong.
  std::string not_ideal() const;
  /// Of any two nodes both have one session in use with the other or none has; nobody has one with
  /// a node that is gone. Empty, or what is wrong.
  std::string sessions_disagree() const;
  /// Violates the ledger when a node's lists are broken.
  void check_lists();
  /// Makes every node leave and checks that nothing is left: no process, no connection.
  void stop();

 private:
  MeshSettings settings_;
  System system_{System::Scheduling::virtual_time};
  sim::World world_;
  Ledger ledger_;
  ring::Colluders colluders_{world_.rng()};
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
};

}  // namespace themis::world
