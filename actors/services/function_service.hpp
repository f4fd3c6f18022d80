#pragma once
// The function service of a node: peers ask it to host, to send code and to run calls; the gateway
// asks it to deploy.

#include "actors/mesh/guard.hpp"
#include "actors/services/function_deployer.hpp"
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
  storage::Environment* environment = nullptr;
  Exports* exports = nullptr;
  ring::Contact self;
  FunctionLimits limits;
  std::vector<RouteConfig> routes;  ///< For the rates.
  std::vector<AllowConfig> rules;   ///< Who may call what.
};

/// Pinned to the node's reactor and exported to peers as kFunctionsActorName. In-process interface:
/// function_api.hpp. From peers it takes Host, Unhost, FetchCode and Invoke: any authenticated node
/// of the network may ask. Ends with the error when its tables cannot be opened.
class FunctionService final : public PinnedActor {
 public:
  FunctionService(caf::actor_config& config, FunctionServiceOptions options);
  const char* name() const override { return "functions"; }

 private:
  caf::behavior make_behavior() override;
  void on_exit() override;
  Status start();
  caf::message_handler about_calls();
  caf::behavior behavior();
  caf::result<caf::message> invoke(const InvokeMsg& message);
  Status admit(const NodeId* peer, const InvokeTarget& target);
  void tick();

  FunctionServiceOptions options_;
  FunctionContext context_;
  mesh::Guard guard_;
  FunctionHost host_{context_};
  FunctionDeployer deployer_{context_, host_};
  net::TimerId timer_ = 0;
  std::optional<caf::error> stopping_;
  uint64_t invoked_ = 0;
};

}  // namespace themis
