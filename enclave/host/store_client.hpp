#pragma once
// One client of a verified store, for whoever calls on a user's behalf in the store's own process.

#include "enclave/host/verified_store.hpp"

namespace themis::host {

/// Signs calls to all monitor threads and checks what they answer. Good until the store's next
/// start: then it joins again. One thread at a time.
template <class App>
class StoreClient {
 public:
  using Store = VerifiedStore<App>;
  struct Sent {
    typename Store::Called called;  ///< As the host has it.
    Caller caller;
    uint16_t thread = 0;
  };

  /// `store` is borrowed for the object's life. `grant`: of the store's owner, for this instance.
  /// Errors: as VerifiedStore::register_client and ClientSession::open.
  static Result<StoreClient> join(Store& store, const crypto::DhKey& own,
                                  const crypto::Signature& grant = {}) {
    THEMIS_TRY(const uint16_t number, store.register_client(own.share(), grant));
    StoreClient client(store);
    const receipts::Instance& instance = store.describe();
    for (uint16_t thread = 0; thread < instance.threads; ++thread) {
      THEMIS_TRY(auto session, receipts::ClientSession::open(own, instance, thread, number));
      client.sessions_.push_back(std::move(session));
    }
    return client;
  }

  /// Errors: as VerifiedStore::call.
  Result<Sent> call(uint8_t function, std::span<const typename App::Key> keys,
                    const typename App::Arguments& arguments,
                    receipts::Use use = receipts::Use::call) {
    if (keys.empty() || keys.size() > monitor::kRecordsPerCallMax)
      return fail(Code::invalid, "a call has one to eight keys");
    const uint16_t thread = store_->thread_of(keys[0]);
    const CallBytes<App> bytes(function, keys, arguments);
    const Caller caller = sessions_[thread].sign(use, function, bytes.keys(), bytes.arguments());
    THEMIS_TRY(const auto called, store_->call(function, keys, arguments, caller));
    return Sent{called, caller, thread};
  }
  /// What the monitor answered, in what the call's commit gave; provisional until its epoch is
  /// certified. `released` is borrowed by it.
  /// Errors: not_found (another commit), malformed, forged (not the monitor's answer).
  Result<receipts::OperationReceipt> check(const Sent& sent, const Released& released) const {
    THEMIS_TRY(const ByteView bytes, released.answer(sent.thread, sent.called.number));
    THEMIS_TRY(const auto receipt, receipts::OperationReceipt::parse(bytes));
    THEMIS_CHECK(sessions_[sent.thread].check(sent.caller, receipt));
    return receipt;
  }

 private:
  explicit StoreClient(Store& store) : store_(&store) {}

  Store* store_;
  std::vector<receipts::ClientSession> sessions_;  // by thread
};

}  // namespace themis::host
