#pragma once
// What a host and its trusted side tell each other, and who asks a node's state, as messages.

#include <map>
#include <optional>

#include "actors/monitor/batch_ring.hpp"
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
using RegisterClientMsg = wire::Msg<schema::RegisterClient>;
using AdmitCallMsg = wire::Msg<schema::AdmitCall>;
using CallAdmittedMsg = wire::Msg<schema::CallAdmitted>;
using DoneMsg = wire::Msg<schema::Ack>;

using AskStateMsg = wire::Msg<schema::AskState>;
using StateAnsweredMsg = wire::Msg<schema::StateAnswered>;

/// Clients of one run of the monitors, the node's own among them: 320 KB a thread. A client stays
/// until the next start; see StateActor for what one peer may have. Calls without a client go on
/// when the table is full.
inline constexpr uint16_t kStateClientsMax = 1'024;

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

/// One run of the monitors, as the host and its clients know it.
struct MonitorsRun {
  receipts::Instance instance;
  bool clients_only = false;
};

StartMonitorsMsg encode_start(const MonitorShape& shape, const seal::SealingKey& key,
                              const seal::CounterValue& counter, ByteView sealed);
/// Errors: malformed; invalid (threads are no power of two up to 64, slots are out of range).
Result<MonitorsStart> decode_start(const StartMonitorsMsg& message);
MonitorsStartedMsg encode_started(const MonitorsRun& run);
/// `threads`: as started. Errors: malformed.
Result<MonitorsRun> decode_started(const MonitorsStartedMsg& message, uint16_t threads);
/// Copies the batch, once.
MonitorBatchMsg encode_batch(uint16_t thread, ByteView batch);
/// Of one that RingWriter::write put at `at`.
MonitorBatchMsg encode_shared_batch(uint16_t thread, uint32_t at, size_t bytes);
struct MonitorBatch {
  uint16_t thread = 0;
  ByteView bytes;  ///< In the message or in the memory, valid as long as both.
};
/// Errors: malformed (also: there is no batch, or two).
Result<MonitorBatch> decode_batch(const MonitorBatchMsg& message, const BatchMemory& memory);
CertifiedMsg encode_certified(std::optional<uint32_t> epoch);
/// Errors: malformed.
Result<std::optional<uint32_t>> decode_certified(const CertifiedMsg& message);
SealStateMsg encode_seal(bool checkpoint);
SealedStateMsg encode_sealed(ByteView sealed);
/// Errors: malformed.
Result<Bytes> decode_sealed(const SealedStateMsg& message);
/// Nothing instead of a counter: TrustedSide::release().
ConfirmStateMsg encode_confirm(const std::optional<seal::CounterValue>& counter);
/// Errors: malformed.
Result<std::optional<seal::CounterValue>> decode_confirm(const ConfirmStateMsg& message);
/// The results go into the memory when they fit there, else into the message.
ReleasedMsg encode_released(const seal::Released& released, const BatchMemory& memory);
/// Certificates are read as ones of `run`. Errors: malformed (another number of threads than the
/// run's, more than kHeldCertificatesMax certificates).
Result<seal::Released> decode_released(const ReleasedMsg& message, const receipts::Instance& run,
                                       const BatchMemory& memory);

RegisterClientMsg encode_register(uint16_t thread, const seal::ClientEntry& client);
struct Registration {
  uint16_t thread = 0;
  seal::ClientEntry client;
};
/// Errors: malformed.
Result<Registration> decode_register(const RegisterClientMsg& message);
/// A client's call before it is run; `body` is borrowed.
struct ClientCall {
  uint16_t thread = 0;
  receipts::Caller caller;
  ByteView body;
};
/// What a client signs of a call: eight keys, two values, and room for both.
inline constexpr size_t kCallBodyBytesMax = 16 * 1024;
AdmitCallMsg encode_admit(const ClientCall& call);
/// The body is borrowed from `message`. Errors: malformed (the tag's length, a use that no call
/// has), too_large (kCallBodyBytesMax).
Result<ClientCall> decode_admit(const AdmitCallMsg& message);
CallAdmittedMsg encode_admitted(bool admitted);
/// Errors: malformed.
Result<bool> decode_admitted(const CallAdmittedMsg& message);

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
/// What a router needs of a question: how many calls of each operation. They are not looked at.
struct StateAskHead {
  std::string name_space;
  std::map<StateOp, uint32_t> ops;
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
