#include "actors/monitor/state_operation.hpp"

#include "enclave/monitor/aggregator.hpp"

namespace themis {
namespace {

using monitor::StateKey;
using monitor::StateStore;

static_assert(kNamespaceBytesMax + 1 + kStateKeyBytesMax == sizeof(StateKey::bytes));
static_assert(kStateValueBytesMax == sizeof(StateStore::Value::bytes));
static_assert(kStateThreadsMax == monitor::kThreadsMax);
static_assert(kTransactionKeysMax == monitor::kRecordsPerCallMax);
/// Of one record: a check with its hash, a write with its length.
constexpr size_t kChangeBytesMax = 1 + sizeof(crypto::Digest) + 1 + 2;
static_assert(kTransactionBytesMax + kTransactionKeysMax * kChangeBytesMax ==
              sizeof(StateStore::Changes::bytes));

StateKey key_of(const StateCall& call, std::string_view key) {
  return StateKey::of(as_bytes(call.name_space), as_bytes(key));
}

std::optional<StateStore::Value> value_of(const std::optional<Bytes>& bytes) {
  if (!bytes) return std::nullopt;
  return StateStore::Value::from(*bytes);
}

}  // namespace

StateStore::Changes changes_of(const std::vector<StateChange>& changes) {
  StateStore::Changes out;
  std::byte* to = out.bytes.data();
  for (const StateChange& change : changes) {
    to = monitor::put(to, uint8_t{change.checks});
    if (change.checks)
      to = monitor::put(to, ByteView(monitor::hash<StateStore::Value>(value_of(change.expected))));
    using Change = StateStore::Change;
    const auto write = !change.writes ? Change::none
                       : change.value ? Change::writes
                                      : Change::deletes;
    to = monitor::put(to, static_cast<uint8_t>(write));
    if (write == Change::writes) to = value_of(change.value)->encode(to);
  }
  out.size = static_cast<uint16_t>(to - out.bytes.data());
  return out;
}

StateOperation operation_of(const StateCall& call) {
  StateOperation made;
  switch (call.op) {
    case StateOp::describe:
    case StateOp::join:
    case StateOp::list:
    case StateOp::get:
      made.function = StateStore::read;
      break;
    case StateOp::put:
      made.function = StateStore::write;
      break;
    case StateOp::remove:
      made.function = StateStore::erase;
      break;
    case StateOp::cas:
      made.function = StateStore::compare_and_swap;
      made.arguments.expected = value_of(call.expected);
      break;
    case StateOp::transaction:
      made.function = static_cast<uint8_t>(StateStore::transact + call.changes.size() - 1);
      made.arguments.changes = changes_of(call.changes);
      for (const StateChange& change : call.changes) made.keys.push_back(key_of(call, change.key));
      return made;
  }
  made.arguments.value = StateStore::Value::from(call.value);
  made.keys.push_back(key_of(call, call.key));
  return made;
}

std::optional<StateCall> read_call(uint8_t function, ByteView keys, ByteView arguments) {
  constexpr StateOp kOps[] = {StateOp::get, StateOp::put, StateOp::remove, StateOp::cas};
  if (function < StateStore::read || function > StateStore::compare_and_swap) return std::nullopt;
  monitor::Reader key_reader(keys), reader(arguments);
  const StateKey whole = StateKey::decode(key_reader);
  const std::string_view key = as_text(whole.view());
  const StateStore::Arguments read = StateStore::decode(function, reader);
  const size_t end = key.find('\0');
  if (!key_reader.ok() || key_reader.left() != 0 || !reader.ok() || reader.left() != 0 ||
      end == std::string_view::npos)
    return std::nullopt;
  const auto bytes = [](const StateStore::Value& value) {
    return Bytes(value.view().begin(), value.view().end());
  };
  StateCall call;
  call.op = kOps[function - StateStore::read];
  call.name_space = key.substr(0, end);
  call.key = key.substr(end + 1);
  call.value = bytes(read.value);
  if (read.expected) call.expected = bytes(*read.expected);
  return check_state_call(call) ? std::optional(std::move(call)) : std::nullopt;
}

receipts::Use use_of(const StateCall& call) {
  return call.transferable ? receipts::Use::transferable_call : receipts::Use::call;
}

receipts::Caller caller_of(const StateCall& call) {
  receipts::Caller caller{call.caller->client, use_of(call), call.caller->nonce, {}};
  std::memcpy(caller.tag.data(), call.caller->tag.data(), sizeof caller.tag);
  return caller;
}

Status read_result(ByteView result, StateAnswer& answer) {
  monitor::Reader reader(result);
  answer.done = reader.boolean();
  const auto value = monitor::read_optional<StateStore::Value>(reader);
  if (!reader.ok() || reader.left() != 0)
    return fail(Code::malformed, "a receipt's result is no answer of the state");
  answer.value.reset();
  if (value) answer.value.emplace(value->view().begin(), value->view().end());
  return {};
}

}  // namespace themis
