#pragma once
// The CAF actor system of a process, configured as measured to be fastest here, and the messages
// that may leave it.

#include <memory>

#include "actors/system/message_types.hpp"

namespace caf {
class actor_system;
}

namespace themis {

/// Must outlive every reactor and every actor handle of its process.
class System {
 public:
  enum class Scheduling {
    pool,          ///< Two threads that share one queue: no idle polling, a hop costs a few µs.
    virtual_time,  ///< CAF's testing scheduler: no thread of its own, for simulated worlds.
  };

  explicit System(Scheduling scheduling = Scheduling::pool);
  ~System();

  caf::actor_system& caf();
  /// Holds every schema of wire/schema; add those of user services before sessions open.
  MessageTypes& types() { return types_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  MessageTypes types_;
};

}  // namespace themis
