#pragma once
// The thread on which a node's state waits for its disk and its monitors.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <filesystem>

#include "actors/monitor/remote_monitors.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/monitor/state_host.hpp"

namespace themis {

// What a StateActor asks its keeper. Each is answered with StoreTold.

/// Opens the store with these monitors, which are new.
struct OpenStore {
  caf::actor monitors;
  sandbox::SharedMemoryPtr memory = nullptr;  ///< See RemoteMonitorsOptions.
};
/// Begins the epoch's end if told so, runs the calls of the batches, and commits: once, unless the
/// results are too long for one message. While StoreTold says that an epoch is ending each brings
/// its end kCarriedByRun records on, beside those that its calls do.
struct RunCalls {
  std::vector<StateBatch> batches;
  std::vector<StateCall> proven;  ///< That are to have receipts.
  bool end_epoch = false;
  bool checkpoint = false;  ///< Best without calls: their certificate waits for it.
};
/// Leaves a checkpoint if that takes no time to speak of, and closes.
struct CloseStore {};

struct StoreTold {
  std::vector<StateAnswers> answers;        ///< By batch: the first ones, as many as are durable.
  std::vector<Result<StateAnswer>> proofs;  ///< Of the proven calls: the same.
  std::optional<Error> failure;             ///< The store is closed then.
  std::optional<Error> violation;           ///< A monitor refused, or answered something else.
  uint32_t epoch = 0;
  std::optional<uint32_t> certified;
  bool ending = false;          ///< An epoch: to be asked on, with calls or without.
  Duration certifying{};        ///< The last epoch's end took so long, with the calls beside it.
  size_t carried = 0;           ///< Records that it brought along.
  Duration saving{};            ///< The last checkpoint.
  bool checkpoint_due = false;  ///< An epoch has ended, and the journal is long.
  size_t records = 0;
  uint64_t batches = 0;  ///< Since the store was opened.
  uint64_t journal_bytes = 0;
  FinalReceipts receipts;  ///< Of the epochs certified since the last time.
  std::string key;         ///< Hexadecimal: what the store's certificates are signed with.
  std::vector<std::string> name_spaces;  ///< Of OpenStore only.
};

/// A checkpoint at the end writes what the journal's calls have changed, at most 82,000 records of
/// the shortest ones: 10 ms of CPU time, which StateHost.TheCheckpointAtAStopIsBounded prints. A
/// longer journal is run again at the next start.
inline constexpr uint64_t kStopJournalBytesMax = 1024 * 1024;

/// Records of each monitor thread: some 4 ms.
inline constexpr size_t kCarriedByRun = 65'536;

/// Of all answers to RunCalls; what comes after is not run.
inline constexpr size_t kRunAnswersBytesMax = 64 * 1024 * 1024;

struct StateKeeperOptions {
  std::filesystem::path data;  ///< The node's; see open_files().
  MonitorShape shape;
  Duration answer_max;                     ///< See RemoteMonitorsOptions.
  uint64_t bytes_max = uint64_t{2} << 30;  ///< See StateHostOptions.
};

/// Has state/, state.key and state.counter in the node's data directory open while the store is.
/// Blocks: spawned detached, so that no reactor and no thread of the pool waits for a disk. Calls
/// of several monitor threads run on as many threads: see BatchRunner.
class StateKeeper final : public caf::event_based_actor {
 public:
  StateKeeper(caf::actor_config& config, StateKeeperOptions options);
  ~StateKeeper() override;
  const char* name() const override { return "state-keeper"; }
  void on_exit() override { close(); }

 private:
  struct Files;
  caf::behavior make_behavior() override;
  StoreTold open(const OpenStore& ask);
  Status open_files(const OpenStore& ask);
  StoreTold run(const RunCalls& ask);
  Status run_all(const RunCalls& ask, StoreTold& told);
  StoreTold tell(StoreTold told, const Status& status);
  void close();

  const StateKeeperOptions options_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<StateHost> host_;
  std::optional<TimePoint> ending_since_;
  size_t carried_ = 0;
  Duration certifying_{}, saving_{};
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::OpenStore)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RunCalls)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CloseStore)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StoreTold)
