#include "actors/monitor/state_host.hpp"

#include "enclave/applications/state_store.hpp"
#include "enclave/host/shard.hpp"
#include "runtime/base/rng.hpp"

namespace themis {
namespace {

using monitor::StateKey;
using monitor::StateStore;

static_assert(kNamespaceBytesMax + 1 + kStateKeyBytesMax == sizeof(StateKey::bytes));
static_assert(kStateValueBytesMax == sizeof(StateStore::Value::bytes));
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

StateStore::Changes encode(const std::vector<StateChange>& changes) {
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

struct Operation {
  uint8_t function = 0;
  std::vector<StateKey> keys;
  StateStore::Arguments arguments;
};

Operation operation_of(const StateCall& call) {
  Operation made;
  switch (call.op) {
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
      made.arguments.changes = encode(call.changes);
      for (const StateChange& change : call.changes) made.keys.push_back(key_of(call, change.key));
      return made;
  }
  made.arguments.value = StateStore::Value::from(call.value);
  made.keys.push_back(key_of(call, call.key));
  return made;
}

}  // namespace

StateHost::StateHost(const StateHostOptions& options, Deliver deliver) : threads_(options.threads) {
  host::ShardOptions shard{.instance = options.instance,
                           .threads = options.threads,
                           .node_slots = options.node_slots,
                           .record_slots = options.record_slots,
                           .bytes_max = options.records_max * host::Shard<Store>::kRecordBytes};
  SystemRng().fill(std::as_writable_bytes(std::span(shard.index_key)));
  for (uint16_t i = 0; i < options.threads; ++i) {
    shard.thread = i;
    threads_[i].shard =
        std::make_unique<host::Shard<Store>>(shard, [this, i, deliver](ByteView batch) {
          threads_[i].results = 0;
          deliver(i, batch);
        });
  }
  uint16_t next = 1;
  for (const host::Handover& given : threads_[0].shard->hand_over())
    threads_[next++].shard->receive(given);
}

StateHost::~StateHost() = default;

uint16_t StateHost::thread_of(std::string_view name_space) const {
  return static_cast<uint16_t>(StateKey::of(as_bytes(name_space), {}).place().path[0] %
                               threads_.size());
}

Result<uint64_t> StateHost::run(const StateCall& call) {
  const Operation operation = operation_of(call);
  Thread& thread = threads_[thread_of(call.name_space)];
  if (thread.results + monitor::kCallOutputBytesMax < Store >> kResultsBytesMax)
    thread.shard->flush();
  THEMIS_TRY(const Store::Result result,
             thread.shard->call(operation.function, operation.keys, operation.arguments));
  Expected expected;
  expected.call = {++last_ticket_, result.done, std::nullopt, thread.shard->epoch()};
  if (result.value) {
    const ByteView value = result.value->view();
    expected.call.value.emplace(value.begin(), value.end());
  }
  std::array<std::byte, Store::Result::kBytesMax> bytes;
  expected.result.assign(bytes.data(), result.encode(bytes.data()));
  thread.results += expected.result.size();
  thread.expected.push_back(std::move(expected));
  ++open_;
  note_present(call, result.done);
  return last_ticket_;
}

void StateHost::note_present(const StateCall& call, bool done) {
  const auto note = [&](const std::string& key, bool present) {
    const std::string name = call.name_space + '\0' + key;
    present ? void(present_.insert(name)) : void(present_.erase(name));
  };
  if (!done) return;
  if (call.op == StateOp::put || call.op == StateOp::cas) note(call.key, true);
  if (call.op == StateOp::remove) note(call.key, false);
  if (call.op != StateOp::transaction) return;
  for (const StateChange& change : call.changes)
    if (change.writes) note(change.key, change.value.has_value());
}

std::pair<std::vector<std::string>, bool> StateHost::list(const StateCall& call) const {
  const std::string start = call.name_space + '\0' + call.key;
  const std::string after = call.name_space + '\0' + call.after;
  auto at = call.after.empty() || after < start ? present_.lower_bound(start)
                                                : present_.upper_bound(after);
  std::vector<std::string> keys;
  for (; at != present_.end() && at->starts_with(start); ++at) {
    if (keys.size() == kListMax) return {std::move(keys), true};
    keys.push_back(at->substr(call.name_space.size() + 1));
  }
  return {std::move(keys), false};
}

void StateHost::flush(uint16_t thread) { threads_[thread].shard->flush(); }

Status StateHost::end_epoch(std::optional<uint32_t> certified) {
  for (Thread& thread : threads_) THEMIS_CHECK(thread.shard->end_epoch(certified));
  return {};
}

Status StateHost::verify(uint16_t thread, ByteView results,
                         const std::function<void(const VerifiedCall&)>& then) {
  std::deque<Expected>& waiting = threads_[thread].expected;
  while (!results.empty()) {
    const auto is_next = [&](const Bytes& bytes) {
      return results.size() >= bytes.size() &&
             std::memcmp(results.data(), bytes.data(), bytes.size()) == 0;
    };
    if (waiting.empty() || !is_next(waiting.front().result))
      return fail(Code::forged, "the verified answer of a call is not the host's");
    const Expected next = std::move(waiting.front());
    waiting.pop_front();
    --open_;
    results = results.subspan(next.result.size());
    then(next.call);
  }
  return {};
}

uint32_t StateHost::epoch() const { return threads_[0].shard->epoch(); }

size_t StateHost::records() const {
  size_t all = 0;
  for (const Thread& thread : threads_) all += thread.shard->counts().records;
  return all;
}

}  // namespace themis
