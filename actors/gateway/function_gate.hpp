#pragma once
// Through which the functions of a node, and its queues, call functions wherever those run.

#include "actors/gateway/function_caller.hpp"
#include "actors/worker/worker_api.hpp"

namespace themis {

/// To the gate: the function service of this process, which restores what calls find dead.
struct UseFunctions {
  caf::actor functions;
};

/// Answers Msg<schema::Invoke> and CallByFunction, whose `function` is "fn/" and a function's name,
/// with what an instance answered, as the routes say. Calls of "actor/" and NoteAlarm go to the
/// function service. A CancelRequest with the frame of a call ends that call, wherever it runs.
/// UseNode and UseFunctions say through whom; calls that came before both are refused. Errors of
/// its own: malformed, unavailable (not started), denied (too deep), and those of FunctionCaller.
/// Who may call what is its senders' to check. Pinned to the node's reactor.
class FunctionGate final : public PinnedActor {
 public:
  FunctionGate(caf::actor_config& config, std::vector<RouteConfig> routes, Rng& rng)
      : PinnedActor(config), routes_(std::move(routes)), rng_(rng) {}
  const char* name() const override { return "function-gate"; }
  void on_exit() override { forget(); }

 private:
  caf::behavior make_behavior() override;
  void restart();
  void forget();
  caf::result<OutcomeMsg> call(const CallByFunction& ask);

  const std::vector<RouteConfig> routes_;
  Rng& rng_;
  caf::actor node_, functions_;
  std::optional<FunctionCaller> caller_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UseFunctions)
