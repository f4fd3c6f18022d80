#include "actors/monitor/state_host.hpp"

#include "actors/monitor/state_clients.hpp"

namespace themis {
using monitor::StateStore;

StateHost::StateHost(std::unique_ptr<Store> store, seal::TrustedSide& trusted, uint16_t threads)
    : store_(std::move(store)),
      clients_(std::make_unique<StateClients>(*store_, trusted)),
      expected_(threads),
      epoch_(store_->status().epoch),
      certified_(store_->status().certified) {
  store_->for_each_record([this](const host::Record<StateStore>& record) {
    if (record.value) present_.emplace(as_text(record.key.view()));
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
  store.bytes_max = options.records_max * host::Shard<StateStore>::kRecordBytes;
  THEMIS_TRY(std::unique_ptr<Store> opened, Store::open(environment, trusted, store));
  return std::unique_ptr<StateHost>(new StateHost(std::move(opened), trusted, options.threads));
}

Result<StateAnswer> StateHost::run(const StateCall& call) {
  THEMIS_CHECK(check_state_call(call));
  if (call.op == StateOp::list) return list(call);
  if (call.op == StateOp::describe) return clients_->describe();
  return call.op == StateOp::join ? clients_->join(call) : run_one(call);
}

Result<StateAnswer> StateHost::run_one(const StateCall& call) {
  const StateOperation operation = operation_of(call);
  const bool is_proven = call.receipt || call.caller;
  THEMIS_TRY(const Store::Called called,
             is_proven ? clients_->call(call, operation)
                       : store_->call(operation.function, operation.keys, operation.arguments));
  std::array<std::byte, StateStore::Result::kBytesMax> bytes;
  const ByteView result(bytes.data(), called.result.encode(bytes.data()));
  append(expected_[store_->thread_of(operation.keys[0])], result);
  expected_bytes_ += result.size();
  StateAnswer answer;
  answer.done = called.result.done;
  answer.epoch = epoch_;
  if (called.result.value) {
    const ByteView value = called.result.value->view();
    answer.value.emplace(value.begin(), value.end());
  }
  if (is_proven) {
    answer.receipt = std::make_shared<const StateReceipt>();  // complete() has the one it gets
    expected_bytes_ += StateClients::kReceiptBytes;
  }
  if (answer.done) note_present(call);
  return answer;
}

void StateHost::note_present(const StateCall& call) {
  const auto note = [&](const std::string& key, bool present) {
    const std::string name = call.name_space + '\0' + key;
    present ? void(present_.insert(name)) : void(present_.erase(name));
  };
  if (call.op == StateOp::put || call.op == StateOp::cas) note(call.key, true);
  if (call.op == StateOp::remove) note(call.key, false);
  if (call.op != StateOp::transaction) return;
  for (const StateChange& change : call.changes)
    if (change.writes) note(change.key, change.value.has_value());
}

Result<StateAnswer> StateHost::list(const StateCall& call) {
  const std::string start = call.name_space + '\0' + call.key;
  const std::string after = call.name_space + '\0' + call.after;
  auto at = call.after.empty() || after < start ? present_.lower_bound(start)
                                                : present_.upper_bound(after);
  StateAnswer answer;
  answer.done = true;
  answer.epoch = epoch_;
  for (; at != present_.end() && at->starts_with(start); ++at) {
    if (answer.entries.size() == kListMax) {
      answer.more = true;
      break;
    }
    StateCall read;
    read.name_space = call.name_space;
    read.key = at->substr(call.name_space.size() + 1);
    THEMIS_TRY(StateAnswer one, run_one(read));
    answer.entries.push_back({std::move(read.key), std::move(one.value).value_or(Bytes{})});
  }
  return answer;
}

bool StateHost::is_full() const {
  return expected_bytes_ + kListMax * StateStore::Result::kBytesMax > kCommitResultsBytesMax;
}

Status StateHost::commit() { return accept(store_->commit()); }

Status StateHost::end_epoch() {
  const uint32_t ended = epoch_;
  THEMIS_CHECK(accept(store_->end_epoch()));
  if (!certified_ || *certified_ < ended)
    return fail(Code::unavailable, "the monitors certify no epoch any more");
  return {};
}

Status StateHost::checkpoint() { return accept(store_->checkpoint()); }

Status StateHost::accept(const Result<host::Released>& released) {
  if (!released) return fail(released.error());
  if (!clients_->agree(*released, expected_))
    return fail(Code::forged, "the verified answer of a call is not the host's");
  THEMIS_CHECK(clients_->accept(*released));
  for (Bytes& each : expected_) each.clear();
  expected_bytes_ = 0;
  certified_ = released->certified;
  epoch_ = store_->status().epoch;
  return {};
}

void StateHost::complete(std::span<Result<StateAnswer>> answers) { clients_->complete(answers); }

FinalReceipts StateHost::take_receipts() { return clients_->take_receipts(); }

size_t StateHost::records() const { return store_->records(); }

uint64_t StateHost::journal_bytes() const { return store_->status().journal_bytes; }

std::vector<std::string> StateHost::name_spaces() const {
  std::vector<std::string> names;
  for (auto at = present_.begin(); at != present_.end();) {
    names.push_back(at->substr(0, at->find('\0')));
    at = present_.lower_bound(names.back() + '\1');
  }
  return names;
}

}  // namespace themis
