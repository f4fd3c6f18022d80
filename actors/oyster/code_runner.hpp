#pragma once
// Runs code with a request on this node: all that a front, or a balancer of several nodes, needs of
// the function workers.

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <set>

#include "actors/gateway/invocation.hpp"
#include "actors/oyster/code_sources.hpp"
#include "actors/worker/worker_api.hpp"

namespace themis {

struct CodeRunnerOptions {
  caf::actor workers;
  caf::actor flows;
  FunctionLimits limits;
  bool fresh = false;  ///< Every call in an isolate of its own.
  bool alone = false;  ///< No two codes share a process.
};

/// Part of one actor; its thread only.
class CodeRunner {
 public:
  /// Longest answer: what one message of a worker carries, or what it writes bit by bit.
  static constexpr size_t kAnswerBytesMax = size_t{8} << 20;

  /// Errors: syntax, invalid (the code); threw, cpu_exceeded, memory_exceeded, timeout, too_large
  /// (its call); overloaded, unavailable.
  using Then = std::function<void(Result<http::Response>)>;

  CodeRunner(caf::event_based_actor& actor, CodeRunnerOptions options)
      : actor_(actor), options_(std::move(options)) {}

  /// `then` is called once, later, unless the actor ends before.
  void run(const RunnablePtr& code, const InvokeMsg& invoke, Then then);
  /// Nobody waits for this call any more.
  void cancel(const InvokeMsg& invoke);
  /// It is not called again soon.
  void forget(const CodeId& id);
  void stop();

 private:
  InstallFunction description(const RunnableCode& code) const;
  void call(const CodeId& id, const InvokeMsg& invoke, Then then);
  std::function<void(const OutcomeMsg&)> answered(Then then);

  caf::event_based_actor& actor_;
  CodeRunnerOptions options_;
  std::set<CodeId> installed_;  ///< At most as many as CodeSources keeps.
  uint64_t calls_ = 0;
};

}  // namespace themis
