#pragma once
// A call of the state as the monitors run it, and its answer as they encode it.

#include "actors/monitor/state_call.hpp"
#include "enclave/applications/state_store.hpp"
#include "enclave/receipts/call.hpp"

namespace themis {

struct StateOperation {
  uint8_t function = 0;
  std::vector<monitor::StateKey> keys;  ///< All of one namespace, so of one monitor thread.
  monitor::StateStore::Arguments arguments;

  /// Of a store with so many.
  uint16_t thread(uint16_t threads) const {
    return static_cast<uint16_t>(keys[0].place().path[0] % threads);
  }
};

/// `call` has passed check_state_call() and is one of the store: a `list` is the read of its key.
StateOperation operation_of(const StateCall& call);

/// As StateStore::transact takes them.
monitor::StateStore::Changes changes_of(const std::vector<StateChange>& changes);
/// The call that an operation's bytes stand for, of one key; nothing for others: a transaction says
/// only the hash of what it checks. The bytes are anybody's.
std::optional<StateCall> read_call(uint8_t function, ByteView keys, ByteView arguments);

/// How a client's key is used on the call.
receipts::Use use_of(const StateCall& call);
/// `call` has a caller.
receipts::Caller caller_of(const StateCall& call);

/// Sets `done` and `value` to what an encoded result says. Errors: malformed.
Status read_result(ByteView result, StateAnswer& answer);

}  // namespace themis
