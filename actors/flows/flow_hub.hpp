#pragma once
// Where the bodies are read that the actors of a node offer, from here and from other nodes.

#include <map>
#include <unordered_map>

#include "actors/flows/flow_api.hpp"
#include "actors/node/node_api.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

/// Takes the messages of flow_api.hpp, and from peers Pull and DropFlow. UseNode says through which
/// node others are reached. What it passes on is answered by the source itself. Pinned to the
/// node's reactor.
class FlowHub final : public PinnedActor {
 public:
  explicit FlowHub(caf::actor_config& config) : PinnedActor(config) {}
  const char* name() const override { return kFlowsActorName; }
  void on_exit() override;

 private:
  struct Flow {
    caf::actor source;
    std::optional<NodeId> reader;
  };

  caf::behavior make_behavior() override;
  void offer(const OfferFlow& offer);
  void end(const EndFlow& over);
  caf::result<caf::message> read(const ReadFlow& read);
  void leave(const LeaveFlow& leave);
  caf::result<caf::message> pull(const PullMsg& message);
  void drop(const DropFlowMsg& message);
  /// Null: no such flow for this reader.
  const Flow* find(FlowId flow, const NodeId* reader) const;
  caf::result<caf::message> take(FlowId flow, const NodeId* reader);
  template <class Then, class Failed>
  void reach(const NodeId& node, Then then, Failed failed);
  bool is_elsewhere(const std::optional<NodeId>& node) const { return node && *node != self_.id; }

  std::unordered_map<FlowId, Flow> flows_;
  FlowCounts counts_;                          ///< But for `open`.
  std::map<caf::actor_addr, size_t> sources_;  ///< Flows of each.
  caf::actor node_;
  ring::Contact self_;
};

}  // namespace themis
