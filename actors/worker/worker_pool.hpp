#pragma once
// The worker pool: the functions of this node, and the processes they run in. Asked as
// worker_api.hpp says.

#include <caf/actor.hpp>
#include <functional>
#include <string>

#include "actors/placement/child_process.hpp"
#include "actors/system/supervisor.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/js/engine.hpp"

namespace themis {

class LogBook;

/// The files a function host is started from.
struct WorkerPrograms {
  std::string node;      ///< The pinned Node.js executable.
  std::string launcher;  ///< runtime/js/launcher.cjs.
  std::string addon;     ///< themis-worker.node.
  std::string snapshot;  ///< Made from the addon at build time.

  /// Those of the folder "worker" beside the running executable, else of "../apps/worker".
  static WorkerPrograms beside_executable();
};

/// One console line of a function. `level`: 0 debug to 3 error. Reactor thread; must not block.
using FunctionLog =
    std::function<void(std::string_view function, uint8_t level, std::string_view text)>;

struct WorkerPoolOptions {
  ProcessHome home;
  uint32_t count = 1;  ///< Processes of one owner at most. 1..kWorkerProcessesMax.
  /// More, started ahead of need, for functions of other owners. A process that has run functions
  /// of one never runs another's: when none is left, one that is idle is started anew.
  uint32_t spare = 0;
  js::Profile profile = js::Profile::multi_tenant;
  bool jitless = false;  ///< V8 makes no machine code: slower, and a class of attacks less.
  /// A function without calls for so long, or loaded for so long, is unloaded: its next call finds
  /// it on disk.
  Duration idle_max = std::chrono::minutes(5);
  Duration age_max = std::chrono::hours(1);
  /// A body of theirs that goes on is ended when nobody has asked for more of it for so long; the
  /// function itself gives up before, after js::kUnreadMax.
  Duration unread_max = js::kUnreadMax + std::chrono::seconds(30);
  WorkerPrograms programs;
  /// Of a whole process, where cgroups can be used; functions have limits of their own. As many as
  /// it keeps loaded take three quarters of it when all of them are busy.
  uint64_t process_memory_bytes = uint64_t{3} << 29;
  FunctionLog log;          ///< Empty: the log of the node, component "function".
  LogBook* book = nullptr;  ///< Keeps those lines for readers; it outlives the pool.
  caf::actor state;         ///< Takes AskHome; empty: functions have no state.
  /// Namespaces that functions may open beside their own.
  std::set<std::string, std::less<>> shared_state;
  caf::actor services;   ///< A ServiceGate; empty: functions call no services.
  caf::actor functions;  ///< A FunctionGate; empty: functions call no functions.
  caf::actor queues;     ///< A QueueActor; empty: functions send to no queues.
  caf::actor flows;      ///< A FlowHub; empty: bodies travel whole.
  caf::actor fetcher;    ///< A Fetcher; empty: functions fetch nothing.
  /// Hosts that functions may fetch from whose manifests name them too; null: none.
  std::shared_ptr<const std::vector<std::string>> fetch;
};

inline constexpr uint32_t kWorkerProcessesMax = 256;
/// Questions to the state and to services that one process may have open.
inline constexpr size_t kAsksPerProcessMax = 1024;
/// Calls one process may owe; past it the pool says overloaded.
inline constexpr size_t kCallsPerProcessMax = 1024;
/// Requests that may wait while no process is up, and for how long.
inline constexpr size_t kPoolWaitingMax = 4096;
inline constexpr Duration kPoolWaitMax = 3s;

/// Processes that end before they are up: so many are started again at once, as others are. Then
/// something is wrong that does not mend itself: it is said with its reason and tried less and less
/// often, down to every kStartPauseMax.
inline constexpr uint32_t kStartsAtOnce = 5;
inline constexpr Duration kStartPauseMin = 1s;
inline constexpr Duration kStartPauseMax = 30s;

/// Starts the pool with its processes, pinned to home.reactor; any thread. An exit message stops
/// the processes, then the pool. Whoever waits for an answer when it ends is told so at once.
caf::actor spawn_worker_pool(const WorkerPoolOptions& options);

/// The same as a child, named "workers", of a supervisor. Installed functions are forgotten when it
/// is started again: whoever deployed them installs them anew.
ChildSpec worker_pool_child(WorkerPoolOptions options);

}  // namespace themis
