#include "bench/monitor.hpp"

#include <functional>

#include "enclave/applications/key_value.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/seal/certifier.hpp"
#include "enclave/monitor/monitor.hpp"

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
  for (uint32_t i = 0; i < kOperations; ++i) {
    if (!log.has_room(3)) cut();
    write(log, i);
  }
  cut();
  Bytes results(2 * kBatchBytesMax);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    Monitor<WordStore> monitor(options, key);
    const double start = process_cpu_s();
    for (const Bytes& batch : batches) {
      Output output{results};
      THEMIS_ASSERT(monitor.apply(batch, output), "the stream is honest");
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

/// The i-th of `records`, a power of two, from left to right: i's bits backwards.
Word tree_order(uint32_t i, uint32_t records) {
  uint64_t turned = 0;
  for (uint32_t bit = 1; bit < records; bit *= 2) turned = turned * 2 + ((i & bit) != 0);
  return {turned};
}

/// Index, log and verification in one thread: uniform gets and puts of `records` 8-byte records in
/// steps of sixteen, whose places in the index are fetched ahead. What happens beside is in the
/// names.
void measure_store(Figures& figures, const std::string& name, uint32_t records) {
  constexpr uint32_t kStep = 16, kCalls = 1 << 22;
  SeededRng rng(1);
  host::ShardOptions options;
  rng.fill(options.instance);
  rng.fill(std::as_writable_bytes(std::span(options.index_key)));
  const MasterKey key(rng);
  MonitorOptions of_monitor{options.instance, 0, options.node_slots, options.record_slots};
  of_monitor.calls_without_client = true;
  Monitor<WordStore> monitor(of_monitor, key);
  Aggregator<> aggregator(1);
  Bytes results(2 * kBatchBytesMax);
  host::Shard<WordStore> shard(options, [&](ByteView batch) {
    Output output{results};
    THEMIS_ASSERT(monitor.apply(batch, output), "the host is honest");
    while (const auto report = monitor.take_report()) aggregator.accept(*report);
  });
  const auto put = [&](const Word& at, uint64_t value) {
    THEMIS_ASSERT(shard.call(WordStore::put, std::span(&at, 1), {Word{value}, std::nullopt}),
                  "room for it");
  };
  const auto timed = [&](const char* what, double amount, auto work) {
    const double start = process_cpu_s();
    work();
    figures[name + what] = amount / (process_cpu_s() - start) / 1e6;
  };
  const auto end_epoch = [&] {
    THEMIS_ASSERT(shard.end_epoch(aggregator.certified()), "each is certified at once");
  };
  timed("_load_m_per_s", records, [&] {
    // In the order of the tree, whose paths start with a key's lowest bit.
    for (uint32_t i = 0; i < records; ++i) put(tree_order(i, records), i);
  });
  std::vector<Word> keys(kCalls);
  for (Word& each : keys) each.value = rng.below(records);
  timed("_m_ops_per_s", kCalls, [&] {
    for (uint32_t i = 0; i < kCalls; i += kStep) {
      shard.prefetch(std::span(keys).subspan(i, kStep));
      for (uint32_t j = i; j < i + kStep; ++j) {
        if (j % 2 == 0) {
          put(keys[j], j);
        } else {
          THEMIS_ASSERT(shard.call(WordStore::get, std::span(&keys[j], 1), {}), "it is there");
        }
      }
    }
  });
  timed("_carried_m_per_s", records, end_epoch);
  timed("_to_tree_m_per_s", records, end_epoch);
  THEMIS_ASSERT(aggregator.certified() == 1u, "both epochs are certified");
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
  measure_store(figures, "store_1m", 1 << 20);
  return figures;
}

}  // namespace themis::bench
