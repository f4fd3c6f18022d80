#pragma once
// A node's verified state: takes calls, gives them together to the keeper of its store, and keeps
// the place of its monitors.

#include <caf/actor.hpp>
#include <deque>
#include <functional>
#include <map>

#include "actors/monitor/monitor_codec.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/monitor/state_keeper.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/pool_actor.hpp"

namespace themis {

/// What is true of a node's state whatever actor keeps it; outlives them all. A violation stays: no
/// restart within the process makes it fine again.
struct StateHistory {
  std::optional<Error> violation;
};

struct StateOptions {
  /// The node's directory, where its store and what belongs to it are kept; see StateKeeper.
  std::filesystem::path data;
  /// Starts the place where the monitors are to be: spawn_place with state_kinds().
  std::function<caf::actor()> start_place;
  /// Empty: a StateKeeper with a thread of its own.
  std::function<caf::actor(caf::actor_system&, const StateKeeperOptions&)> start_keeper = {};
  MonitorShape shape;
  uint64_t bytes_max = uint64_t{2} << 30;  ///< See StateHostOptions.
  Duration epoch = 1s;                     ///< At least; see kEpochPerRecord.
  /// For one answer of the monitors; a checkpoint of a million records takes 150 ms. Then they are
  /// given up.
  Duration answer_max = 30s;
  StateHistory* history = nullptr;
};

/// Calls that wait for their commit, for the store to open or for their certificate: a commit of
/// most of them is as cheap a call as any. And their bytes, or those of answers that wait, with
/// what each message takes beside them.
inline constexpr size_t kStateCallsMax = size_t{1} << 20;
inline constexpr size_t kStateBytesMax = 128 * 1024 * 1024;
inline constexpr size_t kStateMessageBytes = 512;
/// Calls in one commit: its end takes a few per cent of the time then, and whoever asks without
/// pause has the next ones waiting.
inline constexpr size_t kRunCallsMax = size_t{1} << 18;
/// Who may ask for the namespaces before the store is open: the router, once for each of its lives.
inline constexpr size_t kNamesAskedMax = 16;
/// An epoch lasts at least so long for each record that its end brings along, nine times what the
/// monitor takes for it, so that ends are a tenth of its time whatever their number: 16 million
/// take a second.
inline constexpr Duration kEpochPerRecord = 540ns;
/// Between monitors that ended, or a store that could not be opened, and the next try; doubled from
/// the first to the second until an epoch's end is on disk.
inline constexpr Duration kMonitorsPauseMin = 100ms;
inline constexpr Duration kMonitorsPauseMax = 30s;

// What it tells itself.
struct EndEpoch {
  uint64_t instance = 0;
};
struct StartPlace {};

/// Answers as state_api.hpp says, and Msg<schema::AskState>; every namespace is its own. What
/// arrives while a commit runs goes into the next one together; a lone call does not wait. Starts
/// the monitors' place again when it ended: the store is opened with the new ones, and has
/// everything that was answered. One peer's clients get half of the places. After a violation
/// nothing is started again, and what a store is refused for is not tried again. On the pool; its
/// keeper has a thread of its own.
class StateActor final : public PoolActor {
 public:
  StateActor(caf::actor_config& config, StateOptions options);
  const char* name() const override { return "state"; }
  void on_exit() override;

 private:
  /// Whoever asked is told once, also when this actor ends.
  using TellOne = std::function<void(Result<StateAnswer>&&)>;
  using TellAll = std::function<void(StateAnswers&&)>;
  struct Proof {
    StateCall call;
    std::optional<Result<StateAnswer>> answer;
    TellOne tell;
  };
  struct Group {
    std::optional<Proof> proof;  ///< Then one call, and nothing in the batch.
    StateBatch calls;            ///< Until they are given to the keeper.
    bool wait = false;
    TellAll tell;
    size_t size = 0;   ///< How many calls.
    size_t bytes = 0;  ///< Of the calls or, once there are any, the answers.
    StateAnswers answers;
  };
  caf::behavior make_behavior() override;
  caf::result<StateAnswers> call(CallState& ask);
  caf::result<StateAnswer> prove(const ProveState& ask);
  void take(StateBatch calls, bool wait, TellAll tell);
  void take(const StateCall& call, bool wait, TellOne tell);
  Status admit(size_t calls, size_t bytes) const;
  Status admit_client(const NodeId* peer);
  void add(Group group);
  void run_waiting();
  void on_run(StoreTold& told);
  static void add_receipt(Group& group, const FinalReceipts& receipts);
  static std::optional<uint32_t> epoch_of(const Group& group);
  void finish(Group group, const std::optional<Error>& failure);
  void deliver(Group& group);

  void start();
  void open(const caf::actor& monitors);
  void on_opened(const StoreTold& told);
  void note(const StoreTold& told);
  Duration epoch_lasts() const;
  void watch_epoch();
  void on_down(const caf::down_msg& down);
  void fail_with(const Error& why);
  void lose(const Error& why);
  void refuse_store(const Error& why);
  void violated(const Error& why);
  void down(const Error& why);
  static void refuse(Group& group, const Error& why);
  void refuse_waiting(Group& group, const Error& why);
  void refuse_all(const Error& why);
  void end(const caf::error& reason);
  StateReport report() const;
  caf::result<StateNames> names();
  caf::result<StateAnsweredMsg> answer_peer(const AskStateMsg& message);
  caf::result<StateAnsweredMsg> answer_batch(const StateBatchAsk& ask);

  const StateOptions options_;
  StateHistory own_history_;
  StateHistory& history_;
  caf::actor keeper_;
  caf::actor place_;
  caf::actor monitors_;
  sandbox::SharedMemoryPtr memory_;  ///< With the place.
  uint64_t instance_ = 0;  ///< Raised with every start: what belongs to an earlier one is ignored.
  bool up_ = false;
  bool running_ = false;       ///< The keeper has calls, those of in_commit_.
  std::deque<Group> waiting_;  ///< For the keeper.
  std::vector<Group> in_commit_;
  std::multimap<uint32_t, Group> certifying_;     ///< Done but for their epoch.
  size_t calls_waiting_ = 0, bytes_waiting_ = 0;  ///< Of the groups in all three.
  size_t places_ = 0;                   ///< Of clients, asked for since the monitors' start.
  std::map<NodeId, size_t> places_of_;  ///< By peers.
  bool epoch_open_ = false, epoch_watched_ = false, epoch_due_ = false;
  StoreTold last_;                        ///< Without answers.
  std::vector<std::string> name_spaces_;  ///< At the last start.
  std::vector<caf::typed_response_promise<StateNames>> names_asked_;
  uint64_t calls_ = 0, batches_ = 0, commits_ = 0, restarts_ = 0;
  uint32_t pid_ = 0;
  Duration pause_ = kMonitorsPauseMin;
  std::string down_why_;
  std::optional<Error> refused_;  ///< The store.
  std::optional<caf::error> ending_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndEpoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StartPlace)
