#pragma once
// What the actors of a process may ask its verified state. Each is one message; use `request`.
// Never crosses a session.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/monitor/state_answers.hpp"
#include "function.capnp.h"
#include "state.capnp.h"
#include "wire/msg.hpp"

namespace themis {

/// Runs the calls in their order; those of one namespace stay in order, of several may interleave
/// with others'. -> StateAnswers, as many, when monitors have accepted all of them and they are on
/// disk, or, with `wait`, when their epochs are certified. Failures of one call: too_large (the
/// answers before it have kStateAnswersBytesMax), overloaded; forged (a monitor refused something,
/// or the store is not what it was: nothing is answered any more), unavailable (the monitors'
/// process or the disk failed: the call may have run).
struct CallState {
  StateBatch calls;
  bool wait = false;
};
/// Runs one call that is_proven(), after the batches of its commit. -> StateAnswer, as CallState.
/// Errors: as of CallState's calls; check_state_call's; StateClients'.
struct ProveState {
  StateCall call;
  bool wait = false;
};
/// Asks the node that keeps the namespace. -> Msg<schema::StateAnswered>. Errors: those of
/// parse_state_ask, of the call, and of StateRouter.
struct AskHome {
  wire::Msg<schema::AskState> question;
};
/// Asks the node that keeps the namespace of an actor to run this call on it. `call` says whose
/// actor, and which version of what code. -> Msg<schema::Outcome>. Errors: as of AskHome and of
/// CallFunction.
struct CallHome {
  std::string name_space;
  wire::Msg<schema::Invoke> call;
};
/// From the router: this node keeps the namespace of the actor. -> Msg<schema::Outcome>.
struct RunActor {
  wire::Msg<schema::Invoke> call;
};
/// To the router: who takes RunActor here.
struct UseActors {
  caf::actor functions;
};
/// -> StateReport.
struct ReportState {};
/// Which namespaces does this node's store have? -> StateNames, once it is open.
struct NameStates {};
struct StateNames {
  std::vector<std::string> names;
};

struct StateReport {
  std::string state;  ///< "up", "starting", "down", "violated".
  /// Of "down": how the process ended, or what is wrong with the store; of "violated": which check,
  /// and where.
  std::string why;
  uint16_t threads = 0;
  std::string key;  ///< Hexadecimal: what the store's certificates are signed with; empty: unknown.
  uint32_t pid = 0;  ///< Of the monitors' process; 0: none, or this one.
  uint32_t epoch = 0;
  std::optional<uint32_t> certified;  ///< The last certified epoch; every one before is, too.
  Duration certifying{};              ///< From the end of that epoch to its certificate.
  Duration epoch_lasts{};             ///< As asked for, unless ends take too long for that.
  Duration saving{};                  ///< The last checkpoint took so long; calls wait meanwhile.
  uint64_t calls = 0;
  uint64_t batches = 0;
  uint64_t commits = 0;   ///< Times that calls were brought to disk together.
  uint64_t restarts = 0;  ///< Times that the monitors' process ended and was started again.
  size_t records = 0;
  uint64_t journal_bytes = 0;  ///< That a start runs again.
  size_t waiting = 0;          ///< Calls without their answer.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ProveState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StateAnswer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StateAnswers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AskHome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallHome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RunActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UseActors)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StateReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::NameStates)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::StateNames)
