#pragma once
// How a verified store makes calls durable. Included by verified_store.hpp.

#include <algorithm>

#include "enclave/host/verified_store.hpp"

namespace themis::host {

/// In the journal.
constexpr std::array<std::byte, 1> kEpochEnd{};

template <class App>
Status VerifiedStore<App>::flush(uint16_t thread) {
  threads_[thread].shard->flush();
  return threads_[thread].trusted;
}

template <class App>
Status VerifiedStore<App>::flush_all() {
  if (failure_) return fail(*failure_);
  for (uint16_t thread = 0; thread < options_.threads; ++thread) THEMIS_CHECK(latch(flush(thread)));
  return latch(trusted_.certify());
}

/// What the trusted side has let go, to whom it is for.
template <class App>
Result<Released> VerifiedStore<App>::tell(Result<seal::Released> told) {
  if (!told) THEMIS_CHECK(latch(fail(told.error())));
  Released released{std::move(*told), {}, {}};
  THEMIS_CHECK(latch(sort(released)));
  for (Thread& each : threads_) {
    each.calls.clear();
    each.texts.clear();
    each.asked.clear();
    each.pending = each.pending_bytes = each.unasked = each.transferable = 0;
  }
  ++commits_;
  certified_ = released.certified;
  return released;
}

template <class App>
Result<Released> VerifiedStore<App>::commit() {
  THEMIS_CHECK(flush_all());
  const auto wrote = [](const Thread& at) { return !at.calls.empty(); };
  const auto called = [](const Thread& at) { return at.pending != 0; };
  const bool certified = !is_ending() && std::exchange(certifies_, false);
  if (certified || std::ranges::any_of(threads_, wrote)) return save_calls();
  if (std::ranges::any_of(threads_, called)) return tell(trusted_.release());
  Released nothing;
  nothing.results.resize(threads_.size());
  nothing.certified = certified_;
  return nothing;
}

template <class App>
Result<Released> VerifiedStore<App>::save_calls() {
  const Result<Bytes> sealed = trusted_.seal();
  if (!sealed) THEMIS_CHECK(latch(fail(sealed.error())));
  std::vector<ByteView> calls;
  for (const Thread& each : threads_) calls.push_back(each.calls.view());
  const bool merging = !tables_.is_merged();
  THEMIS_CHECK(latch(tables_.commit(calls, *sealed)));
  if (merging) note_merged();
  return tell(trusted_.confirm());
}

/// What the last checkpoint wrote is at its place: values may leave memory.
template <class App>
void VerifiedStore<App>::note_merged() {
  if (tables_.is_merged())
    for (Thread& each : threads_) each.shard->saved();
}

template <class App>
Result<Released> VerifiedStore<App>::end_epoch() {
  if (is_short()) return checkpoint(true);
  THEMIS_CHECK(begin_end());
  THEMIS_CHECK(carry(SIZE_MAX));
  return commit();
}

template <class App>
Status VerifiedStore<App>::begin_end() {
  if (failure_) return fail(*failure_);
  for (Thread& each : threads_) {
    THEMIS_CHECK(latch(each.shard->begin_end(certified_)));
    each.calls.append(ByteView(kEpochEnd));
  }
  certifies_ = true;
  return {};
}

template <class App>
Status VerifiedStore<App>::carry(size_t records) {
  if (failure_) return fail(*failure_);
  for (Thread& each : threads_) each.shard->carry(records);
  return {};
}

template <class App>
bool VerifiedStore<App>::is_checkpoint_due() const {
  return tables_.journal_bytes() >
         std::max(options_.journal_bytes_max, options_.journal_bytes_per_record * records());
}

template <class App>
Result<Released> VerifiedStore<App>::checkpoint(bool make_room) {
  if (failure_) return fail(*failure_);
  THEMIS_CHECK(latch(tables_.merge_all()));
  for (Thread& each : threads_)
    THEMIS_CHECK(latch(each.shard->come_to_rest(certified_, make_room)));
  certifies_ = false;
  const auto write_all = [this](const StoreTables::PutRecord& put) -> Status {
    const auto put_record = [&put](const EncodedRecord& record) {
      std::array<std::byte, 1 + App::Value::kBytesMax> value;
      if (record.value.empty()) return put(record.key, {});
      return put(record.key, {value.data(),
                              monitor::put(monitor::put(value.data(), uint8_t{1}), record.value)});
    };
    for (const Thread& each : threads_) THEMIS_CHECK(each.shard->for_each_changed(put_record));
    return {};
  };
  Bytes sealed;  // kept: the transaction may run again
  const auto seal = [&]() -> Result<ByteView> {
    if (sealed.empty()) {
      THEMIS_CHECK(flush_all());
      THEMIS_TRY(sealed, trusted_.checkpoint());
    }
    return ByteView(sealed);
  };
  std::vector<ByteView> listed;
  for (const Thread& each : threads_) listed.push_back(each.shard->listed());
  THEMIS_CHECK(latch(tables_.checkpoint(write_all, listed, seal)));
  Result<Released> released = tell(trusted_.confirm());
  if (!released) return released;
  for (Thread& each : threads_) each.shard->written();
  if (make_room) THEMIS_CHECK(latch(tables_.merge_all()));
  note_merged();
  return released;
}

template <class App>
bool VerifiedStore<App>::is_ending() const {
  return std::ranges::any_of(threads_, [](const Thread& at) { return at.shard->is_ending(); });
}

template <class App>
bool VerifiedStore<App>::is_short() const {
  return std::ranges::any_of(threads_, [](const Thread& at) { return at.shard->is_short(); });
}

template <class App>
size_t VerifiedStore<App>::deferred() const {
  size_t all = 0;
  for (const Thread& each : threads_) all += each.shard->counts().deferred;
  return all;
}

template <class App>
size_t VerifiedStore<App>::records() const {
  size_t all = 0;
  for (const Thread& each : threads_) all += each.shard->counts().records;
  return all;
}

template <class App>
StoreStatus VerifiedStore<App>::status() const {
  StoreStatus status{threads_[0].shard->epoch(), certified_, commits_, tables_.journal_bytes(),
                     failure_};
  for (const Thread& each : threads_)
    if (!status.failure && !each.trusted) status.failure = each.trusted.error();
  return status;
}

}  // namespace themis::host
