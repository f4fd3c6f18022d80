#pragma once
// Monitors, an aggregator and a host that writes whatever commands a test wants.

#include "enclave/applications/key_value.hpp"
#include "enclave/host/command_log.hpp"
#include "enclave/monitor/monitor.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::monitor {

/// Every check but one or two, to see what they are there for.
struct Checked {
  static inline Reason dropped = Reason::none, also_dropped = Reason::none;
  static bool holds(Reason reason, bool condition) {
    return condition || reason == dropped || reason == also_dropped;
  }
};

/// Drops checks for as long as it lives.
struct Without {
  explicit Without(Reason first, Reason second = Reason::none) {
    Checked::dropped = first;
    Checked::also_dropped = second;
  }
  ~Without() { Checked::dropped = Checked::also_dropped = Reason::none; }
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;
};

constexpr uint16_t kNodeSlots = 8, kRecordSlots = 200;
/// The first record slots; node slot 0 holds the root.
constexpr uint16_t kRoot = 0, kR0 = kNodeSlots, kR1 = kR0 + 1, kR2 = kR0 + 2, kR3 = kR0 + 3;

inline Timestamp at(uint32_t epoch, uint32_t counter) { return Timestamp::of(epoch, counter); }

/// The same key pair in every test.
inline crypto::DhKey client_key_pair(uint16_t number) {
  SeededRng rng(1'000 + number);
  return crypto::DhKey(crypto::SecretBytes<32>(rng));
}
inline crypto::SigningKey owner_key() {
  SeededRng rng(999);
  return crypto::SigningKey(crypto::SecretBytes<32>(rng));
}

/// As Epochs derives it.
inline crypto::SecretBytes<16> epoch_key(const MasterKey& master, const InstanceId& instance,
                                         uint32_t epoch) {
  Bytes info = to_bytes("themis/monitor/epoch-key/v1");
  append(info, instance);
  append(info, std::as_bytes(std::span(&epoch, 1)));
  return crypto::SecretBytes<16>(crypto::blake2b_mac(master, info));
}

template <class App>
class World {
 public:
  /// `clients_only`: no call without a client, and no client without the owner's grant.
  /// `clients`: places for them; a world without any is made in a fraction of the time.
  explicit World(uint16_t threads = 1, uint64_t seed = 1, bool clients_only = false,
                 uint16_t clients = 1'024)
      : aggregator(threads) {
    SeededRng rng(seed);
    rng.fill(instance);
    const MasterKey key(rng);
    master = MasterKey(key.view());
    if (clients > 0) description = receipts::describe(key, instance, threads, crypto::best_prf());
    for (uint16_t thread = 0; thread < threads; ++thread) {
      MonitorOptions options{instance, thread, kNodeSlots, kRecordSlots};
      options.calls_without_client = !clients_only;
      options.clients = clients;
      if (clients_only) options.owner = owner_key().public_key();
      monitors.push_back(std::make_unique<Monitor<App, Checked>>(options, key));
      logs.emplace_back(instance, thread);
    }
    results.resize(clients > 0 ? 1 << 16 : 1 << 12);
    output.room = results;
  }

  host::CommandLog<App>& log(size_t thread = 0) { return logs[thread]; }

  /// Hands over what is in the log. False when a monitor or the aggregator has refused.
  bool send(size_t thread = 0) { return deliver(thread, logs[thread].take()); }
  bool deliver(size_t thread, ByteView batch) {
    Monitor<App, Checked>& to = *monitors[thread];
    if (!to.apply(batch, output)) aggregator.fail(to.violation());
    while (const auto report = to.take_report()) {
      last_report = *report;
      aggregator.accept(*report);
    }
    return !aggregator.violation();
  }

  /// What the calls answered, all threads together.
  ByteView answers() const { return ByteView(results).first(output.used); }
  Reason reason() const { return aggregator.violation().reason; }
  bool certified(uint32_t epoch) const {
    return !aggregator.violation() && aggregator.certified() >= epoch;
  }

  InstanceId instance{};
  MasterKey master;
  EpochReport last_report;
  receipts::Instance description;
  std::vector<std::unique_ptr<Monitor<App, Checked>>> monitors;
  std::vector<host::CommandLog<App>> logs;
  Aggregator<Checked> aggregator;
  Bytes results;
  Output output;
};

using Words = World<WordStore>;
using WordRecord = Record<WordStore>;

/// Shorthand for the word store's host, thread 0 unless another is given.
struct WordHost {
  Words& world;
  size_t thread = 0;

  host::CommandLog<WordStore>& log() { return world.log(thread); }
  static WordRecord record(uint64_t key, std::optional<uint64_t> value) {
    return {{key}, value ? std::optional(Word{*value}) : std::nullopt};
  }
  void call(uint8_t function, uint16_t slot, uint64_t key, WordStore::Arguments arguments = {}) {
    const Word keys[] = {{key}};
    log().run(function, std::span(&slot, 1), keys, arguments);
  }
  void get(uint16_t slot, uint64_t key) { call(WordStore::get, slot, key); }
  void put(uint16_t slot, uint64_t key, uint64_t value) {
    call(WordStore::put, slot, key, {Word{value}, std::nullopt});
  }
  /// A fresh key, directly under the root, written and put into the deferred set.
  void create(uint16_t slot, uint64_t key, uint64_t value, Timestamp time) {
    log().add_merkle(slot, kRoot, record(key, std::nullopt));
    put(slot, key, value);
    log().evict_to_deferred(slot, kRoot, time);
  }
  void add(uint16_t slot, uint64_t key, std::optional<uint64_t> value, Timestamp time,
           uint16_t by = 0) {
    log().add_deferred(slot, time, by, record(key, value));
  }
  void evict(uint16_t slot, Timestamp time) { log().evict_deferred(slot, time); }
  /// Carries a record from one epoch to the next.
  void carry(uint16_t slot, uint64_t key, std::optional<uint64_t> value, Timestamp from,
             Timestamp to, uint16_t by = 0) {
    add(slot, key, value, from, by);
    evict(slot, to);
  }
  /// Registers the client on this thread, with or without the owner's grant.
  receipts::ClientSession join(uint16_t number, bool granted = true) {
    const crypto::DhKey own = client_key_pair(number);
    const auto by =
        granted ? receipts::grant(owner_key(), world.instance, own.share()) : crypto::Signature{};
    log().register_client(number, own.share(), by);
    return receipts::ClientSession::open(own, world.description, static_cast<uint16_t>(thread),
                                         number)
        .value();
  }
  static receipts::Caller sign_put(receipts::ClientSession& client, uint64_t key, uint64_t value,
                                   receipts::Use use = receipts::Use::call) {
    return client.sign(use, WordStore::put, std::as_bytes(std::span(&key, 1)),
                       std::as_bytes(std::span(&value, 1)));
  }
  void put(uint16_t slot, uint64_t key, uint64_t value, const receipts::Caller& caller) {
    const Word keys[] = {{key}};
    log().run(WordStore::put, std::span(&slot, 1), keys, {Word{value}, std::nullopt}, caller);
  }
  bool verify() {
    log().verify_epoch();
    return world.send(thread);
  }
};

}  // namespace themis::monitor
