#pragma once
// The host's copy of the leaves of open epochs, from which it completes transferable receipts.

#include <deque>

#include "enclave/receipts/receipt.hpp"

namespace themis::host {

/// What the monitor gave for one call that asked for a transferable receipt, with the call.
struct IssuedReceipt {
  receipts::OperationReceipt receipt;  ///< Its result is borrowed for the call only.
  receipts::Digest leaf{};
  receipts::Caller caller;
  crypto::DhShare client;
  uint8_t function = 0;
  ByteView keys, arguments;
};

/// Untrusted: a wrong leaf gives receipts that nobody accepts. One thread.
class ReceiptLog {
 public:
  /// Of one epoch, all threads together; some 400 bytes each with their calls.
  static constexpr size_t kReceiptsMax = size_t{1} << 20;

  explicit ReceiptLog(uint16_t threads) : threads_(threads) {}

  /// To be asked before a call is written that wants a transferable receipt: for that and all that
  /// were written before and are not added yet.
  bool has_room(size_t more = 1) const { return receipts_ + more <= kReceiptsMax; }
  /// In the order in which the thread's monitor gave them.
  void add(uint16_t thread, const IssuedReceipt& issued);
  /// The receipts of the certificate's epoch, thread by thread in that order; they are forgotten
  /// here. Certificates come in the order of the epochs.
  std::vector<receipts::Receipt> complete(const receipts::Certificate& certificate);

 private:
  struct Thread {
    std::vector<receipts::Receipt> receipts;
    std::vector<receipts::Digest> leaves;
  };
  struct Epoch {
    uint32_t number = 0;
    std::vector<Thread> threads;
  };
  Epoch& open(uint32_t epoch);

  uint16_t threads_;
  size_t receipts_ = 0;
  std::deque<Epoch> epochs_;  // rising; one without receipts may be missing
};

}  // namespace themis::host
