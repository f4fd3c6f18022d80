#pragma once
// One function host as the node sees it: a process, what is loaded in it, and the calls it owes.

#include <map>
#include <set>
#include <unordered_map>

#include "actors/flows/flow_api.hpp"
#include "actors/monitor/state_api.hpp"
#include "actors/placement/child_process.hpp"
#include "actors/worker/process_api.hpp"
#include "actors/worker/worker_log.hpp"

namespace themis {

/// Of a load whose process ended: nothing that waits for it was sent.
inline Error not_loaded() {
  return {Code::unavailable, "the worker process ended before the function was loaded"};
}
/// What a host that is not trusted may say about a function: any other code is not its to use.
Error function_error(Error error);

/// Ends with the error when its process or session ends; its supervisor starts the next one. Calls
/// that were sent are then answered with unavailable.
///
/// The host ends what passes a limit by itself. Only when it is stuck in a V8 builtin that cannot
/// be ended does it neither answer the call nor a ping: then the process is killed. What was
/// overdue is answered with cpu_exceeded or timeout.
///
/// Exported to the host as "state", "services" and "flows": passes on what the functions it runs
/// ask of the node's state, of services, and of bodies that they were called with. Offers the
/// bodies that they answer or send bit by bit at the node's hub.
class WorkerProcess final : public PinnedActor {
 public:
  /// A call is watched closely when it is this much older than its CPU limit.
  static constexpr Duration kOverdue = 1s;
  /// How long a ping may take, on top of the longest CPU limit that is loaded.
  static constexpr Duration kPingMax = 1s;
  /// A call is given up this long after its wall limit: the host's own answer comes first.
  static constexpr Duration kWallGrace = 500ms;
  /// Functions kept loaded, 400 MB when they rest; who was called least recently makes room.
  static constexpr size_t kLoadedMax = 384;
  static constexpr size_t kNamesMax = 4096;
  /// Actors of one function kept loaded; of those that nothing is asked of, one makes room.
  static constexpr size_t kActorsMax = 128;
  /// So long may loading take while the host answers pings: it waits behind other functions' calls.
  static constexpr Duration kLoadMax = 10s;

  WorkerProcess(caf::actor_config& config, const WorkerPoolOptions& options, uint32_t slot,
                caf::actor_addr pool);
  const char* name() const override { return "worker-process"; }
  void on_exit() override;

 private:
  using OutcomePromise = caf::typed_response_promise<wire::Msg<schema::Outcome>>;
  /// Something the host owes us.
  struct Call {
    FunctionPtr function;
    wire::Msg<schema::Invoke> invoke;
    OutcomePromise promise;
    TimePoint overdue;  ///< From here on the host must answer pings.
    TimePoint expires;
    bool again = false;  ///< It was sent before, to a function that had ended by then.
    caf::actor at = {};  ///< Whom it was sent to.
    TimePoint sent = {};
  };
  /// A body that a function answers, or sends, bit by bit.
  struct OutFlow {
    caf::actor function;
    FlowId at_function = 0;
    TimePoint asked;  ///< When a part was last asked for.
    bool of_request = false;
    uint64_t bytes = 0;  ///< That were given out.
  };
  using Loaded = std::function<void(const Result<caf::actor>&)>;
  struct Function {
    FunctionPtr source;
    caf::actor proxy;             ///< Null while it is loading.
    std::vector<Loaded> waiting;  ///< For the load to end.
    TimePoint overdue;            ///< Of the load.
    TimePoint loaded, called;
    uint64_t last_used = 0;
    uint32_t memory_kb = 0;    ///< As the host said last.
    bool takes_cache = false;  ///< The host may say once what it compiled.
    /// It is unloaded when the load has ended; those who asked since then load it anew, maybe with
    /// other limits.
    bool unloads = false;
    /// An actor whose code is to be another, once its calls are over.
    bool is_replaced = false;
    std::vector<std::pair<FunctionPtr, Loaded>> later;
  };

  caf::behavior make_behavior() override;
  Status start();
  void on_up();
  void on_ended(const Error& why);
  void on_down(const caf::down_msg& down);

  // worker_loads.cpp: which functions the host has.
  void load(const FunctionPtr& function, Loaded then);
  void on_loaded(const CodeId& id, const Result<wire::Target>& target);
  void keep_cache(const wire::Msg<schema::CodeCache>& message);
  void deliver_loaded(const CodeId& id, const Result<wire::Target>& target);
  /// Errors: overloaded (actors that are all busy).
  Status make_room();
  bool is_busy(const Function& function) const;
  /// The last call or body of an actor is over, maybe.
  void replace(const CodeId& id);
  void call_ended(const InstallFunction& function);
  void unload(const CodeId& id);

  void call(Call call);
  void send_call(const caf::actor& proxy, Call call);
  void cancel(const CancelRequest& given_up);
  void on_call_failed(uint64_t id, const caf::error& error);
  Error loss_of(const Call& call) const;

  // worker_asks.cpp: what the host asks for.
  /// From now on it may ask for what this call's function may have.
  void admit(const Call& call);
  caf::result<wire::Msg<schema::StateAnswered>> ask_state(
      const wire::Msg<schema::AskState>& question);
  caf::result<wire::Msg<schema::Outcome>> call_service(const wire::Msg<schema::Invoke>& invoke);
  caf::result<wire::Msg<schema::Outcome>> fetch(const CodeId& code,
                                                const wire::Msg<schema::Invoke>& invoke);
  /// `body`: the flow that the question brings along, or 0.
  template <class Answered, class Question>
  caf::result<Answered> pass_on(const caf::actor& to, const Question& question, FlowId body = 0);

  // worker_flows.cpp: bodies that travel bit by bit.
  /// Errors: unavailable (this node has no hub), overloaded.
  Status note_flow(const wire::Msg<schema::Invoke>& invoke);
  /// The body of what was asked for may go on: then the host may read it.
  void note_flow(const wire::Msg<schema::Outcome>& outcome);
  void note_flow(const wire::Msg<schema::StateAnswered>&) {}
  void forget_flow(FlowId flow);
  /// Of a call that failed: the host may never have begun to read it.
  void leave_body(const wire::Msg<schema::Invoke>& invoke);
  caf::result<BodyPartMsg> pull(const PullMsg& message);
  void drop(const DropFlowMsg& message);
  /// The outcome as others may see it: its flow is one of this node.
  Result<wire::Msg<schema::Outcome>> offer(const Call& call,
                                           const wire::Msg<schema::Outcome>& outcome);
  /// The body that a request of the host brings along, as a flow of this node; 0: it came whole.
  Result<FlowId> offer(const wire::Msg<schema::Invoke>& invoke);
  Result<FlowId> offer(OutFlow out, std::optional<NodeId> reader);
  caf::result<BodyPartMsg> take(FlowId flow);
  void end_flow(FlowId flow, bool tell_host);
  /// A reader that is gone for good says nothing: ends what nobody has asked for in unread_max.
  void end_unread(TimePoint now);
  void tell_streams(bool open);

  void fail_call(Call& call, const Error& why);

  // worker_watch.cpp: what is idle, and what is stuck.
  void sweep_later();
  void sweep();
  void watch();
  void on_tick();
  void ping();
  bool expire_calls(TimePoint now);
  void kill_stuck(TimePoint now);
  WorkerReport report() const;

  // worker_figures.cpp: what its functions take of memory.
  caf::result<FunctionsUse> measure();
  void note_memory(const HostMeasuredMsg& told);
  FunctionsUse use() const;

  const WorkerPoolOptions options_;
  const uint32_t slot_;
  const caf::actor_addr pool_;
  caf::actor state_, services_, functions_gate_, queues_, flows_, fetcher_;
  std::unique_ptr<ChildProcess> process_;
  caf::actor host_;
  std::map<CodeId, Function> functions_;
  std::unordered_map<caf::actor_addr, CodeId> proxies_;
  /// Under which its functions were loaded and called: whose state it may ask for. More than
  /// kNamesMax are forgotten, but for those of new calls.
  std::set<std::string, std::less<>> names_;
  std::optional<std::string> owner_;     ///< Of all functions it ever loads.
  std::optional<std::string> deployer_;  ///< The same; empty once they are of two.
  HostedPtr<WorkerLog> log_;
  /// What the manifests of its functions name: "fn/NAME" and "queue/NAME", and by function the
  /// hosts. Bounded as names_ is; calls go on after their function was unloaded.
  std::set<std::string, std::less<>> granted_;
  std::map<CodeId, std::shared_ptr<const bundle::Settings>> fetching_;
  size_t asks_ = 0;
  std::unordered_map<FlowId, std::optional<NodeId>> in_flows_;  ///< Those of calls, and whose.
  std::unordered_map<FlowId, OutFlow> out_flows_;
  std::unordered_map<uint64_t, TimePoint> takes_;  ///< Parts asked for: from when on it is watched.
  uint64_t last_take_ = 0;
  std::unordered_map<uint64_t, Call> calls_;
  uint64_t last_call_ = 0;
  uint64_t last_use_ = 0;
  net::TimerId tick_ = 0;
  net::TimerId sweep_ = 0;
  std::optional<TimePoint> ping_sent_;
  std::optional<caf::error> asked_to_end_;
  std::optional<Error> failed_;  ///< Over before it was up: waits for EndProcess.
  bool killed_ = false;          ///< Stuck: who is to blame was told so.
  bool up_ = false;
};

}  // namespace themis
