#pragma once
// Bodies that travel bit by bit between the actors of a process. Whoever reads one asks its node's
// FlowHub for each part, wherever the source is; so nothing piles up on the way.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <optional>

#include "actors/flows/flow_codec.hpp"
#include "actors/system/message_types.hpp"
#include "wire/ids.hpp"

namespace themis {

/// The name under which a node exports its hub to peers, and to its function hosts those who ask
/// there for them.
inline constexpr const char* kFlowsActorName = "flows";

/// To the hub, one-way, before the number is told to anybody: `source` takes TakePart and DropPart
/// for it until EndFlow. Past kFlowsMax it is not kept: its reader is told that there is none.
struct OfferFlow {
  FlowId flow = 0;
  caf::actor source;
  std::optional<NodeId> reader;  ///< Nothing: whoever was told the number.
};
/// To the hub, one-way, from the source.
struct EndFlow {
  FlowId flow = 0;
  bool of_request = false;  ///< Its body; else an answer's.
  uint64_t bytes = 0;       ///< That were given out.
};
/// To the hub: the next part of a flow of `node` (nothing: of this one). -> BodyPartMsg. One at a
/// time. Errors: not_found (no such flow), unavailable (the node, or the session with it, is gone),
/// what ended the body early.
struct ReadFlow {
  std::optional<NodeId> node;
  FlowId flow = 0;
};
/// To the hub, one-way, from the reader: nobody reads it any more.
struct LeaveFlow {
  std::optional<NodeId> node;
  FlowId flow = 0;
};
/// To the hub. -> FlowCounts.
struct CountFlows {};
struct FlowCounts {
  size_t open = 0;             ///< Offered here, now.
  uint64_t offered = 0;        ///< Since the start, as the rest.
  uint64_t refused = 0;        ///< Not kept: there were kFlowsMax.
  uint64_t parts = 0;          ///< Asked for, here or by other nodes.
  uint64_t unknown = 0;        ///< Of these, of bodies that are over or not the asker's.
  uint64_t request_bytes = 0;  ///< Of bodies that are over.
  uint64_t answer_bytes = 0;   ///< The same.
};
/// To a source. -> BodyPartMsg, within js::kPollMax.
struct TakePart {
  FlowId flow = 0;
};
/// To a source, one-way: nobody reads it any more.
struct DropPart {
  FlowId flow = 0;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OfferFlow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndFlow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReadFlow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::LeaveFlow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CountFlows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FlowCounts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::TakePart)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DropPart)
