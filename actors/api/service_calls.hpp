#pragma once
// Calling a service by its name from an actor.

#include "actors/caller/services.hpp"
#include "themis/service.hpp"

namespace themis {

/// Member of an event-based actor, which gives it CallerTimer, NameChanged and CAF's down
/// messages; its thread only.
class ServiceCalls final : private CallKind {
 public:
  ServiceCalls(caf::event_based_actor& self, caf::actor node, std::vector<RouteConfig> routes);

  /// Asks one instance, as the routes say. `then` is called once, or destroyed by stop().
  void call(ServiceCall call, Answer then);

  /// Drops what waits. Called when the actor exits: what waits holds promises, and those hold the
  /// actor.
  void stop() { caller_.stop(); }
  RouteCaller& routes() { return caller_; }

 private:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  wire::Target target_of(const std::string& name, bool is_canary) const override;
  void ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
           Failed failed) override;
  mesh::Judgement judge(const caf::error& error) const override;
  void restore(const std::string& name, std::function<void(Status)> done) override;
  Error nobody(const std::string& name) const override;
  void after(Duration delay, uint64_t call) override;

  caf::event_based_actor& self_;
  SystemRng rng_;
  RouteCaller caller_;
};

}  // namespace themis
