#include "actors/world/simulated_mesh.hpp"

#include <caf/all.hpp>
#include <cmath>
#include <numeric>

namespace themis::world {

SimulatedMesh::SimulatedMesh(uint64_t seed, size_t nodes, MeshSettings settings)
    : settings_(settings), world_(seed), ledger_(world_) {
  THEMIS_ASSERT(nodes > 0, "a mesh has a node");
  for (size_t slot = 0; slot < nodes; ++slot)
    nodes_.push_back(std::make_unique<SimulatedNode>(system_, world_, ledger_, settings_,
                                                     static_cast<uint32_t>(slot)));
}

SimulatedMesh::~SimulatedMesh() = default;

void SimulatedMesh::start(size_t slot, bool fresh) {
  std::vector<net::Address> bootstrap;
  if (slot != 0) {
    bootstrap.push_back(nodes_[0]->address());
    const size_t other = world_.rng().below(nodes_.size());
    if (other != 0 && other != slot) bootstrap.push_back(nodes_[other]->address());
  }
  nodes_[slot]->start(std::move(bootstrap), fresh);
}

void SimulatedMesh::corrupt(double share) {
  colluders_.set_victim(nodes_[0]->node().ring().table().self().id);
  for (const size_t slot : draw_slots(share)) nodes_[slot]->turn_hostile(colluders_);
}

std::vector<size_t> SimulatedMesh::draw_slots(double share) {
  std::vector<size_t> slots(nodes_.size() - 1);
  std::iota(slots.begin(), slots.end(), size_t{1});
  const auto count = std::min(
      slots.size(), static_cast<size_t>(std::lround(share * static_cast<double>(nodes_.size()))));
  for (size_t n = 0; n < count; ++n)
    std::swap(slots[n], slots[n + world_.rng().below(slots.size() - n)]);
  slots.resize(count);
  return slots;
}

std::vector<NodeId> SimulatedMesh::acceptable(const ring::Members& members,
                                              const ring::Point& target) const {
  const NodeId& first = ring::responsible_member(members, target).id;
  size_t at = 0;
  while (members[at]->self().id != first) ++at;
  std::vector<NodeId> out{first};
  for (size_t passed = 1; passed < members.size() && colluders_.contains(out.back()); ++passed)
    out.push_back(members[(at + passed) % members.size()]->self().id);
  return out;
}

ring::Members SimulatedMesh::members() const {
  ring::Members members;
  for (const auto& node : nodes_)
    if (node->serves()) members.push_back(&node->node().ring().table());
  ring::sort_members(members);
  return members;
}

std::string SimulatedMesh::not_ideal() const {
  for (const auto& node : nodes_)
    if (node->serves() && node->node().ring().state() != ring::Ring::State::joined)
      return "node " + std::to_string(node->slot()) + " has not joined";
  return ring::not_ideal(members(), settings_.ring.successors);
}

std::string SimulatedMesh::sessions_disagree() const {
  std::map<NodeId, const SimulatedNode*> by_id;
  for (const auto& node : nodes_)
    if (node->serves()) by_id.emplace(node->node().ring().table().self().id, node.get());
  for (const auto& [id, node] : by_id) {
    std::set<NodeId> peers;
    for (const SessionActor* session : node->node().peers().sessions()) {
      if (session->state() != SessionActor::State::open) continue;
      const std::string pair = id.brief() + " and " + session->peer().brief();
      if (!peers.insert(session->peer()).second) return pair + " have two sessions in use";
      const auto other = by_id.find(session->peer());
      if (other == by_id.end()) return pair + " have a session, but the other is gone";
      if (other->second->node().peers().find(id) == nullptr)
        return pair + " have a session of which the other knows nothing";
    }
  }
  return {};
}

void SimulatedMesh::check_lists() {
  for (const auto& node : nodes_) {
    if (!node->serves()) continue;
    const std::string broken = ring::broken_list(node->node().ring().table());
    if (!broken.empty()) ledger_.violate(broken);
  }
}

void SimulatedMesh::stop() {
  // The last ones have nobody left to hand over to; all at once is the harder case.
  for (const auto& node : nodes_)
    if (node->serves()) node->leave();
  const auto all_gone = [this] {
    return std::none_of(nodes_.begin(), nodes_.end(),
                        [](const auto& node) { return node->runs(); });
  };
  if (!world_.run_until(all_gone, 2 * SimulatedNode::kLeaveMax))
    ledger_.violate("some nodes did not end");
  if (const size_t actors = system_.caf().registry().running(); actors != 0)
    ledger_.violate(std::to_string(actors) + " actors still run after the last node");
}

}  // namespace themis::world
