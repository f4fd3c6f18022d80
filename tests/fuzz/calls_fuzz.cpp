// What another node or anybody else may send of a state's calls and answers, packed or as JSON:
// taken strictly or refused, with one encoding for each; a router sees the calls that are run; and
// no calls, in whatever order with epochs' ends, checkpoints and crashes, end a host's monitors.

#include <cstring>
#include <map>

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_operation.hpp"
#include "enclave/host/call_bytes.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/unit/monitor/host_world.hpp"

namespace themis::fuzz {
namespace {

StateCall copy_of(const StateCallView& view) {
  StateCall call;
  call.op = view.op;
  call.name_space = view.name_space();
  call.key = view.key();
  call.value.assign(view.value.begin(), view.value.end());
  if (view.has_expected) call.expected.emplace(view.expected.begin(), view.expected.end());
  call.after = as_text(view.after);
  if (view.op == StateOp::transaction) call.changes = view.read_changes().value();
  return call;
}

/// Any operation on few keys, so that calls meet.
StateCall any_call(Input& input) {
  StateCall call;
  const uint8_t kind = input.byte();
  call.op = static_cast<StateOp>(kind % (kLastStateOp + 1));
  call.name_space = kind & 0x40 ? "b" : "a";
  const auto key = [&] { return std::string(1 + input.byte() % 3, 'k'); };
  const auto value = [&] {
    return Bytes(input.number() % (kStateValueBytesMax + 1), std::byte{7});
  };
  if (call.op == StateOp::transaction) {
    for (uint8_t count = input.byte() % 4; count > 0; --count) {
      StateChange change;
      change.key = key();
      const uint8_t how = input.byte();
      if ((change.checks = (how & 1) != 0) && (how & 2)) change.expected = value();
      if ((change.writes = (how & 4) != 0) && (how & 8)) change.value = value();
      call.changes.push_back(std::move(change));
    }
    return call;
  }
  if (call.op != StateOp::list || (kind & 0x80)) call.key = key();
  if (call.op == StateOp::list && (kind & 0x20)) call.after = key();
  if (call.op == StateOp::put || call.op == StateOp::cas) call.value = value();
  if (call.op == StateOp::cas && (kind & 0x80)) call.expected = value();
  return call;
}

/// A batch of such calls; with enough input not only of one namespace.
StateBatch any_batch(Input& input) {
  StateBatch batch;
  for (uint8_t count = input.byte() % 24; count > 0 && !input.empty(); --count)
    (void)batch.add(any_call(input));
  return batch;
}

void check_batch(ByteView bytes) {
  const auto batch = StateBatch::parse(bytes);
  if (!batch) return;
  promise(std::ranges::equal(batch->bytes(), bytes), "nothing but what was sent");
  StateBatch again;
  StateCallReader calls = batch->calls();
  size_t count = 0;
  for (StateCallView call; calls.next(call); ++count) {
    promise(!!again.add(copy_of(call)), "each is a valid call");
    const auto operation = operation_of(copy_of(call));
    promise(!operation.keys.empty() && operation.keys.size() <= monitor::kRecordsPerCallMax,
            "that the monitors can be asked");
  }
  promise(calls.done() && count == batch->size(), "as many as it says");
  promise(std::ranges::equal(again.bytes(), bytes), "calls have one encoding");
  promise(again.has_one_name_space() == batch->has_one_name_space() &&
              again.name_space() == batch->name_space(),
          "and are of the same namespaces");
}

void check_answers(ByteView bytes, std::optional<uint32_t> certified) {
  const auto answers = StateAnswers::parse(bytes, certified);
  if (!answers) return;
  StateAnswers again;
  again.certified = certified;
  for (const Result<StateAnswer>& answer : answers->all()) {
    answer ? again.add(*answer) : again.add(answer.error());
    if (!answer) continue;
    promise(answer->entries.size() <= kListMax, "an answer within its limits");
    promise(answer->certified == (certified && answer->epoch <= *certified), "final if it is");
  }
  promise(again.size() == answers->size(), "as many as it says");
  promise(std::ranges::equal(again.bytes(), bytes), "answers have one encoding");
  promise(again.epoch() == answers->epoch(), "of the same epochs");
}

wire::FramePtr frame_of(uint64_t type, const Bytes& words) {
  const wire::FramePtr frame = wire::Frame::make((words.size() + 7) / 8);
  std::memcpy(frame.writable()->data(), words.data(), words.size());
  frame.writable()->set_type(type);
  return frame;
}

/// What a router lets pass for its namespace and operations is what the state then runs.
void check_question(Input& input) {
  StateBatchAsk batch{any_batch(input), input.byte() % 2 == 0};
  const bool packed = !batch.calls.empty() && input.byte() % 4 != 0;
  const auto seed =
      packed ? encode_ask(batch)
             : encode_ask("a", R"({"op":"cas","key":"k","expected":null,"value":{"hex":"00"}})");
  Bytes words(seed.frame()->bytes().begin(), seed.frame()->bytes().end());
  while (!input.empty()) words = input.changed(std::move(words));
  const AskStateMsg message(frame_of(seed.frame()->type(), words));
  const auto head = decode_ask_head(message);
  const auto calls = decode_batch_ask(message);
  if (!calls) return;
  if (!*calls) {
    const auto one = decode_ask(message);
    if (!one) return;
    promise(head && head->name_space == one->call.name_space &&
                head->ops == std::map<StateOp, uint32_t>{{one->call.op, 1}},
            "one call is let pass as what it is");
    return;
  }
  promise(head.has_value(), "who can run it can tell what it is");
  promise(!!check_state_ask(**calls), "calls of one namespace");
  promise(head->name_space == (*calls)->calls.name_space(), "the one that was looked at");
  std::map<StateOp, uint32_t> ops;
  StateCallReader reader = (*calls)->calls.calls();
  for (StateCallView call; reader.next(call);) ++ops[call.op];
  promise(head->ops == ops, "with the operations that were looked at");
}

void check_answered(Input& input) {
  StateAnswers some;
  for (uint8_t count = 1 + input.byte() % 8; count > 0; --count) {
    StateAnswer answer{.done = true, .epoch = input.number()};
    if (input.byte() % 2 == 0) answer.entries = {{"k", Bytes(3)}, {"kk", Bytes(9)}};
    some.add(answer);
  }
  some.add(Error{Code::overloaded, "later"});
  const auto seed = encode_answered(some);
  Bytes words(seed.frame()->bytes().begin(), seed.frame()->bytes().end());
  while (!input.empty()) words = input.changed(std::move(words));
  const StateAnsweredMsg message(frame_of(seed.frame()->type(), words));
  if (const auto answers = decode_answers(message, some.size())) {
    promise(answers->size() == some.size(), "one for each call");
    check_answers(answers->bytes(), answers->certified);
  }
  (void)decode_answer(message);
}

void check_json(std::string_view text) {
  if (const auto ask = parse_state_ask("n", text)) {
    promise(!!check_state_call(ask->call), "a valid call");
    const std::string once = state_ask_json(*ask);
    const auto again = parse_state_ask("n", once);
    promise(again && state_ask_json(*again) == once, "is said and read alike");
  }
  if (const auto answer = parse_state_answer(text)) {
    StateCall list;
    list.op = StateOp::list;
    const std::string once = state_answer_json(list, *answer);
    const auto again = parse_state_answer(once);
    promise(again && state_answer_json(list, *again) == once, "an answer as well");
  }
}

/// As a receipt has them, which is anybody's.
void check_call_bytes(Input& input) {
  const uint8_t function = input.byte() % 8;
  const ByteView keys = input.take(input.byte());
  const auto call = read_call(function, keys, input.rest());
  if (!call) return;
  const StateOperation operation = operation_of(*call);
  promise(operation.function == function, "the function that it was");
  const host::CallBytes<monitor::StateStore> bytes(function, operation.keys, operation.arguments);
  promise(std::ranges::equal(bytes.keys(), keys), "of the same key");
}

StateHostOptions few() {
  StateHostOptions options{2, 32, 12};
  // Room for 24 of the largest: some calls find none.
  options.bytes_max = options.threads * 24 * host::Shard<monitor::StateStore>::kRecordBytes;
  return options;
}

void run(const tests::HostWorld& world, Input& input) {
  std::vector<StateBatch> batches;
  for (uint8_t count = 1 + input.byte() % 3; count > 0; --count)
    batches.push_back(any_batch(input));
  std::vector<StateAnswers> answers;
  promise(!!world.run(batches, answers), "a commit in the middle");
  for (size_t i = 0; i < batches.size(); ++i) {
    promise(answers[i].size() == batches[i].size(), "an answer for each call");
    check_answers(answers[i].bytes(), std::nullopt);
  }
  promise(world.host->is_short() ? !!world.host->end_epoch() : !!world.host->commit(),
          "no calls end the monitors");
}

void check_host(Input& input) {
  tests::HostWorld world(few());
  promise(!!world.open(), "a new store opens");
  for (int steps = 0; !input.empty() && steps < 64; ++steps) {
    switch (input.byte() % 10) {
      case 0:
        promise(!!world.host->end_epoch(), "an epoch's end is certified");
        break;
      case 3:
        promise(!!world.host->begin_end(), "an epoch's end begins");
        break;
      case 4:
        promise(!!world.host->carry(input.byte()), "and goes on");
        break;
      case 1:
        promise(!!world.host->checkpoint(), "a checkpoint");
        break;
      case 2:
        promise(!!world.open(), "what was committed opens again");
        break;
      default:
        run(world, input);
    }
  }
  promise(!!world.open(), "and at the end");
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  static const bool ready = (crypto::init(), true);
  fuzz::Input input(data, ready ? size : 0);
  switch (input.byte() % 8) {
    case 0: {
      const StateBatch genuine = fuzz::any_batch(input);
      Bytes bytes(genuine.bytes().begin(), genuine.bytes().end());
      while (!input.empty()) bytes = input.changed(std::move(bytes));
      fuzz::check_batch(bytes);
      break;
    }
    case 1:
      fuzz::check_answers(input.rest(), 7);
      break;
    case 2:
      fuzz::check_question(input);
      break;
    case 3:
      fuzz::check_answered(input);
      break;
    case 4:
      fuzz::check_json(as_text(input.rest()));
      break;
    case 5:
      fuzz::check_call_bytes(input);
      break;
    case 6:
      fuzz::check_batch(input.rest());
      break;
    default:
      fuzz::check_host(input);
  }
  return 0;
}
