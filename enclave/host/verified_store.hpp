#pragma once
// The durable store: shards, their calls on disk, and the trusted side that checks and seals them.

#include "enclave/host/shard.hpp"
#include "enclave/host/store_tables.hpp"
#include "enclave/seal/trusted_side.hpp"

namespace themis::host {

struct VerifiedStoreOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  /// As the trusted side's monitors have them; may change from start to start.
  uint32_t node_slots = 1'024, record_slots = 1'024;
  uint32_t hot_calls = 16;                 ///< See ShardOptions.
  uint64_t bytes_max = uint64_t{4} << 30;  ///< Of each thread; see ShardOptions.
  /// The end of an epoch becomes a checkpoint when the journal has passed this: a restart runs it
  /// again, some four million calls of 8-byte keys and values.
  uint64_t journal_bytes_max = 64 * 1024 * 1024;
};

struct StoreStatus {
  uint32_t epoch = 0;                 ///< That calls run in.
  std::optional<uint32_t> certified;  ///< The last one certified and confirmed.
  uint64_t committed = 0;             ///< Calls with a ticket up to this are durable.
  uint64_t journal_bytes = 0;
  std::optional<Error> failure;  ///< For good, until a restart: a violation, or the disk's.
};

/// Calls answer at once, provisionally; commit() makes all of them durable together, and only then
/// may clients be told. No thread or clock of its own. call() and flush() may run for several
/// monitor threads at a time, each by one; everything else alone.
template <class App>
class VerifiedStore {
  /// Only open() makes one.
  struct Private {
    explicit Private() = default;
  };

 public:
  using Key = typename App::Key;
  using Released = seal::Released;
  struct Called {
    typename App::Result result;
    uint64_t ticket = 0;  ///< See StoreStatus::committed.
  };
  /// Calls of one thread between two commits; their results wait in the trusted side.
  static constexpr size_t kPendingCallsMax =
      std::min(size_t{1} << 20,
               (seal::kHeldBytesMax - 2 * monitor::kOutputBytesMax) / App::Result::kBytesMax);

  /// Makes the store, or brings it to where it was: loads the records of the checkpoint, compares
  /// them with the sealed top nodes, and runs the journal's calls again. `environment` and
  /// `trusted`, which is new, are borrowed for the store's life.
  /// Errors: forged, replayed, malformed, invalid: with what does not match and what to do; io.
  static Result<std::unique_ptr<VerifiedStore>> open(storage::Environment& environment,
                                                     seal::TrustedSide& trusted,
                                                     const VerifiedStoreOptions& options);
  VerifiedStore(Private, StoreTables tables, seal::TrustedSide& trusted,
                const VerifiedStoreOptions& options)
      : options_(options),
        tables_(std::move(tables)),
        trusted_(trusted),
        threads_(options.threads) {}

  uint16_t thread_of(const Key& key) const {
    return static_cast<uint16_t>(key.place().path[0] % options_.threads);
  }
  /// Runs the function; `keys` are of one thread. Errors: as Shard::call; overloaded also when
  /// kPendingCallsMax wait for commit(); failure.
  Result<Called> call(uint8_t function, std::span<const Key> keys,
                      const typename App::Arguments& arguments);
  void prefetch(uint16_t thread, std::span<const Key> keys) const {
    threads_[thread].shard->prefetch(keys);
  }
  /// Hands the thread's calls to its monitor, which commit() does for all. Errors: failure.
  Status flush(uint16_t thread);

  /// Everything called so far is on disk on return; what it gives may be told to clients.
  /// Errors: failure: nothing since the last commit may be told; a restart finds out what counts.
  Result<Released> commit();
  /// Ends the epoch and commits; a checkpoint when one is due.
  Result<Released> end_epoch();
  /// Ends the epoch, brings all records into the tree and writes those that changed: a restart from
  /// here runs no call again. At a clean end, and when the journal is long. Errors: as commit.
  Result<Released> checkpoint();

  StoreStatus status() const;

 private:
  struct Thread {
    std::unique_ptr<Shard<App>> shard;
    Bytes calls;  // since the last commit, as Monitor::history has them
    size_t pending = 0;
    Status trusted;  // the first refusal
  };

  // verified_store_open.hpp
  Status start();
  Status load();
  Result<std::vector<std::vector<Record<App>>>> read_records() const;
  Status replay(uint16_t thread, ByteView calls);

  Status flush_all();
  Result<Released> save_calls();
  template <class Write>
  Result<Released> save(const Result<Bytes>& sealed, Write write);
  Status latch(Status status) {
    if (!status && !failure_) failure_ = status.error();
    return status;
  }

  VerifiedStoreOptions options_;
  StoreTables tables_;
  seal::TrustedSide& trusted_;
  std::vector<Thread> threads_;
  std::optional<uint32_t> certified_;
  uint64_t commits_ = 0;
  std::optional<Error> failure_;
};

template <class App>
Result<typename VerifiedStore<App>::Called> VerifiedStore<App>::call(
    uint8_t function, std::span<const Key> keys, const typename App::Arguments& arguments) {
  if (failure_) return fail(*failure_);
  if (keys.empty()) return fail(Code::invalid, "a call has one key at least");
  Thread& at = threads_[thread_of(keys[0])];
  if (at.pending == kPendingCallsMax)
    return fail(Code::overloaded, "too many calls wait for their commit");
  THEMIS_TRY(const typename App::Result result, at.shard->call(function, keys, arguments));
  THEMIS_CHECK(at.trusted);
  std::array<std::byte, CommandLog<App>::kCommandBytesMax> bytes;
  std::byte* to = monitor::put(bytes.data(), function);
  for (const Key& key : keys) to = key.encode(to);
  append(at.calls, ByteView(bytes.data(), App::encode(function, arguments, to)));
  ++at.pending;
  return Called{result, commits_ + 1};
}

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

/// `write` puts the sealed state on disk with what belongs to it.
template <class App>
template <class Write>
Result<seal::Released> VerifiedStore<App>::save(const Result<Bytes>& sealed, Write write) {
  if (!sealed) THEMIS_CHECK(latch(fail(sealed.error())));
  THEMIS_CHECK(latch(write(*sealed)));
  Result<Released> released = trusted_.confirm();
  if (!released) THEMIS_CHECK(latch(fail(released.error())));
  for (Thread& each : threads_) {
    each.calls.clear();
    each.pending = 0;
  }
  ++commits_;
  certified_ = released->certified;
  return released;
}

template <class App>
Result<seal::Released> VerifiedStore<App>::commit() {
  THEMIS_CHECK(flush_all());
  const bool news =
      std::ranges::any_of(threads_, [](const Thread& at) { return !at.calls.empty(); });
  if (!news) return Released{std::vector<Bytes>(threads_.size()), certified_};
  return save_calls();
}

template <class App>
Result<seal::Released> VerifiedStore<App>::save_calls() {
  return save(trusted_.seal(), [this](ByteView sealed) {
    std::vector<ByteView> calls;
    for (const Thread& each : threads_) calls.push_back(each.calls);
    return tables_.commit(calls, sealed);
  });
}

template <class App>
Result<seal::Released> VerifiedStore<App>::end_epoch() {
  if (tables_.journal_bytes() > options_.journal_bytes_max) return checkpoint();
  if (failure_) return fail(*failure_);
  for (Thread& each : threads_) {
    THEMIS_CHECK(latch(each.shard->end_epoch(certified_)));
    each.calls.push_back(std::byte{0});
  }
  return commit();
}

template <class App>
Result<seal::Released> VerifiedStore<App>::checkpoint() {
  if (failure_) return fail(*failure_);
  for (Thread& each : threads_) THEMIS_CHECK(latch(each.shard->come_to_rest(certified_)));
  THEMIS_CHECK(flush_all());
  Result<Released> released = save(trusted_.checkpoint(), [this](ByteView sealed) {
    const auto write_all = [this](const StoreTables::PutRecord& put) -> Status {
      const auto put_record = [&put](const Record<App>& record) {
        std::array<std::byte, Key::kBytesMax> key;
        std::array<std::byte, 1 + App::Value::kBytesMax> value;
        const ByteView present(value.data(), monitor::put_optional(value.data(), record.value));
        return put(ByteView(key.data(), record.key.encode(key.data())),
                   record.value ? present : ByteView());
      };
      for (const Thread& each : threads_) THEMIS_CHECK(each.shard->for_each_changed(put_record));
      return {};
    };
    return tables_.checkpoint(write_all, sealed);
  });
  if (released)
    for (Thread& each : threads_) each.shard->saved();
  return released;
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

#include "enclave/host/verified_store_open.hpp"
