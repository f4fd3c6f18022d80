#include "actors/world/simulated_node.hpp"

#include <caf/all.hpp>

#include "actors/world/hostile_actor.hpp"

namespace themis::world {
namespace {

std::string ip_of(uint32_t slot) {
  return "10.0." + std::to_string(slot / 250) + "." + std::to_string(slot % 250 + 1);
}

/// Who is still there though nobody should hold it any more.
std::string survivors(const std::map<caf::actor_id, caf::weak_actor_ptr>& watched) {
  std::string out;
  for (const auto& [id, weak] : watched)
    if (const auto strong = caf::actor_cast<caf::strong_actor_ptr>(weak))
      out += " actor " + std::to_string(id) + " (" +
             std::to_string(strong->strong_refs.load() - 1) + " references)";
  return out;
}

}  // namespace

struct SimulatedNode::Process {
  SeededRng rng;
  Exports exports;
  Reactor reactor;
  HostedPtr<NodeActor> node;
  HostedPtr<EchoActor> echo;
  HostedPtr<CallerActor> caller;
  HostedPtr<HostileActor> hostile;  ///< Empty: an honest node.

  Process(caf::actor_system& system, sim::Host& host, uint64_t seed)
      : rng(seed), reactor(system, host) {
    reactor.bind_to_this_thread();
  }
};

SimulatedNode::SimulatedNode(System& system, sim::World& world, Ledger& ledger,
                             const MeshSettings& settings, uint32_t slot)
    : system_(system),
      world_(world),
      ledger_(ledger),
      settings_(settings),
      slot_(slot),
      host_(world.add_host(ip_of(slot))),
      address_{host_.ip(), settings.port} {}

SimulatedNode::~SimulatedNode() {
  if (runs()) crash(sim::Crash::reset);
}

NodeActor& SimulatedNode::node() const { return *process_->node; }
CallerActor& SimulatedNode::caller() const { return *process_->caller; }

void SimulatedNode::start(std::vector<net::Address> bootstrap, bool fresh) {
  THEMIS_ASSERT(!runs(), "one process a machine");
  world_.restart(host_);
  ++life_;
  leaving_ = false;
  if (fresh || identity_ == nullptr)
    identity_ =
        std::make_unique<wire::Identity>(wire::Identity::generate("simulated", world_.rng()));
  process_ = std::make_unique<Process>(system_.caf(), host_, world_.rng().next());
  Process& process = *process_;
  NodeOptions options{.identity = identity_.get(),
                      .listen = address_,
                      .bootstrap = std::move(bootstrap),
                      .ring = settings_.ring,
                      .sessions = settings_.sessions,
                      .types = &system_.types(),
                      .exports = &process.exports,
                      .rng = &process.rng};
  process.node = spawn_hosted<NodeActor>(process.reactor, std::move(options));
  process.echo = spawn_hosted<EchoActor>(process.reactor, system_.types(), ledger_);
  process.exports.add(kEchoName, process.echo.strong());
  process.caller = spawn_hosted<CallerActor>(
      process.reactor,
      CallerSetup{slot_, process.node, &system_.types(), &ledger_, &process.rng, settings_.names});
  ledger_.note(Happening::start, slot_, load<uint64_t>(identity_->id().bytes.data()));
  // Outside of a turn; the reactor has asked for one, which flushes what this sends.
  if (const Status started = process.node->start(); !started)
    return ledger_.violate("node " + std::to_string(slot_) + ": " + started.error().text());
  if (is_hostile()) stand_in();
  process.caller->begin();
}

void SimulatedNode::turn_hostile(ring::Colluders& colluders) {
  colluders_ = &colluders;
  stand_in();
}

void SimulatedNode::stand_in() {
  Process& process = *process_;
  colluders_->add(process.node->ring().table().self(), *identity_);
  process.hostile =
      spawn_hosted<HostileActor>(process.reactor, system_.types(), *colluders_, process.node);
  process.exports.add(kNodeActorName, process.hostile.strong());
}

void SimulatedNode::crash(sim::Crash how) {
  ledger_.note(Happening::fault, slot_, how == sim::Crash::reset ? 1 : 2, "crash");
  world_.crash(host_, how);
  end_process();
}

void SimulatedNode::leave() {
  THEMIS_ASSERT(serves(), "a node leaves once");
  leaving_ = true;
  ledger_.ends(identity_->id());
  ledger_.note(Happening::stop, slot_);
  host_.post([this] {
    process_->caller->end();
    caf::anon_send_exit(process_->node.handle(), caf::exit_reason::user_shutdown);
  });
  world_.at(kLeaveMax, [this, life = life_] { finish_leaving(life); });
}

void SimulatedNode::finish_leaving(uint64_t life) {
  if (life != life_ || !runs()) return;
  if (process_->node->ring().state() != ring::Ring::State::left)
    ledger_.violate("node " + std::to_string(slot_) + " did not leave within " +
                    std::to_string(to_ms(kLeaveMax)) + " ms");
  end_process();
}

/// Frees the process's memory the way its end would: nobody outside is told anything here. What
/// cannot be freed is a leak in a process that goes on.
void SimulatedNode::end_process() {
  Process& process = *process_;
  ledger_.ends(identity_->id());
  std::map<caf::actor_id, caf::weak_actor_ptr> watched = process.caller->sessions();
  for (const SessionActor* session : process.node->peers().sessions())
    watched.try_emplace(session->id(), caf::weak_actor_ptr{session->ctrl()});
  const auto watch = [&](const caf::strong_actor_ptr& actor) {
    watched.try_emplace(actor->id(), caf::actor_cast<caf::weak_actor_ptr>(actor));
  };
  watch(process.node.strong());
  watch(process.echo.strong());
  watch(process.caller.strong());
  if (process.hostile) watch(process.hostile.strong());
  if (ledger_.breaks(Sabotage::leak)) leaked_ = process.node.strong();
  process.caller->end();
  process.echo->end();
  if (process.hostile) process.hostile->end();
  caf::anon_send_exit(process.node.handle(), caf::exit_reason::kill);
  process.exports = {};
  process.node.reset();
  process.echo.reset();
  process.caller.reset();
  process.hostile.reset();
  if (const std::string left = survivors(watched); !left.empty())
    ledger_.violate("node " + std::to_string(slot_) + " ended and left behind:" + left);
  process_.reset();
}

}  // namespace themis::world
