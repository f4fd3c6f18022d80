#pragma once
// Real nodes on loopback for tests: ring, sessions and function service; only the workers are
// scripted, because a function's behaviour is not what is tested here.

#include <caf/all.hpp>
#include <future>
#include <map>

#include "actors/node/node_actor.hpp"
#include "actors/services/function_service.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/reactor_thread.hpp"
#include "runtime/store/environment.hpp"
#include "tests/unit/services/scripted_workers.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::testing {

/// Asks and waits. `T` is the answer's type.
template <class T, class... Message>
Result<T> ask(System& system, const caf::actor& whom, Message&&... message) {
  caf::scoped_actor self{system.caf()};
  Result<T> answer = fail(Code::internal, "no answer");
  self->request(whom, caf::infinite, std::forward<Message>(message)...)
      .receive([&answer](const T& value) { answer = value; },
               [&answer](const caf::error& error) { answer = fail(from_caf(error)); });
  return answer;
}
/// The same for answers that only say "done".
template <class Message>
Status order(System& system, const caf::actor& whom, Message message) {
  class Asker final : public caf::event_based_actor {
   public:
    Asker(caf::actor_config& config, caf::actor asked, Message what, std::promise<Status>* answer)
        : caf::event_based_actor(config),
          whom_(std::move(asked)),
          message_(std::move(what)),
          answer_(answer) {}
    caf::behavior make_behavior() override {
      when_done(
          request(whom_, caf::infinite, message_), [this] { finish({}); },
          [this](const caf::error& error) { finish(fail(from_caf(error))); });
      return {};
    }

   private:
    void finish(Status status) {
      whom_ = nullptr;
      answer_->set_value(std::move(status));
    }
    caf::actor whom_;
    Message message_;
    std::promise<Status>* answer_;
  };
  std::promise<Status> done;
  system.caf().spawn<Asker>(whom, std::move(message), &done);
  return done.get_future().get();
}

/// One node with a loop and a thread of its own.
class MeshNode {
 public:
  struct Options {
    std::vector<net::Address> bootstrap;
    bool workers = true;
    /// Kept over a restart; empty: a new one.
    std::filesystem::path data;
    std::vector<RouteConfig> routes;
    std::vector<AllowConfig> rules;
    const Clock* clock = nullptr;  ///< Of the cron lines; null: the machine's.
  };

  MeshNode(System& system, const Options& options)
      : system_(system),
        identity_(wire::Identity::generate("test", rng_)),
        data_(options.data.empty() ? own_data_.path() : options.data),
        thread_(std::make_unique<ReactorThread>(system)) {
    environment_ = storage::Environment::open(data_, {.durable = false}).value();
    in_loop([&] { start(options); });
  }
  ~MeshNode() { stop(); }
  MeshNode(const MeshNode&) = delete;
  MeshNode& operator=(const MeshNode&) = delete;

  /// Runs on the node's thread, and waits for it.
  void in_loop(const std::function<void()>& work) { thread_->in_loop(work); }
  /// False after 20 s.
  bool wait_until(const std::function<bool()>& reached) {
    return thread_->wait_until(20s, reached);
  }
  bool wait_joined(size_t nodes) {
    return wait_until([this, nodes] {
      const NodeReport report = node_->report();
      return report.joined && report.successors.size() + 1 >= nodes;
    });
  }
  void end(caf::actor& actor) {
    if (!actor) return;
    caf::scoped_actor self{system_.caf()};
    self->monitor(actor);
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    self->receive([](const caf::down_msg&) {});
    actor = nullptr;
  }
  /// All at once, without a word to anybody: a crash.
  void crash() {
    in_loop([this] { caf::anon_send_exit(node_.handle(), caf::exit_reason::kill); });
    stop();
  }
  void stop() {
    if (!thread_) return;
    for (caf::actor* actor : {&gateway, &functions, &workers}) end(*actor);
    caf::actor node = node_.handle();
    in_loop([this] { node_.reset(); });
    end(node);
    in_loop([this] { exports_ = {}; });
    thread_.reset();
    environment_.reset();
  }

  caf::actor gateway;
  caf::actor functions;
  caf::actor workers;
  caf::actor node() const { return node_.handle(); }
  const NodeId& id() const { return identity_.id(); }
  ring::Contact contact() const { return {identity_.id(), address_}; }
  net::Address address() const { return address_; }
  const std::filesystem::path& data() const { return data_; }
  Reactor& reactor() { return thread_->reactor(); }
  /// On the node's thread.
  Exports& exports() { return exports_; }

 private:
  void start(const Options& options) {
    NodeOptions node;
    node.identity = &identity_;
    node.listen = {"127.0.0.1", 0};
    node.bootstrap = options.bootstrap;
    node.types = &system_.types();
    node.exports = &exports_;
    node.rng = &rng_;
    node.ring.update_period = 50ms;
    node_ = spawn_hosted<NodeActor>(reactor(), std::move(node));
    THEMIS_ASSERT(node_->start(), "loopback");
    address_ = node_->address();
    if (options.workers) workers = spawn_pinned<ScriptedWorkers>(reactor());
    FunctionServiceOptions service;
    service.node = node_.handle();
    service.workers = workers;
    service.environment = environment_.get();
    service.exports = &exports_;
    service.self = contact();
    service.routes = options.routes;
    service.rules = options.rules;
    service.clock = options.clock;
    service.at_rest = bundle::SharedKey(bundle::SecretsKey(rng_));
    functions = spawn_pinned<FunctionService>(reactor(), std::move(service));
  }

  System& system_;
  SystemRng rng_;
  wire::Identity identity_;
  storage::TemporaryDirectory own_data_;
  std::filesystem::path data_;
  std::unique_ptr<storage::Environment> environment_;
  Exports exports_;
  HostedPtr<NodeActor> node_;
  net::Address address_;
  std::unique_ptr<ReactorThread> thread_;
};

/// `count` nodes that know each other; the first one started the ring.
inline std::vector<std::unique_ptr<MeshNode>> start_mesh(System& system, size_t count,
                                                         bool first_has_workers = true,
                                                         const MeshNode::Options& all = {}) {
  std::vector<std::unique_ptr<MeshNode>> nodes;
  for (size_t i = 0; i < count; ++i) {
    MeshNode::Options options = all;
    options.workers = i > 0 || first_has_workers;
    if (i > 0) options.bootstrap.push_back(nodes.front()->address());
    nodes.push_back(std::make_unique<MeshNode>(system, options));
  }
  for (const auto& node : nodes) THEMIS_ASSERT(node->wait_joined(count), "the ring comes up");
  return nodes;
}

inline DeployFunction deployment(const std::string& name, std::string_view source,
                                 uint32_t instances = kInstancesDefault) {
  return {name, std::make_shared<const Bytes>(to_bytes(source)), instances};
}

}  // namespace themis::testing
