#pragma once
// What the actors of a process may ask its function service. Each is one message; use `request`.
// Never crosses a session.

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/ring/contact.hpp"
#include "actors/services/canary.hpp"
#include "actors/services/function_types.hpp"
#include "function.capnp.h"
#include "wire/msg.hpp"

namespace themis {

/// Takes a function: keeps its code, places `instances` of it on the ring and keeps them alive.
/// Replaces the version before it without a failed call.
/// -> DeployedFunction, when the code is on disk and at least one instance answers.
/// Errors: invalid (name, instances, an empty source), too_large; syntax, threw (the function's
/// own); unavailable (no node could host it); overloaded; io.
struct DeployFunction {
  std::string name;
  std::shared_ptr<const Bytes> source;  ///< Of either form; secrets in it are sealed.
  uint32_t instances = kInstancesDefault;
  bundle::SharedKey key = {};  ///< Of those secrets.
  /// Beside the version that runs, on one node, with so many percent of the calls, until
  /// EndCanary. Errors: also not_found (nothing runs yet), exists (there is a canary already).
  CanaryShare canary = {};
};
struct DeployedFunction {
  std::string name;
  CodeId id{};
  uint32_t version = 0;
  uint32_t restores = 0;    ///< The version whose code it is; 0: new code.
  CanaryShare canary = {};  ///< Of no percent: it has all calls.
};
/// The canary becomes the function, under a new number, or is let go. -> DeployedFunction, what
/// runs then. Errors: not_found (there is none); those of DeployFunction.
struct EndCanary {
  std::string name;
  bool promote = false;
};
/// Deploys a version's code again, with its secrets and as many instances, under a new number:
/// whoever compares versions takes it for the newest. -> DeployedFunction.
/// Errors: not_found (it was not deployed through this node, or no such version is kept); those of
/// DeployFunction.
struct RollBack {
  std::string name;
  std::optional<uint32_t> to = {};  ///< Nothing: the newest whose code is not the current one's.
};
/// -> VersionList. Errors: not_found (it was not deployed through this node), io.
struct ListVersions {
  std::string name;
};
struct VersionList {
  std::string name;
  std::vector<KeptVersion> versions;  ///< At most kVersionsMax, the newest first: the current one.
  std::optional<DeployedFunction> canary = {};
};
/// Stops every instance and forgets the function. -> caf::unit.
/// Errors: not_found (it was not deployed through this node), overloaded, io.
struct RemoveFunction {
  std::string name;
};
/// -> FunctionList: what was deployed through this node, by name, with the instances of the last
/// look: the first kFunctionsPerListMax after the name `after`.
struct ListFunctions {
  std::string after = {};
};
/// One answer of some 100 KB.
inline constexpr size_t kFunctionsPerListMax = 1000;
/// What the ring knows of one function, wherever it was deployed. -> FunctionReport.
/// Errors: not_found; those of FindName.
struct DescribeFunction {
  std::string name;
};
struct FunctionReport {
  std::string name;
  CodeId id{};
  uint32_t version = 0;
  uint32_t wanted = 0;  ///< Instances to keep alive; 0 when another node looks after it.
  ring::Contacts instances;
};
struct FunctionList {
  std::vector<FunctionReport> functions;
  std::string next = {};  ///< Not empty: there are more after this name.
};
/// A call found an instance dead, or none: look now and place anew. -> caf::unit when an instance
/// answers. Errors: not_found (not deployed through this node), unavailable, overloaded.
struct EnsureFunction {
  std::string name;
};
/// The same for whichever deployed function has this code.
struct EnsureCode {
  CodeId id{};
};
/// A function of this node asks one of its actors, wherever that lives: `function` is "actor/" and
/// its name. -> Msg<schema::Outcome>. Errors: those of ActorHost::call.
struct CallOwnActor {
  wire::Msg<schema::Invoke> invoke;
};
/// The code of that hash, from this node's disk or from another node that keeps it.
/// -> std::shared_ptr<const Bytes>. Errors: overloaded, unavailable (no node sends it).
struct FindCode {
  CodeId id{};
};
/// -> FunctionCounts.
struct CountFunctions {};
struct FunctionCounts {
  size_t deployed = 0;         ///< Taken here.
  size_t hosted = 0;           ///< Instances on this node.
  size_t installed = 0;        ///< Codes of those that the workers have; others are on disk.
  uint64_t invoked = 0;        ///< Calls given to the workers since the start.
  uint64_t placed = 0;         ///< Instances asked for and acknowledged.
  uint64_t fetched = 0;        ///< Codes fetched from peers.
  uint64_t denied = 0;         ///< Calls that no [[allow]] allows.
  uint64_t limited = 0;        ///< Calls over a caller's rate.
  uint64_t woken = 0;          ///< Runs of `scheduled` handlers begun here.
  uint64_t actor_calls = 0;    ///< Of actors that live here.
  size_t alarms = 0;           ///< Of those, to ring.
  uint64_t alarms_rung = 0;    ///< Calls for an alarm begun.
  uint64_t alarms_failed = 0;  ///< Of those.
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DeployFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DeployedFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EndCanary)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RollBack)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ListVersions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::VersionList)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RemoveFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ListFunctions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::DescribeFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionReport)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionList)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EnsureFunction)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::EnsureCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CallOwnActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FindCode)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::CountFunctions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::FunctionCounts)
