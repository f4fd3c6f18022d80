#include "actors/root/root.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <thread>

#include "actors/caller/service_gate.hpp"
#include "actors/fetch/fetcher.hpp"
#include "actors/flows/flow_hub.hpp"
#include "actors/gateway/function_gate.hpp"
#include "actors/gateway/gateway_actor.hpp"
#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/monitor/state_router.hpp"
#include "actors/node/admission.hpp"
#include "actors/node/node_actor.hpp"
#include "actors/oyster/oyster_actor.hpp"
#include "actors/oyster/runner_actor.hpp"
#include "actors/placement/placement.hpp"
#include "actors/queues/queue_actor.hpp"
#include "actors/services/function_service.hpp"
#include "actors/system/secret_file.hpp"
#include "actors/system/supervisor.hpp"
#include "actors/system/system.hpp"
#include "actors/worker/log_book.hpp"
#include "actors/worker/worker_pool.hpp"
#include "runtime/base/log.hpp"
#include "runtime/net/descriptor_limit.hpp"
#include "runtime/net/socket.hpp"
#include "runtime/store/environment.hpp"

namespace themis {
namespace {

namespace fs = std::filesystem;

/// Everything has 2 s to end; what has not by then is cut off.
constexpr Duration kStopMax = 1900ms;
constexpr Duration kGatewayShutdown = 1600ms;
constexpr Duration kNodeShutdown = 1700ms;
/// For calls of functions; where there is a gateway, its requests took their time before.
constexpr Duration kDrainMax = 1200ms;
constexpr Duration kDrainAfterGatewayMax = 300ms;
/// All sessions, as many connections of HTTP, and what else is open.
constexpr size_t kDescriptorsWanted = 2 * PeerTable::kSessionsMax + 1024;

/// One virtual node: an identity, what it exports, and its actor while it is up. All share the
/// sessions and the address of the process.
struct VirtualNode {
  wire::Identity identity;
  wire::Admission admission;
  Exports exports;
  caf::actor actor;
};

uint32_t worker_count(const WorkersConfig& workers) {
  return workers.count != 0 ? workers.count : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

struct Root::Impl {
  Config config;
  SystemRng rng;
  SystemClock clock;
  LogBook logs{clock.wall_ms()};  ///< Of the functions here.
  std::unique_ptr<storage::Environment> environment;
  std::vector<std::unique_ptr<VirtualNode>> nodes;
  System system;
  net::EpollLoop loop;
  Reactor reactor{system.caf(), loop};
  std::unique_ptr<PeerTable> peers;
  net::Address address;  ///< Where peers reach this process, once it listens.
  net::Descriptor stop_signal{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::unique_ptr<net::Watch> stop_watch;
  caf::actor supervisor;
  // The handles of children that later children ask; each is set when its child starts.
  caf::actor workers;
  caf::actor state;   ///< Of this node.
  caf::actor router;  ///< To the state of every node.
  caf::actor gate;    ///< To the services that functions call.
  caf::actor calls;   ///< To the functions that functions and queues call.
  caf::actor queues;
  caf::actor flows;    ///< Where bodies are read.
  caf::actor fetcher;  ///< The functions' way out.
  caf::actor functions;
  caf::actor oyster_fetcher;  ///< The way out of [oyster]: whatever its URLs say.
  caf::actor oyster_runner;   ///< Runs codes; empty: nobody's run here.
  caf::actor oyster;          ///< Empty: none.
  bool stopping = false;
  bool ended = false;
  size_t started = 0;
  std::optional<Error> failure;
  StateHistory state_history;

  explicit Impl(const Config& values) : config(values) {}
  ~Impl() { system.caf().await_actors_before_shutdown(ended); }

  Status open();
  Status listen();
  Status run();
  void begin_stop();
  SupervisorSpec tree();
  void add_fronts(SupervisorSpec& spec);
  ChildSpec child(std::string id, Duration shutdown, std::function<Result<caf::actor>()> start);
  ProcessHome home() { return {&reactor, &loop, &system.types(), &rng}; }
  Result<caf::actor> start_node(VirtualNode& node);
  Result<caf::actor> start_state();
  Result<caf::actor> start_functions();
  bool runs_codes() const { return config.oyster.listen || !config.oyster.fronts.empty(); }
  Result<caf::actor> start_oyster_runner();
  Result<caf::actor> start_oyster();
  Result<caf::actor> start_gateway();
};

Status Root::Impl::open() {
  const fs::path data = config.node.data;
  THEMIS_TRY(environment, storage::Environment::open(data));
  for (uint32_t i = 0; i < config.node.virtual_nodes; ++i) {
    const fs::path file = data / (i == 0 ? "identity" : "identity-" + std::to_string(i));
    THEMIS_TRY(wire::Identity identity,
               wire::load_or_create_identity(file, config.mesh.network, rng));
    THEMIS_TRY(wire::Admission admission,
               load_admission(config.mesh, identity, SystemClock{}.wall_ms()));
    nodes.push_back(std::make_unique<VirtualNode>(
        VirtualNode{std::move(identity), std::move(admission), {}, {}}));
  }
  return {};
}

/// Once: the address stays when a node is started again. Errors: io.
Status Root::Impl::listen() {
  if (!address.host.empty()) return {};
  const VirtualNode& first = *nodes.front();
  if (const size_t limit = net::raise_descriptor_limit(kDescriptorsWanted);
      limit < kDescriptorsWanted)
    log::warn("root", "only {} files may be open, {} are wanted: raise the hard limit (ulimit -Hn)",
              limit, kDescriptorsWanted);
  peers = std::make_unique<PeerTable>(reactor, first.identity, config.node.encryption, rng,
                                      system.types(), first.exports);
  peers->set_admission(first.admission);
  THEMIS_CHECK(peers->listen(config.node.listen));
  address = config.node.advertised();
  if (address.port == 0) address = peers->address();  // the port that the system chose
  return {};
}

/// A child whose first start fails ends the process with that error: a port in use does not get
/// free by trying. A later failure is its supervisor's.
ChildSpec Root::Impl::child(std::string id, Duration shutdown,
                            std::function<Result<caf::actor>()> start) {
  ChildSpec spec;
  spec.id = std::move(id);
  spec.shutdown = shutdown;
  spec.start = [this, start = std::move(start), first = true](caf::event_based_actor*) mutable {
    Result<caf::actor> actor = start();
    if (!actor && first && !failure) {
      failure = actor.error();
      loop.post([this] { begin_stop(); });
    }
    first = false;
    return actor;
  };
  return spec;
}

Result<caf::actor> Root::Impl::start_node(VirtualNode& node) {
  THEMIS_CHECK(listen());
  NodeOptions options;
  options.identity = &node.identity;
  options.peers = peers.get();
  options.advertise = address;
  for (const BootstrapPeer& peer : config.mesh.bootstrap) {
    options.bootstrap.push_back(peer.address);
    if (peer.node_id) options.pinned.emplace(peer.address, NodeId{*peer.node_id});
  }
  // The other virtual nodes of a process that starts a ring join through its first one.
  if (options.bootstrap.empty() && &node != nodes.front().get()) {
    options.bootstrap.push_back(address);
    options.pinned.insert_or_assign(address, nodes.front()->identity.id());
    options.ring.shares_address = true;
  }
  options.ring.redundancy = static_cast<uint8_t>(config.mesh.redundancy);
  options.ring.successors = config.mesh.successors;
  options.ring.replicas = config.mesh.replicas;
  options.ring.refresh = std::chrono::seconds(config.mesh.refresh_s);
  options.ring.disjoint_paths = config.mesh.disjoint_paths;
  options.types = &system.types();
  options.exports = &node.exports;
  options.rng = &rng;
  const auto actor = spawn_hosted<NodeActor>(reactor, std::move(options));
  THEMIS_CHECK(actor->start());
  node.actor = actor.handle();
  if (&node == nodes.front().get())
    for (const caf::actor& each : {router, gate, calls, queues, flows})
      caf::anon_send(each, UseNode{node.actor, {node.identity.id(), address}});
  return node.actor;
}

Result<caf::actor> Root::Impl::start_state() {
  PlaceOptions place;
  place.place = config.place.monitors;
  place.kinds.merge(state_kinds());
  place.shared_bytes = BatchMemory::bytes_for(config.monitors.threads);
  StateOptions options;
  options.data = config.node.data;
  options.start_place = [home = home(), place] { return spawn_place(home, place); };
  options.shape.threads = static_cast<uint16_t>(config.monitors.threads);
  options.bytes_max = uint64_t{config.monitors.memory_mb} << 20;
  options.epoch = std::chrono::milliseconds(config.monitors.epoch_ms);
  options.history = &state_history;
  state = caf::actor_cast<caf::actor>(system.caf().spawn<StateActor>(std::move(options)));
  return state;
}

Result<caf::actor> Root::Impl::start_functions() {
  VirtualNode& node = *nodes.front();
  FunctionServiceOptions options;
  options.node = node.actor;
  options.workers = workers;
  options.router = router;
  options.gate = calls;
  options.environment = environment.get();
  options.exports = &node.exports;
  options.self = {node.identity.id(), address};
  options.drain_max = config.gateway.listen ? kDrainAfterGatewayMax : kDrainMax;
  options.limits = {config.workers.memory_mb, config.workers.cpu_ms, config.workers.wall_ms,
                    config.workers.max_requests};
  options.alone = config.workers.isolation == Isolation::function;
  THEMIS_TRY(FileSecret at_rest, load_or_create_secret(fs::path(config.node.data) / "secrets.key",
                                                       "key of the functions' secrets", rng));
  options.at_rest = bundle::SharedKey(std::move(at_rest));
  options.logs = &logs;
  options.routes = config.routes;
  options.rules = config.allows;
  functions = spawn_pinned<FunctionService>(reactor, std::move(options));
  caf::anon_send(calls, UseFunctions{functions});
  caf::anon_send(router, UseActors{functions});
  return functions;
}

Result<caf::actor> Root::Impl::start_oyster_runner() {
  RunnerOptions options;
  options.capacity = config.oyster.capacity;
  options.limits = limits_of_codes(
      config.oyster, {config.workers.memory_mb, config.workers.cpu_ms, config.workers.wall_ms});
  options.fresh = config.oyster.fresh;
  options.fronts = config.oyster.fronts;
  options.waits_for_front = config.oyster.listen.has_value();
  options.workers = workers;
  options.flows = flows;
  options.node = nodes.front()->actor;
  options.exports = &nodes.front()->exports;
  options.environment = environment.get();
  options.rng = &rng;
  const bool waits_before = config.gateway.listen || config.oyster.listen;
  options.drain_max = waits_before ? kDrainAfterGatewayMax : kDrainMax;
  oyster_runner = spawn_pinned<RunnerActor>(reactor, std::move(options));
  return oyster_runner;
}

Result<caf::actor> Root::Impl::start_oyster() {
  VirtualNode& node = *nodes.front();
  OysterOptions options;
  options.config = config.oyster;
  options.data = config.node.data;
  options.identity = &node.identity.key();
  options.self = node.identity.id();
  options.runner = oyster_runner;
  options.node = node.actor;
  options.exports = &node.exports;
  options.environment = environment.get();
  options.routes = config.routes;
  options.functions = functions;
  options.fetcher = oyster_fetcher;
  options.flows = flows;
  options.clock = &clock;
  options.rng = &rng;
  THEMIS_TRY(oyster, start_oyster_actor(reactor, std::move(options)));
  return oyster;
}

Result<caf::actor> Root::Impl::start_gateway() {
  VirtualNode& node = *nodes.front();
  GatewayOptions options;
  options.listen = *config.gateway.listen;
  options.node = node.actor;
  options.functions = functions;
  options.workers = workers;
  options.state = router;
  options.queues = queues;
  options.flows = flows;
  options.fetcher = fetcher;
  options.oyster = oyster;
  options.oyster_runner = oyster_runner;
  options.self = {node.identity.id(), address};
  options.data = config.node.data;
  options.wall_ms = config.workers.wall_ms;
  options.routes = config.routes;
  options.rng = &rng;
  return start_gateway_actor(reactor, std::move(options));
}

/// What clients talk HTTP to; the gateway asks the other one, so it comes after it.
void Root::Impl::add_fronts(SupervisorSpec& spec) {
  if (runs_codes())
    spec.children.push_back(
        child("oyster-runner", kNodeShutdown, [this] { return start_oyster_runner(); }));
  if (config.oyster.listen) {
    spec.children.push_back(child("oyster-fetcher", kNodeShutdown, [this] {
      oyster_fetcher = spawn_pinned<Fetcher>(
          reactor, FetcherOptions{.flows = flows, .any_address = true, .rng = &rng});
      return Result<caf::actor>(oyster_fetcher);
    }));
    spec.children.push_back(child("oyster", kGatewayShutdown, [this] { return start_oyster(); }));
  }
  if (config.gateway.listen)
    spec.children.push_back(child("gateway", kGatewayShutdown, [this] { return start_gateway(); }));
}

SupervisorSpec Root::Impl::tree() {
  SupervisorSpec spec;
  spec.options.name = "root";
  // Later children hold handles of earlier ones: when one ends, those after it start over with it.
  spec.options.strategy = Strategy::rest_for_one;
  spec.options.seed = rng.next();
  spec.children.push_back(child("state", kNodeShutdown, [this] { return start_state(); }));
  spec.children.push_back(child("state-router", kNodeShutdown, [this] {
    router = spawn_pinned<StateRouter>(reactor, state, StateAccess{config.routes, config.allows});
    nodes.front()->exports.add(kStateRouterName, caf::actor_cast<caf::strong_actor_ptr>(router));
    return Result<caf::actor>(router);
  }));
  spec.children.push_back(child("service-gate", kNodeShutdown, [this] {
    gate = spawn_pinned<ServiceGate>(
        reactor, ServiceGateOptions{config.workers.services, config.routes, &rng});
    return Result<caf::actor>(gate);
  }));
  spec.children.push_back(child("function-gate", kNodeShutdown, [this] {
    calls = spawn_pinned<FunctionGate>(reactor, config.routes, rng);
    return Result<caf::actor>(calls);
  }));
  spec.children.push_back(child("queues", kNodeShutdown, [this]() -> Result<caf::actor> {
    THEMIS_TRY(queues, spawn_queues(system.caf(), {environment.get(), calls, &clock}));
    return queues;
  }));
  spec.children.push_back(child("flows", kNodeShutdown, [this] {
    flows = spawn_pinned<FlowHub>(reactor);
    nodes.front()->exports.add(kFlowsActorName, caf::actor_cast<caf::strong_actor_ptr>(flows));
    return Result<caf::actor>(flows);
  }));
  spec.children.push_back(child("fetcher", kNodeShutdown, [this] {
    fetcher = spawn_pinned<Fetcher>(
        reactor,
        FetcherOptions{
            .flows = flows, .private_addresses = config.workers.fetch_private, .rng = &rng});
    return Result<caf::actor>(fetcher);
  }));
  WorkerPoolOptions pool;
  pool.home = home();
  pool.count = worker_count(config.workers);
  pool.spare = config.workers.spare + (runs_codes() ? config.oyster.spare : 0);
  pool.profile = config.workers.profile == WorkerProfile::trusted ? js::Profile::trusted
                                                                  : js::Profile::multi_tenant;
  pool.jitless = config.workers.jitless;
  pool.book = &logs;
  pool.programs = WorkerPrograms::beside_executable();
  spec.children.push_back(child("workers", kNodeShutdown, [this, pool]() mutable {
    pool.state = router;
    pool.services = gate;
    pool.functions = calls;
    pool.queues = queues;
    pool.flows = flows;
    pool.fetcher = fetcher;
    pool.fetch = std::make_shared<const std::vector<std::string>>(config.workers.fetch);
    pool.shared_state = {config.workers.shared_state.begin(), config.workers.shared_state.end()};
    return Result<caf::actor>(workers = spawn_worker_pool(pool));
  }));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto& node = nodes[i];
    const std::string id = nodes.size() == 1 ? "node" : "node-" + std::to_string(i + 1);
    spec.children.push_back(
        child(id, kNodeShutdown, [this, node = node.get()] { return start_node(*node); }));
  }
  spec.children.push_back(child("functions", kNodeShutdown, [this] { return start_functions(); }));
  add_fronts(spec);
  return spec;
}

void Root::Impl::begin_stop() {
  if (std::exchange(stopping, true)) return;
  caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
  loop.after(kStopMax, [this] {
    log::warn("root", "stopping took too long; what still runs is cut off");
    loop.stop();
  });
}

Status Root::Impl::run() {
  reactor.bind_to_this_thread();
  stop_watch = loop.watch(stop_signal.get(), [this] {
    stop_watch.reset();
    begin_stop();
  });
  supervisor = spawn_pinned<SupervisorActor<PinnedActor>>(reactor, tree());
  supervisor->attach_functor([this](const caf::error& reason) {
    loop.post([this, reason] {
      ended = true;
      if (!stopping) failure = Error{Code::unavailable, "gave up: " + from_caf(reason).detail};
      loop.stop();
    });
  });
  log::info("root", "node {} of \"{}\" starts; data in {}", nodes.front()->identity.id().brief(),
            config.mesh.network, config.node.data);
  loop.run();
  if (peers) peers->close_all();
  for (caf::actor* handle : {&supervisor, &workers, &state, &router, &gate, &calls, &queues, &flows,
                             &fetcher, &functions, &oyster_fetcher, &oyster_runner, &oyster})
    *handle = nullptr;
  for (const auto& node : nodes) {
    node->actor = nullptr;
    node->exports = {};
  }
  if (failure) return fail(*failure);
  return {};
}

Root::Root(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Root::~Root() = default;

Result<std::unique_ptr<Root>> Root::open(const Config& config) {
  auto impl = std::make_unique<Impl>(config);
  THEMIS_CHECK(impl->open());
  return std::unique_ptr<Root>(new Root(std::move(impl)));
}

Status Root::run() { return impl_->run(); }

void Root::stop() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(impl_->stop_signal.get(), &one, sizeof one);
}

}  // namespace themis
