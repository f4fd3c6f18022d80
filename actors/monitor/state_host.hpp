#pragma once
// The untrusted half of verified state: what calls mean to the durable store, and which keys there
// are. The one place that talks to the store.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "actors/monitor/key_set.hpp"
#include "actors/monitor/state_answers.hpp"

namespace themis {

class StateClients;

namespace host {
template <class App>
class VerifiedStore;
struct Released;
}  // namespace host
namespace monitor {
struct StateKey;
struct StateStore;
}  // namespace monitor
namespace seal {
class TrustedSide;
}
namespace storage {
class Environment;
}

struct StateHostOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  /// Of records, in equal parts for each thread: 320 bytes each, 1.6 KB of the largest. Absent keys
  /// that were asked for count until their epoch is over.
  uint64_t bytes_max = uint64_t{2} << 30;
};

/// Results of all calls of one commit, 280,000 halves of gets and puts of 8-byte values: with the
/// rest of their message under wire::kMessageBytesMax. Each monitor thread has its part of it.
inline constexpr size_t kCommitResultsBytesMax = 2 * 1024 * 1024 - 32 * 1024;
/// Its calls, of which the journal has one value a thread: storage::kValueBytesMax.
inline constexpr size_t kCommitCallsBytesMax = 32 * 1024 * 1024;

/// Runs calls at once on its own copy of the records; commit() makes them durable and compares what
/// the monitors have answered. After an error of those nothing more is to be asked: only a new one
/// finds out which calls count. Blocks for the disk and the trusted side. run() may run for several
/// monitor threads at a time, each by one; everything else alone.
class StateHost {
 public:
  /// Makes the store, or brings it to where it was. Both are borrowed for the object's life.
  /// Errors: VerifiedStore::open's.
  static Result<std::unique_ptr<StateHost>> open(storage::Environment& environment,
                                                 seal::TrustedSide& trusted,
                                                 const StateHostOptions& options);
  ~StateHost();

  size_t threads() const { return lanes_.size(); }
  /// The monitor thread of all calls of a batch; nothing: they have several, or there is none.
  std::optional<uint16_t> thread_of(const StateBatch& batch) const;
  /// Runs calls of one batch until all are, or no more fit before the next commit(): then `calls`
  /// stands at the first that was not. Answers are provisional until commit(); those of `list` are
  /// what the host says is there, in the order of the keys, each one read. Failures of calls, among
  /// the answers: overloaded (records, slots, the epoch is full); too_large (answers of the batch
  /// over kStateAnswersBytesMax); the store's failure.
  void run(StateCallReader& calls, StateAnswers& answers);
  /// One call that is_proven(); whoever asks first looks for room. Provisional until commit(); the
  /// receipt comes with complete(). Errors: check_state_call's; as run()'s calls; StateClients'.
  Result<StateAnswer> prove(const StateCall& call);
  bool has_room_to_prove(const StateCall& call) const;
  /// Everything run so far may be told. Errors: forged (a result is not what this host predicted:
  /// host or monitor is wrong, nothing may be believed any more), unavailable, timeout, io.
  Status commit();
  /// Ends the epoch of all threads and commits; that epoch is certified then. Errors: as commit();
  /// unavailable (the monitors did not certify it).
  Status end_epoch();
  /// The same beside the calls that follow: see VerifiedStore. Errors: as commit(), which has those
  /// of the certificate.
  Status begin_end();
  Status carry(size_t records);
  bool is_ending() const;
  size_t deferred() const;  ///< See VerifiedStore.
  /// The same, and a start from here runs no call again.
  Status checkpoint();
  bool is_checkpoint_due() const;  ///< See VerifiedStore.
  /// After a commit, with the answers of its calls in their order: those that have a receipt get
  /// it.
  void complete(std::span<Result<StateAnswer>> answers);
  /// Of the epochs certified since the last time.
  FinalReceipts take_receipts();

  uint32_t epoch() const { return epoch_; }
  std::optional<uint32_t> certified() const { return certified_; }
  size_t records() const;
  bool is_short() const;  ///< Of memory, until the epoch ends.
  uint64_t journal_bytes() const;
  /// Those that have a key.
  std::vector<std::string> name_spaces() const;

 private:
  using Store = host::VerifiedStore<monitor::StateStore>;
  /// What belongs to one monitor thread.
  struct alignas(64) Lane {  // no cache line is written by two threads
    ByteBuffer expected;     ///< The results of the calls since the last commit.
    size_t call_bytes = 0;   ///< Of these calls, about.
    size_t proof_bytes = 0;  ///< That receipts add to their results, at most.
    KeySet present;          ///< "namespace\0key" of every key with a value.
  };
  struct Window;

  StateHost(std::unique_ptr<Store> store, seal::TrustedSide& trusted, uint16_t threads);
  void fill(Window& window, const Window& before, StateCallReader& calls) const;
  void look(Window& window) const;
  void run(Window& window, StateAnswers& answers);
  bool has_room(uint16_t thread, size_t results, size_t bytes) const;
  Status run_one(Window& window, size_t number, StateAnswers& answers);
  Status transact(const StateCallView& call, Lane& lane, StateAnswers& answers);
  Result<StateAnswer> list(const StateCallView& call, Lane& lane);
  static void note_changes(const std::vector<StateChange>& changes,
                           std::span<const monitor::StateKey> keys, Lane& lane);
  static void note(const monitor::StateKey& key, bool is_present, Lane& lane);
  Status accept(const Result<host::Released>& released);

  std::unique_ptr<Store> store_;
  std::unique_ptr<StateClients> clients_;
  std::vector<Lane> lanes_;  ///< By thread.
  /// A lane's part of one commit; kept, as each call asks for them.
  size_t results_bytes_max_, calls_bytes_max_;
  uint32_t epoch_ = 0;
  std::optional<uint32_t> ended_;  ///< It is to be certified once it is no longer ending.
  std::optional<uint32_t> certified_;
};

}  // namespace themis
