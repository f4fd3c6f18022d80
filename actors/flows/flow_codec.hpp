#pragma once
// The messages of a body that travels bit by bit, strictly parsed and bounded.

#include "function.capnp.h"
#include "runtime/base/rng.hpp"
#include "runtime/js/engine.hpp"
#include "wire/msg.hpp"

namespace themis {

/// Names a flow at its node: random, since whoever knows it may read. 0: none.
using FlowId = uint64_t;

using PullMsg = wire::Msg<schema::Pull>;
using BodyPartMsg = wire::Msg<schema::BodyPart>;
using DropFlowMsg = wire::Msg<schema::DropFlow>;

/// Longest part: a message of a WebSocket; bytes come in less.
inline constexpr size_t kPartBytesMax = 1 << 20;
/// Flows that one node offers, and that one function host reads or offers.
inline constexpr size_t kFlowsMax = 8192;
inline constexpr size_t kFlowsPerProcessMax = 1024;
/// A part comes within js::kPollMax; then the other side is gone.
inline constexpr Duration kPullMax = js::kPollMax + 10s;

FlowId new_flow_id(Rng& rng);

PullMsg encode_pull(FlowId flow, TimePoint deadline);
/// Errors of all decoders: malformed.
Result<FlowId> decode_pull(const PullMsg& message);
DropFlowMsg encode_drop_flow(FlowId flow);
Result<FlowId> decode_drop_flow(const DropFlowMsg& message);
BodyPartMsg encode_part(js::Part::Kind kind, ByteView data, uint16_t code = 0);
inline BodyPartMsg encode_part(const js::Part& part) {
  return encode_part(part.kind, part.data, part.code);
}
/// Errors: malformed (also a kind that is none), too_large.
Result<js::Part> decode_part(const BodyPartMsg& message);

}  // namespace themis
