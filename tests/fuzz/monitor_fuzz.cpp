// Any batches into a monitor: bytes as they come, or commands that a host could write, with
// changes. It never touches what is not its own, keeps to the room for its output, and accepts
// nothing after what it refused.

#include "enclave/applications/key_value.hpp"
#include "enclave/host/command_log.hpp"
#include "enclave/monitor/monitor.hpp"
#include "enclave/seal/certifier.hpp"
#include "enclave/seal/history_chain.hpp"
#include "runtime/crypto/crypto.hpp"
#include "tests/fuzz/input.hpp"

namespace themis::fuzz {
namespace {

using namespace monitor;

using TextStore = KeyValue<Blob<4>, Blob<8>>;

constexpr uint32_t kSlots = 4;  // of each kind

uint16_t slot(Input& input) { return input.byte() % (2 * kSlots + 1); }
Timestamp time(Input& input) {
  return Timestamp::of(input.byte() % 3, static_cast<uint32_t>(input.byte() % 8));
}
TreeKey tree_key(Input& input) {
  const auto depth = static_cast<uint16_t>(input.byte() % 4);
  return {{input.byte() & ((uint64_t{1} << depth) - 1), 0, 0, 0}, depth};
}
NodeValue node(Input& input) {
  NodeValue value;
  for (Edge& each : value.edge) {
    if (input.byte() % 2 == 0) continue;
    each.used = true;
    each.key = input.byte() % 2 == 0 ? tree_key(input) : Word{input.byte() % 8u}.place();
    each.in_deferred = input.byte() % 2 == 0;
  }
  return value;
}
template <class T>
T text(Input& input) {
  const uint8_t size = input.byte() % 4;
  return T::from(input.take(size));
}
template <class T>
T word_or_text(Input& input) {
  if constexpr (std::is_same_v<T, Word>) {
    return {input.byte() % 8u};
  } else {
    return text<T>(input);
  }
}
template <class App>
Record<App> record(Input& input) {
  Record<App> made;
  made.key = word_or_text<typename App::Key>(input);
  if (input.byte() % 2 == 0) made.value = word_or_text<typename App::Value>(input);
  return made;
}
receipts::Caller caller(Input& input) {
  const uint8_t how = input.byte();
  if (how % 2 == 0) return {};
  const auto use = how % 4 == 1 ? receipts::Use::call : receipts::Use::transferable_call;
  return {static_cast<uint16_t>(how % 3), use, input.byte(), {}};
}

template <class App>
void write(host::CommandLog<App>& log, Input& input) {
  const uint8_t what = input.byte();
  switch (what % 14) {
    case 0:
      return log.add_merkle(slot(input), slot(input), tree_key(input), node(input));
    case 1:
      return log.add_merkle(slot(input), slot(input), record<App>(input));
    case 2:
      return log.evict_merkle(slot(input), slot(input));
    case 3:
      return log.add_deferred(slot(input), time(input), 0, tree_key(input), node(input));
    case 4:
      return log.add_deferred(slot(input), time(input), 0, record<App>(input));
    case 5:
      return log.evict_deferred(slot(input), time(input));
    case 6:
      return log.evict_to_deferred(slot(input), slot(input), time(input));
    case 7:
      return log.next_epoch();
    case 8:
      return log.verify_epoch();
    case 9:
      return log.register_client(what / 14 % 3,
                                 what < 128 ? crypto::DhShare{{std::byte{9}}} : crypto::DhShare{});
    case 10:
      return log.list_epoch();
    case 11:
      return log.restore(slot(input), record<App>(input));
    case 12: {
      const auto function = static_cast<uint8_t>(what / 14 % 8);
      const size_t count = std::min<size_t>(App::arity(function), 2);
      const uint16_t slots[] = {slot(input), slot(input)};
      const typename App::Key keys[] = {word_or_text<typename App::Key>(input),
                                        word_or_text<typename App::Key>(input)};
      return log.run(function, std::span(slots).first(count), std::span(keys).first(count),
                     {word_or_text<typename App::Value>(input), {}}, caller(input));
    }
    default:
      return log.run_once(static_cast<uint8_t>(what / 14 % 8), record<App>(input), time(input), 0,
                          time(input), {word_or_text<typename App::Value>(input), {}},
                          caller(input));
  }
}

/// A batch whose header the monitor would take.
Bytes raw_batch(const InstanceId& instance, uint64_t sequence, ByteView commands) {
  Bytes batch(kBatchHeaderBytes);
  std::byte* to = put(put(batch.data(), ByteView(instance)), uint16_t{0});
  put(put(to, sequence), static_cast<uint32_t>(commands.size()));
  append(batch, commands);
  return batch;
}

template <class App>
void play(Input& input) {
  SeededRng rng(1);
  MonitorOptions options;
  rng.fill(options.instance);
  options.node_slots = options.record_slots = kSlots;
  const uint8_t kind = input.byte();
  options.prf = kind % 2 == 0 ? crypto::PrfKind::siphash : crypto::best_prf();
  options.clients = 2;
  options.calls_without_client = true;
  const MasterKey master(rng);
  const crypto::SecretBytes<16> chunk_key(rng), tag_key(rng);
  seal::HistoryChain list(chunk_key, tag_key, options.prf);
  if (kind % 4 > 1) options.listing = &list;
  Monitor<App> monitor(options, master, Rest{});  // it restores, if it has a list
  seal::Certifier<> certifier(1, options.instance, master);
  host::CommandLog<App> log(options.instance, 0);
  Bytes room(4'096);
  bool refused = false;
  for (uint64_t sequence = 0; !input.empty(); ++sequence) {
    Bytes batch;
    const uint8_t how = input.byte();
    for (int i = 0; i <= how % 16; ++i) write(log, input);
    const ByteView written = log.take();
    batch.assign(written.begin(), written.end());
    if (how >= 240) batch = raw_batch(options.instance, sequence, input.take(input.byte()));
    if (how >= 224 && how < 240) batch = input.changed(std::move(batch));
    Output output{room};
    const bool accepted = monitor.apply(batch, output);
    promise(output.used <= room.size(), "the output keeps to its room");
    promise(!(refused && accepted), "nothing is accepted after a violation");
    promise(accepted != static_cast<bool>(monitor.violation()), "what is refused has its reason");
    promise(refused || monitor.violation().offset <= batch.size(), "and its place");
    refused = !accepted;
    const auto rest = monitor.at_rest();
    promise(!(refused && rest), "there is no rest after a violation");
    promise(!rest || !rest->listed || list.bytes() > 0, "what is listed is on the list");
    if (how % 64 == 63) monitor.restored();
    while (const auto report = monitor.take_report()) certifier.accept(*report);
    while (certifier.take_certificate()) promise(true, "");
  }
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  crypto::init();
  fuzz::Input input(data, size);
  if (input.byte() % 2 == 0) {
    fuzz::play<monitor::WordStore>(input);
  } else {
    fuzz::play<fuzz::TextStore>(input);
  }
  return 0;
}
