#pragma once
// Actors that live on a reactor: pinned ones (the full CAF interface) and hosted ones (an address,
// no mailbox, under 300 bytes: `themis-bench actors` prints what a finger entry takes).

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/make_actor.hpp>
#include <caf/monitorable_actor.hpp>

#include "actors/system/reactor.hpp"

namespace themis {

/// A first-class CAF actor without a mailbox: what is sent to it runs on_message on the reactor's
/// thread, at once when the sender is on that thread. It can be monitored, linked, asked and
/// stopped like any other. on_message must not block and must not call back into the sender other
/// than by sending.
class HostedActor : public caf::monitorable_actor {
 public:
  HostedActor(caf::actor_config& config, Reactor& reactor)
      : caf::monitorable_actor(config), reactor_(reactor) {}

  using caf::monitorable_actor::enqueue;
  /// Any thread.
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) final;
  /// Reactor thread: what enqueue leads to. An exit message goes to on_exit.
  void deliver(caf::mailbox_element_ptr element);

 protected:
  virtual void on_message(caf::mailbox_element& element) = 0;
  /// Somebody asks it to end. The default ends it with that reason. After exit_reason::kill it ends
  /// in any case.
  virtual void on_exit(const caf::error& reason) { quit(reason); }
  /// Ends this actor: monitors and links learn `reason`, later requests bounce. Reactor thread.
  void quit(const caf::error& reason);
  /// Answers the request in `element`, if it is one.
  void reply(const caf::mailbox_element& element, caf::message answer);

  Reactor& reactor_;
};

/// An event_based_actor whose handlers always run on its reactor's thread.
class PinnedActor : public caf::event_based_actor {
 public:
  PinnedActor(caf::actor_config& config)
      : caf::event_based_actor(config), reactor_(static_cast<Reactor&>(*config.host)) {}

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) final {
    caf::event_based_actor::enqueue(std::move(element), &reactor_);
  }
  void enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message message,
               caf::execution_unit*) final;

 protected:
  Reactor& reactor_;
};

/// An owning pointer to a hosted actor whose class is known: for the code that hosts it.
template <class T>
class HostedPtr {
 public:
  HostedPtr() = default;
  /// `actor` is a T.
  explicit HostedPtr(caf::strong_actor_ptr actor) : actor_(std::move(actor)) {}
  T* get() const { return actor_ == nullptr ? nullptr : static_cast<T*>(actor_->get()); }
  T* operator->() const { return get(); }
  T& operator*() const { return *get(); }
  explicit operator bool() const { return actor_ != nullptr; }
  void reset() { actor_.reset(); }
  const caf::strong_actor_ptr& strong() const { return actor_; }
  caf::actor handle() const { return caf::actor_cast<caf::actor>(actor_); }

 private:
  caf::strong_actor_ptr actor_;
};

/// Starts a hosted actor on `reactor` (its reactor is passed to the constructor first). Reactor
/// thread.
template <class T, class... Args>
HostedPtr<T> spawn_hosted(Reactor& reactor, Args&&... args) {
  caf::actor_system& system = reactor.system();
  caf::actor_config config{&reactor};
  return HostedPtr<T>(
      caf::make_actor<T, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system,
                                                config, reactor, std::forward<Args>(args)...));
}

/// Starts a pinned actor (a class derived from PinnedActor) on `reactor`. Any thread.
template <class T, class... Args>
caf::actor spawn_pinned(Reactor& reactor, Args&&... args) {
  caf::actor_config config{&reactor};
  return caf::actor_cast<caf::actor>(
      reactor.system().template spawn_class<T, caf::no_spawn_options>(config,
                                                                      std::forward<Args>(args)...));
}

}  // namespace themis
