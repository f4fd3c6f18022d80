#include "actors/system/supervisor.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <deque>
#include <unordered_map>
#include <utility>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/log.hpp"

namespace themis {

using supervision::ChildKey;
using supervision::Effect;
using supervision::Event;
using supervision::ExitReason;

namespace {

constexpr std::string_view kComponent = "actors";

std::vector<supervision::Rule> rules_of(const std::vector<ChildSpec>& specs) {
  std::vector<supervision::Rule> rules;
  for (const ChildSpec& spec : specs) rules.push_back({spec.id, spec.restart, spec.shutdown});
  return rules;
}

ExitReason exit_reason(const caf::error& reason) {
  return {is_clean_exit(reason), describe(reason)};
}

void log_event(const ChildEvent& event) {
  const std::string_view what = name(event.kind);
  switch (event.kind) {
    case ChildEvent::Kind::started:
      if (event.restarts > 0) {
        log::info(kComponent, "{}: {} {} again, restart {}", event.supervisor, event.child, what,
                  event.restarts);
      } else {
        log::debug(kComponent, "{}: {} {}", event.supervisor, event.child, what);
      }
      return;
    case ChildEvent::Kind::exited:
      if (event.clean) {
        log::debug(kComponent, "{}: {} {}: {}", event.supervisor, event.child, what, event.reason);
      } else {
        log::warn(kComponent, "{}: {} {}: {}", event.supervisor, event.child, what, event.reason);
      }
      return;
    case ChildEvent::Kind::restarting:
      log::debug(kComponent, "{}: {} {} in {} ms", event.supervisor, event.child, what,
                 to_ms(event.delay));
      return;
    case ChildEvent::Kind::killed:
      log::warn(kComponent, "{}: {} did not stop in its time and is killed", event.supervisor,
                event.child);
      return;
    case ChildEvent::Kind::forgotten:
      log::debug(kComponent, "{}: {} {}", event.supervisor, event.child, what);
      return;
    case ChildEvent::Kind::gave_up:
      log::error(kComponent, "{} {}: {}", event.supervisor, what, event.reason);
      return;
  }
}

}  // namespace

struct Supervisor::Impl {
  Impl(caf::event_based_actor& actor, SupervisorSpec spec)
      : self(&actor),
        core(std::move(spec.options), rules_of(spec.children)),
        observer(std::move(spec.observer)) {
    for (ChildSpec& child : spec.children) {
      const ChildKey key = *core.find(child.id);
      specs.emplace(key, std::move(child));
    }
  }

  /// Gives the core one event and carries out what follows, until nothing does.
  void feed(Event event) {
    events.push_back(std::move(event));
    if (std::exchange(feeding, true)) return;
    while (!events.empty()) {
      const Event next = std::move(events.front());
      events.pop_front();
      for (const Effect& effect : core.step(next, self->clock().now()))
        std::visit([this](const auto& e) { apply(e); }, effect);
    }
    feeding = false;
  }

  void apply(const supervision::StartChild& effect) {
    Result<caf::actor> child = start(effect.key);
    if (!child) return feed(supervision::StartFailed{effect.key, {false, child.error().text()}});
    self->monitor(*child);
    keys.emplace(child->address(), effect.key);
    if (auto waiting = adding.extract(effect.key)) waiting.mapped().deliver(*child);
    handles.insert_or_assign(effect.key, std::move(*child));
    feed(supervision::Started{effect.key});
  }
  void apply(const supervision::StopChild& effect) {
    send_exit(effect.key, caf::exit_reason::user_shutdown);
  }
  void apply(const supervision::KillChild& effect) {
    send_exit(effect.key, caf::exit_reason::kill);
  }
  void apply(const supervision::ArmTimer& effect) {
    self->delayed_send(self, effect.delay, effect.timer);
  }
  void apply(const supervision::ForgetChild& effect) {
    specs.erase(effect.key);
    if (auto waiting = adding.extract(effect.key))
      waiting.mapped().deliver(to_caf({Code::unavailable, effect.reason.text}));
    const auto [first, last] = removing.equal_range(effect.key);
    for (auto it = first; it != last; ++it) it->second.deliver(caf::unit);
    removing.erase(first, last);
  }
  void apply(const supervision::Report& effect) {
    log_event(effect.event);
    if (observer) observer(effect.event);
  }
  void apply(const supervision::Terminate& effect) {
    ended = true;
    self->quit(effect.gave_up ? to_caf({Code::unavailable, effect.reason.text}) : asked_to_end);
  }

  Result<caf::actor> start(ChildKey key) {
    try {
      Result<caf::actor> child = specs.at(key).start(self);
      if (!child || *child) return child;
      return fail(Code::internal, "the start function returned no actor");
    } catch (const std::exception& e) {
      return fail(Code::threw, e.what());
    } catch (...) {
      return fail(Code::threw, "an exception that is no std::exception");
    }
  }

  void send_exit(ChildKey key, caf::exit_reason reason) {
    if (const auto it = handles.find(key); it != handles.end()) self->send_exit(it->second, reason);
  }

  void on_down(const caf::down_msg& down) {
    const auto known = keys.find(down.source);
    if (known == keys.end()) return;
    const ChildKey key = known->second;
    keys.erase(known);
    handles.erase(key);
    feed(supervision::Exited{key, exit_reason(down.reason)});
  }

  /// The actor ends, for whatever reason: no child survives it and nobody waits for it in vain.
  void on_end() {
    for (auto& [key, child] : handles) caf::anon_send_exit(child, caf::exit_reason::kill);
    const caf::error gone = to_caf({Code::unavailable, core.options().name + " ended"});
    for (auto& [key, promise] : adding) promise.deliver(gone);
    for (auto& [key, promise] : removing) promise.deliver(gone);
    // Start functions and promises hold actors; without them none is kept alive in a circle.
    handles.clear();
    keys.clear();
    specs.clear();
    adding.clear();
    removing.clear();
  }

  caf::result<caf::actor> which(const std::string& id) const {
    const auto key = core.find(id);
    if (!key) return to_caf({Code::not_found, core.options().name + " has no child " + id});
    const auto it = handles.find(*key);
    if (it == handles.end()) return to_caf({Code::unavailable, id + " is not up"});
    return it->second;
  }

  caf::result<caf::actor> add(const ChildSpec& spec) {
    if (!spec.start) return to_caf({Code::invalid, "a child needs a start function"});
    if (const Status ok = core.admits(spec.id); !ok) return to_caf(ok.error());
    const ChildKey key = core.next_key();
    specs.emplace(key, spec);
    adding.emplace(key, self->make_response_promise<caf::actor>());
    feed(supervision::Added{{spec.id, spec.restart, spec.shutdown, true}});
    return caf::delegated<caf::actor>{};
  }

  caf::result<void> remove(const std::string& id) {
    const auto key = core.find(id);
    if (!key) return to_caf({Code::not_found, core.options().name + " has no child " + id});
    removing.emplace(*key, self->make_response_promise());
    feed(supervision::Removed{*key});
    return caf::delegated<void>{};
  }

  caf::event_based_actor* self;
  supervision::SupervisorCore core;
  ChildObserver observer;
  std::unordered_map<ChildKey, ChildSpec> specs;
  std::map<ChildKey, caf::actor> handles;  ///< Of the children that are up or stopping.
  std::unordered_map<caf::actor_addr, ChildKey> keys;
  std::unordered_map<ChildKey, caf::typed_response_promise<caf::actor>> adding;
  std::unordered_multimap<ChildKey, caf::response_promise> removing;
  std::deque<Event> events;
  bool feeding = false;
  bool ended = false;
  caf::error asked_to_end;
};

Supervisor::Supervisor(caf::event_based_actor& self, SupervisorSpec spec)
    : impl_(std::make_unique<Impl>(self, std::move(spec))) {}

Supervisor::~Supervisor() = default;

caf::behavior Supervisor::make_behavior() {
  Impl* const impl = impl_.get();
  caf::event_based_actor* const self = impl->self;
  set_default_handlers(*self);
  self->attach_functor([impl](const caf::error&) { impl->on_end(); });
  self->set_down_handler([impl](caf::down_msg& down) { impl->on_down(down); });
  self->set_exit_handler([impl](caf::exit_msg& exit) {
    if (!impl->asked_to_end) impl->asked_to_end = exit.reason;
    impl->feed(supervision::ShutDown{exit_reason(exit.reason)});
  });
  impl->feed(supervision::Begin{});
  // Without a behavior CAF ends the actor, with the reason given to quit().
  if (impl->ended) return {};
  return {
      [impl](const supervision::Timer& timer) { impl->feed(supervision::TimerFired{timer}); },
      [impl](const WhichChild& ask) { return impl->which(ask.id); },
      [impl](const ListChildren&) { return ChildList{impl->core.children()}; },
      [impl](const AddChild& ask) { return impl->add(ask.spec); },
      [impl](const RemoveChild& ask) { return impl->remove(ask.id); },
  };
}

caf::actor spawn_supervisor(caf::actor_system& system, SupervisorSpec spec) {
  return system.spawn<SupervisorActor<caf::event_based_actor>>(std::move(spec));
}

ChildSpec supervisor_child(SupervisorSpec spec, Restart restart, Duration shutdown) {
  std::string id = spec.options.name;
  auto start = [spec = std::move(spec)](caf::event_based_actor* parent) -> Result<caf::actor> {
    return spawn_supervisor(parent->system(), spec);
  };
  return {std::move(id), std::move(start), restart, shutdown};
}

}  // namespace themis
