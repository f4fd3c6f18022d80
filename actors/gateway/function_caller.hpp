#pragma once
// Calling a function wherever it runs.

#include "actors/caller/route_caller.hpp"
#include "actors/gateway/invocation.hpp"
#include "actors/system/hosted_actor.hpp"

namespace themis {

/// What an Outcome says of the load of who answered it; nothing: it is none.
std::optional<mesh::ToldLoad> told_load(const wire::FramePtr& frame);

/// Part of the gateway actor; its thread only.
class FunctionCaller final : private CallKind {
 public:
  struct Answer {
    OutcomeMsg outcome;
    NodeId node;  ///< Who computed it, or failed.
  };
  /// Called once. Errors: not_found (no such function), unavailable, overloaded, timeout; the
  /// function's own.
  using Then = std::function<void(Result<Answer>)>;

  FunctionCaller(caf::event_based_actor& actor, Reactor& reactor, Rng& rng, caf::actor node,
                 caf::actor functions, std::vector<RouteConfig> routes)
      : actor_(actor),
        reactor_(reactor),
        functions_(std::move(functions)),
        caller_(actor, *this, rng, std::move(node), std::move(routes)) {}

  struct CallOptions {
    bool once = false;            ///< It never runs twice, whatever its method.
    wire::FramePtr request = {};  ///< That it serves: see RouteCaller::cancel_for.
  };
  /// `method`: the HTTP method; it says whether the call may run twice. Returns what
  /// RouteCaller::cancel takes. After an error `then` is never run.
  [[nodiscard]] Result<uint64_t> call(const CallTarget& target, std::string_view method,
                                      const InvokeMsg& invoke, CallOptions options, Then then);
  /// Sends a copy of a call, once, if there is room for it; what becomes of it is counted in its
  /// own route.
  void copy(const CallTarget& target, const InvokeMsg& invoke);
  void stop();

  /// Of routes.
  RouteCaller& routes() { return caller_; }

 private:
  TimePoint now() const override { return reactor_.loop().now(); }
  wire::Target target_of(const std::string& name, bool is_canary) const override;
  std::optional<std::string> caller_of(const wire::FramePtr& frame,
                                       const mesh::Sticky& by) const override;
  void ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
           Failed failed) override;
  mesh::Judgement judge(const caf::error& error) const override;
  bool is_fault(const wire::FramePtr& frame) const override;
  std::optional<mesh::ToldLoad> load_of(const wire::FramePtr& frame) const override {
    return told_load(frame);
  }
  void lost(const std::string& name) override;
  void restore(const std::string& name, std::function<void(Status)> done) override;
  Error nobody(const std::string& name) const override;
  void after(Duration delay, uint64_t call) override;

  caf::event_based_actor& actor_;
  Reactor& reactor_;
  caf::actor functions_;
  RouteCaller caller_;
};

}  // namespace themis
