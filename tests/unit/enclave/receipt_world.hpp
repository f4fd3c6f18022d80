#pragma once
// A whole store with clients: host, monitors, certifier, and what the clients keep.

#include "enclave/applications/key_value.hpp"
#include "enclave/host/receipt_log.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/monitor/monitor.hpp"
#include "enclave/seal/certifier.hpp"
#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::tests {

using monitor::Word;
using monitor::WordStore;
using receipts::Caller;
using receipts::ClientSession;
using receipts::Receipt;
using receipts::Use;

/// Two clients, registered with every thread. Nothing may be called without one.
class ReceiptWorld {
 public:
  static constexpr uint16_t kClients = 2;

  explicit ReceiptWorld(uint16_t threads = 2, uint64_t seed = 1,
                        crypto::PrfKind prf = crypto::best_prf())
      : log(threads) {
    SeededRng rng(seed);
    host::ShardOptions options;
    rng.fill(options.instance);
    const receipts::MasterKey master(rng);
    instance = receipts::describe(master, options.instance, threads, prf);
    certifier =
        std::make_unique<seal::Certifier<monitor::Checked>>(threads, options.instance, master);
    options.threads = threads;
    results.resize(1 << 16);
    for (uint16_t thread = 0; thread < threads; ++thread) {
      options.thread = thread;
      monitor::MonitorOptions trusted{options.instance, thread};
      trusted.prf = prf;
      trusted.clients = kClients;
      trusted.owner = monitor::owner_key().public_key();
      monitors.push_back(
          std::make_unique<monitor::Monitor<WordStore, monitor::Checked>>(trusted, master));
      shards.push_back(std::make_unique<host::Shard<WordStore>>(
          options, [this, thread](ByteView batch) { deliver(thread, batch); }));
      for (uint16_t number = 0; number < kClients; ++number) {
        const crypto::DhKey own = monitor::client_key_pair(number);
        const auto grant = receipts::grant(monitor::owner_key(), options.instance, own.share());
        shards.back()->register_client(number, own.share(), grant);
        sessions.push_back(ClientSession::open(own, instance, thread, number).value());
      }
    }
    uint16_t thread = 1;
    for (const host::Handover& each : shards[0]->hand_over()) shards[thread++]->receive(each);
    for (auto& shard : shards) shard->flush();
  }

  struct Answer {
    Caller caller;
    Bytes receipt;  ///< As it goes to the client.
  };
  ClientSession& session(uint16_t client, uint64_t key) {
    return sessions[key % shards.size() * kClients + client];
  }
  /// Signed by the client, run by the host, answered by the monitor.
  Answer call(uint16_t client, uint8_t function, uint64_t key, uint64_t value = 0,
              Use use = Use::call) {
    const auto thread = static_cast<uint16_t>(key % shards.size());
    const ByteView keys = std::as_bytes(std::span(&key, 1));
    const ByteView arguments =
        function == WordStore::put ? std::as_bytes(std::span(&value, 1)) : ByteView();
    Answer answer{session(client, key).sign(use, function, keys, arguments), {}};
    const Word at{key};
    const auto done = shards[thread]->call(function, std::span(&at, 1), {Word{value}, std::nullopt},
                                           answer.caller);
    THEMIS_ASSERT(done.has_value(), "the host can run it");
    shards[thread]->flush();
    const ByteView given = ByteView(results).first(used);
    const size_t leaf = use == Use::call ? 0 : sizeof(receipts::Digest);
    const ByteView sent = given.first(given.size() - leaf);
    answer.receipt.assign(sent.begin(), sent.end());
    if (use == Use::call) return answer;
    host::IssuedReceipt issued;
    issued.receipt = receipts::OperationReceipt::parse(sent).value();
    std::memcpy(issued.leaf.data(), given.data() + sent.size(), leaf);
    issued.caller = answer.caller;
    issued.client = monitor::client_key_pair(client).share();
    issued.function = function;
    issued.keys = keys;
    issued.arguments = arguments;
    log.add(thread, issued);
    return answer;
  }
  Answer put(uint16_t client, uint64_t key, uint64_t value, Use use = Use::call) {
    return call(client, WordStore::put, key, value, use);
  }
  Status check(uint16_t client, uint64_t key, const Answer& answer) {
    const auto receipt = receipts::OperationReceipt::parse(answer.receipt);
    if (!receipt) return fail(receipt.error());
    return session(client, key).check(answer.caller, *receipt);
  }
  void end_epoch(size_t thread) {
    THEMIS_ASSERT(shards[thread]->end_epoch(certifier->aggregator().certified()),
                  "no test goes so far ahead");
  }
  /// Certifies the epoch and completes its receipts.
  void end_epoch() {
    for (size_t i = 0; i < shards.size(); ++i) end_epoch(i);
    while (const auto certificate = certifier->take_certificate()) {
      certificates.push_back(*certificate);
      for (Receipt& each : log.complete(*certificate)) completed.push_back(std::move(each));
    }
  }

  receipts::Instance instance;
  std::vector<std::unique_ptr<monitor::Monitor<WordStore, monitor::Checked>>> monitors;
  std::unique_ptr<seal::Certifier<monitor::Checked>> certifier;
  std::vector<std::unique_ptr<host::Shard<WordStore>>> shards;
  std::vector<ClientSession> sessions;  // by thread, then by client
  host::ReceiptLog log;
  std::vector<receipts::Certificate> certificates;
  std::vector<Receipt> completed;
  std::function<void(uint16_t, Bytes&)> change;  // what the host does to a batch

 private:
  void deliver(uint16_t thread, ByteView batch) {
    Bytes sent(batch.begin(), batch.end());
    if (change) change(thread, sent);
    monitor::Output output{results};
    if (!monitors[thread]->apply(sent, output)) certifier->fail(monitors[thread]->violation());
    used = output.used;
    while (const auto report = monitors[thread]->take_report()) certifier->accept(*report);
  }
  Bytes results;
  size_t used = 0;
};

/// Texts that a verifier has to take or to refuse.
struct ReceiptCase {
  std::string name;
  std::string text;
  std::string key;   ///< Hexadecimal.
  std::string seen;  ///< The text of a receipt that was seen before; empty: none.
  bool accepted = false;
};
std::vector<ReceiptCase> receipt_cases();

}  // namespace themis::tests
