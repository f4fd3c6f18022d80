#include "actors/monitor/monitor_codec.hpp"

#include <bit>

#include "enclave/monitor/aggregator.hpp"
#include "enclave/monitor/slots.hpp"

namespace themis {
namespace {

template <size_t N>
Status read_exactly(capnp::Data::Reader from, std::span<std::byte, N> to, const char* what) {
  const ByteView bytes = wire::bytes_of(from);
  if (bytes.size() != N)
    return fail(Code::malformed, std::string(what) + " has " + std::to_string(N) + " bytes");
  std::memcpy(to.data(), bytes.data(), N);
  return {};
}

Status check(const MonitorShape& shape) {
  if (!std::has_single_bit(shape.threads) || shape.threads > monitor::kThreadsMax)
    return fail(Code::invalid, "monitor threads are a power of two, at most 64");
  const uint64_t slots = uint64_t{shape.node_slots} + shape.record_slots;
  if (shape.node_slots <= shape.threads || shape.record_slots <= monitor::kRecordsPerCallMax ||
      slots > monitor::kSlotsMax)
    return fail(Code::invalid, "slots of a monitor: a few of each kind, 65,535 together");
  return {};
}

std::optional<uint32_t> read_certified(const schema::Certified::Reader& told) {
  return told.getAny() ? std::optional(told.getEpoch()) : std::nullopt;
}

Result<StateAskHead> read_head(const schema::AskState::Reader& asked) {
  StateAskHead head{std::string(wire::text_of(asked.getNameSpace())), {}};
  THEMIS_CHECK(check_name_space(head.name_space));
  StateCallReader calls(wire::bytes_of(asked.getCalls()));
  for (StateCallView call; !calls.done(); head.ops.insert(call.op))
    if (!calls.next(call)) return fail(Code::malformed, "a call of a batch cannot be read");
  return head;
}

void write_certified(schema::Certified::Builder to, std::optional<uint32_t> epoch) {
  to.setAny(epoch.has_value());
  to.setEpoch(epoch.value_or(0));
}

}  // namespace

StartMonitorsMsg encode_start(const MonitorShape& shape, const seal::SealingKey& key,
                              const seal::CounterValue& counter, ByteView sealed) {
  wire::Builder<schema::StartMonitors> message(24 + sealed.size() / 8);
  message->setThreads(shape.threads);
  message->setNodeSlots(shape.node_slots);
  message->setRecordSlots(shape.record_slots);
  message->setKey(wire::to_data(key.view()));
  message->setCounter(counter.counter);
  message->setTag(wire::to_data(counter.tag));
  message->setSealed(wire::to_data(sealed));
  return message.finish();
}

Result<MonitorsStart> decode_start(const StartMonitorsMsg& message) {
  return wire::decode(
      message, [](const schema::StartMonitors::Reader& asked) -> Result<MonitorsStart> {
        MonitorsStart start;
        start.shape = {asked.getThreads(), asked.getNodeSlots(), asked.getRecordSlots()};
        THEMIS_CHECK(check(start.shape));
        THEMIS_CHECK(read_exactly(asked.getKey(), start.key.span(), "a sealing key"));
        start.counter.counter = asked.getCounter();
        THEMIS_CHECK(
            read_exactly(asked.getTag(), std::span(start.counter.tag), "a sealed state's tag"));
        const ByteView sealed = wire::bytes_of(asked.getSealed());
        start.sealed.assign(sealed.begin(), sealed.end());
        return start;
      });
}

MonitorsStartedMsg encode_started(const monitor::InstanceId& instance) {
  wire::Builder<schema::MonitorsStarted> message(8);
  message->setInstance(wire::to_data(instance));
  return message.finish();
}

Result<monitor::InstanceId> decode_started(const MonitorsStartedMsg& message) {
  return wire::decode(
      message, [](const schema::MonitorsStarted::Reader& started) -> Result<monitor::InstanceId> {
        monitor::InstanceId instance{};
        THEMIS_CHECK(
            read_exactly(started.getInstance(), std::span(instance), "an instance of monitors"));
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

CertifiedMsg encode_certified(std::optional<uint32_t> epoch) {
  wire::Builder<schema::Certified> message(4);
  write_certified(*message, epoch);
  return message.finish();
}

Result<std::optional<uint32_t>> decode_certified(const CertifiedMsg& message) {
  return wire::decode(message,
                      [](const schema::Certified::Reader& told) -> Result<std::optional<uint32_t>> {
                        return read_certified(told);
                      });
}

SealStateMsg encode_seal(bool checkpoint) {
  wire::Builder<schema::SealState> message(4);
  message->setCheckpoint(checkpoint);
  return message.finish();
}

SealedStateMsg encode_sealed(ByteView sealed) {
  wire::Builder<schema::SealedState> message(8 + sealed.size() / 8);
  message->setSealed(wire::to_data(sealed));
  return message.finish();
}

Result<Bytes> decode_sealed(const SealedStateMsg& message) {
  return wire::decode(message, [](const schema::SealedState::Reader& told) -> Result<Bytes> {
    const ByteView sealed = wire::bytes_of(told.getSealed());
    return Bytes(sealed.begin(), sealed.end());
  });
}

ConfirmStateMsg encode_confirm(const seal::CounterValue& counter) {
  wire::Builder<schema::ConfirmState> message(8);
  message->setCounter(counter.counter);
  message->setTag(wire::to_data(counter.tag));
  return message.finish();
}

Result<seal::CounterValue> decode_confirm(const ConfirmStateMsg& message) {
  return wire::decode(
      message, [](const schema::ConfirmState::Reader& told) -> Result<seal::CounterValue> {
        seal::CounterValue counter;
        counter.counter = told.getCounter();
        THEMIS_CHECK(read_exactly(told.getTag(), std::span(counter.tag), "a sealed state's tag"));
        return counter;
      });
}

ReleasedMsg encode_released(const seal::Released& released) {
  size_t words = 16;
  for (const Bytes& each : released.results) words += 2 + each.size() / 8;
  wire::Builder<schema::Released> message(words);
  auto results = message->initResults(static_cast<unsigned>(released.results.size()));
  for (unsigned thread = 0; thread < results.size(); ++thread)
    results.set(thread, wire::to_data(released.results[thread]));
  write_certified(message->initCertified(), released.certified);
  return message.finish();
}

Result<seal::Released> decode_released(const ReleasedMsg& message, uint16_t threads) {
  return wire::decode(message, [=](const schema::Released::Reader& told) -> Result<seal::Released> {
    if (told.getResults().size() != threads)
      return fail(Code::malformed, "results of another number of monitor threads");
    seal::Released released;
    for (const capnp::Data::Reader each : told.getResults()) {
      const ByteView results = wire::bytes_of(each);
      released.results.emplace_back(results.begin(), results.end());
    }
    released.certified = read_certified(told.getCertified());
    return released;
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

AskStateMsg encode_ask(const StateBatchAsk& ask, TimePoint deadline) {
  wire::Builder<schema::AskState> message(32 + ask.calls.bytes().size() / 8);
  message->setNameSpace(wire::to_text(std::string(ask.calls.name_space())));
  message->setCalls(wire::to_data(ask.calls.bytes()));
  message->setWait(ask.wait);
  return message.finish(deadline);
}

Result<StateAskHead> decode_ask_head(const AskStateMsg& message) {
  using Head = std::optional<StateAskHead>;
  THEMIS_TRY(Head head,
             wire::decode(message, [](const schema::AskState::Reader& asked) -> Result<Head> {
               if (asked.getCalls().size() == 0) return Head();
               return read_head(asked);
             }));
  if (head) return std::move(*head);
  THEMIS_TRY(StateAsk ask, decode_ask(message));
  return StateAskHead{std::move(ask.call.name_space), {ask.call.op}};
}

Result<std::optional<StateBatchAsk>> decode_batch_ask(const AskStateMsg& message) {
  using Ask = std::optional<StateBatchAsk>;
  return wire::decode(message, [](const schema::AskState::Reader& asked) -> Result<Ask> {
    if (asked.getCalls().size() == 0) return Ask();
    StateBatchAsk ask;
    THEMIS_TRY(ask.calls, StateBatch::parse(wire::bytes_of(asked.getCalls())));
    ask.wait = asked.getWait();
    THEMIS_CHECK(check_state_ask(ask));
    if (ask.calls.name_space() != wire::text_of(asked.getNameSpace()))
      return fail(Code::malformed, "a batch asks another namespace than its message");
    return Ask(std::move(ask));
  });
}

StateAnsweredMsg encode_answered(const StateAnswers& answers) {
  wire::Builder<schema::StateAnswered> message(16 + answers.bytes().size() / 8);
  message->setAnswers(wire::to_data(answers.bytes()));
  write_certified(message->initCertified(), answers.certified);
  return message.finish();
}

Result<StateAnswers> decode_answers(const StateAnsweredMsg& message, size_t calls) {
  return wire::decode(
      message, [calls](const schema::StateAnswered::Reader& told) -> Result<StateAnswers> {
        THEMIS_TRY(StateAnswers answers, StateAnswers::parse(wire::bytes_of(told.getAnswers()),
                                                             read_certified(told.getCertified())));
        if (answers.size() != calls)
          return fail(Code::malformed, "a batch of the state has another number of answers");
        return answers;
      });
}

}  // namespace themis
