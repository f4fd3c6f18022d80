#include "actors/monitor/state_batch.hpp"

#include "runtime/base/codec.hpp"

namespace themis {
namespace {

constexpr size_t kHeadBytes = 3;
constexpr size_t kLengthBytes = sizeof(uint16_t);
enum ChangeFlag : uint8_t { checks = 1, expects_value = 2, writes = 4, writes_value = 8 };
constexpr uint8_t kChangeFlags = checks | expects_value | writes | writes_value;

Result<StateChange> read_change(Reader& from) {
  StateChange change;
  change.key = as_text(from.bytes(from.integer<uint8_t>()));
  const auto flags = from.integer<uint8_t>();
  change.checks = (flags & checks) != 0;
  change.writes = (flags & writes) != 0;
  const auto bytes = [&from] {
    const ByteView value = from.bytes(from.integer<uint16_t>());
    return Bytes(value.begin(), value.end());
  };
  if ((flags & expects_value) != 0) change.expected = bytes();
  if ((flags & writes_value) != 0) change.value = bytes();
  const bool fits = (flags & ~kChangeFlags) == 0 && change.expected.has_value() <= change.checks &&
                    change.value.has_value() <= change.writes;
  if (!from.ok() || !fits) return fail(Code::malformed, "a change of a transaction is none");
  return change;
}

size_t bytes_of(const StateChange& change) {
  size_t bytes = 2 + change.key.size();
  if (change.expected) bytes += kLengthBytes + change.expected->size();
  if (change.value) bytes += kLengthBytes + change.value->size();
  return bytes;
}

/// What a reader has passed, as check_state_call has it.
Status check_view(const StateCallView& call) {
  THEMIS_CHECK(check_name_space(call.name_space()));
  if (call.op == StateOp::transaction) {
    if (!call.key().empty()) return fail(Code::malformed, "a transaction has no key of its own");
    const auto changes = call.read_changes();
    return changes ? Status() : fail(changes.error());
  }
  if (call.op == StateOp::list) return check_list(call.key(), as_text(call.after));
  THEMIS_CHECK(check_key(call.key()));
  THEMIS_CHECK(check_value(call.expected));
  return check_value(call.value);
}

}  // namespace

bool StateCallReader::next(StateCallView& call) {
  Reader from({at_, end_});
  const auto op = from.integer<uint8_t>();
  call.op = static_cast<StateOp>(op);
  call.name_space_bytes = from.integer<uint8_t>();
  call.name = from.bytes(from.integer<uint8_t>());
  call.has_expected = false;
  call.value = call.expected = call.after = call.changes = {};
  if (!from.ok() || call.name_space_bytes >= call.name.size() ||
      call.name[call.name_space_bytes] != std::byte{0} || op > kLastStateOp)
    return false;
  const std::byte* const arguments = from.position();
  switch (call.op) {
    case StateOp::get:
    case StateOp::remove:
      break;
    case StateOp::cas: {
      call.has_expected = from.boolean();
      if (call.has_expected) call.expected = from.bytes(from.integer<uint16_t>());
      call.value = from.bytes(from.integer<uint16_t>());
      break;
    }
    case StateOp::put:
      call.value = from.bytes(from.integer<uint16_t>());
      break;
    case StateOp::list:
      call.after = from.bytes(from.integer<uint8_t>());
      break;
    default:
      call.changes = from.bytes(from.integer<uint16_t>());
  }
  call.arguments = ByteView(arguments, from.position());
  if (from.ok()) at_ = from.position();
  return from.ok();
}

Result<std::vector<StateChange>> StateCallView::read_changes() const {
  Reader from(changes);
  std::vector<StateChange> out;
  while (from.left() > 0 && out.size() <= kTransactionKeysMax) {
    THEMIS_TRY(StateChange change, read_change(from));
    out.push_back(std::move(change));
  }
  THEMIS_CHECK(check_transaction(out));
  return out;
}

/// The head of a call with `more` bytes to follow.
Status StateBatch::write(StateOp op, std::string_view name_space, std::string_view key,
                         size_t more) {
  const size_t name = name_space.size() + 1 + key.size(), at = bytes_.size();
  if (size_ == kStateBatchCallsMax || at + kHeadBytes + name + more > kStateBatchBytesMax)
    return fail(Code::too_large, "a batch has at most " + std::to_string(kStateBatchCallsMax) +
                                     " calls in " + std::to_string(kStateBatchBytesMax) + " bytes");
  note(name_space);
  bytes_.resize(at + kHeadBytes + name);  // whose zeros the byte between stays
  std::byte* to = bytes_.data() + at;
  to[0] = static_cast<std::byte>(op);
  to[1] = static_cast<std::byte>(name_space.size());
  to[2] = static_cast<std::byte>(name);
  std::memcpy(to + kHeadBytes, name_space.data(), name_space.size());
  if (!key.empty()) std::memcpy(to + kHeadBytes + name_space.size() + 1, key.data(), key.size());
  ++size_;
  return {};
}

void StateBatch::note(std::string_view name_space) {
  if (size_ != 0 && has_one_name_space_) has_one_name_space_ = name_space == this->name_space();
}

std::string_view StateBatch::name_space() const {
  if (empty()) return {};
  return as_text(bytes()).substr(kHeadBytes, static_cast<size_t>(bytes_[1]));
}

void StateBatch::put_byte(uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }

void StateBatch::put_value(ByteView value) {
  const size_t at = bytes_.size();
  bytes_.resize(at + kLengthBytes + value.size());
  store(bytes_.data() + at, static_cast<uint16_t>(value.size()));
  if (!value.empty()) std::memcpy(bytes_.data() + at + kLengthBytes, value.data(), value.size());
}

Status StateBatch::get(std::string_view name_space, std::string_view key) {
  THEMIS_CHECK(check_name_space(name_space));
  THEMIS_CHECK(check_key(key));
  return write(StateOp::get, name_space, key, 0);
}

Status StateBatch::put(std::string_view name_space, std::string_view key, ByteView value) {
  THEMIS_CHECK(check_name_space(name_space));
  THEMIS_CHECK(check_key(key));
  THEMIS_CHECK(check_value(value));
  THEMIS_CHECK(write(StateOp::put, name_space, key, kLengthBytes + value.size()));
  put_value(value);
  return {};
}

Status StateBatch::remove(std::string_view name_space, std::string_view key) {
  THEMIS_CHECK(check_name_space(name_space));
  THEMIS_CHECK(check_key(key));
  return write(StateOp::remove, name_space, key, 0);
}

Status StateBatch::cas(std::string_view name_space, std::string_view key,
                       std::optional<ByteView> expected, ByteView value) {
  THEMIS_CHECK(check_name_space(name_space));
  THEMIS_CHECK(check_key(key));
  THEMIS_CHECK(check_value(value));
  if (expected) THEMIS_CHECK(check_value(*expected));
  const size_t more = 1 + (expected ? kLengthBytes + expected->size() : 0);
  THEMIS_CHECK(write(StateOp::cas, name_space, key, more + kLengthBytes + value.size()));
  put_byte(expected ? 1 : 0);
  if (expected) put_value(*expected);
  put_value(value);
  return {};
}

void StateBatch::put_changes(const std::vector<StateChange>& changes) {
  for (const StateChange& change : changes) {
    put_byte(static_cast<uint8_t>(change.key.size()));
    append(bytes_, as_bytes(change.key));
    put_byte(static_cast<uint8_t>(
        (change.checks ? checks : 0) | (change.checks && change.expected ? expects_value : 0) |
        (change.writes ? writes : 0) | (change.writes && change.value ? writes_value : 0)));
    if (change.checks && change.expected) put_value(*change.expected);
    if (change.writes && change.value) put_value(*change.value);
  }
}

Status StateBatch::add(const StateCall& call) {
  if (is_proven(call))
    return fail(Code::invalid, "a call with a receipt or a client is made by itself");
  switch (call.op) {
    case StateOp::get:
      return get(call.name_space, call.key);
    case StateOp::put:
      return put(call.name_space, call.key, call.value);
    case StateOp::remove:
      return remove(call.name_space, call.key);
    case StateOp::cas:
      return cas(call.name_space, call.key, call.expected, call.value);
    case StateOp::list:
      THEMIS_CHECK(check_state_call(call));
      THEMIS_CHECK(write(call.op, call.name_space, call.key, 1 + call.after.size()));
      put_byte(static_cast<uint8_t>(call.after.size()));
      append(bytes_, as_bytes(call.after));
      return {};
    default:
      break;
  }
  THEMIS_CHECK(check_state_call(call));
  size_t most = kLengthBytes;
  for (const StateChange& change : call.changes) most += bytes_of(change);
  THEMIS_CHECK(write(call.op, call.name_space, {}, most));
  const size_t at = bytes_.size();
  put_value({});
  put_changes(call.changes);
  store(bytes_.data() + at, static_cast<uint16_t>(bytes_.size() - at - kLengthBytes));
  return {};
}

Status check_state_ask(const StateBatchAsk& ask) {
  if (ask.calls.empty()) return fail(Code::invalid, "a batch asks for one call at least");
  if (ask.calls.has_one_name_space()) return {};
  return fail(Code::invalid, "a batch asks one namespace: ask another's calls in another batch");
}

Result<StateBatch> StateBatch::parse(ByteView bytes) {
  if (bytes.size() > kStateBatchBytesMax)
    return fail(Code::too_large,
                "a batch of calls has at most " + std::to_string(kStateBatchBytesMax) + " bytes");
  StateBatch batch;
  StateCallReader reader(bytes);
  for (StateCallView call; !reader.done(); ++batch.size_) {
    if (batch.size_ == kStateBatchCallsMax || !reader.next(call))
      return fail(Code::malformed,
                  "call " + std::to_string(batch.size_) + " of a batch cannot be read");
    if (const Status checked = check_view(call); !checked)
      return fail(Code::malformed, "call " + std::to_string(batch.size_) +
                                       " of a batch is none: " + checked.error().detail);
    if (batch.bytes_.empty()) batch.bytes_.assign(bytes.begin(), bytes.end());
    batch.note(call.name_space());
  }
  return batch;
}

}  // namespace themis
