// Node actors on simulated hosts: the real ring, sessions and handshakes on virtual time.
#include "actors/node/node_actor.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>

#include "actors/system/system.hpp"
#include "rpc.capnp.h"
#include "runtime/crypto/crypto.hpp"
#include "runtime/sim/world.hpp"

namespace themis {
namespace {

using EchoMsg = wire::Msg<schema::Echo>;

EchoMsg make_echo(uint64_t sequence) {
  wire::Builder<schema::Echo> echo;
  echo->setSequence(sequence);
  return echo.finish();
}

/// Asks a node and keeps the answers, by number.
class Local final : public HostedActor {
 public:
  Local(caf::actor_config& config, Reactor& reactor) : HostedActor(config, reactor) {}
  template <class T>
  uint64_t ask(const caf::actor& to, T question) {
    caf::actor_cast<caf::strong_actor_ptr>(to)->enqueue(
        caf::strong_actor_ptr{ctrl()}, caf::make_message_id(++last_),
        caf::make_message(std::move(question)), &reactor_);
    return last_;
  }
  std::map<uint64_t, caf::message> answers;
  std::vector<NameChanged> changes;

 private:
  void on_message(caf::mailbox_element& element) override {
    if (element.mid.is_response()) {
      answers[element.mid.request_id().integer_value()] = element.move_content_to_message();
    } else if (element.content().match_elements<EchoMsg>()) {
      reply(element, caf::make_message(element.content().get_as<EchoMsg>(0)));
    } else if (element.content().match_elements<NameChanged>()) {
      changes.push_back(element.content().get_as<NameChanged>(0));
    }
  }
  uint64_t last_ = 0;
};

/// One process with a node.
struct Member {
  Member(System& system, sim::Host& on, uint64_t seed, std::vector<net::Address> bootstrap)
      : host(on),
        rng(seed),
        identity(wire::Identity::generate("nodes", rng)),
        reactor(system.caf(), host) {
    reactor.bind_to_this_thread();
    local = spawn_hosted<Local>(reactor);
    exports.add("echo", local.strong());
    NodeOptions options;
    options.identity = &identity;
    options.listen = {host.ip(), 7001};
    options.bootstrap = std::move(bootstrap);
    options.types = &system.types();
    options.exports = &exports;
    options.rng = &rng;
    node = spawn_hosted<NodeActor>(reactor, std::move(options));
  }
  ~Member() {
    local->answers.clear();  // it may hold itself
    exports = {};
  }
  NodeId id() const { return identity.id(); }
  net::Address address() const { return {host.ip(), 7001}; }
  bool knows(const NodeId& other) const { return node->ring().table().find(other) != nullptr; }

  sim::Host& host;
  SeededRng rng;
  wire::Identity identity;
  Reactor reactor;
  Exports exports;
  HostedPtr<Local> local;
  HostedPtr<NodeActor> node;
};

class NodeActorTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { crypto::init(); }

  Member& add(uint64_t seed, std::vector<net::Address> bootstrap) {
    return start(world_.add_host("10.0.0." + std::to_string(seed)), seed, std::move(bootstrap));
  }
  Member& start(sim::Host& host, uint64_t seed, std::vector<net::Address> bootstrap) {
    members_[seed] = std::make_unique<Member>(system_, host, seed, std::move(bootstrap));
    Member& member = *members_[seed];
    in(member, [&] { ASSERT_TRUE(member.node->start()); });
    return member;
  }
  /// A ring of `count` nodes that know each other.
  void ring_of(uint64_t count) {
    add(1, {});
    for (uint64_t seed = 2; seed <= count; ++seed) add(seed, {members_[1]->address()});
    ASSERT_TRUE(until([&] { return settled(); })) << "no ring";
  }
  bool settled() const {
    for (const auto& [seed, member] : members_) {
      if (member->node->ring().state() != ring::Ring::State::joined) return false;
      for (const auto& [other, peer] : members_)
        if (other != seed && !member->knows(peer->id())) return false;
    }
    return true;
  }
  void crash(uint64_t seed, sim::Crash how) {
    world_.crash(members_[seed]->host, how);
    members_.erase(seed);
  }
  void in(Member& member, const std::function<void()>& work) {
    bool ran = false;
    member.host.post([&] {
      work();
      ran = true;
    });
    ASSERT_TRUE(world_.run_until([&] { return ran; }, 1min));
  }
  bool until(const std::function<bool()>& done, Duration limit = 2min) {
    return world_.run_until(done, limit);
  }
  template <class Answer, class Question>
  Result<Answer> ask(Member& member, Question question) {
    return ask_at<Answer>(member, member.node.handle(), std::move(question));
  }
  template <class Answer, class Question>
  Result<Answer> ask_at(Member& member, const caf::actor& to, Question question) {
    uint64_t number = 0;
    in(member, [&] { number = member.local->ask(to, std::move(question)); });
    if (!until([&] { return member.local->answers.contains(number); }))
      return fail(Code::timeout, "no answer");
    const caf::message& answer = member.local->answers[number];
    if (answer.match_elements<Answer>()) return answer.get_as<Answer>(0);
    if (answer.match_elements<caf::error>()) return fail(from_caf(answer.get_as<caf::error>(0)));
    return fail(Code::internal, "an answer of another type");
  }
  Result<EchoMsg> echo_through(Member& from, const Member& to) {
    THEMIS_TRY(
        const caf::actor proxy,
        ask<caf::actor>(from, ReachActor{{to.id(), to.address()}, Exports::target_of("echo")}));
    return ask_at<EchoMsg>(from, proxy, make_echo(42));
  }

  System system_{System::Scheduling::virtual_time};
  sim::World world_{1};
  std::map<uint64_t, std::unique_ptr<Member>> members_;
};

TEST_F(NodeActorTest, FindsWhatAnotherNodeProvides) {
  ring_of(2);
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], ProvideName{"greeter", to_bytes("payload")}));
  const auto records = ask<ring::Records>(*members_[2], FindName{"greeter"});
  ASSERT_TRUE(records) << records.error().text();
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ((*records)[0].provider, (ring::Contact{members_[1]->id(), members_[1]->address()}));
  EXPECT_EQ(as_text((*records)[0].payload), "payload");
  EXPECT_EQ(ask<ring::Records>(*members_[2], FindName{"nobody"}).error().code, Code::not_found);
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], WithdrawName{"greeter"}));
  world_.run_for(5s);
  EXPECT_EQ(ask<ring::Records>(*members_[2], FindName{"greeter"}).error().code, Code::not_found);
}

TEST_F(NodeActorTest, ReachesActorsOfOtherNodesAndItsOwn) {
  ring_of(3);
  for (const auto& [from, member] : members_) {
    for (const auto& [to, other] : members_) {
      const Result<EchoMsg> echo = echo_through(*member, *other);
      ASSERT_TRUE(echo) << from << " to " << to << ": " << echo.error().text();
      EXPECT_EQ(echo->view()->getSequence(), 42u);
    }
  }
  const ReachActor nobody{{members_[1]->id(), members_[1]->address()}, 12345};
  EXPECT_EQ(ask<caf::actor>(*members_[1], nobody).error().code, Code::not_hosted);
  const ReachActor wrong{{members_[3]->id(), members_[2]->address()}, 12345};
  EXPECT_TRUE(ask<caf::actor>(*members_[1], wrong))
      << "the identity counts, and there is a session with it";
}

TEST_F(NodeActorTest, ReportsItself) {
  ring_of(3);
  world_.run_for(10s);  // the successor lists fill
  const auto report = ask<NodeReport>(*members_[2], ReportNode{});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->joined);
  EXPECT_EQ(report->self.id, members_[2]->id());
  EXPECT_EQ(report->network, "nodes");
  EXPECT_EQ(report->successors.size(), 2u);
  EXPECT_GE(report->sessions.size(), 1u);
}

TEST_F(NodeActorTest, HasOneSessionWithEachPeer) {
  ring_of(3);
  world_.run_for(1min);
  for (const auto& [seed, member] : members_)
    EXPECT_LE(member->node->peers().sessions().size(), 2u);
}

TEST_F(NodeActorTest, LeavesTheRingWhenItIsAskedToEnd) {
  ring_of(3);
  ASSERT_TRUE(ask<caf::unit_t>(*members_[3], ProvideName{"greeter", {}}));
  const NodeId gone = members_[3]->id();
  in(*members_[3],
     [&] { caf::anon_send_exit(members_[3]->node.handle(), caf::exit_reason::user_shutdown); });
  ASSERT_TRUE(
      until([&] { return members_[3]->node->ring().state() == ring::Ring::State::left; }, 3s));
  members_.erase(3);
  ASSERT_TRUE(until([&] { return !members_[1]->knows(gone) && !members_[2]->knows(gone); }, 10s));
  EXPECT_EQ(ask<ring::Records>(*members_[1], FindName{"greeter"}).error().code, Code::not_found);
  EXPECT_TRUE(echo_through(*members_[1], *members_[2]));
}

TEST_F(NodeActorTest, ForgetsANodeThatCrashed) {
  ring_of(3);
  const ring::Contact gone{members_[3]->id(), members_[3]->address()};
  crash(3, sim::Crash::reset);
  ASSERT_TRUE(
      until([&] { return !members_[1]->knows(gone.id) && !members_[2]->knows(gone.id); }, 10s));
  const auto reached = ask<caf::actor>(*members_[1], ReachActor{gone, Exports::target_of("echo")});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Code::unavailable);
  EXPECT_TRUE(echo_through(*members_[1], *members_[2]));
}

TEST_F(NodeActorTest, TellsWatchersAtOnceThroughTheNodeThatKeepsTheName) {
  ring_of(3);
  const auto& changes = members_[2]->local->changes;
  ASSERT_TRUE(ask<caf::unit_t>(*members_[2], WatchName{"greeter"}));
  ASSERT_TRUE(until([&] { return changes.size() == 1; }));
  EXPECT_TRUE(changes[0].records.empty());
  ASSERT_TRUE(ask<caf::unit_t>(
      *members_[1], ProvideName{"greeter", to_bytes("payload"), 7, "1.2", {{"zone", "a"}}}));
  ASSERT_TRUE(until([&] { return changes.size() == 2; }, 5s));
  EXPECT_EQ(changes[1].name, "greeter");
  ASSERT_EQ(changes[1].records.size(), 1u);
  const ring::Record& record = changes[1].records[0];
  EXPECT_EQ(record.provider.id, members_[1]->id());
  EXPECT_EQ(record.weight, 7u);
  EXPECT_EQ(record.version, "1.2");
  EXPECT_EQ(record.labels, (ring::Labels{{"zone", "a"}}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], WithdrawName{"greeter"}));
  ASSERT_TRUE(until([&] { return changes.size() == 3; }, 5s));
  EXPECT_TRUE(changes[2].records.empty());
  ASSERT_TRUE(ask<caf::unit_t>(*members_[2], UnwatchName{"greeter"}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], ProvideName{"greeter"}));
  EXPECT_EQ(changes.size(), 3u);
}

TEST_F(NodeActorTest, ForgetsANodeWhoseMachineIsGone) {
  ring_of(3);
  const NodeId gone = members_[3]->id();
  crash(3, sim::Crash::vanish);
  ASSERT_TRUE(until([&] { return !members_[1]->knows(gone) && !members_[2]->knows(gone); }, 1min));
  EXPECT_TRUE(echo_through(*members_[1], *members_[2]));
}

TEST_F(NodeActorTest, TakesBackANodeThatRestartsWithItsIdentity) {
  ring_of(3);
  ASSERT_TRUE(echo_through(*members_[1], *members_[3]));
  sim::Host& host = members_[3]->host;
  const NodeId id = members_[3]->id();
  crash(3, sim::Crash::vanish);
  world_.restart(host);
  start(host, 3, {members_[1]->address()});
  EXPECT_EQ(members_[3]->id(), id);
  ASSERT_TRUE(until([&] { return settled(); }));
  EXPECT_TRUE(echo_through(*members_[1], *members_[3]));
  EXPECT_TRUE(echo_through(*members_[3], *members_[2]));
}

TEST_F(NodeActorTest, AnswersQuestionsOfPeersOnly) {
  ring_of(1);
  const auto answer = ask<caf::actor>(*members_[1], make_echo(1));
  EXPECT_EQ(answer.error(), (Error{Code::denied, "only peers ask a node"}));
  EXPECT_EQ(ask<caf::actor>(*members_[1], 4711).error().code, Code::invalid);
}

TEST_F(NodeActorTest, SaysThatItsAddressIsInUse) {
  ring_of(1);
  Member second(system_, members_[1]->host, 9, {});
  Status status;
  in(second, [&] { status = second.node->start(); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), (Error{Code::io, "10.0.0.1:7001: address already in use"}));
  // It had no ring to leave.
  EXPECT_EQ(ask<ring::Records>(second, FindName{"x"}).error().code, Code::unavailable);
  in(second, [&] { caf::anon_send_exit(second.node.handle(), caf::exit_reason::user_shutdown); });
}

}  // namespace
}  // namespace themis
