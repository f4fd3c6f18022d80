#pragma once
// What the actors of a process may ask its worker pool. Each is one message; use `request`. Never
// crosses a session.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "function.capnp.h"
#include "runtime/bundle/actor_name.hpp"
#include "runtime/bundle/secrets.hpp"
#include "runtime/crypto/hash.hpp"
#include "wire/msg.hpp"

namespace themis {

/// What a pool knows a function by: BLAKE2b-256 of its source, or of that and of its owner.
using CodeId = crypto::Digest;

struct FunctionLimits {
  uint32_t memory_mb = 128;
  uint32_t cpu_ms = 50;
  uint32_t wall_ms = 30'000;
  uint32_t max_requests = 1024;  ///< Under way at once in all processes; past it: overloaded.
};

/// Makes the function callable: loads it into one worker process now, into the others when they are
/// first asked, and again into every process that is started anew. -> caf::unit when it compiled.
/// Errors: syntax, invalid, threw, too_large (the function's own); unavailable (no worker process).
struct InstallFunction {
  std::string name;
  CodeId id{};
  std::shared_ptr<const Bytes> source;
  FunctionLimits limits;
  /// Functions of different owners never share a process. Any text; shown in reports.
  std::string owner;
  bundle::SharedKey key = {};  ///< Of the secrets in the code.
  /// Of the code: what the node lets it do. Empty: nothing but what every function may.
  std::shared_ptr<const bundle::Settings> settings = {};
  std::shared_ptr<const Bytes> code_cache = {};  ///< As a KeepCodeCache had it; null: none.
  caf::actor cache_keeper = {};                  ///< Takes KeepCodeCache; empty: nobody does.
  /// Not the function: one of its actors, at most once in all processes of the pool.
  std::optional<bundle::ActorName> actor = {};
  CodeId code{};       ///< Of an actor, whose `id` stays when its code is another.
  bool fresh = false;  ///< Of CallFresh: unloaded when its one call is answered.
  /// Who deployed it, unlike `owner` never anything else; functions of the same one may call all
  /// that each other exports. Empty: nobody's.
  std::string deployer = {};
};
/// To who keeps code caches: what V8 made of the functions `id` by now. It comes from a process
/// that ran the owner's code, so it may be given to processes of that owner only: what is in a code
/// cache V8 believes.
struct KeepCodeCache {
  CodeId id{};
  std::shared_ptr<const Bytes> cache;
};
/// The owner of the actors of a function: they run in a process that is theirs alone.
inline std::string actors_owner(std::string_view function) {
  return std::string("actors/").append(function);
}
/// Forgets it; calls that run are still answered.
struct UninstallFunction {
  CodeId id{};
};
/// Ends the processes that run functions of this owner: what they ask for from here on is refused.
/// -> caf::unit.
struct EndOwner {
  std::string owner;
};
/// Runs one request. -> wire::Msg<schema::Outcome>. Errors: not_found (not installed), threw,
/// cpu_exceeded, memory_exceeded, timeout, too_large (the response), malformed, overloaded,
/// unavailable (the worker process ended before it answered; it may have run), internal (the same
/// of an event, of which it may be the fault), cancelled (after a
/// CancelRequest with the frame of `invoke`: it did not start, or waited for a timer or promise).
struct CallFunction {
  CodeId id{};
  wire::Msg<schema::Invoke> invoke;
};
/// Runs one request in an isolate that is made for it and ends with it. Nothing is to be installed;
/// the `id` is this call's alone. Errors as CallFunction, and syntax, invalid (also of a top level
/// that threw).
struct CallFresh {
  std::shared_ptr<const InstallFunction> function;
  wire::Msg<schema::Invoke> invoke;
};
/// Runs one request on an actor, after those that came before; loads it first when it is not, and
/// anew once its calls are over when its code is another. Errors as CallFunction.
struct CallActor {
  std::shared_ptr<const InstallFunction> function;
  wire::Msg<schema::Invoke> invoke;
};
/// To the function gate: a function of `deployer` calls another one. Answered as its Msg<Invoke>.
struct CallByFunction {
  wire::Msg<schema::Invoke> invoke;
  std::string deployer;
  uint64_t body = 0;  ///< Not 0: a flow of this node has the body. The call is made once then.
};
/// An actor's storage is about to have this alarm. To the function gate of the node, before the
/// state is asked. -> caf::unit. Errors: overloaded.
struct NoteAlarm {
  std::string name_space;
  std::string key;
  int64_t at_ms = 0;
};
/// -> FunctionsUse, of what is loaded now. A process that is busy says what it said last.
struct MeasureFunctions {};
/// Of one function in all processes of a pool.
struct FunctionUse {
  uint32_t isolates = 0;
  uint64_t memory_kb = 0;  ///< As its processes say, of which none may say more than it has.
};
/// By the ids that the pool knows them by; actors and what is loaded for one call included.
struct FunctionsUse {
  std::map<CodeId, FunctionUse> functions;
};
/// -> WorkersReport.
struct ReportWorkers {};

struct WorkerReport {
  uint32_t slot = 0;
  uint32_t pid = 0;
  std::string state;  ///< "up", "starting", "down".
  std::string why;    ///< The last end of a process that is not up; empty when it is.
  uint32_t restarts = 0;
  uint32_t functions = 0;
  uint32_t in_flight = 0;
  std::string confinement;
  std::string owner;  ///< Of the functions it runs; empty: of nobody yet.
};
/// Whether this error of a call says that the function met a limit of its own.
inline bool is_breach(Code code) {
  return code == Code::cpu_exceeded || code == Code::memory_exceeded || code == Code::timeout ||
         code == Code::too_large || code == Code::overloaded;
}
/// How often functions met a limit, by the code that their callers got.
using Breaches = std::map<Code, uint64_t>;
struct WorkersReport {
  std::vector<WorkerReport> workers;
  Breaches breaches;
  uint64_t recycled = 0;  ///< Processes ended to make room for those of another owner.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::InstallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::KeepCodeCache)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::UninstallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndOwner)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallFresh)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallByFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::NoteAlarm)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::MeasureFunctions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionsUse)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ReportWorkers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkerReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WorkersReport)
