#include "actors/monitor/monitor_codec.hpp"

#include <bit>

#include "enclave/monitor/aggregator.hpp"
#include "enclave/monitor/slots.hpp"

namespace themis {

OpenMonitorsMsg encode_open(const MonitorShape& shape) {
  wire::Builder<schema::OpenMonitors> message(8);
  message->setThreads(shape.threads);
  message->setNodeSlots(shape.node_slots);
  message->setRecordSlots(shape.record_slots);
  return message.finish();
}

Result<MonitorShape> decode_open(const OpenMonitorsMsg& message) {
  return wire::decode(
      message, [](const schema::OpenMonitors::Reader& open) -> Result<MonitorShape> {
        const MonitorShape shape{open.getThreads(), open.getNodeSlots(), open.getRecordSlots()};
        if (!std::has_single_bit(shape.threads) || shape.threads > monitor::kThreadsMax)
          return fail(Code::invalid, "monitor threads are a power of two, at most 64");
        const uint64_t slots = uint64_t{shape.node_slots} + shape.record_slots;
        if (shape.node_slots <= shape.threads ||
            shape.record_slots <= monitor::kRecordsPerCallMax || slots > monitor::kSlotsMax)
          return fail(Code::invalid, "slots of a monitor: a few of each kind, 65,535 together");
        return shape;
      });
}

MonitorsOpenedMsg encode_opened(const monitor::InstanceId& instance) {
  wire::Builder<schema::MonitorsOpened> message(8);
  message->setInstance(wire::to_data(instance));
  return message.finish();
}

Result<monitor::InstanceId> decode_opened(const MonitorsOpenedMsg& message) {
  return wire::decode(
      message, [](const schema::MonitorsOpened::Reader& opened) -> Result<monitor::InstanceId> {
        monitor::InstanceId instance{};
        const ByteView bytes = wire::bytes_of(opened.getInstance());
        if (bytes.size() != instance.size())
          return fail(Code::malformed, "an instance of monitors has 16 bytes");
        std::memcpy(instance.data(), bytes.data(), bytes.size());
        return instance;
      });
}

MonitorBatchMsg encode_batch(uint16_t thread, ByteView batch) {
  wire::Builder<schema::MonitorBatch> message(8 + batch.size() / 8);
  message->setThread(thread);
  message->setBatch(wire::to_data(batch));
  return message.finish();
}

Result<uint16_t> decode_batch_thread(const MonitorBatchMsg& message) {
  return wire::decode(message, [](const schema::MonitorBatch::Reader& batch) -> Result<uint16_t> {
    return batch.getThread();
  });
}

VerifiedMsg encode_verified(ByteView results) {
  wire::Builder<schema::Verified> message(8 + results.size() / 8);
  message->setResults(wire::to_data(results));
  return message.finish();
}

AwaitEpochMsg encode_await(uint32_t epoch) {
  wire::Builder<schema::AwaitEpoch> message(4);
  message->setEpoch(epoch);
  return message.finish();
}

EpochCertifiedMsg encode_certified(uint32_t epoch) {
  wire::Builder<schema::EpochCertified> message(4);
  message->setEpoch(epoch);
  return message.finish();
}

Result<uint32_t> decode_await(const AwaitEpochMsg& message) {
  return wire::decode(message, [](const schema::AwaitEpoch::Reader& asked) -> Result<uint32_t> {
    return asked.getEpoch();
  });
}

Result<uint32_t> decode_certified(const EpochCertifiedMsg& message) {
  return wire::decode(message, [](const schema::EpochCertified::Reader& told) -> Result<uint32_t> {
    return told.getEpoch();
  });
}

AskStateMsg encode_ask(const std::string& name_space, std::string_view json, TimePoint deadline) {
  wire::Builder<schema::AskState> message(16 + (name_space.size() + json.size()) / 8);
  message->setNameSpace(wire::to_text(name_space));
  message->setCall(wire::to_data(as_bytes(json)));
  return message.finish(deadline);
}

Result<StateAsk> decode_ask(const AskStateMsg& message) {
  return wire::decode(message, [](const schema::AskState::Reader& asked) -> Result<StateAsk> {
    return parse_state_ask(wire::text_of(asked.getNameSpace()),
                           as_text(wire::bytes_of(asked.getCall())));
  });
}

StateAnsweredMsg encode_answered(const StateCall& call, const StateAnswer& answer) {
  const std::string json = state_answer_json(call, answer);
  wire::Builder<schema::StateAnswered> message(8 + json.size() / 8);
  message->setAnswer(wire::to_data(as_bytes(json)));
  return message.finish();
}

Result<std::string> decode_answered(const StateAnsweredMsg& message) {
  return wire::decode(message,
                      [](const schema::StateAnswered::Reader& told) -> Result<std::string> {
                        return std::string(as_text(wire::bytes_of(told.getAnswer())));
                      });
}

Result<StateAnswer> decode_answer(const StateAnsweredMsg& message) {
  THEMIS_TRY(const std::string json, decode_answered(message));
  return parse_state_answer(json);
}

}  // namespace themis
