#pragma once
// The untrusted half of verified state: one shard for each monitor thread, and what their monitors
// are expected to answer. The one place that talks to the shards. Pure: batches go to a callback.

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "actors/monitor/state_call.hpp"

namespace themis {

namespace host {
template <class App>
class Shard;
}
namespace monitor {
struct StateStore;
struct StateKey;
}  // namespace monitor

struct StateHostOptions {
  std::array<std::byte, 16> instance{};
  uint16_t threads = 1;  ///< A power of two, at most 64.
  uint32_t node_slots = 1'024;
  uint32_t record_slots = 1'024;
  /// 1.6 KB each. Absent keys that were asked for count until their epoch is over.
  size_t records_max = size_t{1} << 20;
};

/// Results of one batch; the monitor takes no longer ones.
inline constexpr size_t kResultsBytesMax = 256 * 1024;

/// One call whose result a monitor has accepted.
struct VerifiedCall {
  uint64_t ticket = 0;
  bool done = false;
  std::optional<Bytes> value;
  uint32_t epoch = 0;
};

/// Runs calls at once on its own copy of the records, and writes for the monitors what makes them
/// do the same. In memory. One thread.
class StateHost {
 public:
  /// Gets a batch for a thread; its bytes are gone after the call.
  using Deliver = std::function<void(uint16_t thread, ByteView batch)>;

  StateHost(const StateHostOptions& options, Deliver deliver);
  ~StateHost();

  /// Any call but list, checked by check_state_call. Returns the number under which verify() will
  /// name it. Errors: overloaded (records, slots, the epoch is full); nothing was run then.
  Result<uint64_t> run(const StateCall& call);
  /// The next keys of a namespace after `after` that start with `prefix`, in their order, at most
  /// kListMax, and whether there are more. What the host says, not a monitor.
  std::pair<std::vector<std::string>, bool> list(const StateCall& call) const;
  /// Hands over what is written for a thread.
  void flush(uint16_t thread);
  /// Ends the epoch of all threads, and hands over.
  /// Errors: as Shard::end_epoch.
  Status end_epoch(std::optional<uint32_t> certified);
  /// Takes the results of the oldest batch of `thread` that has none yet. Errors: forged (one is
  /// not what this host predicted: host or monitor is wrong, nothing may be believed any more).
  Status verify(uint16_t thread, ByteView results,
                const std::function<void(const VerifiedCall&)>& then);

  uint16_t thread_of(std::string_view name_space) const;
  uint16_t threads() const { return static_cast<uint16_t>(threads_.size()); }
  uint32_t epoch() const;
  size_t records() const;
  /// Calls that wait for their results.
  size_t open_calls() const { return open_; }

 private:
  using Store = monitor::StateStore;
  struct Expected {
    VerifiedCall call;
    Bytes result;
  };
  struct Thread {
    std::unique_ptr<host::Shard<Store>> shard;
    std::deque<Expected> expected;
    size_t results = 0;  ///< Bytes of the calls since the last batch, at most.
  };
  void note_present(const StateCall& call, bool done);

  std::vector<Thread> threads_;
  std::set<std::string, std::less<>> present_;  ///< "namespace\0key" of every key with a value.
  uint64_t last_ticket_ = 0;
  size_t open_ = 0;
};

}  // namespace themis
