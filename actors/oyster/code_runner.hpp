#pragma once
// Runs the codes of a front: on this node when it is as free as others, else on the least loaded of
// the nodes that offer to.

#include <optional>
#include <unordered_map>

#include "actors/gateway/function_caller.hpp"
#include "actors/oyster/runnable_code.hpp"

namespace themis {

struct CodeRunnerOptions {
  std::vector<std::string> runners;  ///< Nodes that may run its codes: ids or "any"; empty: none.
  std::vector<RouteConfig> routes;
  caf::actor runner;  ///< This node's RunnerActor.
  caf::actor node;
  NodeId self;
  caf::actor flows;
  Rng* rng = nullptr;
};

/// Part of the front's actor; its thread only. A call that did not run, because there was no place
/// or its node could not be reached, runs elsewhere; one that may have run never runs again.
class CodeRunner final : private CallKind {
 public:
  /// Longest answer: what one message of a worker carries, or what it writes bit by bit.
  static constexpr size_t kAnswerBytesMax = size_t{8} << 20;
  /// How often the ring is asked who runs codes, while nobody does.
  static constexpr Duration kLookEvery = 1s;

  /// Errors: syntax, invalid (the code); threw, cpu_exceeded, memory_exceeded, timeout, too_large
  /// (its call); overloaded (no node has a place), unavailable (its node went away), internal.
  using Then = std::function<void(Result<http::Response>)>;

  CodeRunner(caf::event_based_actor& actor, Reactor& reactor, CodeRunnerOptions options);

  /// `then` is called once, later, unless the actor ends before. The frame of `invoke` was made for
  /// this call. Returns what cancel() takes.
  uint64_t run(RunnablePtr code, const InvokeMsg& invoke, Then then);
  /// Nobody waits for this call any more.
  void cancel(uint64_t id);
  /// The source of a code that other nodes are asked to run now; null: none is.
  RunnablePtr lent(const CodeId& id) const;
  void stop();

  RouteCaller& routes() { return caller_; }
  /// Calls that other nodes answered.
  uint64_t sent_out() const { return sent_out_; }

 private:
  struct Call {
    RunnablePtr code;
    InvokeMsg invoke;
    Then then;
    std::optional<uint64_t> route = {};  ///< It is on its way to another node.
    bool may_have_run = false;           ///< Elsewhere.
    bool was_out = false;                ///< No other node took it.
    std::optional<NodeId> node = {};     ///< Of its answer; nothing: this one.
    FlowId flow = 0;                     ///< Of its answer, which is read.
  };

  std::optional<mesh::KnownLoad> other();
  void run_here(uint64_t id, const std::optional<mesh::KnownLoad>& other);
  void run_elsewhere(uint64_t id);
  void not_run_elsewhere(uint64_t id);
  void answered(uint64_t id, std::optional<NodeId> node, const OutcomeMsg& outcome);
  void finish(uint64_t id, Result<http::Response> result);

  TimePoint now() const override { return reactor_.loop().now(); }
  wire::Target target_of(const std::string& name, bool is_canary) const override;
  bool may_run(const std::string& name, const NodeId& node) const override;
  void ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
           Failed failed) override;
  mesh::Judgement judge(const caf::error& error) const override;
  std::optional<mesh::ToldLoad> load_of(const wire::FramePtr& frame) const override {
    return told_load(frame);
  }
  void restore(const std::string& name, std::function<void(Status)> done) override;
  Error nobody(const std::string& name) const override;
  void after(Duration delay, uint64_t call) override;

  caf::event_based_actor& actor_;
  Reactor& reactor_;
  CodeRunnerOptions options_;
  RouteCaller caller_;
  std::unordered_map<uint64_t, Call> calls_;                 ///< As many as the front has.
  std::unordered_map<const wire::Frame*, uint64_t> frames_;  ///< Of those that are elsewhere.
  TimePoint looked_{};
  uint64_t last_id_ = 0;
  uint64_t sent_out_ = 0;
};

}  // namespace themis
