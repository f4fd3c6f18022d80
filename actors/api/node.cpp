#include "themis/node.hpp"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <caf/all.hpp>
#include <iostream>

#include "actors/api/service_actor.hpp"
#include "actors/monitor/state_router.hpp"
#include "actors/node/admission.hpp"
#include "actors/node/node_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/reactor_thread.hpp"
#include "actors/system/supervisor.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/config.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis {
namespace {

constexpr Duration kJoinMax = 5s;
constexpr Duration kLeaveMax = 2s;
constexpr Duration kAnnounceMax = 5s;
constexpr Duration kAnnouncePause = 50ms;  // asked again that often, 100 times at most

/// Declared before a scoped_actor. CAF keeps a reference to a system's logger in every thread that
/// was its guest, and the end of the system waits for it: a thread that called once and then idles
/// would keep another one from ever ending the node.
struct Guest {
  ~Guest() { caf::logger::set_current_actor_system(nullptr); }
};

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "themis: " << why << '\n';
  std::exit(1);
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

/// "ID@HOST:PORT" or "HOST:PORT".
Result<std::pair<net::Address, std::optional<NodeId>>> parse_peer(const std::string& text) {
  const size_t at = text.find('@');
  std::optional<NodeId> id;
  if (at != std::string::npos) {
    THEMIS_TRY(id, NodeId::from_hex(text.substr(0, at)));
  }
  THEMIS_TRY(const net::Address address,
             net::Address::parse(at == std::string::npos ? text : text.substr(at + 1)));
  return std::pair{address, id};
}

Result<wire::Identity> make_identity(const NodeSettings& settings, Rng& rng) {
  THEMIS_CHECK(wire::check_network_name(settings.network));
  if (settings.data.empty()) return wire::Identity::generate(settings.network, rng);
  std::error_code error;
  std::filesystem::create_directories(settings.data, error);
  if (error) return fail(Code::io, settings.data + ": " + error.message());
  return wire::load_or_create_identity(std::filesystem::path(settings.data) / "identity",
                                       settings.network, rng);
}

/// What the services of this program announce. Errors: invalid.
Result<ring::Offer> make_offer(const NodeSettings& settings) {
  ring::Offer offer;
  offer.weight = settings.weight;
  offer.version = settings.version;
  for (const std::string& label : settings.labels) {
    const size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(Code::invalid, "a label is \"key=value\", not \"" + label + "\"");
    offer.labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
  }
  THEMIS_CHECK(ring::check_offer(offer));
  return offer;
}

}  // namespace

NodeSettings NodeSettings::from_arguments(int argc, char** argv) {
  NodeSettings settings;
  CLI::App app{"A program that takes part in a Themis mesh."};
  app.add_option("--join", settings.join, "A node to join through: HOST:PORT or NODEID@HOST:PORT")
      ->capture_default_str();
  app.add_option("--network", settings.network, "The network's name")->capture_default_str();
  app.add_option("--listen", settings.listen, "Where other nodes reach this one")
      ->capture_default_str();
  app.add_option("--data", settings.data,
                 "Directory of the identity; without it a new one at every start");
  app.add_option("--config", settings.config,
                 "A mesh.toml: its [[route]], [[allow]], mesh.invite and mesh.inviters hold for "
                 "this program");
  app.add_option("--version", settings.version, "What its services announce, for canaries");
  app.add_option("--weight", settings.weight, "What its services announce, for balancing")
      ->capture_default_str();
  app.add_option("--label", settings.labels, "key=value that its services announce; repeatable")
      ->allow_extra_args(false);
  app.add_flag("--verbose", settings.verbose, "Log to stderr");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return settings;
}

struct Node::Impl {
  SystemRng rng;
  wire::Identity identity;
  std::vector<RouteConfig> routes;
  std::vector<AllowConfig> rules;
  ring::Offer offer;
  System system;
  ReactorThread thread{system};
  Exports exports;
  HostedPtr<NodeActor> node;
  caf::actor services;
  caf::actor caller;
  caf::actor state;  ///< A router; this program keeps none itself.

  explicit Impl(wire::Identity own) : identity(std::move(own)) {}

  Status start(NodeOptions options) {
    options.identity = &identity;
    options.types = &system.types();
    options.exports = &exports;
    options.rng = &rng;
    Status status;
    thread.in_loop([&] {
      node = spawn_hosted<NodeActor>(thread.reactor(), std::move(options));
      status = node->start();
      if (status) {
        state = spawn_pinned<StateRouter>(thread.reactor(), caf::actor{});
        caf::anon_send(state, UseNode{node.handle(), {identity.id(), node->address()}});
        return;
      }
      caf::anon_send_exit(node.handle(), caf::exit_reason::user_shutdown);
      node.reset();
    });
    return status;
  }
  /// Errors: the state's; timeout.
  Result<StateAnsweredMsg> ask_home(const std::string& name_space, AskStateMsg question,
                                    Duration timeout) {
    const Guest guest;
    caf::scoped_actor self{system.caf()};
    Result<StateAnsweredMsg> told =
        fail(Code::timeout, "no answer of the state \"" + name_space + "\" in time");
    self->request(state, timeout, AskHome{std::move(question)})
        .receive([&](const StateAnsweredMsg& message) { told = message; },
                 [&](const caf::error& error) { told = fail(from_caf(error)); });
    return told;
  }
  /// Until the name is stored. While nodes join, who is responsible for it changes under the store.
  Status announce(const std::string& name) {
    caf::scoped_actor self{system.caf()};
    const ProvideName provide{name, {}, offer.weight, offer.version, offer.labels};
    for (const TimePoint end = std::chrono::steady_clock::now() + kAnnounceMax;;) {
      Status status;
      self->request(node.handle(), caf::infinite, provide)
          .receive([](caf::unit_t) {},
                   [&](const caf::error& error) { status = fail(from_caf(error)); });
      const bool is_passing = !status && (status.error().code == Code::not_found ||
                                          status.error().code == Code::unavailable);
      if (!is_passing || std::chrono::steady_clock::now() >= end) return status;
      self->receive(caf::after(std::chrono::milliseconds(to_ms(kAnnouncePause))) >> [] {});
    }
  }
  /// Asks what runs on the pool to end; returns how many actors `self` hears of when they have.
  size_t end_services(caf::scoped_actor& self) {
    size_t open = 0;
    for (caf::actor* actor : {&services, &caller}) {
      if (*actor == nullptr) continue;
      self->monitor(*actor);
      self->send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
      ++open;
    }
    return open;
  }
  /// What runs on the pool talks to the node, whose thread must outlive it: a service that is busy
  /// for long delays the end of the program, not the node's leaving.
  ~Impl() {
    const Guest guest;
    caf::scoped_actor self{system.caf()};
    size_t open = end_services(self);
    const auto on_down = [&open](const caf::down_msg&) { --open; };
    bool late = false;
    while (open > 0 && !late)
      self->receive(
          on_down, caf::after(std::chrono::milliseconds(to_ms(kLeaveMax))) >> [&] { late = true; });
    if (late)
      log::error(
          "node",
          "a service is busy {} ms after it was asked to end; this node leaves and waits for "
          "it, a second signal ends the program at once",
          to_ms(kLeaveMax));
    if (node) {
      caf::anon_send_exit(node.handle(), caf::exit_reason::user_shutdown);
      thread.wait_until(kLeaveMax,
                        [this] { return node->ring().state() == ring::Ring::State::left; });
    }
    while (open > 0) self->receive(on_down);
    if (state) caf::anon_send_exit(state, caf::exit_reason::user_shutdown);
    state = nullptr;
    thread.in_loop([this] {
      node.reset();
      exports = {};
    });
    thread.stop();
  }
};

Node::Node(const NodeSettings& settings) {
  const Guest guest;
  crypto::init();
  log::setup(settings.verbose ? log::Level::info : log::Level::error, log::Format::text);
  NodeOptions options;
  const Result<net::Address> listen = net::Address::parse(settings.listen);
  if (!listen) give_up("--listen: " + listen.error().detail);
  options.listen = *listen;
  if (!settings.join.empty()) {
    const auto peer = parse_peer(settings.join);
    if (!peer) give_up("--join: " + peer.error().detail);
    options.bootstrap.push_back(peer->first);
    if (peer->second) options.pinned.emplace(peer->first, *peer->second);
  }
  Config config;
  if (!settings.config.empty()) {
    Result<Config> loaded = load_config(settings.config);
    if (!loaded) give_up(loaded.error().detail);
    config = std::move(*loaded);
  }
  Result<ring::Offer> offer = make_offer(settings);
  if (!offer) give_up(offer.error().detail);
  SystemRng rng;
  Result<wire::Identity> identity = make_identity(settings, rng);
  if (!identity) give_up(identity.error().detail);
  Result<wire::Admission> admission =
      load_admission(config.mesh, *identity, SystemClock{}.wall_ms());
  if (!admission) give_up(admission.error().detail);
  options.admission = std::move(*admission);
  // The threads of a node leave signals to the program's own.
  const sigset_t blocked = stop_signals();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  impl_ = std::make_unique<Impl>(std::move(*identity));
  impl_->routes = std::move(config.routes);
  impl_->rules = std::move(config.allows);
  impl_->offer = std::move(*offer);
  const Status started = impl_->start(std::move(options));
  if (!started) stop_and_give_up(started.error().detail);
  impl_->services = spawn_supervisor(impl_->system.caf(), {.options = {.name = "services"}});
  impl_->caller = impl_->system.caf().spawn<CallerActor>(impl_->node.handle(), impl_->routes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const bool joined = impl_->thread.wait_until(
      kJoinMax, [this] { return impl_->node->ring().state() == ring::Ring::State::joined; });
  if (!joined)
    stop_and_give_up("cannot join \"" + settings.network + "\" through " + settings.join +
                     "; is a node of that network running there?");
}

Node::~Node() = default;

/// Its threads end first: they must not meet the destructors of exit().
void Node::stop_and_give_up(const std::string& why) {
  impl_.reset();
  give_up(why);
}

Status Node::serve_factory(const std::string& name, std::function<ServiceRunner()> make) {
  const Guest guest;
  caf::scoped_actor self{impl_->system.caf()};
  Status status;
  const auto on_error = [&status](const caf::error& error) { status = fail(from_caf(error)); };
  const caf::actor node = impl_->node.handle();
  Impl* impl = impl_.get();
  ChildSpec child{.id = name, .start = [=](caf::event_based_actor* parent) -> Result<caf::actor> {
                    const caf::actor actor = parent->spawn<ServiceActor>(
                        ServiceSetup{service_name(name), make, node, impl->state,
                                     impl->identity.id(), impl->routes, impl->rules});
                    impl->thread.loop().post([impl, name, actor] {
                      impl->exports.add(service_name(name),
                                        caf::actor_cast<caf::strong_actor_ptr>(actor));
                    });
                    return actor;
                  }};
  self->request(impl_->services, caf::infinite, AddChild{std::move(child)})
      .receive([](const caf::actor&) {}, on_error);
  THEMIS_CHECK(std::move(status));
  return impl_->announce(service_name(name));
}

Result<wire::FramePtr> Node::call_frame(const std::string& name, wire::FramePtr params,
                                        Duration timeout, Idempotent idempotent) {
  params.writable()->set_deadline(std::chrono::steady_clock::now() + timeout);
  const Guest guest;
  caf::scoped_actor self{impl_->system.caf()};
  Result<wire::FramePtr> outcome = fail(Code::timeout, "no answer from \"" + name + "\" in time");
  self->request(impl_->caller, timeout, CallService{{name, std::move(params), idempotent}})
      .receive([&](const AnyMessage& answer) { outcome = answer.frame; },
               [&](const caf::error& error) { outcome = fail(from_caf(error)); });
  return outcome;
}

Result<StateAnswer> Node::ask_state(StateCall call, bool wait, Duration timeout) {
  THEMIS_CHECK(check_state_call(call));
  const std::string name_space = call.name_space;
  THEMIS_TRY(const StateAnsweredMsg told,
             impl_->ask_home(name_space,
                             encode_ask(name_space, state_ask_json({std::move(call), wait}),
                                        std::chrono::steady_clock::now() + timeout),
                             timeout));
  return decode_answer(told);
}

Result<StateAnswers> Node::ask_state(StateBatch calls, bool wait, Duration timeout) {
  const StateBatchAsk ask{std::move(calls), wait};
  THEMIS_CHECK(check_state_ask(ask));
  THEMIS_TRY(const StateAnsweredMsg told,
             impl_->ask_home(std::string(ask.calls.name_space()),
                             encode_ask(ask, std::chrono::steady_clock::now() + timeout), timeout));
  return decode_answers(told, ask.calls.size());
}

int Node::run() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  int received = 0;
  sigwait(&set, &received);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // a second one ends the program at once
  impl_.reset();
  return 0;
}

}  // namespace themis
