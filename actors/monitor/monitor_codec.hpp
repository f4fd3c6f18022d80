#pragma once
// What a host and its monitors tell each other, as messages.

#include <optional>

#include "actors/monitor/state_call.hpp"
#include "enclave/monitor/epochs.hpp"
#include "state.capnp.h"
#include "wire/msg.hpp"

namespace themis {

using OpenMonitorsMsg = wire::Msg<schema::OpenMonitors>;
using MonitorsOpenedMsg = wire::Msg<schema::MonitorsOpened>;
using MonitorBatchMsg = wire::Msg<schema::MonitorBatch>;
using VerifiedMsg = wire::Msg<schema::Verified>;
using AwaitEpochMsg = wire::Msg<schema::AwaitEpoch>;
using EpochCertifiedMsg = wire::Msg<schema::EpochCertified>;

using AskStateMsg = wire::Msg<schema::AskState>;
using StateAnsweredMsg = wire::Msg<schema::StateAnswered>;

struct MonitorShape {
  uint16_t threads = 1;
  uint32_t node_slots = 8'192;  ///< The upper 13 levels of the tree; 200 bytes each.
  uint32_t record_slots = 1'024;
};

OpenMonitorsMsg encode_open(const MonitorShape& shape);
/// Errors: malformed; invalid (threads are no power of two up to 64, slots are out of range).
Result<MonitorShape> decode_open(const OpenMonitorsMsg& message);
MonitorsOpenedMsg encode_opened(const monitor::InstanceId& instance);
/// Errors: malformed.
Result<monitor::InstanceId> decode_opened(const MonitorsOpenedMsg& message);
/// Copies the batch, once.
MonitorBatchMsg encode_batch(uint16_t thread, ByteView batch);
/// Errors: malformed.
Result<uint16_t> decode_batch_thread(const MonitorBatchMsg& message);
VerifiedMsg encode_verified(ByteView results);
AwaitEpochMsg encode_await(uint32_t epoch);
EpochCertifiedMsg encode_certified(uint32_t epoch);
/// Errors: malformed.
Result<uint32_t> decode_await(const AwaitEpochMsg& message);
Result<uint32_t> decode_certified(const EpochCertifiedMsg& message);

/// `json` has at most kStateAskBytesMax bytes.
AskStateMsg encode_ask(const std::string& name_space, std::string_view json,
                       TimePoint deadline = TimePoint::max());
/// Errors: malformed, and those of parse_state_ask.
Result<StateAsk> decode_ask(const AskStateMsg& message);
StateAnsweredMsg encode_answered(const StateCall& call, const StateAnswer& answer);
/// Errors: malformed.
Result<std::string> decode_answered(const StateAnsweredMsg& message);
Result<StateAnswer> decode_answer(const StateAnsweredMsg& message);

}  // namespace themis
