#pragma once
// The user's side of a call with a MAC: signs it, and believes the monitor's receipt alone.

#include <map>

#include "actors/monitor/state_operation.hpp"
#include "enclave/receipts/receipt.hpp"

namespace themis {

/// Whether a receipt to show is of this call, whoever made it. Errors: forged.
[[nodiscard]] Status check_is_of(const receipts::Receipt& shown, const StateCall& call);

/// One client of one run of a store's monitors, as StateOp::join made it.
struct StateSeat {
  receipts::Instance instance;
  uint16_t client = 0;
  uint64_t nonce = 0;  ///< The last one used; to be kept durably before its call leaves.
};

/// No I/O; one thread.
class StateClient {
 public:
  /// `own`: whose share was registered; borrowed for the object's life.
  StateClient(const crypto::DhKey& own, const StateSeat& seat) : own_(own), seat_(seat) {}

  /// Gives `call`, which has passed check_state_call(), a caller with the next nonce.
  /// Errors: invalid (this CPU lacks the MAC's instructions), forged (the instance has no key).
  Status sign(StateCall& call);
  /// Whether the monitors gave this answer to this call: then `done`, `value` and `epoch` are what
  /// the receipt says, and it is `certified` when it came with a valid one to show to others.
  /// Errors: forged (without a receipt also), malformed.
  Status check(const StateCall& call, StateAnswer& answer);
  const StateSeat& seat() const { return seat_; }

 private:
  Result<receipts::ClientSession*> session(uint16_t thread);
  Status check_shown(const StateCall& call, const StateAnswer& answer,
                     const receipts::OperationReceipt& said) const;

  const crypto::DhKey& own_;
  StateSeat seat_;
  std::map<uint16_t, receipts::ClientSession> sessions_;  ///< By thread.
};

}  // namespace themis
