#pragma once
// The host's side of clients and receipts: who may call with a MAC, which calls of a commit were
// made so, and what the monitors said of them.

#include <optional>
#include <span>
#include <vector>

#include "actors/monitor/state_operation.hpp"
#include "enclave/host/store_client.hpp"
#include "runtime/base/rng.hpp"

namespace themis {

/// Transferable receipts that may wait for their epoch's end: some 10 KB each as texts.
inline constexpr size_t kReceiptsWaitingMax = 4'096;

/// Beside a StateHost, which asks it for calls with a client or a receipt only: others cost
/// nothing. Answers come in the order of their calls. One thread.
class StateClients {
 public:
  using Store = host::VerifiedStore<monitor::StateStore>;
  /// What a receipt adds to a result in the monitors' answers.
  static constexpr size_t kReceiptBytes =
      receipts::OperationReceipt::kBytes + sizeof(receipts::Digest);

  /// `store` is borrowed for the object's life.
  StateClients(Store& store, seal::TrustedSide& trusted) : store_(store), trusted_(trusted) {}

  /// Errors: unavailable (monitors without clients).
  Result<StateAnswer> describe() const;
  /// Makes the owner of the share in `call.value` a client until the monitors' next start. The
  /// node's own place is kept free. Errors: overloaded, denied (no share), unavailable.
  Result<StateAnswer> join(const StateCall& call);
  /// Runs a call for its caller, or in the node's own name. What the caller got wrong harms nobody
  /// else. Errors: as VerifiedStore::call; not_found (the monitors started again since the caller
  /// registered), invalid (its client did not make this call), exists (it was run before).
  Result<Store::Called> call(const StateCall& call, const StateOperation& operation);

  /// Whether the monitors' results are `expected`, which has them without what clients get beside
  /// them. By thread, of all calls since the last commit.
  bool agree(const host::Released& released, std::span<const ByteView> expected) const;
  /// Keeps what complete() and take_receipts() are to give. Errors: forged (a receipt of the
  /// node's own calls is not a monitor's), malformed.
  Status accept(const host::Released& released);
  /// `answers` of the last commit, in the order of their calls: those that have a receipt get it.
  void complete(std::span<Result<StateAnswer>> answers);
  /// Of the epochs certified since the last time.
  FinalReceipts take_receipts() { return std::exchange(final_, {}); }

 private:
  using Client = host::StoreClient<monitor::StateStore>;
  struct Asked {
    uint16_t thread = 0;
    uint64_t number = 0;  ///< Store::Called::number.
    bool transferable = false;
    std::optional<Client::Sent> own;
  };

  Store& store_;
  seal::TrustedSide& trusted_;
  SystemRng rng_;
  std::optional<Client> own_;                              ///< The node's, from its first call on.
  size_t joined_ = 0;                                      ///< Others.
  size_t waiting_ = 0;                                     ///< Transferable receipts.
  std::vector<Asked> asked_;                               ///< Since the last commit.
  std::vector<std::shared_ptr<const StateReceipt>> told_;  ///< By the last commit.
  FinalReceipts final_;
};

}  // namespace themis
