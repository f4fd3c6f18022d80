#pragma once
// The actors that live on this node, and the way to those that live elsewhere.

#include <deque>
#include <map>

#include "actors/services/code_finder.hpp"
#include "actors/services/function_host.hpp"

namespace themis {

/// Part of the function service; its thread only. An actor lives on the node that keeps the
/// namespace of its storage, whichever nodes run its function: each call brings along which version
/// of what code it is, so its home needs to know nothing before. There it runs in a process of its
/// function's actors, once, with the newest version that a call brought.
class ActorHost {
 public:
  /// Functions whose actors' code is kept in memory: 1 MB each at most. One that nothing was asked
  /// of for kKeptMin makes room.
  static constexpr size_t kFunctionsMax = 64;
  static constexpr Duration kKeptMin = std::chrono::minutes(15);
  /// An older version than the one here is what the function has been made again when no call
  /// brought that one for so long: it was removed meanwhile. Until then it is from a node that is
  /// behind.
  static constexpr Duration kBehindMax = std::chrono::seconds(30);
  /// Calls that wait for code, with 1 MB each at most.
  static constexpr size_t kWaitingMax = 64;

  ActorHost(FunctionContext& context, const FunctionHost& functions)
      : context_(context), functions_(functions) {}

  /// A function of this node asks an actor of its own, or an alarm rings: to its home, which
  /// answers with an OutcomeMsg. Errors: malformed, invalid (the function's name), not_found (it
  /// has no actors here), those of CallHome.
  void call(const InvokeMsg& message, caf::response_promise promise);
  /// This node is the home. Errors: malformed, overloaded, unavailable (no workers, nobody sends
  /// the code), those of CallFunction.
  void run(const InvokeMsg& message, caf::response_promise promise);
  /// Ends those of `function` that are here. Answers with an Ack when they ask for nothing more.
  void end(const std::string& function, caf::response_promise promise);
  /// The service ends: whoever still waits is told so.
  void stop();

  uint64_t calls() const { return calls_; }

 private:
  struct Waiting {
    InvokeMsg message;
    caf::response_promise promise;
  };
  /// Of a function; `source` is null until the first one is there.
  struct Kept {
    HostedRow row;
    CodePtr source;
    FunctionHost::SettingsPtr settings;
    TimePoint used{};
    TimePoint brought{};              ///< When a call last said that this is the version.
    std::optional<HostedRow> coming;  ///< On its way.
    std::deque<Waiting> waiting;
  };

  Result<HostedRow> row_of(const std::string& function) const;
  Result<Kept*> code_of(const std::string& function);
  void start(const ActorCall& call, Waiting waiting, Kept& code);
  void loaded(const std::string& function, const Result<FoundCode>& source);
  bool is_current(Kept& code, const FunctionVersion& asked) const;
  Status take(Kept& code, const CodePtr& source) const;

  FunctionContext& context_;
  const FunctionHost& functions_;
  std::map<std::string, Kept> codes_;
  uint64_t calls_ = 0;
};

}  // namespace themis
