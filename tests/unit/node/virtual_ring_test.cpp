// A ring of processes with several nodes each, on simulated hosts: the real node actors on shared
// sessions.

#include <gtest/gtest.h>

#include <caf/all.hpp>

#include "actors/node/node_actor.hpp"
#include "actors/system/system.hpp"
#include "runtime/crypto/crypto.hpp"
#include "runtime/sim/world.hpp"

namespace themis {
namespace {

/// Asks a node and keeps the last answer.
class Asker final : public HostedActor {
 public:
  Asker(caf::actor_config& config, Reactor& reactor) : HostedActor(config, reactor) {}
  template <class T>
  void ask(const caf::actor& to, T question) {
    answer.reset();
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(
        caf::strong_actor_ptr{ctrl()}, caf::make_message_id(++last_),
        caf::make_message(std::move(question)), &reactor_);
  }
  std::optional<caf::message> answer;

 private:
  void on_message(caf::mailbox_element& element) override {
    if (element.mid.is_response() && element.mid.request_id().integer_value() == last_)
      answer = element.move_content_to_message();
  }
  uint64_t last_ = 0;
};

/// A machine with one process.
struct Machine {
  struct Virtual {
    wire::Identity identity;
    Exports exports;
    HostedPtr<NodeActor> actor;
  };
  Machine(System& with, sim::Host& on, uint64_t seed, size_t count)
      : system(with), host(on), rng(seed), reactor(system.caf(), host) {
    reactor.bind_to_this_thread();
    for (size_t i = 0; i < count; ++i)
      nodes.push_back(
          std::make_unique<Virtual>(Virtual{wire::Identity::generate("nodes", rng), {}, {}}));
    peers = std::make_unique<PeerTable>(reactor, nodes[0]->identity, true, rng, system.types(),
                                        nodes[0]->exports);
    asker = spawn_hosted<Asker>(reactor);
  }
  ~Machine() {
    asker->answer.reset();
    for (const auto& node : nodes) {
      caf::anon_send_exit(node->actor.handle(), caf::exit_reason::kill);
      node->exports = {};
    }
  }
  net::Address address() const { return {host.ip(), 7001}; }
  void start(const net::Address& bootstrap) {
    ASSERT_TRUE(peers->listen(address()));
    for (const auto& node : nodes) {
      NodeOptions options;
      options.identity = &node->identity;
      options.peers = peers.get();
      if (bootstrap != address()) options.bootstrap.push_back(bootstrap);
      if (bootstrap == address() && node != nodes[0]) {
        options.bootstrap.push_back(address());
        options.pinned.emplace(address(), nodes[0]->identity.id());
        options.ring.shares_address = true;
      }
      options.types = &system.types();
      options.exports = &node->exports;
      options.rng = &rng;
      node->actor = spawn_hosted<NodeActor>(reactor, std::move(options));
      ASSERT_TRUE(node->actor->start());
    }
  }

  System& system;
  sim::Host& host;
  SeededRng rng;
  Reactor reactor;
  std::vector<std::unique_ptr<Virtual>> nodes;
  std::unique_ptr<PeerTable> peers;
  HostedPtr<Asker> asker;
};

class VirtualRing : public testing::Test {
 protected:
  static constexpr size_t kMachines = 3, kNodes = 4;
  static void SetUpTestSuite() { crypto::init(); }

  void SetUp() override {
    for (size_t i = 0; i < kMachines; ++i) {
      sim::Host& host = world_.add_host("10.0.0." + std::to_string(i + 1));
      machines_.push_back(std::make_unique<Machine>(system_, host, i + 1, kNodes));
      host.post([this, i] { machines_[i]->start(machines_[0]->address()); });
    }
    ASSERT_TRUE(until([this] { return is_ideal(); }, 2min)) << "no ring";
  }
  bool until(const std::function<bool()>& done, Duration limit) {
    return world_.run_until(done, limit);
  }
  /// Every node that lives has the successor and the predecessor that the ids call for.
  bool is_ideal() const {
    std::map<NodeId, const ring::RoutingTable*> tables;
    for (const auto& machine : machines_)
      for (const auto& node : machine->nodes)
        if (node->actor && node->actor->ring().state() != ring::Ring::State::left) {
          if (node->actor->ring().state() != ring::Ring::State::joined) return false;
          tables.emplace(node->identity.id(), &node->actor->ring().table());
        } else if (!node->actor) {
          return false;
        }
    for (auto at = tables.begin(); at != tables.end(); ++at) {
      const auto next = std::next(at) == tables.end() ? tables.begin() : std::next(at);
      if (at->second->successor().id != next->first) return false;
      if (!next->second->predecessor() || next->second->predecessor()->id != at->first)
        return false;
    }
    return true;
  }
  static size_t sessions_in_use(const Machine& machine) {
    size_t count = 0;
    for (const SessionActor* session : machine.peers->sessions())
      count += session->state() == SessionActor::State::open;
    return count;
  }
  template <class Answer, class Question>
  Result<Answer> ask(Machine& machine, size_t node, Question question) {
    machine.host.post([&] { machine.asker->ask(machine.nodes[node]->actor.handle(), question); });
    world_.run_for(1ms);
    if (!until([&] { return machine.asker->answer.has_value(); }, 2min))
      return fail(Code::timeout, "no answer");
    const caf::message& answer = *machine.asker->answer;
    if (answer.match_elements<Answer>()) return answer.get_as<Answer>(0);
    return fail(from_caf(answer.get_as<caf::error>(0)));
  }

  System system_{System::Scheduling::virtual_time};
  sim::World world_{1};
  std::vector<std::unique_ptr<Machine>> machines_;
};

TEST_F(VirtualRing, FormsOverOneSessionBetweenTwoProcesses) {
  world_.run_for(1min);
  EXPECT_TRUE(is_ideal());
  for (const auto& machine : machines_) {
    EXPECT_EQ(machine->peers->sessions().size(), kMachines - 1);
    EXPECT_EQ(sessions_in_use(*machine), kMachines - 1);
  }
  // Every node provides in its own name, and every node finds it.
  for (size_t m = 0; m < kMachines; ++m)
    for (size_t n = 0; n < kNodes; ++n) {
      const std::string name = "of-" + std::to_string(m) + "-" + std::to_string(n);
      ASSERT_TRUE(ask<caf::unit_t>(*machines_[m], n, ProvideName{name}));
      const auto found =
          ask<ring::Records>(*machines_[(m + 1) % kMachines], (n + 1) % kNodes, FindName{name});
      ASSERT_TRUE(found) << found.error().text();
      ASSERT_EQ(found->size(), 1u);
      EXPECT_EQ(found->front().provider,
                (ring::Contact{machines_[m]->nodes[n]->identity.id(), machines_[m]->address()}));
    }
}

TEST_F(VirtualRing, DropsOneNodeThatFailedAndKeepsItsProcess) {
  Machine& machine = *machines_[1];
  const NodeId gone = machine.nodes[2]->identity.id();
  machine.host.post(
      [&] { caf::anon_send_exit(machine.nodes[2]->actor.handle(), caf::exit_reason::kill); });
  world_.run_for(20s);
  machine.nodes.erase(machine.nodes.begin() + 2);
  EXPECT_TRUE(is_ideal());
  for (const auto& other : machines_)
    for (const auto& node : other->nodes)
      EXPECT_EQ(node->actor->ring().table().find(gone), nullptr);
  EXPECT_EQ(sessions_in_use(machine), kMachines - 1);
}

TEST_F(VirtualRing, DropsAllNodesOfAMachineThatCrashed) {
  world_.crash(machines_[2]->host, sim::Crash::reset);
  machines_.pop_back();
  EXPECT_TRUE(until([this] { return is_ideal(); }, 30s));
  EXPECT_EQ(sessions_in_use(*machines_[0]), 1u);
}

}  // namespace
}  // namespace themis
