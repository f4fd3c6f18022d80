#pragma once
// The untrusted half of verified state: what calls mean to the durable store, and which keys there
// are. The one place that talks to the store.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/monitor/state_call.hpp"

namespace themis {

namespace host {
template <class App>
class VerifiedStore;
}
namespace monitor {
struct StateStore;
}
namespace seal {
struct Released;
class TrustedSide;
}  // namespace seal
namespace storage {
class Environment;
}

struct StateHostOptions {
  uint16_t threads = 1;  ///< A power of two, at most 64; fixed when the store is made.
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  /// Room for so many of the largest records, of each thread: 1.6 KB each, and 0.3 KB of a short
  /// one. Absent keys that were asked for count until their epoch is over.
  size_t records_max = size_t{1} << 20;
};

/// Results of all calls of one commit: with the rest of their message under kMessageBytesMax.
inline constexpr size_t kCommitResultsBytesMax = 1024 * 1024;

/// Runs calls at once on its own copy of the records; commit() makes them durable and compares what
/// the monitors have answered. After an error of those nothing more is to be asked: only a new one
/// finds out which calls count. Blocks for the disk and the trusted side. One thread.
class StateHost {
 public:
  /// Makes the store, or brings it to where it was. Both are borrowed for the object's life.
  /// Errors: VerifiedStore::open's.
  static Result<std::unique_ptr<StateHost>> open(storage::Environment& environment,
                                                 seal::TrustedSide& trusted,
                                                 const StateHostOptions& options);
  ~StateHost();

  /// Provisional until commit(). Answers of `list` are what the host says is there, in the order of
  /// the keys, each one read. Errors: check_state_call's; overloaded (records, slots, the epoch is
  /// full); the store's failure.
  Result<StateAnswer> run(const StateCall& call);
  /// No call fits any more: commit() first.
  bool is_full() const;
  /// Everything run so far may be told. Errors: forged (a result is not what this host predicted:
  /// host or monitor is wrong, nothing may be believed any more), unavailable, timeout, io.
  Status commit();
  /// Ends the epoch of all threads and commits; that epoch is certified then. Errors: as commit();
  /// unavailable (the monitors did not certify it).
  Status end_epoch();
  /// The same, and a start from here runs no call again.
  Status checkpoint();

  uint32_t epoch() const { return epoch_; }
  std::optional<uint32_t> certified() const { return certified_; }
  size_t records() const;
  uint64_t journal_bytes() const;
  /// Those that have a key.
  std::vector<std::string> name_spaces() const;

 private:
  using Store = host::VerifiedStore<monitor::StateStore>;
  StateHost(std::unique_ptr<Store> store, uint16_t threads);
  Result<StateAnswer> run_one(const StateCall& call);
  Result<StateAnswer> list(const StateCall& call);
  void note_present(const StateCall& call);
  Status accept(const Result<seal::Released>& released);

  std::unique_ptr<Store> store_;
  std::vector<Bytes> expected_;  ///< By thread: the results of the calls since the last commit.
  size_t expected_bytes_ = 0;
  std::set<std::string, std::less<>> present_;  ///< "namespace\0key" of every key with a value.
  uint32_t epoch_ = 0;
  std::optional<uint32_t> certified_;
};

}  // namespace themis
