#include "bench/monitor.hpp"

#include <algorithm>
#include <functional>

#include "enclave/applications/state_store.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/monitor/monitor.hpp"
#include "enclave/seal/certifier.hpp"

namespace themis::bench {
namespace {

using namespace monitor;

constexpr int kRounds = 7;
constexpr uint32_t kRecords = 1 << 14;  // fit the cache: the monitor has no index to miss in
constexpr uint32_t kOperations = 1 << 20;

double prf_rate(crypto::PrfKind kind, size_t bytes) {
  SeededRng rng(1);
  const crypto::Prf prf(crypto::SecretBytes<16>(rng), kind);
  crypto::PrfSum sum;
  Bytes message(bytes);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double start = process_cpu_s();
    for (uint32_t i = 0; i < kOperations; ++i) {
      store(message.data(), i);
      sum.add(prf, message);
    }
    best = std::max(best, kOperations / (process_cpu_s() - start));
  }
  return best / 1e6;
}

using Write = std::function<void(host::CommandLog<WordStore>&, uint32_t)>;

/// Writes batches with `write(log, i)` for each operation, then plays them to a fresh monitor.
/// Operations on `kRecords` records whose elements stand for themselves: nothing is certified here.
/// `begin` gets the instance and writes what comes first.
double replay_rate(const Write& write,
                   const std::function<void(host::CommandLog<WordStore>&,
                                            const receipts::Instance&)>& begin = {}) {
  SeededRng rng(1);
  MonitorOptions options;
  options.calls_without_client = true;
  rng.fill(options.instance);
  const MasterKey key(rng);
  host::CommandLog<WordStore> log(options.instance, 0);
  std::vector<Bytes> batches;
  const auto cut = [&] {
    const ByteView batch = log.take();
    batches.emplace_back(batch.begin(), batch.end());
  };
  if (begin) begin(log, receipts::describe(key, options.instance, 1, options.prf));
  cut();
  for (uint32_t i = 0; i < kOperations; ++i) {
    if (!log.has_room(3)) cut();
    write(log, i);
  }
  cut();
  Bytes results(2 * kBatchBytesMax);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    Monitor<WordStore> monitor(options, key);
    double start = 0;
    for (size_t i = 0; i < batches.size(); ++i) {
      if (i == 1) start = process_cpu_s();  // what came first is not the stream's
      Output output{results};
      THEMIS_ASSERT(monitor.apply(batches[i], output), "the stream is honest");
    }
    best = std::max(best, kOperations / (process_cpu_s() - start));
  }
  return best / 1e6;
}

WordStore::Arguments put_of(uint32_t i) { return {Word{i}, std::nullopt}; }
/// Every second operation is a put.
uint8_t function_of(uint32_t i) { return i % 2 == 0 ? WordStore::get : WordStore::put; }

double fused_rate() {
  return replay_rate([](auto& log, uint32_t i) {
    const Timestamp from = Timestamp::of(0, i), to = Timestamp::of(0, i + 2);
    log.run_once(function_of(i), {{i % kRecords}, Word{i}}, from, 0, to, put_of(i));
  });
}
/// The same stream with calls of `clients` in turn, whose receipts cost the difference.
double receipts_rate(uint16_t clients, receipts::Use use) {
  std::vector<receipts::ClientSession> sessions;
  SeededRng rng(2);
  const auto begin = [&](auto& log, const receipts::Instance& instance) {
    for (uint16_t number = 0; number < clients; ++number) {
      const crypto::DhKey own{crypto::SecretBytes<32>(rng)};
      log.register_client(number, own.share());
      sessions.push_back(receipts::ClientSession::open(own, instance, 0, number).value());
    }
  };
  const auto write = [&](auto& log, uint32_t i) {
    const Timestamp from = Timestamp::of(0, i), to = Timestamp::of(0, i + 2);
    const uint64_t key = i % kRecords, value = i;
    const ByteView words = std::as_bytes(std::span(&value, 1));
    const auto caller =
        sessions[i % clients].sign(use, function_of(i), std::as_bytes(std::span(&key, 1)),
                                   function_of(i) == WordStore::put ? words : ByteView());
    log.run_once(function_of(i), {{key}, Word{i}}, from, 0, to, put_of(i), caller);
  };
  return replay_rate(write, begin);
}

double separate_rate() {
  return replay_rate([](auto& log, uint32_t i) {
    const uint16_t slot[] = {1'024};
    const Word key[] = {{i % kRecords}};
    log.add_deferred(slot[0], Timestamp::of(0, i), 0, {key[0], Word{i}});
    log.run(function_of(i), slot, key, put_of(i));
    log.evict_deferred(slot[0], Timestamp::of(0, i + 2));
  });
}
double pinned_rate() {
  return replay_rate([](auto& log, uint32_t i) {
    const uint16_t slot[] = {static_cast<uint16_t>(1'024 + i % 1'024)};
    const Word key[] = {{i % 1'024}};
    if (i < 1'024) log.add_deferred(slot[0], Timestamp::of(0, i), 0, {key[0], Word{i}});
    log.run(function_of(i), slot, key, put_of(i));
  });
}

/// A client's half: what one receipt costs to check, in nanoseconds, and its bytes.
void measure_client(Figures& figures) {
  SeededRng rng(1);
  receipts::InstanceId id;
  rng.fill(id);
  const MasterKey master(rng);
  const auto instance = receipts::describe(master, id, 1, crypto::best_prf());
  const crypto::DhKey own{crypto::SecretBytes<32>(rng)};
  auto session = receipts::ClientSession::open(own, instance, 0, 0).value();
  const crypto::DhKey monitor = receipts::agreement_key(master, id);
  const crypto::Prf key(receipts::client_key(monitor.agree(own.share()).value(),
                                             {id, 0, 0, own.share(), monitor.share()}),
                        instance.prf);
  const uint64_t at = 1;
  const auto caller =
      session.sign(receipts::Use::call, WordStore::get, std::as_bytes(std::span(&at, 1)), {});
  std::array<std::byte, receipts::OperationReceipt::kHeadBytes + WordStore::Result::kBytesMax +
                            sizeof(receipts::Tag)>
      bytes;
  const WordStore::Result result{true, Word{7}};
  std::byte* end = result.encode(bytes.data() + receipts::OperationReceipt::kHeadBytes);
  receipts::OperationReceipt receipt{
      1, 2, ByteView(bytes).subspan(receipts::OperationReceipt::kHeadBytes, 10), {}};
  receipt.tag = receipts::receipt_tag(key, caller.tag, receipt);
  const ByteView sent(bytes.data(),
                      put(receipt.put_head(end), std::as_bytes(std::span(receipt.tag))));
  figures["receipt_bytes"] = sent.size();
  const auto nanoseconds = [](uint32_t times, auto work) {
    double best = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      const double start = process_cpu_s();
      for (uint32_t i = 0; i < times; ++i) work();
      best = std::min(best, (process_cpu_s() - start) / times * 1e9);
    }
    return best;
  };
  figures["receipt_verify_ns"] = nanoseconds(1 << 18, [&] {
    const auto parsed = receipts::OperationReceipt::parse(sent);
    THEMIS_ASSERT(parsed && session.check(caller, *parsed), "the receipt is genuine");
  });
  receipts::CertificateSigner signer(id, master);
  const receipts::LogHead heads[] = {{}};
  receipts::Certificate certificate;
  figures["certificate_sign_ns"] = nanoseconds(1 << 10, [&] { certificate = signer.next(heads); });
  figures["certificate_verify_ns"] = nanoseconds(1 << 10, [&] {
    THEMIS_ASSERT(certificate.verify(instance.signing), "the certificate is genuine");
  });
}

/// The key, and the arguments of a put, of one store's number.
struct Words {
  using App = WordStore;
  static constexpr uint8_t kGet = WordStore::get, kPut = WordStore::put;
  static Word key(uint32_t number) { return {number}; }
  static WordStore::Arguments value(uint64_t value) { return {Word{value}, std::nullopt}; }
};
/// As functions' state is: a namespace of 64, and a decimal number in it.
struct States {
  using App = StateStore;
  static constexpr uint8_t kGet = StateStore::read, kPut = StateStore::write;
  static StateKey key(uint32_t number) {
    return StateKey::of(as_bytes("space-" + std::to_string(number % 64)),
                        as_bytes(std::to_string(number)));
  }
  static StateStore::Arguments value(uint64_t value) {
    StateStore::Arguments arguments;
    arguments.value = StateStore::Value::from(std::as_bytes(std::span(&value, 1)));
    return arguments;
  }
};

/// The keys of 0 to `records` - 1 in the order of the tree, whose paths they then share.
template <class Kind>
auto keys_in_tree_order(uint32_t records) {
  std::vector<std::pair<TreeKey, uint32_t>> order(records);
  for (uint32_t i = 0; i < records; ++i) order[i] = {Kind::key(i).place(), i};
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return host::left_of(a.first, b.first); });
  std::vector<typename Kind::App::Key> keys;
  for (const auto& [place, number] : order) keys.push_back(Kind::key(number));
  return keys;
}

/// Index, log and verification in one thread: uniform gets and puts of 8-byte values in steps of
/// sixteen, whose places in the index are fetched ahead.
template <class Kind>
class Store {
 public:
  using App = typename Kind::App;
  static constexpr uint32_t kCalls = 1 << 22;

  explicit Store(uint32_t records) {
    host::ShardOptions options;
    rng_.fill(options.instance);
    rng_.fill(std::as_writable_bytes(std::span(options.index_key)));
    const MasterKey key(rng_);
    MonitorOptions of_monitor{options.instance, 0, options.node_slots, options.record_slots};
    of_monitor.calls_without_client = true;
    monitor_ = std::make_unique<Monitor<App>>(of_monitor, key);
    shard_ = std::make_unique<host::Shard<App>>(options, [this](ByteView batch) {
      Output output{results_};
      THEMIS_ASSERT(monitor_->apply(batch, output), "the host is honest");
      while (const auto report = monitor_->take_report()) aggregator_.accept(*report);
    });
    for (auto& each : keys_)
      Kind::key(static_cast<uint32_t>(rng_.below(records))).encode(each.data());
  }
  void load(std::span<const typename App::Key> keys) {
    for (size_t i = 0; i < keys.size(); ++i) put(keys[i], i);
  }
  void run(uint32_t calls) {
    std::array<typename App::Key, kStep> step;
    for (uint32_t i = 0; i + kStep <= calls; i += kStep) {
      for (uint32_t j = 0; j < kStep; ++j) {
        Reader reader(keys_[(i + j) % kCalls]);
        step[j] = App::Key::decode(reader);
      }
      shard_->index().prefetch(std::span<const typename App::Key>(step));
      for (uint32_t j = 0; j < kStep; ++j) {
        const std::span<const typename App::Key> one(&step[j], 1);
        j % 2 == 0 ? put(step[j], i + j)
                   : THEMIS_ASSERT(shard_->call(Kind::kGet, one, {}), "it is there");
      }
    }
  }
  void end_epoch() {
    THEMIS_ASSERT(shard_->end_epoch(aggregator_.certified()), "each is certified at once");
  }
  void rest() {
    THEMIS_ASSERT(shard_->come_to_rest(aggregator_.certified(), true),
                  "there are slots for all paths");
    THEMIS_ASSERT(aggregator_.certified() == shard_->epoch() - 1, "all epochs are certified");
  }
  uint64_t bytes() const { return shard_->bytes(); }

 private:
  static constexpr uint32_t kStep = 16;

  void put(const typename App::Key& at, uint64_t value) {
    THEMIS_ASSERT(shard_->call(Kind::kPut, std::span(&at, 1), Kind::value(value)), "room for it");
  }

  SeededRng rng_{1};
  Bytes results_ = Bytes(kOutputBytesMax);
  Aggregator<> aggregator_{1};
  std::unique_ptr<Monitor<App>> monitor_;
  std::unique_ptr<host::Shard<App>> shard_;
  /// Encoded: as callers have them, close together.
  std::vector<std::array<std::byte, 24>> keys_ = std::vector<std::array<std::byte, 24>>(kCalls);
};

/// What happens beside the calls is in the names.
template <class Kind>
void measure_store(Figures& figures, const std::string& name, uint32_t records) {
  constexpr uint32_t kEpochs = 3;
  const auto seconds = [](auto work) {
    const double start = process_cpu_s();
    work();
    return process_cpu_s() - start;
  };
  const auto rate = [&](double amount, auto work) { return amount / seconds(work) / 1e6; };
  Store<Kind> store(records);
  {
    const auto keys = keys_in_tree_order<Kind>(records);
    figures[name + "_load_m_per_s"] = rate(records, [&] { store.load(keys); });
  }
  const double calls = rate(store.kCalls, [&] { store.run(store.kCalls); });
  figures[name + "_m_ops_per_s"] = calls;
  figures[name + "_carried_m_per_s"] = rate(records, [&] { store.end_epoch(); });
  // Epochs of a second at this rate, each of which touches almost all of the records.
  std::vector<double> ends_ms;
  double ends_s = 0, all_s = 0;
  for (uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    all_s += seconds([&] { store.run(static_cast<uint32_t>(calls * 1e6)); });
    ends_ms.push_back(1e3 * seconds([&] { store.end_epoch(); }));
    ends_s += ends_ms.back() / 1e3;
  }
  figures[name + "_epoch_end_ms_max"] = quantile(ends_ms, 1);
  figures[name + "_epoch_end_share"] = ends_s / (all_s + ends_s);
  figures[name + "_bytes_a_record"] = static_cast<double>(store.bytes()) / records;
  figures[name + "_to_rest_m_per_s"] = rate(records, [&] { store.rest(); });
}

}  // namespace

Figures measure_monitor(const Options&) {
  Figures figures;
  for (const auto& [kind, name] : {std::pair(crypto::PrfKind::cmac_vaes, "cmac_vaes"),
                                   std::pair(crypto::PrfKind::cmac_aes, "cmac_aes"),
                                   std::pair(crypto::PrfKind::siphash, "siphash")}) {
    if (!crypto::available(kind)) continue;
    for (const size_t bytes : {28, 32, 48})
      figures["prf_" + std::string(name) + "_" + std::to_string(bytes) + "_m_per_s"] =
          prf_rate(kind, bytes);
  }
  figures["fused_m_ops_per_s"] = fused_rate();
  const auto more_ns = [&](double rate) {
    return 1e3 / rate - 1e3 / figures["fused_m_ops_per_s"].get<double>();
  };
  for (const uint16_t clients : {uint16_t{1}, uint16_t{16}, uint16_t{1000}}) {
    const double rate = receipts_rate(clients, receipts::Use::call);
    figures["receipt_issue_ns_" + std::to_string(clients) + "_clients"] = more_ns(rate);
  }
  figures["receipt_transferable_issue_ns"] =
      more_ns(receipts_rate(1, receipts::Use::transferable_call));
  measure_client(figures);
  figures["add_run_evict_m_ops_per_s"] = separate_rate();
  figures["pinned_m_ops_per_s"] = pinned_rate();
  measure_store<Words>(figures, "store_1m", 1 << 20);
  measure_store<States>(figures, "state_100k", 100'000);
  measure_store<States>(figures, "state_1m", 1'000'000);
  return figures;
}

}  // namespace themis::bench
