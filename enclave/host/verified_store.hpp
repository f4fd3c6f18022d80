#pragma once
// The durable store: shards, their calls on disk, and the trusted side that checks and seals them.

#include <algorithm>

#include "enclave/host/call_bytes.hpp"
#include "enclave/host/receipt_log.hpp"
#include "enclave/host/released.hpp"
#include "enclave/host/shard.hpp"
#include "enclave/host/store_tables.hpp"
#include "runtime/base/byte_buffer.hpp"

namespace themis::host {

struct VerifiedStoreOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  /// As the trusted side's monitors have them; may change from start to start.
  uint32_t node_slots = 1'024, record_slots = 1'024;
  uint32_t hot_calls = 16;                 ///< See ShardOptions.
  uint64_t bytes_max = uint64_t{4} << 30;  ///< Of each thread; see ShardOptions.
  /// A checkpoint is due when the journal has passed this: a start runs 3.5 million calls a second.
  uint64_t journal_bytes_max = 256 * 1024 * 1024;
  /// Or this for each record, when that is more: a checkpoint writes every record that has changed
  /// twice, 0.4 us each in all, and calls have some 40 bytes.
  uint64_t journal_bytes_per_record = 512;
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
/// monitor threads at a time, each by one; everything else alone. After an exception (no memory) it
/// is to be destroyed, its trusted side with it: what was told is on disk.
template <class App>
class VerifiedStore {
  /// Only open() makes one.
  struct Private {
    explicit Private() = default;
  };

 public:
  using Key = typename App::Key;
  using Released = host::Released;
  struct Called {
    typename App::Result result;
    uint64_t ticket = 0;       ///< See StoreStatus::committed.
    uint64_t number = 0;       ///< Of a client's call, in its thread: see Released::answer.
    bool was_present = false;  ///< Its first key had a value before.
  };
  /// Calls of one thread between two commits, and their results, which wait in the trusted side.
  static constexpr size_t kPendingCallsMax = size_t{1} << 20;
  static constexpr size_t kPendingBytesMax = seal::kHeldBytesMax - 2 * monitor::kOutputBytesMax;

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
        threads_(options.threads),
        receipts_(options.threads) {}

  uint16_t thread_of(const Key& key) const {
    return static_cast<uint16_t>(options_.threads == 1 ? 0 : key.thread_bits() % options_.threads);
  }
  /// Runs the function; `keys` are of one thread. Errors: as Shard::call; unauthenticated, forged,
  /// replayed (the caller); overloaded also when as many wait for commit() as may; failure.
  Result<Called> call(uint8_t function, std::span<const Key> keys,
                      const typename App::Arguments& arguments, const Caller& caller = {});
  /// What a client needs to know of the store since its start; the key for certificates stays. For
  /// a trusted side that has clients.
  const receipts::Instance& describe() const { return trusted_.clients()->describe(); }
  /// A client of all threads until the store's next start; answers its number. `grant`: of the
  /// store's owner. Errors: as TrustedSide::register_client; failure.
  Result<uint16_t> register_client(const crypto::DhShare& share,
                                   const crypto::Signature& grant = {});
  /// The same for one key of `thread` and encoded arguments, by nobody: Shard::call_encoded().
  struct Ran {
    ByteView result;  ///< Its encoding, until the thread's next call.
    bool was_present = false;
  };
  Result<Ran> call_encoded(uint16_t thread, uint8_t function, const Key& key, ByteView arguments,
                           RecordId found);
  const auto& index(uint16_t thread) const { return threads_[thread].shard->index(); }
  /// Before many calls on cold or new records of `thread`: see Shard::warm.
  void warm(uint16_t thread, std::span<const Key> keys) { threads_[thread].shard->warm(keys); }
  /// Hands the thread's calls to its monitor, which commit() does for all. Errors: failure.
  Status flush(uint16_t thread);

  /// Everything called so far is on disk on return; what it gives may be told to clients. Without
  /// a call that may write there is nothing for the disk: what was read is true of the last commit.
  /// Errors: failure: nothing since the last commit may be told; a restart finds out what counts.
  Result<Released> commit();
  /// Ends the epoch and commits; when memory is short, as a checkpoint. Errors: as commit.
  Result<Released> end_epoch();
  /// The same beside the calls that follow, which are of the next one and bring its records along;
  /// see Shard::begin_end(). The commit after the last one has the certificate. Errors: failure.
  Status begin_end();
  /// So many records more of each thread, for calls that do not come. Errors: failure.
  Status carry(size_t records);
  bool is_ending() const;
  size_t deferred() const;  ///< Records that are in use: an epoch's end brings them along.
  /// Ends the epoch and writes the records that changed, with a list of those in use: a restart
  /// from here runs no call again. At a clean end, and when the journal is long. Errors: as commit.
  Result<Released> checkpoint() { return checkpoint(false); }
  bool is_checkpoint_due() const;  ///< The journal is long.

  StoreStatus status() const;
  /// Of the present records, in no order.
  void for_each_key(const auto& visit) const {
    for (const Thread& each : threads_) each.shard->for_each_key(visit);
  }
  /// Calls may fail for want of memory until the epoch ends, which then is a checkpoint.
  bool is_short() const;
  size_t records() const;

 private:
  /// A client's call since the last commit.
  struct Asked {
    Caller caller;
    size_t skipped = 0;                        // bytes of other results before its answer
    size_t at = 0, keys_bytes = 0, bytes = 0;  // in Thread::texts
  };
  struct Thread {
    std::unique_ptr<Shard<App>> shard;
    ByteBuffer calls;  // since the last commit, as Monitor::history has them
    Bytes texts;       // of those that asked for a transferable receipt
    std::vector<Asked> asked;
    size_t pending = 0, pending_bytes = 0;  // calls, and room that their results take
    size_t unasked = 0, transferable = 0;   // unasked: bytes after the last Asked
    std::vector<uint64_t> nonces;           // the last one of each client
    Status trusted;                         // the first refusal
  };

  // verified_store_open.hpp
  Status start();
  Status load();
  Status load_records();
  Result<typename App::Value> read_value(const Key& key) const;
  /// Calls of the journal, one after the other. An epoch's end has the function 0 and no keys.
  using Visit = std::function<Status(uint8_t function, std::span<const Key> keys,
                                     const typename App::Arguments& arguments)>;
  Status for_each_call(ByteView calls, const Visit& visit) const;
  Status replay_journal();
  struct Replay {
    std::vector<ByteView> calls;  // in the read transaction
    std::vector<Key> keys;        // of all of them
  };
  Status replay(uint16_t thread, const Replay& replay);

  Status may_call(const Thread& at) const {
    if (failure_) return fail(*failure_);
    if (at.pending < kPendingCallsMax &&
        at.pending_bytes <= kPendingBytesMax - monitor::kCallOutputBytesMax<App>)
      return {};
    return fail(Code::overloaded, "too many calls wait for their commit");
  }

  // verified_store_clients.hpp
  static Error nobody_may_call() {
    return {Code::unauthenticated, "this store runs clients' calls only: register one"};
  }
  Status admit(uint16_t thread, const Caller& caller, CallBytes<App>& call);
  void expect(Thread& at, const Caller& caller, const CallBytes<App>& call,
              const typename App::Result& result);
  Status sort(Released& released);

  // verified_store_commit.hpp
  Status flush_all();
  Result<Released> save_calls();
  /// `make_room`: all records come into the tree and to their place on disk: values leave memory.
  Result<Released> checkpoint(bool make_room);
  void note_merged();
  Result<Released> tell(Result<seal::Released> told);
  Status latch(Status status) {
    if (!status && !failure_) failure_ = status.error();
    return status;
  }

  VerifiedStoreOptions options_;
  StoreTables tables_;
  seal::TrustedSide& trusted_;
  std::vector<Thread> threads_;
  std::vector<crypto::DhShare> clients_;  // by number
  ReceiptLog receipts_;
  bool anybody_ = true;     // may call: no client is needed
  bool certifies_ = false;  // the commit after an epoch's end has more to tell than results
  std::optional<uint32_t> certified_;
  uint64_t commits_ = 0;
  std::optional<Error> failure_;
};

template <class App>
Result<typename VerifiedStore<App>::Called> VerifiedStore<App>::call(
    uint8_t function, std::span<const Key> keys, const typename App::Arguments& arguments,
    const Caller& caller) {
  if (failure_) return fail(*failure_);
  if (keys.empty() || keys.size() > monitor::kRecordsPerCallMax)
    return fail(Code::invalid, "a call has one to eight keys");
  const uint16_t thread = thread_of(keys[0]);
  Thread& at = threads_[thread];
  THEMIS_CHECK(may_call(at));
  CallBytes<App> bytes(function, keys, arguments);
  THEMIS_CHECK(admit(thread, caller, bytes));
  THEMIS_TRY(const typename App::Result result, at.shard->call(function, keys, arguments, caller));
  THEMIS_CHECK(at.trusted);
  Called called{result, commits_ + 1, at.asked.size(), at.shard->was_present()};
  expect(at, caller, bytes, result);
  if (!App::only_reads(function)) at.calls.append(bytes.history());
  ++at.pending;
  return called;
}

template <class App>
Result<typename VerifiedStore<App>::Ran> VerifiedStore<App>::call_encoded(
    uint16_t thread, uint8_t function, const Key& key, ByteView arguments, RecordId found) {
  Thread& at = threads_[thread];
  THEMIS_CHECK(may_call(at));
  if (!anybody_) return fail(nobody_may_call());
  const Result<ByteView> result = at.shard->call_encoded(function, key, arguments, found);
  if (!result) return fail(result.error());
  THEMIS_CHECK(at.trusted);
  at.unasked += result->size();
  at.pending_bytes += result->size();
  if (!App::only_reads(function)) {
    std::byte* to = at.calls.next(1 + Key::kBytesMax + arguments.size());
    at.calls.end_at(put(key.encode(put(to, function)), arguments));
  }
  ++at.pending;
  return Ran{*result, at.shard->was_present()};
}

}  // namespace themis::host

#include "enclave/host/verified_store_clients.hpp"
#include "enclave/host/verified_store_commit.hpp"
#include "enclave/host/verified_store_open.hpp"
