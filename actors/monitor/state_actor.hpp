#pragma once
// The host half of verified state: takes calls, batches them for the monitors, and answers with
// what these have verified.

#include <caf/actor.hpp>
#include <functional>
#include <map>
#include <unordered_map>

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/monitor/state_host.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/pool_actor.hpp"

namespace themis {

/// What is true of a node's state whatever actor keeps it; outlives them all. A violation stays: no
/// restart makes it fine again.
struct StateHistory {
  std::optional<Error> violation;
  uint64_t losses = 0;
};

struct StateOptions {
  /// Starts the place where the monitors are to be: spawn_place with state_kinds().
  std::function<caf::actor()> start_place;
  MonitorShape shape;
  Duration epoch = 1s;
  /// From the end of an epoch to its certificate; a million records take 150 ms. Then the monitors
  /// are given up: who does not let them verify could starve all that wait.
  Duration answer_max = 30s;
  StateHistory* history = nullptr;
};

/// Calls without a verified result; each keeps its predicted one, 1 KB at most.
inline constexpr size_t kStateCallsMax = 16'384;
/// Messages that may wait while the monitors start.
inline constexpr size_t kStateWaitingMax = 1'024;
/// Epochs that may be open when another one ends; the monitors keep 16.
inline constexpr uint32_t kEpochsAheadMax = 4;
/// Between a monitors' process that ended and the next one, doubled from the first to the second.
inline constexpr Duration kMonitorsPauseMin = 100ms;
inline constexpr Duration kMonitorsPauseMax = 30s;

// What it tells itself.
struct EndEpoch {
  uint64_t instance = 0;
};
struct StartMonitors {};
struct CheckEpoch {
  uint64_t instance = 0;
  uint32_t epoch = 0;
};

/// Answers as state_api.hpp says, and Msg<schema::AskState>; every namespace is its own. Keeps the
/// place of its monitors and starts it again when it ended, with a new instance and without
/// records: they were in memory only. After a violation nothing is started again. Sends a batch
/// when its monitor has nothing to do, or the batch is full. On the pool.
class StateActor final : public PoolActor {
 public:
  StateActor(caf::actor_config& config, StateOptions options);
  const char* name() const override { return "state"; }
  void on_exit() override;

 private:
  struct Group {
    caf::typed_response_promise<StateAnswers> promise;
    StateAnswers answers;
    size_t open = 0;  ///< Calls, and entries of lists, without their result.
    bool wait = false;
    uint32_t epoch = 0;  ///< The latest of its answers.
  };
  /// Where the result of one call of the host belongs.
  struct Place {
    uint64_t group = 0;
    size_t answer = 0;
    std::optional<size_t> entry = {};  ///< Of a list.
  };
  struct Waiting {
    CallState ask;
    caf::typed_response_promise<StateAnswers> promise;
  };
  caf::behavior make_behavior() override;
  caf::result<StateAnswers> call(const CallState& ask);
  void run(const CallState& ask, caf::typed_response_promise<StateAnswers> promise);
  void run_one(const StateCall& call, Place place, Group& group);
  Status admit() const;
  void on_result(const VerifiedCall& call);
  void finish_if_done(uint64_t id);
  void deliver(Group& group);

  void start();
  void open(const caf::actor& monitors);
  void on_opened(const monitor::InstanceId& instance);
  void on_batch(uint16_t thread, ByteView batch);
  void on_verified(uint16_t thread, const VerifiedMsg& message);
  void on_failed(const Error& why);
  void watch_epoch();
  void end_epoch();
  void on_certified(uint32_t epoch);
  void on_down(const caf::down_msg& down);
  void lose(const Error& why);
  void violated(const Error& why);
  void refuse_all(const Error& why);
  StateReport report() const;
  caf::result<StateAnsweredMsg> answer_peer(const AskStateMsg& message);

  const StateOptions options_;
  StateHistory own_history_;
  StateHistory& history_;
  caf::actor place_;
  caf::actor monitors_;
  uint64_t instance_ = 0;  ///< Raised with every start: what belongs to an earlier one is ignored.
  std::unique_ptr<StateHost> host_;  ///< While it is up.
  std::vector<size_t> in_flight_;    ///< Batches, by thread.
  std::vector<Waiting> waiting_;
  std::unordered_map<uint64_t, Group> groups_;
  std::unordered_map<uint64_t, Place> places_;    ///< By the host's ticket.
  std::multimap<uint32_t, uint64_t> certifying_;  ///< Groups that are done but for their epoch.
  std::optional<uint32_t> certified_;
  std::map<uint32_t, TimePoint> ended_;  ///< When, of epochs that are not certified.
  Duration certifying_for_{};            ///< The last one took so long.
  uint64_t last_group_ = 0, calls_ = 0, batches_ = 0;
  uint32_t pid_ = 0;
  bool epoch_watched_ = false;
  Duration pause_ = kMonitorsPauseMin;
  std::string down_why_;
  std::optional<caf::error> ending_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndEpoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StartMonitors)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CheckEpoch)
