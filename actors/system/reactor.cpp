#include "actors/system/reactor.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/dead_letters.hpp"
#include "actors/system/hosted_actor.hpp"
#include "runtime/base/log.hpp"

namespace themis {

Reactor::Reactor(caf::actor_system& system, net::Loop& loop)
    : caf::execution_unit(&system),
      loop_(loop),
      stopwatch_(kHandlerMax, [this](const char* who, Duration time) { held(who, time); }) {
  loop_.set_turn([this] { return turn(); });
  loop_.set_stopwatch(&stopwatch_);
}

Reactor::~Reactor() {
  loop_.set_turn({});
  loop_.set_stopwatch(nullptr);
}

void Reactor::held(const char* who, Duration time) {
  ++counters_.slow_handlers;
  log::warn("reactor", "{} held the reactor for {} ms; handlers here must take microseconds", who,
            to_ms(time));
}

void Reactor::exec_later(caf::resumable* actor) {
  if (on_thread()) {
    local_.push_back(actor);
    return;
  }
  bool first;
  {
    const std::lock_guard lock(remote_mutex_);
    first = remote_actors_.empty() && remote_deliveries_.empty();
    remote_actors_.push_back(actor);
    remote_waiting_.store(true, std::memory_order_release);
  }
  if (first) loop_.wake();
}

void Reactor::deliver_later(HostedActor& actor, caf::mailbox_element_ptr element) {
  bool first;
  {
    const std::lock_guard lock(remote_mutex_);
    first = remote_actors_.empty() && remote_deliveries_.empty();
    remote_deliveries_.push_back({actor.ctrl(), &actor, std::move(element)});
    remote_waiting_.store(true, std::memory_order_release);
  }
  if (first) loop_.wake();
}

void Reactor::flush_later(Flushable& flushable) {
  if (std::exchange(flushable.queued_, true)) return;
  dirty_.push_back(&flushable);
  // Outside of a turn (a timer, a posted task) the loop still runs one before it sleeps.
}

void Reactor::forget(Flushable& flushable) {
  // In place: this may be called by a flush, in the middle of the list.
  if (std::exchange(flushable.queued_, false))
    std::replace(dirty_.begin(), dirty_.end(), &flushable, static_cast<Flushable*>(nullptr));
}

net::TimerId Reactor::send_after(Duration delay, const caf::actor& to, caf::message message) {
  return loop_.after(delay, [to, message = std::move(message)]() mutable {
    to->enqueue(nullptr, caf::make_message_id(), std::move(message), nullptr);
  });
}

void Reactor::take_remote() {
  if (!remote_waiting_.load(std::memory_order_acquire)) return;
  std::vector<Delivery> deliveries;
  {
    const std::lock_guard lock(remote_mutex_);
    local_.insert(local_.end(), remote_actors_.begin(), remote_actors_.end());
    remote_actors_.clear();
    deliveries.swap(remote_deliveries_);
    remote_waiting_.store(false, std::memory_order_release);
  }
  for (Delivery& delivery : deliveries) delivery.actor->deliver(std::move(delivery.element));
}

void Reactor::resume(caf::resumable* actor) {
  const auto state = actor->resume(this, kMessagesPerResume);
  handled(actor->subtype() == caf::resumable::scheduled_actor
              ? static_cast<caf::scheduled_actor*>(actor)->name()
              : "an actor");
  if (state == caf::resumable::resume_later) {
    local_.push_back(actor);
  } else if (state != caf::resumable::shutdown_execution_unit) {
    caf::intrusive_ptr_release(actor);
  }
}

bool Reactor::turn() {
  ++counters_.turns;
  take_remote();
  size_t resumes = 0;
  while (!local_.empty() && resumes < kResumesPerTurn) {
    running_.swap(local_);
    for (caf::resumable* actor : running_) resume(actor);
    resumes += running_.size();
    running_.clear();
  }
  counters_.resumes += resumes;
  // A flush may mark others (an error answered to a waiting actor), so by index.
  for (size_t i = 0; i < dirty_.size(); ++i) {
    Flushable* flushable = std::exchange(dirty_[i], nullptr);
    if (flushable == nullptr) continue;
    flushable->queued_ = false;
    flushable->flush();
    handled("a flush");
  }
  dirty_.clear();
  return !local_.empty() || remote_waiting_.load(std::memory_order_acquire);
}

void HostedActor::enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) {
  if (reactor_.on_thread()) {
    deliver(std::move(element));
  } else {
    reactor_.deliver_later(*this, std::move(element));
  }
}

void HostedActor::deliver(caf::mailbox_element_ptr element) {
  if (getf(is_terminated_flag)) {
    dead_letters().record(DeadLetterKind::to_dead, type_name(element->content()),
                          reactor_.loop().now());
    bounce(element);
    return;
  }
  Reactor& reactor = reactor_;  // this may end here
  const char* who = name();
  const auto& content = element->content();
  if (content.match_elements<caf::exit_msg>()) {
    const caf::error reason = content.get_as<caf::exit_msg>(0).reason;
    on_exit(reason);
    if (reason == caf::exit_reason::kill && !getf(is_terminated_flag)) quit(reason);
  } else {
    on_message(*element);
  }
  reactor.handled(who);
}

void HostedActor::quit(const caf::error& reason) {
  caf::error copy = reason;
  cleanup(std::move(copy), &reactor_);
}

void HostedActor::reply(const caf::mailbox_element& element, caf::message answer) {
  if (!element.mid.is_request() || element.sender == nullptr) return;
  element.sender->enqueue(ctrl(), element.mid.response_id(), std::move(answer), &reactor_);
}

void PinnedActor::enqueue(caf::strong_actor_ptr from, caf::message_id id, caf::message message,
                          caf::execution_unit*) {
  enqueue(caf::make_mailbox_element(std::move(from), id, {}, std::move(message)), nullptr);
}

}  // namespace themis
