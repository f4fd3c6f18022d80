#pragma once
// What can be asked of verified state, and what it answers. Values without actors.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/bytes.hpp"

namespace themis {

namespace receipts {
struct Instance;
}

/// A namespace is a function's name, or one like it: [a-z0-9_-]{1,64}; or one of the sixteen of its
/// actors, "NAME.0" to "NAME.f".
inline constexpr size_t kNamespaceBytesMax = 64;
/// With its namespace and a byte between them a key fits StateKey.
inline constexpr size_t kStateKeyBytesMax = 127;
/// A value moves through the monitor's cache as a whole.
inline constexpr size_t kStateValueBytesMax = 1'024;
/// What one call of the monitor takes: kRecordsPerCallMax.
inline constexpr size_t kTransactionKeysMax = 8;
/// Values written by one transaction together; its checks take the rest of its room.
inline constexpr size_t kTransactionBytesMax = 1'744;
/// Of a store's monitors: monitor::kThreadsMax.
inline constexpr uint16_t kStateThreadsMax = 64;
/// Keys of one answer to `list`; each is a verified read. The next ones follow `after` the last.
inline constexpr size_t kListMax = 100;

/// The longest call: a transaction of eight keys with values in hexadecimal.
inline constexpr size_t kStateAskBytesMax = 16 * 1024;

enum class StateOp : uint8_t {
  get,          ///< key -> value; done when there is one.
  put,          ///< key, value.
  remove,       ///< key; done when there was a value.
  cas,          ///< key, expected, value: done when `expected` was there; answers what was.
  list,         ///< prefix in `key`, after -> entries in the order of their keys, more.
  transaction,  ///< changes, all or nothing: done when every check held.
  describe,     ///< Which run of which store answers for the namespace -> instance.
  join,         ///< X25519 share in `value`: its owner becomes a client of it -> instance, client.
};
inline constexpr auto kLastStateOp = static_cast<uint8_t>(StateOp::transaction);

/// As in the JSON: "get", "put", "delete", ...
std::string_view name(StateOp op);

/// One key of a transaction.
struct StateChange {
  std::string key;
  bool checks = false;            ///< `expected` must be there.
  std::optional<Bytes> expected;  ///< Nothing: the key must be absent.
  bool writes = false;
  std::optional<Bytes> value;  ///< Nothing: deletes.
};

/// A client's name and MAC on a call, so that the node that keeps the namespace can neither make,
/// change nor repeat it: StateClient makes one. See receipts::Caller.
struct StateCaller {
  std::array<std::byte, 16> instance{};
  uint16_t client = 0;
  uint64_t nonce = 0;
  std::array<std::byte, 16> tag{};
};

struct StateCall {
  StateOp op = StateOp::get;
  std::string name_space;
  std::string key;
  Bytes value;
  std::optional<Bytes> expected;  ///< Nothing: the key must be absent.
  std::string after;
  std::vector<StateChange> changes;
  /// The answer has the monitor's receipt; not for `list`. Without a `caller` the node is the
  /// client that it is for.
  bool receipt = false;
  /// And one to show to others, when the answer waits for its epoch.
  bool transferable = false;
  std::shared_ptr<const StateCaller> caller;  ///< Null: none.
};

/// What a monitor said of one call: provisional until its epoch is certified.
struct StateReceipt {
  uint16_t thread = 0;
  uint64_t position = 0;     ///< With the thread: which call of the run.
  Bytes operation;           ///< receipts::OperationReceipt, for the client's key.
  std::string transferable;  ///< A file for `themis receipt verify`; empty: none, or not yet.
};

/// What makes earlier receipts ones to show to others: texts by thread and position.
using FinalReceipts = std::map<std::pair<uint16_t, uint64_t>, std::string>;

struct StateEntry {
  std::string key;
  Bytes value;
};

/// A monitor accepted it; it is final once its epoch is certified.
struct StateAnswer {
  bool done = false;
  std::optional<Bytes> value;
  std::vector<StateEntry> entries;  ///< Verified one by one; whether any is missing is not.
  bool more = false;
  uint32_t epoch = 0;
  bool certified = false;
  std::shared_ptr<const StateReceipt> receipt;
  std::shared_ptr<const receipts::Instance> instance;
  std::optional<uint16_t> client;
};

/// Has a receipt or a client, or is about them: ProveState instead of a batch.
bool is_proven(const StateCall& call);

/// Errors: invalid (a namespace or key that is none, a transaction without or with too many keys or
/// with one twice, a receipt of what has none), too_large (key, value, transaction).
Status check_state_call(const StateCall& call);
// Its parts.
Status check_name_space(std::string_view name_space);
Status check_key(std::string_view key);
Status check_value(ByteView value);
Status check_list(std::string_view prefix, std::string_view after);
Status check_transaction(const std::vector<StateChange>& changes);

/// The JSON of POST /v1/state/NAMESPACE, of functions and between nodes:
///   {"op": "get" | "put" | "delete" | "cas" | "list" | "transaction", "key", "value", "expected",
///    "prefix", "after", "changes": [{"key", "expected", "value"}], "wait": true, "receipt": true,
///    "caller": {"instance", "client", "nonce", "tag"}}
///   {"op": "describe"}, {"op": "register", "share"}
/// A value is a text, or {"hex": text}; as `expected` null is "absent", in a change a `value` of
/// null deletes, and what is missing is not checked or not written.
struct StateAsk {
  StateCall call;
  bool wait = false;  ///< For the epoch to be certified.
};
/// Errors: malformed, too_large, and those of check_state_call.
Result<StateAsk> parse_state_ask(std::string_view name_space, std::string_view json);
/// What parse_state_ask reads; the namespace is not in it.
std::string state_ask_json(const StateAsk& ask);
/// {"done", "value", "entries": [{"key", "value"}], "more", "epoch", "certified",
///  "receipt": {"thread", "position", "operation", "transferable"},
///  "instance": {"id", "threads", "mac", "agreement", "key"}, "client"}
std::string state_answer_json(const StateCall& call, const StateAnswer& answer);
/// Errors: malformed.
Result<StateAnswer> parse_state_answer(std::string_view json);

}  // namespace themis
