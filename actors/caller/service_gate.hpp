#pragma once
// Through which the functions of a node call C++ services: those that its operator lets them call.

#include <set>

#include "actors/caller/route_caller.hpp"
#include "actors/system/hosted_actor.hpp"
#include "function.capnp.h"
#include "wire/msg.hpp"

namespace themis {

struct ServiceGateOptions {
  std::vector<std::string> allowed;  ///< Names of services; empty: functions call none.
  std::vector<RouteConfig> routes;
  Rng* rng = nullptr;
};

/// Answers Msg<schema::Invoke>, whose `function` is a service's name, with what an instance of the
/// service answered, as the routes say; a CancelRequest with its frame ends the call. UseNode says
/// through which node. Errors of its own: denied
/// (a service that is not allowed), unavailable (no node yet), and those of RouteCaller. Pinned to
/// the node's reactor.
class ServiceGate final : public PinnedActor, private CallKind {
 public:
  ServiceGate(caf::actor_config& config, ServiceGateOptions options);
  const char* name() const override { return "service-gate"; }
  void on_exit() override;

 private:
  using InvokeMsg = wire::Msg<schema::Invoke>;
  using OutcomeMsg = wire::Msg<schema::Outcome>;

  caf::behavior make_behavior() override;
  caf::result<OutcomeMsg> call(const InvokeMsg& invoke);

  TimePoint now() const override { return reactor_.loop().now(); }
  wire::Target target_of(const std::string& name, bool is_canary) const override;
  void ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
           Failed failed) override;
  mesh::Judgement judge(const caf::error& error) const override;
  void restore(const std::string& name, std::function<void(Status)> done) override;
  Error nobody(const std::string& name) const override;
  void after(Duration delay, uint64_t call) override;

  const std::vector<RouteConfig> routes_;
  const std::set<std::string, std::less<>> allowed_;
  Rng& rng_;
  std::optional<RouteCaller> caller_;
};

}  // namespace themis
