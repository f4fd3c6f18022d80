#pragma once
// The function service of a node: peers ask it to host, to send code and to run calls; the gateway
// asks it to deploy.

#include "actors/mesh/guard.hpp"
#include "actors/services/actor_alarms.hpp"
#include "actors/services/actor_host.hpp"
#include "actors/services/canary_door.hpp"
#include "actors/services/cron_table.hpp"
#include "actors/services/function_deployer.hpp"
#include "actors/services/function_meter.hpp"
#include "actors/services/log_readers.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

class Exports;
namespace storage {
class Environment;
}

/// What a function service is given; everything outlives it.
struct FunctionServiceOptions {
  caf::actor node;
  caf::actor workers;  ///< The worker pool; empty: this node runs no functions.
  caf::actor router;   ///< A StateRouter: to the homes of actors; empty: functions have none.
  caf::actor gate;     ///< A FunctionGate, for their alarms.
  storage::Environment* environment = nullptr;
  Exports* exports = nullptr;
  ring::Contact self;
  FunctionLimits limits;
  bool alone = false;               ///< No two functions share a process.
  const Clock* clock = nullptr;     ///< Of the cron lines; null: the loop's.
  bundle::SharedKey at_rest = {};   ///< Seals the keys of secrets on disk; empty: none are kept.
  LogBook* logs = nullptr;          ///< Of the functions here; null: none is kept.
  Duration drain_max{};             ///< How long calls that run here are waited for at the end.
  std::vector<RouteConfig> routes;  ///< For the rates.
  std::vector<AllowConfig> rules;   ///< Who may call what.
};

/// Pinned to the node's reactor and exported to peers as kFunctionsActorName, for calls of canaries
/// through a CanaryDoor. In-process interface:
/// function_api.hpp. From peers it takes Host, Unhost, FetchCode and Invoke: any authenticated node
/// of the network may ask, MeasureFunctions too; and ReadLog from the node that deployed the
/// function. Ends with the error when its tables cannot be opened. Told to end, it sends new calls
/// elsewhere (not_hosted) and ends when those that run are answered.
class FunctionService final : public PinnedActor {
 public:
  /// Codes of up to 1 MB being read for peers: 64 MB in all. A peer takes in kLooksMax functions of
  /// one node's looks at once, and as many of its users'.
  static constexpr size_t kFetchesPerPeerMax = 16;
  static constexpr size_t kFetchesMax = 64;

  FunctionService(caf::actor_config& config, FunctionServiceOptions options);
  const char* name() const override { return "functions"; }

 private:
  caf::behavior make_behavior() override;
  void on_exit() override;
  Status start();
  caf::message_handler about_calls();
  caf::behavior behavior();
  caf::message_handler about_actors();
  caf::message_handler about_versions();
  caf::result<LogPageMsg> read_log(const ReadLogMsg& message);
  int64_t wall_ms() const;
  FunctionCounts counts() const;
  void look_at_alarms();
  void send_code(const FetchCodeMsg& message, caf::response_promise promise);
  caf::result<CodePtr> find_code_for(const FindCode& wanted);
  caf::result<caf::message> invoke(const InvokeMsg& message, bool of_canary = false);
  /// Wakes a function by its cron line, if no other of its nodes is to.
  void fire(const Firing& firing);
  void run(const Firing& firing);
  void run(const Firing& firing, const CodeId& id);
  void wake(const std::string& key, const InvokeMsg& message, caf::response_promise promise);
  void drain();
  Status admit(const wire::Frame& frame, const InvokeTarget& target);
  void tick();

  FunctionServiceOptions options_;
  FunctionContext context_;
  mesh::Guard guard_;
  FunctionHost host_{context_};
  FunctionDeployer deployer_{context_, host_};
  ActorHost actors_{context_, host_};
  ActorAlarms alarms_{context_};
  HostedPtr<CanaryDoor> door_;
  LogReaders logs_{reactor_.loop()};
  FunctionMeter meter_{context_, host_};
  CronTable crons_;
  std::map<NodeId, size_t> fetches_;  ///< Open ones by peer; at most kFetchesMax in all.
  size_t searches_ = 0;               ///< Codes looked for, for this node; at most kFetchesMax.
  Owed fetched_;
  net::TimerId timer_ = 0;
  net::TimerId alarm_timer_ = 0;  ///< 0: none is set.
  std::optional<caf::error> stopping_;
  TimePoint drained_by_{};
  net::TimerId drain_timer_ = 0;
  uint64_t invoked_ = 0;
  uint64_t woken_ = 0;
};

}  // namespace themis
