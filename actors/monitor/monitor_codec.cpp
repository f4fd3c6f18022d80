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
  for (StateCallView call; !calls.done(); ++head.ops[call.op])
    if (!calls.next(call)) return fail(Code::malformed, "a call of a batch cannot be read");
  return head;
}

void write_certified(schema::Certified::Builder to, std::optional<uint32_t> epoch) {
  to.setAny(epoch.has_value());
  to.setEpoch(epoch.value_or(0));
}

Result<receipts::Certificate> read_certificate(const schema::EpochCertificate::Reader& from,
                                               const receipts::Instance& run) {
  receipts::Certificate made;
  made.instance = run.id;
  made.threads = run.threads;
  made.epoch = from.getEpoch();
  constexpr const char* kWhat = "a field of a certificate";
  THEMIS_CHECK(read_exactly(from.getPrevious(), std::span(made.previous), kWhat));
  THEMIS_CHECK(read_exactly(from.getRoot(), std::span(made.root), kWhat));
  THEMIS_CHECK(read_exactly(from.getSecret(), std::span(made.secret), kWhat));
  THEMIS_CHECK(read_exactly(from.getSignature(), std::span(made.signature.bytes), kWhat));
  return made;
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

MonitorsStartedMsg encode_started(const MonitorsRun& run) {
  wire::Builder<schema::MonitorsStarted> message(24);
  message->setInstance(wire::to_data(run.instance.id));
  message->setPrf(static_cast<uint8_t>(run.instance.prf));
  message->setAgreement(wire::to_data(run.instance.agreement.view()));
  message->setSigning(wire::to_data(run.instance.signing.view()));
  message->setClientsOnly(run.clients_only);
  return message.finish();
}

Result<MonitorsRun> decode_started(const MonitorsStartedMsg& message, uint16_t threads) {
  return wire::decode(
      message, [=](const schema::MonitorsStarted::Reader& started) -> Result<MonitorsRun> {
        MonitorsRun run;
        receipts::Instance& made = run.instance;
        THEMIS_CHECK(
            read_exactly(started.getInstance(), std::span(made.id), "an instance of monitors"));
        THEMIS_CHECK(read_exactly(started.getAgreement(), std::span(made.agreement.bytes),
                                  "an instance's share"));
        THEMIS_CHECK(
            read_exactly(started.getSigning(), std::span(made.signing.bytes), "a store's key"));
        const uint8_t prf = started.getPrf();
        if (prf < static_cast<uint8_t>(crypto::PrfKind::cmac_vaes) ||
            prf > static_cast<uint8_t>(crypto::PrfKind::siphash))
          return fail(Code::malformed, "no such kind of MAC: " + std::to_string(prf));
        made.prf = static_cast<crypto::PrfKind>(prf);
        made.threads = threads;
        run.clients_only = started.getClientsOnly();
        return run;
      });
}

MonitorBatchMsg encode_batch(uint16_t thread, ByteView batch) {
  wire::Builder<schema::MonitorBatch> message(8 + batch.size() / 8);
  message->setThread(thread);
  message->setBatch(wire::to_data(batch));
  return message.finish();
}

MonitorBatchMsg encode_shared_batch(uint16_t thread, uint32_t at, size_t bytes) {
  wire::Builder<schema::MonitorBatch> message(8);
  message->setThread(thread);
  message->setAt(at);
  message->setBytes(static_cast<uint32_t>(bytes));
  return message.finish();
}

Result<MonitorBatch> decode_batch(const MonitorBatchMsg& message, const BatchMemory& memory) {
  return wire::decode(
      message, [&](const schema::MonitorBatch::Reader& told) -> Result<MonitorBatch> {
        const ByteView sent = wire::bytes_of(told.getBatch());
        if (told.getBytes() == 0 && !sent.empty()) return MonitorBatch{told.getThread(), sent};
        if (!sent.empty()) return fail(Code::malformed, "a batch is in one place");
        THEMIS_TRY(const ByteView shared,
                   batch_at(memory.ring(told.getThread()), told.getAt(), told.getBytes()));
        return MonitorBatch{told.getThread(), shared};
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

ConfirmStateMsg encode_confirm(const std::optional<seal::CounterValue>& counter) {
  wire::Builder<schema::ConfirmState> message(8);
  message->setReads(!counter);
  if (!counter) return message.finish();
  message->setCounter(counter->counter);
  message->setTag(wire::to_data(counter->tag));
  return message.finish();
}

Result<std::optional<seal::CounterValue>> decode_confirm(const ConfirmStateMsg& message) {
  using Counter = std::optional<seal::CounterValue>;
  return wire::decode(message, [](const schema::ConfirmState::Reader& told) -> Result<Counter> {
    if (told.getReads()) return Counter();
    seal::CounterValue counter;
    counter.counter = told.getCounter();
    THEMIS_CHECK(read_exactly(told.getTag(), std::span(counter.tag), "a sealed state's tag"));
    return counter;
  });
}

ReleasedMsg encode_released(const seal::Released& released, const BatchMemory& memory) {
  constexpr size_t kCertificateWords = 24;
  const bool shared = !memory.empty() && write_results(memory.results(), released.results);
  const auto threads = static_cast<unsigned>(released.results.size());
  size_t words = 16 + kCertificateWords * released.certificates.size();
  for (const Bytes& each : released.results) words += 2 + (shared ? 0 : each.size() / 8);
  wire::Builder<schema::Released> message(words);
  if (shared) {
    auto lengths = message->initLengths(threads);
    for (unsigned thread = 0; thread < threads; ++thread)
      lengths.set(thread, static_cast<uint32_t>(released.results[thread].size()));
  } else {
    auto results = message->initResults(threads);
    for (unsigned thread = 0; thread < threads; ++thread)
      results.set(thread, wire::to_data(released.results[thread]));
  }
  write_certified(message->initCertified(), released.certified);
  auto certificates =
      message->initCertificates(static_cast<unsigned>(released.certificates.size()));
  for (unsigned i = 0; i < certificates.size(); ++i) {
    const receipts::Certificate& from = released.certificates[i];
    schema::EpochCertificate::Builder to = certificates[i];
    to.setEpoch(from.epoch);
    to.setPrevious(wire::to_data(from.previous));
    to.setRoot(wire::to_data(from.root));
    to.setSecret(wire::to_data(from.secret));
    to.setSignature(wire::to_data(from.signature.view()));
  }
  return message.finish();
}

Result<seal::Released> decode_released(const ReleasedMsg& message, const receipts::Instance& run,
                                       const BatchMemory& memory) {
  return wire::decode(message, [&](const schema::Released::Reader& told) -> Result<seal::Released> {
    if (told.getResults().size() + told.getLengths().size() != run.threads)
      return fail(Code::malformed, "results of another number of monitor threads");
    if (told.getCertificates().size() > seal::kHeldCertificatesMax)
      return fail(Code::malformed, "more certificates than monitors hold");
    seal::Released released;
    std::vector<uint32_t> lengths;
    for (const uint32_t each : told.getLengths()) lengths.push_back(each);
    THEMIS_TRY(released.results, read_results(memory.results(), lengths));
    for (const capnp::Data::Reader each : told.getResults()) {
      const ByteView results = wire::bytes_of(each);
      released.results.emplace_back(results.begin(), results.end());
    }
    released.certified = read_certified(told.getCertified());
    for (const schema::EpochCertificate::Reader each : told.getCertificates()) {
      THEMIS_TRY(released.certificates.emplace_back(), read_certificate(each, run));
    }
    return released;
  });
}

RegisterClientMsg encode_register(uint16_t thread, const seal::ClientEntry& client) {
  wire::Builder<schema::RegisterClient> message(24);
  message->setThread(thread);
  message->setNumber(client.number);
  message->setShare(wire::to_data(client.share.view()));
  message->setGrant(wire::to_data(client.grant.view()));
  return message.finish();
}

Result<Registration> decode_register(const RegisterClientMsg& message) {
  return wire::decode(
      message, [](const schema::RegisterClient::Reader& asked) -> Result<Registration> {
        Registration out;
        out.thread = asked.getThread();
        out.client.number = asked.getNumber();
        THEMIS_CHECK(
            read_exactly(asked.getShare(), std::span(out.client.share.bytes), "a client's share"));
        THEMIS_CHECK(
            read_exactly(asked.getGrant(), std::span(out.client.grant.bytes), "an owner's grant"));
        return out;
      });
}

AdmitCallMsg encode_admit(const ClientCall& call) {
  wire::Builder<schema::AdmitCall> message(16 + call.body.size() / 8);
  message->setThread(call.thread);
  message->setClient(call.caller.client);
  message->setUse(static_cast<uint8_t>(call.caller.use));
  message->setNonce(call.caller.nonce);
  message->setTag(wire::to_data(std::as_bytes(std::span(call.caller.tag))));
  message->setBody(wire::to_data(call.body));
  return message.finish();
}

Result<ClientCall> decode_admit(const AdmitCallMsg& message) {
  return wire::decode(message, [](const schema::AdmitCall::Reader& asked) -> Result<ClientCall> {
    ClientCall call;
    call.thread = asked.getThread();
    call.caller.client = asked.getClient();
    call.caller.use = static_cast<receipts::Use>(asked.getUse());
    if (call.caller.use != receipts::Use::call &&
        call.caller.use != receipts::Use::transferable_call)
      return fail(Code::malformed, "a client's key is not used so for calls");
    call.caller.nonce = asked.getNonce();
    const auto tag =
        std::as_writable_bytes(std::span(call.caller.tag)).first<sizeof(receipts::Tag)>();
    THEMIS_CHECK(read_exactly(asked.getTag(), tag, "a call's tag"));
    call.body = wire::bytes_of(asked.getBody());
    if (call.body.size() > kCallBodyBytesMax)
      return fail(Code::too_large, "a client's call is too long");
    return call;
  });
}

CallAdmittedMsg encode_admitted(bool admitted) {
  wire::Builder<schema::CallAdmitted> message(4);
  message->setAdmitted(admitted);
  return message.finish();
}

Result<bool> decode_admitted(const CallAdmittedMsg& message) {
  return wire::decode(message, [](const schema::CallAdmitted::Reader& told) -> Result<bool> {
    return told.getAdmitted();
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
  return StateAskHead{std::move(ask.call.name_space), {{ask.call.op, 1}}};
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
