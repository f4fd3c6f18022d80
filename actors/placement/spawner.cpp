#include "actors/placement/spawner.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/supervisor.hpp"

namespace themis {
namespace {

/// Kinds and names are for logs and look-ups.
constexpr size_t kNameBytesMax = 128;

Result<SpawnActor> read_spawn(const wire::Msg<schema::Spawn>& message) {
  return wire::decode(message, [](const schema::Spawn::Reader& spawn) -> Result<SpawnActor> {
    return SpawnActor{std::string(wire::text_of(spawn.getKind())),
                      std::string(wire::text_of(spawn.getName()))};
  });
}

}  // namespace

Spawner::Spawner(caf::actor_config& config, Kinds kinds, Exports* exports)
    : PinnedActor(config), kinds_(std::move(kinds)), exports_(exports) {}

caf::behavior Spawner::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](caf::exit_msg& exit) { send_exit(supervisor_, exit.reason); });
  SupervisorSpec spec;
  spec.options.name = "placed";
  supervisor_ = spawn_pinned<SupervisorActor<PinnedActor>>(reactor_, std::move(spec));
  monitor(supervisor_);
  return {[this](const SpawnActor& ask) { return spawn_local(ask); },
          [](PlacePid) { return uint32_t{0}; }, [](PlaceMemory) { return SharedWith{}; },
          [this](const wire::Msg<schema::Spawn>& ask) { return spawn_exported(ask); }};
}

void Spawner::on_exit() {
  if (supervisor_) caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
  supervisor_ = nullptr;
}

void Spawner::spawn(const SpawnActor& ask, std::function<void(Result<caf::actor>)> then) {
  const auto kind = kinds_.find(ask.kind);
  if (kind == kinds_.end())
    return then(fail(Code::not_found, "no such kind of actor: " + ask.kind));
  if (ask.name.empty() || ask.name.size() > kNameBytesMax)
    return then(fail(Code::invalid, "an actor's name has 1 to 128 bytes"));
  ChildSpec child;
  child.id = ask.name;
  child.restart = Restart::temporary;
  child.start = [&reactor = reactor_, factory = kind->second,
                 name = ask.name](caf::event_based_actor*) { return factory(reactor, name); };
  request(supervisor_, caf::infinite, AddChild{std::move(child)})
      .then([then](const caf::actor& actor) { then(actor); },
            [then](const caf::error& error) { then(fail(from_caf(error))); });
}

caf::result<caf::actor> Spawner::spawn_local(const SpawnActor& ask) {
  auto promise = make_response_promise<caf::actor>();
  spawn(ask, [promise](Result<caf::actor> actor) mutable {
    actor ? promise.deliver(std::move(*actor)) : promise.deliver(to_caf(actor.error()));
  });
  return caf::delegated<caf::actor>{};
}

caf::result<wire::Msg<schema::Spawned>> Spawner::spawn_exported(
    const wire::Msg<schema::Spawn>& message) {
  if (exports_ == nullptr) return to_caf({Code::denied, "nobody outside may start actors here"});
  const Result<SpawnActor> ask = read_spawn(message);
  if (!ask) return to_caf(ask.error());
  auto promise = make_response_promise<wire::Msg<schema::Spawned>>();
  spawn(*ask, [this, promise](Result<caf::actor> actor) mutable {
    if (!actor) return void(promise.deliver(to_caf(actor.error())));
    const wire::Target target =
        exports_->add_unnamed(caf::actor_cast<caf::strong_actor_ptr>(*actor));
    targets_.emplace(actor->address(), target);
    monitor(*actor);
    wire::Builder<schema::Spawned> answer(4);
    answer->setActor(target);
    promise.deliver(answer.finish());
  });
  return caf::delegated<wire::Msg<schema::Spawned>>{};
}

void Spawner::on_down(const caf::down_msg& down) {
  if (supervisor_ && down.source == supervisor_.address()) {
    supervisor_ = nullptr;
    return quit(down.reason);
  }
  const auto found = targets_.find(down.source);
  if (found == targets_.end()) return;
  exports_->remove(found->second);
  targets_.erase(found);
}

}  // namespace themis
