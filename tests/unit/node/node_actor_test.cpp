// Node actors on simulated hosts: the real ring, sessions and handshakes on virtual time.
#include "actors/node/node_actor.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>

#include "actors/ring/ring_codec.hpp"
#include "actors/system/system.hpp"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "runtime/crypto/crypto.hpp"
#include "runtime/sim/world.hpp"

namespace themis {
namespace {

using EchoMsg = wire::Msg<schema::Echo>;
using PingMsg = wire::Msg<schema::Ping>;

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
  /// `old`: whose place it takes.
  Member(System& system, sim::Host& on, uint64_t seed, std::vector<net::Address> bootstrap,
         const wire::Identity* old = nullptr)
      : host(on),
        rng(seed),
        identity(old == nullptr ? wire::Identity::generate("nodes", rng)
                                : old->successor(rng, wall_s(), wall_s() + 3600)),
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
  uint32_t wall_s() const { return static_cast<uint32_t>(host.wall_ms() / 1000); }
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
  Member& start(sim::Host& host, uint64_t seed, std::vector<net::Address> bootstrap,
                const wire::Identity* old = nullptr) {
    members_[seed] = std::make_unique<Member>(system_, host, seed, std::move(bootstrap), old);
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

TEST_F(NodeActorTest, FindsNamesThatAreOnlyListedUntilTheyAreTakenOut) {
  ring_of(3);
  std::vector<std::string> names;
  for (size_t i = 0; i < 5'000; ++i) names.push_back("fn/" + std::to_string(i));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], ListNames{names}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[3], ListNames{{names[0]}}));
  for (const size_t i : {0, 1, 4'999}) {
    const auto found = ask<ring::Records>(*members_[2], FindName{names[i]});
    ASSERT_TRUE(found) << i;
    const auto is_first = [&](const ring::Record& record) {
      return record.provider.id == members_[1]->id();
    };
    EXPECT_EQ(std::ranges::count_if(*found, is_first), 1) << i;
    EXPECT_EQ(found->front().name, names[i]);
    EXPECT_TRUE(found->front().payload.empty());
  }
  EXPECT_LE(members_[1]->node->report().provided, ring::kListingBuckets);
  EXPECT_EQ(members_[1]->node->report().listed, names.size());
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], ProvideName{names[0], to_bytes("payload")}));
  EXPECT_EQ(ask<ring::Records>(*members_[2], FindName{names[0]}).value().front().payload,
            to_bytes("payload"))
      << "what is announced by itself comes first";
  ASSERT_TRUE(ask<caf::unit_t>(*members_[3], UnlistName{names[0]}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], WithdrawName{names[0]}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[1], UnlistName{names[0]}));
  world_.run_for(5s);
  EXPECT_EQ(ask<ring::Records>(*members_[2], FindName{names[0]}).error().code, Code::not_found);
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

TEST_F(NodeActorTest, TellsWatchersAtOnceOfAProviderThatCrashed) {
  ring_of(3);
  const auto& changes = members_[2]->local->changes;
  ASSERT_TRUE(ask<caf::unit_t>(*members_[2], WatchName{"greeter"}));
  ASSERT_TRUE(ask<caf::unit_t>(*members_[3], ProvideName{"greeter"}));
  ASSERT_TRUE(until([&] { return !changes.empty() && changes.back().records.size() == 1; }, 5s));
  EXPECT_TRUE(changes.back().lost.empty());
  const NodeId gone = members_[3]->id();
  crash(3, sim::Crash::reset);
  ASSERT_TRUE(until([&] { return !changes.back().lost.empty(); }, 1s));
  EXPECT_EQ(changes.back().lost, std::vector{gone});
  EXPECT_EQ(changes.back().records.size(), 1u) << "who calls it sees for itself";
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

/// Takes connections and says nothing.
struct Silent final : net::Acceptor, net::StreamHandler {
  net::StreamHandler* on_accept(const net::Address&) override { return this; }
  void accepted(net::StreamHandler*, std::unique_ptr<net::Stream> stream) override {
    streams.push_back(std::move(stream));
  }
  void on_data(std::span<std::byte>) override {}
  void on_closed(const Error&) override {}
  std::unique_ptr<net::Listener> listener;
  std::vector<std::unique_ptr<net::Stream>> streams;
};

TEST_F(NodeActorTest, RegressAQuestionDoesNotWaitForTheHandshakeOfAnAddressThatHangs) {
  ring_of(1);
  sim::Host& host = world_.add_host("10.0.0.99");
  Silent silent;
  host.post([&] { silent.listener = host.listen({"10.0.0.99", 7001}, silent).value(); });
  Member& late = add(2, {{"10.0.0.99", 7001}, members_[1]->address()});
  const TimePoint start = world_.now();
  ASSERT_TRUE(until([&] { return late.node->ring().state() == ring::Ring::State::joined; }));
  EXPECT_FALSE(silent.streams.empty());
  EXPECT_LT(world_.now() - start, 3s) << "ask_timeout is 1 s, a handshake may take 5 s";
  EXPECT_TRUE(echo_through(late, *members_[1]));
}

TEST_F(NodeActorTest, RegressAFingerIsReachedAndEndsWithItsContact) {
  ring_of(2);
  Member& from = *members_[1];
  const NodeId gone = members_[2]->id();
  const ReachActor reach{{gone, members_[2]->address()}, Exports::target_of(kNodeActorName)};
  const auto finger = ask<caf::actor>(from, reach);
  ASSERT_TRUE(finger) << finger.error().text();
  const PingMsg ping(ring::encode(ring::Question(ring::Ping{})));
  const auto ack = ask_at<wire::Msg<schema::Ack>>(from, *finger, ping);
  ASSERT_TRUE(ack) << ack.error().text();
  std::optional<Error> ended;
  (*finger)->attach_functor([&](const caf::error& reason) { ended = from_caf(reason); });
  crash(2, sim::Crash::reset);
  ASSERT_TRUE(until([&] { return ended.has_value(); }, 10s));
  EXPECT_FALSE(from.knows(gone));
  EXPECT_EQ(*ended, (Error{Code::unavailable, "the node left the routing table"}));
  EXPECT_FALSE(ask_at<wire::Msg<schema::Ack>>(from, *finger, ping));
}

/// Whoever knows it by its old name, from a record or a pin, gets through; the ring knows the new
/// name only.
TEST_F(NodeActorTest, GoesByItsOldNameAfterItsKeyWasRotated) {
  ring_of(3);
  ASSERT_TRUE(echo_through(*members_[1], *members_[3]));
  sim::Host& host = members_[3]->host;
  const wire::Identity old = std::move(members_[3]->identity);
  const ring::Contact cached{old.id(), members_[3]->address()};
  crash(3, sim::Crash::reset);
  world_.restart(host);
  Member& fresh = start(host, 33, {members_[1]->address()}, &old);
  ASSERT_TRUE(until([&] { return settled(); }));
  const auto proxy = ask<caf::actor>(*members_[1], ReachActor{cached, Exports::target_of("echo")});
  ASSERT_TRUE(proxy) << proxy.error().text();
  EXPECT_TRUE(ask_at<EchoMsg>(*members_[1], *proxy, make_echo(42)));
  EXPECT_NE(members_[1]->node->peers().find(fresh.id()), nullptr);
  EXPECT_TRUE(ask<caf::actor>(fresh, ReachActor{cached, Exports::target_of("echo")}))
      << "an old record of its own";
  world_.run_for(30s);
  EXPECT_FALSE(members_[1]->knows(cached.id) || members_[2]->knows(cached.id));
  const uint64_t dialled = members_[1]->node->peers().counters().dialled;
  world_.run_for(60s);
  EXPECT_LE(members_[1]->node->peers().counters().dialled, dialled + 1) << "nobody asks for it";
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
