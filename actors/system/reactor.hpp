#pragma once
// The reactor: one event-loop thread that is also a caf::execution_unit, so that actors pinned to
// it run right where their bytes arrive, without a hand-off between threads.

#include <atomic>
#include <caf/execution_unit.hpp>
#include <caf/fwd.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/net/loop.hpp"

namespace themis {

class HostedActor;

/// Runs pinned actors and hosted actors on the thread of a net::Loop. Real nodes give it an
/// EpollLoop, simulated ones a sim::Host; the actors cannot tell. Must outlive its actors and be
/// outlived by its loop.
class Reactor final : public caf::execution_unit {
 public:
  /// A handler that holds the thread longer than this is counted and logged by name: it delays
  /// every session.
  static constexpr Duration kHandlerMax = 50ms;
  /// Messages one actor may take before the next one gets its turn.
  static constexpr size_t kMessagesPerResume = 64;
  /// Actor resumptions before the loop looks at its sockets again.
  static constexpr size_t kResumesPerTurn = 256;

  /// Something that collects output during a turn and writes it at the end: a session.
  class Flushable {
   public:
    virtual ~Flushable() = default;
    virtual void flush() = 0;

   private:
    friend class Reactor;
    bool queued_ = false;
  };

  struct Counters {
    uint64_t turns = 0;
    uint64_t resumes = 0;
    uint64_t slow_handlers = 0;  ///< Over kHandlerMax.
  };

  Reactor(caf::actor_system& system, net::Loop& loop);
  ~Reactor() override;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// The thread that runs the loop says so once, before actors run; a simulated world calls it too.
  void bind_to_this_thread() { thread_ = std::this_thread::get_id(); }
  bool on_thread() const { return std::this_thread::get_id() == thread_; }
  net::Loop& loop() { return loop_; }
  const Counters& counters() const { return counters_; }

  /// CAF: runs `actor` on this reactor's thread. Any thread.
  void exec_later(caf::resumable* actor) override;
  /// A message for a hosted actor, from another thread.
  void deliver_later(HostedActor& actor, caf::mailbox_element_ptr element);
  /// Runs `flushable.flush()` once at the end of this turn. Reactor thread; forget() it before it
  /// dies.
  void flush_later(Flushable& flushable);
  void forget(Flushable& flushable);
  /// `who` (a literal) has just handled something: what it took is its own. Reactor thread.
  void handled(const char* who) { stopwatch_.handled(who); }

  /// Sends `message` to `to` after `delay` on the loop's clock (virtual in a simulated world).
  /// Reactor thread.
  net::TimerId send_after(Duration delay, const caf::actor& to, caf::message message);

 private:
  struct Delivery {
    caf::intrusive_ptr<caf::actor_control_block> keep_alive;
    HostedActor* actor;
    caf::mailbox_element_ptr element;
  };

  bool turn();
  void take_remote();
  void resume(caf::resumable* actor);
  void held(const char* who, Duration time);

  net::Loop& loop_;
  std::thread::id thread_;
  Counters counters_;
  net::Stopwatch stopwatch_;
  std::vector<caf::resumable*> local_;
  std::vector<caf::resumable*> running_;
  std::vector<Flushable*> dirty_;

  std::mutex remote_mutex_;
  std::atomic<bool> remote_waiting_{false};
  std::vector<caf::resumable*> remote_actors_;
  std::vector<Delivery> remote_deliveries_;
};

}  // namespace themis
