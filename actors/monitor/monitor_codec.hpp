#pragma once
// What a host and its trusted side tell each other, and who asks a node's state, as messages.

#include <optional>
#include <set>

#include "actors/monitor/state_answers.hpp"
#include "enclave/seal/trusted_side.hpp"
#include "rpc.capnp.h"
#include "state.capnp.h"
#include "wire/msg.hpp"

namespace themis {

using StartMonitorsMsg = wire::Msg<schema::StartMonitors>;
using MonitorsStartedMsg = wire::Msg<schema::MonitorsStarted>;
using MonitorBatchMsg = wire::Msg<schema::MonitorBatch>;
using FinishReplayMsg = wire::Msg<schema::FinishReplay>;
using CertifyEpochsMsg = wire::Msg<schema::CertifyEpochs>;
using CertifiedMsg = wire::Msg<schema::Certified>;
using SealStateMsg = wire::Msg<schema::SealState>;
using SealedStateMsg = wire::Msg<schema::SealedState>;
using ConfirmStateMsg = wire::Msg<schema::ConfirmState>;
using ReleasedMsg = wire::Msg<schema::Released>;
using DoneMsg = wire::Msg<schema::Ack>;

using AskStateMsg = wire::Msg<schema::AskState>;
using StateAnsweredMsg = wire::Msg<schema::StateAnswered>;

struct MonitorShape {
  uint16_t threads = 1;
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
};

/// What a trusted side without files is given by the node that keeps them for it.
struct MonitorsStart {
  MonitorShape shape;
  seal::SealingKey key;
  seal::CounterValue counter;
  Bytes sealed;
};

StartMonitorsMsg encode_start(const MonitorShape& shape, const seal::SealingKey& key,
                              const seal::CounterValue& counter, ByteView sealed);
/// Errors: malformed; invalid (threads are no power of two up to 64, slots are out of range).
Result<MonitorsStart> decode_start(const StartMonitorsMsg& message);
MonitorsStartedMsg encode_started(const monitor::InstanceId& instance);
/// Errors: malformed.
Result<monitor::InstanceId> decode_started(const MonitorsStartedMsg& message);
/// Copies the batch, once.
MonitorBatchMsg encode_batch(uint16_t thread, ByteView batch);
/// Errors: malformed.
Result<uint16_t> decode_batch_thread(const MonitorBatchMsg& message);
CertifiedMsg encode_certified(std::optional<uint32_t> epoch);
/// Errors: malformed.
Result<std::optional<uint32_t>> decode_certified(const CertifiedMsg& message);
SealStateMsg encode_seal(bool checkpoint);
SealedStateMsg encode_sealed(ByteView sealed);
/// Errors: malformed.
Result<Bytes> decode_sealed(const SealedStateMsg& message);
ConfirmStateMsg encode_confirm(const seal::CounterValue& counter);
/// Errors: malformed.
Result<seal::CounterValue> decode_confirm(const ConfirmStateMsg& message);
ReleasedMsg encode_released(const seal::Released& released);
/// Errors: malformed (also for another number of threads).
Result<seal::Released> decode_released(const ReleasedMsg& message, uint16_t threads);

/// `json` has at most kStateAskBytesMax bytes.
AskStateMsg encode_ask(const std::string& name_space, std::string_view json,
                       TimePoint deadline = TimePoint::max());
/// Errors: malformed, and those of parse_state_ask.
Result<StateAsk> decode_ask(const AskStateMsg& message);
StateAnsweredMsg encode_answered(const StateCall& call, const StateAnswer& answer);
/// Errors: malformed.
Result<std::string> decode_answered(const StateAnsweredMsg& message);
Result<StateAnswer> decode_answer(const StateAnsweredMsg& message);

/// `ask` is as check_state_ask says.
AskStateMsg encode_ask(const StateBatchAsk& ask, TimePoint deadline = TimePoint::max());
/// What a router needs of a question: each operation of a batch once. Its calls are not looked at.
struct StateAskHead {
  std::string name_space;
  std::set<StateOp> ops;
};
/// Errors: malformed, invalid (the namespace), those of decode_ask.
Result<StateAskHead> decode_ask_head(const AskStateMsg& message);
/// Nothing: it asks for one call; see decode_ask. Errors: those of StateBatch::parse and
/// check_state_ask; malformed (another namespace).
Result<std::optional<StateBatchAsk>> decode_batch_ask(const AskStateMsg& message);
StateAnsweredMsg encode_answered(const StateAnswers& answers);
/// Errors: malformed (also for another number of answers).
Result<StateAnswers> decode_answers(const StateAnsweredMsg& message, size_t calls);

}  // namespace themis
