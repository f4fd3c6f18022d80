#pragma once
// What a host and its monitors tell each other, as messages.

#include <optional>

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

struct MonitorShape {
  uint16_t threads = 1;
  uint32_t node_slots = 1'024;
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

}  // namespace themis
