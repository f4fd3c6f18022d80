#pragma once
// The actor a typed service runs in, and the one that calls services for threads that are no
// actors.

#include <map>

#include "actors/api/service_calls.hpp"
#include "actors/mesh/guard.hpp"
#include "actors/monitor/monitor_codec.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/pool_actor.hpp"

namespace themis {

/// What a service actor is given.
struct ServiceSetup {
  std::string name;  ///< On the ring.
  std::function<ServiceRunner()> make;
  caf::actor node;
  caf::actor state;  ///< A StateRouter.
  NodeId self;
  std::vector<RouteConfig> routes;
  std::vector<AllowConfig> rules;
};

/// On the scheduler's pool: a slow handler delays its own service only.
class ServiceActor final : public PoolActor, private ServiceContext {
 public:
  ServiceActor(caf::actor_config& config, ServiceSetup setup);
  const char* name() const override { return name_.c_str(); }

 private:
  caf::behavior make_behavior() override;
  caf::result<AnyMessage> serve(const wire::FramePtr& request);
  /// What waits holds promises, and those hold the actor.
  void on_exit() override {
    calls_.stop();
    asks_.clear();
    state_ = nullptr;
  }
  void call(ServiceCall call, Answer then) override {
    calls_.call(std::move(call), std::move(then));
  }
  void ask_state(StateAsk ask, TimePoint deadline, StateAnswered then) override;
  void ask_state(StateBatchAsk ask, TimePoint deadline, StateBatchAnswered then) override;
  using Told = std::function<void(Result<StateAnsweredMsg>)>;
  void ask_home(AskStateMsg question, Told then);

  std::string name_;
  ServiceRunner runner_;
  mesh::Guard guard_;
  ServiceCalls calls_;
  caf::actor state_;
  std::map<uint64_t, Told> asks_;  ///< Bounded by the requests that are served.
  uint64_t last_ask_ = 0;
};

/// Asks the service `name`. -> AnyMessage. Errors: as Node::call.
struct CallService {
  ServiceCall call;
};

/// Takes CallService, for threads that are no actors.
class CallerActor final : public PoolActor {
 public:
  CallerActor(caf::actor_config& config, caf::actor node, std::vector<RouteConfig> routes)
      : PoolActor(config), calls_(*this, std::move(node), std::move(routes)) {}

 private:
  caf::behavior make_behavior() override;
  void on_exit() override { calls_.stop(); }
  ServiceCalls calls_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallService)
