#pragma once
// The inside of an enclave process: an actor system of its own, joined to the parent by a session.

#include <caf/actor.hpp>
#include <functional>
#include <string>

#include "actors/peer/session_actor.hpp"
#include "actors/system/system.hpp"
#include "enclave/sandbox/filter.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis {

/// What the actors inside may use. Reactor thread only.
class EnclaveSystem {
 public:
  virtual ~EnclaveSystem() = default;
  virtual Reactor& reactor() = 0;
  /// What the parent may address here.
  virtual Exports& exports() = 0;
  virtual Rng& rng() = 0;
  /// Stands for an actor that the parent exports to this process under `name`.
  virtual caf::actor parent(std::string_view name) = 0;
};

struct EnclaveOptions {
  sandbox::Profile profile = sandbox::Profile::native;
  sandbox::Refusal refusal = sandbox::Refusal::enforce;
  /// The name under which the parent finds the root actor.
  std::string root;
  /// Opens the files that are needed; nothing can be opened afterwards. May be empty.
  std::function<Status()> prepare;
  /// Starts the root actor; again when it failed. Reactor thread.
  std::function<Result<caf::actor>(EnclaveSystem&)> start_root;
};

/// Runs an enclave process on the calling thread until its channel closes or its root supervisor
/// gives up: reads the parent's identity from the environment, prepares, confines the process, and
/// only then takes what comes through sandbox::kChannelFd. Never returns: the process ends with 0,
/// or with 1 and a reason on stderr.
[[noreturn]] void run_enclave(const EnclaveOptions& options);

}  // namespace themis
