#pragma once
// A durable store for clients, and hosts between it and its trusted side.

#include "enclave/host/store_client.hpp"
#include "tests/unit/enclave/durable_world.hpp"
#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::tests {

using receipts::Caller;
using receipts::Use;
using Client = host::StoreClient<WordStore>;

/// Only calls of clients whom the owner let in.
struct ClientWorld : DurableWorld {
  explicit ClientWorld(uint16_t threads = 1, uint64_t seed = 1) : DurableWorld(threads, seed) {
    access = {true, monitor::owner_key().public_key()};
  }
  Result<Client> join(uint16_t number = 0) const {
    const crypto::DhKey own = monitor::client_key_pair(number);
    return Client::join(*store, own,
                        receipts::grant(monitor::owner_key(), store->describe().id, own.share()));
  }
  static Result<Client::Sent> put(Client& client, uint64_t at, uint64_t value,
                                  Use use = Use::call) {
    const Word word{at};
    return client.call(WordStore::put, std::span(&word, 1), {Word{value}, std::nullopt}, use);
  }
  static Result<Client::Sent> get(Client& client, uint64_t at) {
    const Word word{at};
    return client.call(WordStore::get, std::span(&word, 1), {});
  }
  /// A call as whoever has its bytes could put it to the store.
  Result<Store::Called> again(const Caller& caller, uint64_t at, uint64_t value) {
    const Word word{at};
    return store->call(WordStore::put, std::span(&word, 1), {Word{value}, std::nullopt}, caller);
  }
  const crypto::PublicKey& signing() const { return store->describe().signing; }
};

/// No code when nothing was refused.
template <class T>
Code refusal(const Result<T>& result) {
  return result ? Code{} : result.error().code;
}
inline std::string hex_of(const Result<receipts::OperationReceipt>& receipt) {
  return receipt ? to_hex(receipt->result) : receipt.error().text();
}

/// A store for clients behind a host of the test's.
template <class Host>
struct WorldOf : ClientWorld {
  explicit WorldOf(uint16_t threads = 1) : ClientWorld(threads) {
    EXPECT_TRUE(open());
    store.reset();
    trusted = std::make_unique<seal::SealedMonitors<WordStore>>(
        seal::SealedMonitorsOptions{threads, 64, 16, clients_max, access}, key, *counter, rng);
    host = std::make_unique<Host>(*trusted);
    store = Store::open(*environment, *host, options).value();
  }
  ~WorldOf() { store.reset(); }
  std::unique_ptr<Host> host;
};

/// Changes what the trusted side gave.
struct GarblingHost final : PassingHost {
  using PassingHost::PassingHost;
  Result<seal::Released> confirm() override { return changed(side.confirm()); }
  Result<seal::Released> release() override { return changed(side.release()); }
  Result<seal::Released> changed(Result<seal::Released> released) const {
    if (released && change) change(*released);
    return released;
  }
  std::function<void(seal::Released&)> change;
};

}  // namespace themis::tests
