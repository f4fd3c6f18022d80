#pragma once
// The supervisor actor: starts, watches, restarts and stops child actors as declared. Decisions:
// supervisor_core.hpp.

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/fwd.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/system/supervisor_core.hpp"

namespace themis {

/// The declaration of one child.
struct ChildSpec {
  std::string id;  ///< Unique among its siblings.
  /// Starts the child; runs on the supervisor's thread, at every restart again. Any kind of actor:
  /// on the pool, pinned, hosted, a proxy. An error, a null handle or an exception is a failure of
  /// the child. Must not capture a handle of the supervisor (the two would keep each other alive).
  std::function<Result<caf::actor>(caf::event_based_actor* parent)> start;
  Restart restart = Restart::permanent;
  /// How long it may take to end when asked with `user_shutdown`; then it is killed.
  Duration shutdown = 5s;
};

/// Told of every start, exit and restart, on the supervisor's thread. Must not block or throw.
using ChildObserver = std::function<void(const ChildEvent&)>;

struct SupervisorSpec {
  SupervisorOptions options;
  std::vector<ChildSpec> children;
  ChildObserver observer;
};

// What a supervisor can be asked. Each is one message; use `request`.

/// -> caf::actor. Errors (themis): not_found; unavailable while it is not up.
struct WhichChild {
  std::string id;
};
/// -> ChildList, in the order of start.
struct ListChildren {};
struct ChildList {
  std::vector<ChildStatus> children;
};
/// Adds a child at the end of the order and starts it. -> caf::actor, when it is up. Errors:
/// exists, overloaded, invalid, unavailable (shutting down), or why it did not start; then it is
/// forgotten.
struct AddChild {
  ChildSpec spec;
};
/// Stops a child and forgets it. -> nothing, when it is down. Errors: not_found.
struct RemoveChild {
  std::string id;
};

/// Makes an event-based actor a supervisor; a member of it. Its thread only.
///
/// It watches its children through monitors, so that none can take it down, and ends them when it
/// ends: in order when it is asked to (any exit message but kill), at once (kill) when it is killed
/// itself. When restarts exceed the intensity it stops all children and ends with `unavailable`,
/// naming the child and its last reason. A supervisor is a child like any other: see
/// `supervisor_child`.
class Supervisor {
 public:
  Supervisor(caf::event_based_actor& self, SupervisorSpec spec);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Sets the actor's handlers and starts the children: call it in make_behavior(), return what it
  /// returns.
  caf::behavior make_behavior();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A supervisor on `Base`: caf::event_based_actor for the pool, PinnedActor for a reactor:
/// `spawn_pinned<SupervisorActor<PinnedActor>>(reactor, std::move(spec))`.
template <class Base>
class SupervisorActor final : public Base {
 public:
  SupervisorActor(caf::actor_config& config, SupervisorSpec spec)
      : Base(config), name_(spec.options.name), supervisor_(*this, std::move(spec)) {}
  const char* name() const override { return name_.c_str(); }

 protected:
  caf::behavior make_behavior() override { return supervisor_.make_behavior(); }

 private:
  std::string name_;
  Supervisor supervisor_;
};

/// Starts a supervisor on the scheduler's pool. Any thread. Keep the handle: like any actor, a
/// supervisor that nobody can reach any more ends, and its children with it.
caf::actor spawn_supervisor(caf::actor_system& system, SupervisorSpec spec);

/// So long may a subtree take to stop before it is killed: more than the 5 s that a child of it has
/// by default.
inline constexpr Duration kSubtreeShutdown = 30s;

/// The declaration of a nested supervisor on the pool; its id is its name.
ChildSpec supervisor_child(SupervisorSpec spec, Restart restart = Restart::permanent,
                           Duration shutdown = kSubtreeShutdown);

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::WhichChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ListChildren)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::ChildList)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::AddChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::RemoveChild)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::supervision::Timer)
