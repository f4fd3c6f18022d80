// Any words as a message between a host and its monitors, or as a question to a node's state:
// decoded strictly or refused, and what is decoded is encoded and decoded to the same; any
// positions and lengths in the memory that both share, and any bytes in it.

#include <cstring>

#include "actors/monitor/monitor_codec.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/monitor/monitor.hpp"
#include "tests/fuzz/frames.hpp"

namespace themis::fuzz {
namespace {

constexpr uint16_t kThreads = 2;

/// One memory for all inputs: what one leaves there is as good as any other bytes.
struct Shared {
  Bytes all = Bytes(BatchMemory::bytes_for(kThreads));
  BatchMemory memory = BatchMemory::over(all, kThreads).value();
};
Shared& shared() {
  static Shared made;
  return made;
}

bool is_within(ByteView part, ByteView whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

receipts::Instance run() {
  receipts::Instance made;
  made.threads = kThreads;
  made.prf = crypto::PrfKind::siphash;
  return made;
}

seal::Released released(uint8_t bytes) {
  seal::Released made;
  made.results = {Bytes(bytes, std::byte{1}), Bytes(3, std::byte{2})};
  made.certified = 7;
  made.certificates.resize(1);
  return made;
}

/// One message of each kind: the starting points that the input changes.
std::vector<wire::FramePtr> genuine() {
  const Bytes sealed(200, std::byte{3});
  const std::string json = R"({"op":"transaction","changes":[{"key":"k","value":"00"}]})";
  return {encode_start({2, 1'024, 1'024}, seal::SealingKey(), {9, {}}, sealed).frame(),
          encode_started({run(), true}).frame(),
          encode_register(1, {7, {}, {}}).frame(),
          encode_admit({1, {}, sealed}).frame(),
          encode_admitted(true).frame(),
          encode_batch(1, sealed).frame(),
          encode_shared_batch(1, 64, 4'096).frame(),
          encode_certified(7).frame(),
          encode_sealed(sealed).frame(),
          encode_confirm(seal::CounterValue{10, {}}).frame(),
          encode_confirm(std::nullopt).frame(),
          encode_released(released(100), BatchMemory()).frame(),
          encode_released(released(100), shared().memory).frame(),
          encode_ask("space", json).frame(),
          encode_ask("space", R"({"op":"get","key":"k","wait":true})").frame()};
}

void check_start(const wire::FramePtr& frame) {
  const auto start = decode_start(StartMonitorsMsg(frame));
  if (!start) return;
  const MonitorShape& shape = start->shape;
  promise(shape.threads >= 1 && shape.threads <= monitor::kThreadsMax &&
              uint64_t{shape.node_slots} + shape.record_slots <= monitor::kSlotsMax,
          "the monitors can be made");
  const auto again = decode_start(encode_start(shape, start->key, start->counter, start->sealed));
  promise(again && again->key == start->key && again->counter == start->counter &&
              again->sealed == start->sealed && again->shape.threads == shape.threads,
          "with the same content");
}

void check_batch(const wire::FramePtr& frame) {
  const BatchMemory& memory = shared().memory;
  for (const BatchMemory& each : {memory, BatchMemory()}) {
    const auto batch = decode_batch(MonitorBatchMsg(frame), each);
    if (!batch) continue;
    promise(!batch->bytes.empty(), "a batch has bytes");
    promise(is_within(batch->bytes, frame->bytes()) ||
                (is_within(batch->bytes, each.ring(batch->thread)) &&
                 batch->bytes.size() <= monitor::kBatchBytesMax),
            "in the message or in its thread's ring");
  }
}

void check_released(const wire::FramePtr& frame) {
  const BatchMemory& memory = shared().memory;
  for (const BatchMemory& each : {memory, BatchMemory()}) {
    const auto told = decode_released(ReleasedMsg(frame), run(), each);
    if (!told) continue;
    promise(told->results.size() == kThreads, "one for each thread");
    size_t bytes = 0;
    for (const Bytes& results : told->results) bytes += results.size();
    promise(bytes <= frame->size() + each.results().size(), "no more than was there");
    const auto again = decode_released(encode_released(*told, memory), run(), memory);
    promise(again && again->results == told->results && again->certified == told->certified &&
                again->certificates.size() == told->certificates.size(),
            "with the same content");
  }
}

void check_others(const wire::FramePtr& frame) {
  if (const auto run = decode_started(MonitorsStartedMsg(frame), kThreads)) {
    const auto again = decode_started(encode_started(*run), kThreads);
    promise(again && again->instance.id == run->instance.id &&
                again->instance.signing == run->instance.signing &&
                again->clients_only == run->clients_only,
            "the same run");
  }
  if (const auto asked = decode_register(RegisterClientMsg(frame)))
    promise(decode_register(encode_register(asked->thread, asked->client))->client.share ==
                asked->client.share,
            "the same client");
  if (const auto call = decode_admit(AdmitCallMsg(frame)))
    promise(call->body.empty() ||
                (call->body.size() <= kCallBodyBytesMax && is_within(call->body, frame->bytes())),
            "a call within its limits");
  if (const auto admitted = decode_admitted(CallAdmittedMsg(frame)))
    promise(*decode_admitted(encode_admitted(*admitted)) == *admitted, "the same verdict");
  if (const auto epoch = decode_certified(CertifiedMsg(frame)))
    promise(*decode_certified(encode_certified(*epoch)) == *epoch, "the same epoch");
  if (const auto sealed = decode_sealed(SealedStateMsg(frame)))
    promise(*decode_sealed(encode_sealed(*sealed)) == *sealed, "the same state");
  if (const auto counter = decode_confirm(ConfirmStateMsg(frame)))
    promise(*decode_confirm(encode_confirm(*counter)) == *counter, "the same counter");
  if (const auto ask = decode_ask(AskStateMsg(frame)))
    promise(ask->call.name_space.size() <= kNamespaceBytesMax &&
                ask->call.key.size() <= kStateKeyBytesMax,
            "a question within its limits");
}

void check_message(Input& input) {
  static const std::vector<wire::FramePtr> seeds = genuine();
  const wire::FramePtr frame = changed_frame(seeds, input);
  check_start(frame);
  check_batch(frame);
  check_released(frame);
  check_others(frame);
}

uint64_t any_number(Input& input) {
  const uint64_t number = uint64_t{input.number()} << (input.byte() % 49);
  return input.byte() % 4 == 0 ? ~number : number;
}

/// A writer that is told to write and release at will, a reader that is told any place, and a
/// monitor that is given what is there.
void check_ring(Input& input) {
  const std::span<std::byte> ring = shared().memory.ring(0);
  RingWriter writer(ring);
  std::deque<std::pair<uint32_t, Bytes>> held;
  const monitor::MasterKey master;
  monitor::MonitorOptions few;
  few.node_slots = few.record_slots = 16;
  monitor::Monitor<monitor::StateStore> monitor(few, master);
  static Bytes room(monitor::kOutputBytesMax);
  while (!input.empty()) {
    const uint8_t step = input.byte();
    if (step % 4 == 0) {
      const Bytes batch(1 + any_number(input) % monitor::kBatchBytesMax, std::byte{step});
      if (const auto at = writer.write(batch)) {
        held.emplace_back(*at, batch);
      } else {
        promise(!held.empty(), "an empty ring takes every batch");
      }
    } else if (step % 4 == 1 && !held.empty()) {
      const auto& [at, batch] = held.front();
      const auto found = batch_at(ring, at, batch.size());
      promise(found && std::memcmp(found->data(), batch.data(), batch.size()) == 0,
              "what was written is there until it is released");
      writer.release();
      held.pop_front();
    } else if (step % 4 >= 2) {
      const uint64_t at = any_number(input), bytes = any_number(input);
      const auto found = batch_at(ring, at, bytes);
      if (!found) continue;
      promise(is_within(*found, ring), "inside the ring");
      monitor::Output output{room};
      (void)monitor.apply(*found, output);
    }
  }
}

/// The length that any_number() makes of each thread, and results that fit or do not.
void check_results(Input& input) {
  Bytes part(input.number());
  std::vector<uint32_t> lengths;
  for (uint8_t count = input.byte() % 8; count > 0; --count)
    lengths.push_back(static_cast<uint32_t>(any_number(input)));
  const auto results = read_results(part, lengths);
  if (!results) return;
  promise(results->size() == lengths.size(), "one for each length");
  promise(write_results(part, *results), "what was read fits");
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  fuzz::Input input(data, size);
  switch (input.byte() % 4) {
    case 0:
      fuzz::check_ring(input);
      break;
    case 1:
      fuzz::check_results(input);
      break;
    default:
      fuzz::check_message(input);
  }
  return 0;
}
