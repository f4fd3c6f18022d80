#pragma once
// The program inside a function host: loads functions into V8 isolates and exports them to the
// node.

#include <string>

#include "runtime/js/engine.hpp"

namespace themis {

/// The name under which the parent finds the actor that loads functions.
inline constexpr const char* kHostActorName = "host";
/// The name under which a function host finds the actor that takes its log lines.
inline constexpr const char* kLogActorName = "log";
/// The name under which a function host finds the actor that its functions' state is asked of.
inline constexpr const char* kStateActorName = "state";
/// The same for the services that its functions call.
inline constexpr const char* kServicesActorName = "services";
/// The same for the one that takes what was compiled of them.
inline constexpr const char* kCachesActorName = "caches";
/// Functions one host keeps loaded; 1 MB of private memory each at rest. The parent unloads before.
inline constexpr size_t kFunctionsPerHostMax = 512;

/// The words after the addon: the snapshot's path, or kNoSnapshot to make one; the profile.
inline constexpr const char* kNoSnapshot = "-";
inline constexpr const char* kTrustedWord = "trusted";
inline constexpr const char* kMultiTenantWord = "multi-tenant";

/// Runs a function host inside the node executable until its channel closes: takes schema Load,
/// Unload and Ping. Never returns. `snapshot_path`: see js::Engine::Options; "" makes one.
[[noreturn]] void run_worker_host(const std::string& snapshot_path, js::Profile profile);

}  // namespace themis
