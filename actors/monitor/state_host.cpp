#include "actors/monitor/state_host.hpp"

#include <algorithm>

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_clients.hpp"

namespace themis {
namespace {

using monitor::StateKey;
using monitor::StateStore;

/// Of one answer to `list`.
constexpr size_t kListBytesMax = kListMax * (3 + kStateKeyBytesMax + kStateValueBytesMax);
constexpr size_t kListResultsMax = kListMax * StateStore::Result::kBytesMax;

size_t results_max(const StateCallView& call) {
  return call.op == StateOp::list ? kListResultsMax : StateStore::Result::kBytesMax;
}
size_t answer_max(const StateCallView& call) {
  return 16 + (call.op == StateOp::list ? kListBytesMax : kStateValueBytesMax);
}
/// As the journal has them, at most.
size_t bytes_of(const StateCallView& call) {
  const size_t hashes = call.changes.empty() ? 0 : kTransactionKeysMax * (sizeof(StateKey) + 32);
  return 16 + call.name.size() + call.value.size() + call.expected.size() + call.changes.size() +
         hashes;
}

uint8_t function_of(StateOp op) {
  switch (op) {
    case StateOp::put:
      return StateStore::write;
    case StateOp::remove:
      return StateStore::erase;
    case StateOp::cas:
      return StateStore::compare_and_swap;
    default:
      return StateStore::read;
  }
}

std::optional<ByteView> view_of(const std::optional<StateStore::Value>& value) {
  return value ? std::optional(value->view()) : std::nullopt;
}

/// As StateKey::from(), without a copy of what that makes.
void read_key(const StateCallView& call, StateKey& key) {
  THEMIS_ASSERT(call.name.size() <= key.bytes.size(), "whoever makes a batch has checked its keys");
  key.size = static_cast<uint16_t>(call.name.size());
  copy_bytes(key.bytes.data(), call.name.data(), call.name.size());
}

void append_result(ByteBuffer& to, const StateStore::Result& result) {
  to.end_at(result.encode(to.next(StateStore::Result::kBytesMax)));
}

}  // namespace

/// Calls that are looked at together: while those of one run, the records of the next are fetched,
/// and the index's slots of those after them.
struct StateHost::Window {
  static constexpr size_t kCalls = 16;
  std::array<StateCallView, kCalls> calls;
  std::array<StateKey, kCalls> keys;  ///< Of a transaction or list: none of a record.
  std::array<uint16_t, kCalls> threads;
  std::array<uint64_t, kCalls> hashes;
  std::array<host::RecordId, kCalls> found;
  size_t count = 0;
  size_t results = 0, bytes = 0;  ///< That its calls may take.
};

StateHost::StateHost(std::unique_ptr<Store> store, seal::TrustedSide& trusted, uint16_t threads)
    : store_(std::move(store)),
      clients_(std::make_unique<StateClients>(*store_, trusted)),
      lanes_(threads),
      results_bytes_max_(kCommitResultsBytesMax / threads),
      calls_bytes_max_(kCommitCallsBytesMax / threads),
      epoch_(store_->status().epoch),
      certified_(store_->status().certified) {
  store_->for_each_key([this](const StateKey& key) {
    lanes_[store_->thread_of(key)].present.insert(as_text(key.view()));
  });
}

StateHost::~StateHost() = default;

Result<std::unique_ptr<StateHost>> StateHost::open(storage::Environment& environment,
                                                   seal::TrustedSide& trusted,
                                                   const StateHostOptions& options) {
  host::VerifiedStoreOptions store;
  store.threads = options.threads;
  store.node_slots = options.node_slots;
  store.record_slots = options.record_slots;
  store.bytes_max = options.bytes_max / options.threads;
  THEMIS_TRY(std::unique_ptr<Store> opened, Store::open(environment, trusted, store));
  return std::unique_ptr<StateHost>(new StateHost(std::move(opened), trusted, options.threads));
}

std::optional<uint16_t> StateHost::thread_of(const StateBatch& batch) const {
  if (lanes_.size() == 1) return 0;
  StateCallView first;
  if (!batch.has_one_name_space() || !batch.calls().next(first)) return std::nullopt;
  return store_->thread_of({StateKey::from(first.name)});
}

bool StateHost::has_room(uint16_t thread, size_t results, size_t bytes) const {
  const Lane& lane = lanes_[thread];
  return lane.expected.size() + lane.proof_bytes + results <= results_bytes_max_ &&
         lane.call_bytes + bytes <= calls_bytes_max_;
}

/// Takes the next calls as far as they and their results fit the commit, with those of `before`,
/// which have not run.
void StateHost::fill(Window& window, const Window& before, StateCallReader& calls) const {
  window.count = window.results = window.bytes = 0;
  for (; window.count < Window::kCalls; ++window.count) {
    const StateCallReader start = calls;
    const size_t i = window.count;
    StateCallView& call = window.calls[i];
    if (!calls.next(call)) break;
    StateKey& key = window.keys[i];
    read_key(call, key);
    const uint16_t thread = window.threads[i] = store_->thread_of(key);
    const size_t results = window.results + std::min(results_max(call), results_bytes_max_);
    const size_t bytes = window.bytes + bytes_of(call);
    if (!has_room(thread, before.results + results, before.bytes + bytes)) {
      calls = start;
      break;
    }
    window.results = results;
    window.bytes = bytes;
    window.hashes[i] = store_->index(thread).start(key);
  }
}

void StateHost::look(Window& window) const {
  for (size_t i = 0; i < window.count; ++i)
    window.found[i] = store_->index(window.threads[i]).look(window.hashes[i]);
}

void StateHost::run(StateCallReader& calls, StateAnswers& answers) {
  std::array<Window, 3> windows;
  for (bool ran = true; std::exchange(ran, false);) {
    fill(windows[0], {}, calls);
    look(windows[0]);
    fill(windows[1], windows[0], calls);
    for (size_t at = 0; windows[at].count > 0; at = (at + 1) % windows.size()) {
      Window &next = windows[(at + 1) % windows.size()],
             &after = windows[(at + 2) % windows.size()];
      look(next);
      run(windows[at], answers);
      after.count = 0;
      if (next.count > 0) fill(after, next, calls);
      ran = true;
    }
  }
}

void StateHost::run(Window& window, StateAnswers& answers) {
  for (size_t i = 0; i < window.count; ++i)
    if (const Status ran = run_one(window, i, answers); !ran) answers.add(ran.error());
}

Status StateHost::run_one(Window& window, size_t number, StateAnswers& answers) {
  const StateCallView& call = window.calls[number];
  const uint16_t thread = window.threads[number];
  Lane& lane = lanes_[thread];
  if (answers.bytes().size() + answer_max(call) > kStateAnswersBytesMax)
    return fail(Code::too_large, "the answers to a batch are too long: ask for less at a time");
  lane.call_bytes += bytes_of(call);
  if (call.op == StateOp::list) {
    THEMIS_TRY(const StateAnswer answer, list(call, lane));
    answers.add(answer);
    return {};
  }
  if (call.op == StateOp::transaction) return transact(call, lane, answers);
  THEMIS_ASSERT(
      call.value.size() <= kStateValueBytesMax && call.expected.size() <= kStateValueBytesMax,
      "whoever makes a batch has checked its values");
  const auto ran = store_->call_encoded(thread, function_of(call.op), window.keys[number],
                                        call.arguments, window.found[number]);
  if (!ran) return fail(ran.error());
  lane.expected.append(ran->result);
  answers.add_result(ran->result, epoch_);
  if (ran->result[0] == std::byte{0}) return {};
  const bool is_new =
      call.op == StateOp::put ? !ran->was_present : call.op == StateOp::cas && !call.has_expected;
  if (is_new) lane.present.insert(as_text(call.name));
  if (call.op == StateOp::remove) lane.present.erase(as_text(call.name));
  return {};
}

Status StateHost::transact(const StateCallView& call, Lane& lane, StateAnswers& answers) {
  THEMIS_TRY(const std::vector<StateChange> changes, call.read_changes());
  StateStore::Arguments arguments;
  arguments.changes = changes_of(changes);
  std::vector<StateKey> keys;
  for (const StateChange& change : changes)
    keys.push_back(StateKey::of(as_bytes(call.name_space()), as_bytes(change.key)));
  const auto function = static_cast<uint8_t>(StateStore::transact + changes.size() - 1);
  THEMIS_TRY(const Store::Called called, store_->call(function, keys, arguments));
  append_result(lane.expected, called.result);
  answers.add(called.result.done, std::nullopt, epoch_);
  if (called.result.done) note_changes(changes, keys, lane);
  return {};
}

void StateHost::note_changes(const std::vector<StateChange>& changes,
                             std::span<const StateKey> keys, Lane& lane) {
  for (size_t i = 0; i < changes.size(); ++i)
    if (changes[i].writes) note(keys[i], changes[i].value.has_value(), lane);
}

void StateHost::note(const StateKey& key, bool is_present, Lane& lane) {
  const std::string_view name = as_text(key.view());
  is_present ? void(lane.present.insert(name)) : void(lane.present.erase(name));
}

bool StateHost::has_room_to_prove(const StateCall& call) const {
  constexpr size_t kProofBytes = StateStore::Result::kBytesMax + StateClients::kReceiptBytes;
  if (call.op == StateOp::describe || call.op == StateOp::join) return true;
  return has_room(operation_of(call).thread(static_cast<uint16_t>(lanes_.size())), kProofBytes,
                  kCallBodyBytesMax);
}

Result<StateAnswer> StateHost::prove(const StateCall& call) {
  THEMIS_CHECK(check_state_call(call));
  if (call.op == StateOp::describe) return clients_->describe();
  if (call.op == StateOp::join) return clients_->join(call);
  const StateOperation operation = operation_of(call);
  THEMIS_TRY(const Store::Called called, clients_->call(call, operation));
  Lane& lane = lanes_[store_->thread_of(operation.keys[0])];
  append_result(lane.expected, called.result);
  lane.proof_bytes += StateClients::kReceiptBytes;
  lane.call_bytes += kCallBodyBytesMax;
  StateAnswer answer;
  answer.done = called.result.done;
  answer.epoch = epoch_;
  if (const auto value = view_of(called.result.value))
    answer.value.emplace(value->begin(), value->end());
  answer.receipt = std::make_shared<const StateReceipt>();  // complete() has the one it gets
  if (!answer.done) return answer;
  if (call.op == StateOp::transaction) note_changes(call.changes, operation.keys, lane);
  if (call.op == StateOp::put || call.op == StateOp::cas) note(operation.keys[0], true, lane);
  if (call.op == StateOp::remove) note(operation.keys[0], false, lane);
  return answer;
}

Result<StateAnswer> StateHost::list(const StateCallView& call, Lane& lane) {
  const std::string start(as_text(call.name));
  const std::string after =
      start.substr(0, call.name_space_bytes + size_t{1}) + std::string(as_text(call.after));
  const bool goes_on = !call.after.empty() && after >= start;
  std::string_view at =
      goes_on ? lane.present.find_next(after, true) : lane.present.find_next(start);
  StateAnswer answer;
  answer.done = true;
  answer.epoch = epoch_;
  for (; at.starts_with(start); at = lane.present.find_next(at, true)) {
    const bool has_room = lane.expected.size() + lane.proof_bytes + StateStore::Result::kBytesMax <=
                          results_bytes_max_;
    if (answer.entries.size() == kListMax || !has_room) {
      answer.more = true;
      break;
    }
    const StateKey key{StateKey::from(as_bytes(at))};
    THEMIS_TRY(const Store::Called called, store_->call(StateStore::read, std::span(&key, 1), {}));
    append_result(lane.expected, called.result);
    const ByteView value = view_of(called.result.value).value_or(ByteView());
    answer.entries.push_back(
        {std::string(at.substr(call.name_space_bytes + size_t{1})), {value.begin(), value.end()}});
  }
  return answer;
}

Status StateHost::commit() { return accept(store_->commit()); }

Status StateHost::end_epoch() {
  ended_ = epoch_;
  return accept(store_->end_epoch());
}

Status StateHost::begin_end() {
  ended_ = epoch_;
  const Status begun = store_->begin_end();
  epoch_ = store_->status().epoch;
  return begun;
}

Status StateHost::carry(size_t records) { return store_->carry(records); }

bool StateHost::is_ending() const { return store_->is_ending(); }

size_t StateHost::deferred() const { return store_->deferred(); }

Status StateHost::checkpoint() { return accept(store_->checkpoint()); }

bool StateHost::is_checkpoint_due() const { return store_->is_checkpoint_due(); }

Status StateHost::accept(const Result<host::Released>& released) {
  if (!released) return fail(released.error());
  std::vector<ByteView> expected;
  for (const Lane& each : lanes_) expected.push_back(each.expected.view());
  if (!clients_->agree(*released, expected))
    return fail(Code::forged, "the verified answer of a call is not the host's");
  THEMIS_CHECK(clients_->accept(*released));
  for (Lane& each : lanes_) {
    each.expected.clear();
    each.call_bytes = each.proof_bytes = 0;
  }
  certified_ = released->certified;
  epoch_ = store_->status().epoch;
  if (!ended_ || store_->is_ending()) return {};
  const uint32_t ended = *std::exchange(ended_, std::nullopt);
  if (!certified_ || *certified_ < ended)
    return fail(Code::unavailable, "the monitors certify no epoch any more");
  return {};
}

void StateHost::complete(std::span<Result<StateAnswer>> answers) { clients_->complete(answers); }

FinalReceipts StateHost::take_receipts() { return clients_->take_receipts(); }

size_t StateHost::records() const { return store_->records(); }

bool StateHost::is_short() const { return store_->is_short(); }

uint64_t StateHost::journal_bytes() const { return store_->status().journal_bytes; }

std::vector<std::string> StateHost::name_spaces() const {
  std::vector<std::string> names;
  for (const Lane& each : lanes_)
    for (std::string_view at = each.present.find_next(""); !at.empty();
         at = each.present.find_next(names.back() + '\1'))
      names.emplace_back(at.substr(0, at.find('\0')));
  std::ranges::sort(names);
  return names;
}

}  // namespace themis
