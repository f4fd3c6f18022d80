#include <caf/default_attachable.hpp>

#include "tests/unit/peer/raw_peer.hpp"

namespace themis {
namespace {

void watch_server(TwoEnds& two) {
  two.in(two.a, [&] { two.a.probe->watch(two.a.proxy()); });
  two.world.run_for(1s);
  ASSERT_TRUE(two.a.probe->downs.empty());
}

TEST(SessionSignals, AProxyEndsWithTheReasonItsOriginalEndedOf) {
  const caf::error reasons[] = {to_caf({Code::memory_exceeded, "128 MB"}), caf::exit_reason::kill,
                                caf::exit_reason::user_shutdown, caf::error{}};
  for (const caf::error& reason : reasons) {
    TwoEnds two;
    two.open();
    watch_server(two);
    two.in(two.b, [&] { two.b.server->end(reason); });
    ASSERT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
    EXPECT_EQ(describe(two.a.probe->downs[0]), describe(reason));
    EXPECT_EQ(is_clean_exit(two.a.probe->downs[0]), is_clean_exit(reason));
    EXPECT_EQ(two.a.session->state(), SessionActor::State::open);
  }
}

/// A normal end has no error to convert, and the conversion stopped the process.
TEST(SessionSignals, RegressAnActorThatEndsNormallyWhileItIsWatchedHarmsNobody) {
  TwoEnds two;
  two.open();
  watch_server(two);
  two.b.server->does = Server::Does::quit_normally;
  two.in(two.a, [&] { two.a.probe->tell(two.a.proxy(), echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
  EXPECT_FALSE(two.a.probe->downs[0]);
}

TEST(SessionSignals, AProxyForNobodyEndsAtOnce) {
  TwoEnds two;
  two.open();
  two.in(two.a, [&] { two.a.probe->watch(two.a.session->proxy(999)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
  EXPECT_EQ(from_caf(two.a.probe->downs[0]), (Error{Code::not_hosted, "no such actor here"}));
}

TEST(SessionSignals, ProxiesOfOneActorAreOne) {
  TwoEnds two;
  two.open();
  two.in(two.a, [&] { EXPECT_EQ(two.a.proxy(), two.a.proxy()); });
}

TEST(SessionSignals, ALostSessionEndsItsProxies) {
  TwoEnds two;
  two.open();
  watch_server(two);
  two.world.crash(two.b.host, sim::Crash::reset);
  ASSERT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
  EXPECT_EQ(from_caf(two.a.probe->downs[0]).code, Code::unavailable);
  two.in(two.a, [&] { two.a.probe->watch(two.a.proxy()); });
  EXPECT_EQ(two.a.probe->downs.size(), 2u) << "a proxy of a closed session is dead from the start";
}

TEST(SessionSignals, AnActorThatTookTheNameOfADeadOneGetsANewProxy) {
  TwoEnds two;
  two.open();
  watch_server(two);
  two.in(two.b, [&] { two.b.server->end(to_caf({Code::threw, "oops"})); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
  two.in(two.b, [&] {
    two.b.server = spawn_hosted<Server>(two.b.reactor, two.system.types());
    two.b.exports.add("server", two.b.server.strong());
  });
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }, 1s));
  EXPECT_FALSE(two.a.probe->answers.at(1).error);
}

TEST(SessionSignals, AnExitReachesAnActorWhosePeerMayEndIt) {
  for (const caf::exit_reason reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    TwoEnds two;
    two.b.context.peer_may_end_actors = true;
    two.open();
    watch_server(two);
    two.in(two.a, [&] { caf::anon_send_exit(two.a.proxy(), reason); });
    two.in(two.b, [&] { two.b.probe->watch(two.b.server.handle()); });
    ASSERT_TRUE(two.until(
        [&] { return two.a.probe->downs.size() == 1 && two.b.probe->downs.size() == 1; }, 1s));
    EXPECT_EQ(two.b.probe->downs[0], reason);
  }
}

/// Any member of the network could stop any exported actor of a node, the node itself included.
TEST(SessionSignals, AdversaryAnExitOfAnyOtherPeerIsIgnored) {
  TwoEnds two;
  two.open();
  two.in(two.b, [&] { two.b.probe->watch(two.b.server.handle()); });
  two.in(two.a, [&] { caf::anon_send_exit(two.a.proxy(), caf::exit_reason::user_shutdown); });
  two.in(two.a, [&] { two.a.probe->ask(two.a.proxy(), 1, echo_frame(1)); });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }, 1s));
  EXPECT_FALSE(two.a.probe->answers.at(1).error);
  EXPECT_TRUE(two.b.probe->downs.empty());
  EXPECT_EQ(two.b.session->counters().tells_dropped, 1u);
}

TEST(SessionSignals, AKilledProxyIsReplaced) {
  TwoEnds two;
  two.open();
  two.in(two.a, [&] {
    const caf::actor first = two.a.proxy();
    caf::anon_send_exit(first, caf::exit_reason::kill);
    EXPECT_NE(two.a.proxy(), first);
    two.a.probe->ask(two.a.proxy(), 1, echo_frame(1));
  });
  ASSERT_TRUE(two.until([&] { return two.a.probe->answers.size() == 1; }, 1s));
  EXPECT_FALSE(two.a.probe->answers.at(1).error);
}

/// An exported actor kept a monitor, and with it the memory, of every session there ever was.
TEST(SessionSignals, RegressAClosedSessionLeavesNoMonitorBehind) {
  TwoEnds two;
  two.open();
  watch_server(two);
  const caf::weak_actor_ptr session{two.b.session.strong().get()};
  two.in(two.b, [&] {
    two.b.session->finish();
    two.b.session.reset();
  });
  ASSERT_TRUE(two.until([&] { return two.a.closed.size() == 1; }));
  EXPECT_EQ(session.get()->strong_refs.load(), 0u);
  EXPECT_EQ(session.get()->weak_refs.load(), 1u) << "somebody still holds it";
}

TEST(SessionSignals, ProxiesThatNobodyHoldsAreGivenUp) {
  TwoEnds two;
  two.open();
  caf::actor kept;
  two.in(two.b, [&] {
    for (uint64_t i = 0; i < 5000; ++i) two.b.exports.add_unnamed(two.b.server.strong());
  });
  two.in(two.a, [&] {
    for (wire::Target target = 1; target <= 5000; ++target) {
      const caf::actor proxy = two.a.session->proxy(target);
      if (target == 7) kept = proxy;
    }
    two.a.probe->watch(kept);
  });
  two.world.run_for(1s);
  EXPECT_LE(two.a.session->proxy_count(), 1100u);
  EXPECT_LE(two.b.session->watched_count(), 1100u);
  EXPECT_TRUE(two.a.probe->downs.empty());
  two.in(two.b, [&] { two.b.server->end(caf::exit_reason::user_shutdown); });
  EXPECT_TRUE(two.until([&] { return two.a.probe->downs.size() == 1; }, 1s));
  kept = nullptr;
}

TEST(SessionSignals, AdversaryAFloodOfMonitorsOfOneActorIsOneMonitor) {
  WithRawPeer with;
  with.in_peer([&] {
    for (int i = 0; i < 1000; ++i)
      with.peer.send({.kind = wire::MessageKind::monitor, .target = Process::target()});
  });
  with.world.run_for(1s);
  EXPECT_EQ(with.end.session->watched_count(), 1u);
  with.end.host.post([&] { with.end.server->end(to_caf({Code::threw, "x"})); });
  with.world.run_for(1s);
  EXPECT_EQ(with.peer.count(wire::MessageKind::down), 1u);
}

TEST(SessionSignals, ADemonitorTakesOnlyItsOwnMonitor) {
  WithRawPeer with;
  const wire::Target other = with.end.exports.add("other name", with.end.server.strong());
  with.in_peer([&] {
    with.peer.send({.kind = wire::MessageKind::monitor, .target = Process::target()});
    with.peer.send({.kind = wire::MessageKind::monitor, .target = other});
    with.peer.send({.kind = wire::MessageKind::demonitor, .target = other});
    with.peer.send({.kind = wire::MessageKind::demonitor, .target = 4711});
  });
  with.world.run_for(1s);
  with.end.host.post([&] { with.end.server->end(to_caf({Code::threw, "x"})); });
  with.world.run_for(1s);
  ASSERT_EQ(with.peer.count(wire::MessageKind::down), 1u);
  EXPECT_EQ(with.peer.received.back().first.target, Process::target());
}

TEST(Failure, CutsWhatAPeerWroteAndChecksItsType) {
  const Error error{Code::denied, std::string(10'000, 'x')};
  EXPECT_EQ(decode_failure(encode_failure(error)), (Error{Code::denied, std::string(4096, 'x')}));
  EXPECT_EQ(decode_failure(echo_frame(1)).code, Code::malformed);
  EXPECT_EQ(decode_failure({}).code, Code::malformed);
  EXPECT_EQ(from_caf(decode_reason(echo_frame(1))).code, Code::malformed);
}

/// Each of its monitors was attached anew while another name kept the first.
TEST(SessionSignals, RegressAdversaryMonitorsOfTwoNamesOfOneActorAreCountedNotPiledUp) {
  WithRawPeer with;
  const wire::Target other = with.end.exports.add("other name", with.end.server.strong());
  with.in_peer([&] {
    with.peer.send({.kind = wire::MessageKind::monitor, .target = other});
    for (int i = 0; i < 1000; ++i)
      with.peer.send({.kind = wire::MessageKind::monitor, .target = Process::target()});
  });
  with.world.run_for(1s);
  EXPECT_EQ(with.end.session->watched_count(), 2u);
  EXPECT_EQ(with.end.server->detach(caf::default_attachable::observe_token{
                with.end.session->address(), caf::default_attachable::monitor}),
            1u);
}

TEST(SessionSignals, AdversaryAPeerThatWatchesTooManyActorsIsClosed) {
  WithRawPeer with;
  std::vector<wire::Target> names(SessionActor::kProxiesMax + 1);
  for (wire::Target& name : names) name = with.end.exports.add_unnamed(with.end.server.strong());
  size_t watched = 0;
  const auto watch = [&](size_t count) {
    with.in_peer([&] {
      for (size_t i = 0; i < count; ++i)
        with.peer.send({.kind = wire::MessageKind::monitor, .target = names[watched++]});
    });
    with.world.run_for(1s);
  };
  while (watched < SessionActor::kProxiesMax) watch(4096);
  EXPECT_EQ(with.end.session->watched_count(), SessionActor::kProxiesMax);
  EXPECT_TRUE(with.end.closed.empty());
  watch(1);
  ASSERT_EQ(with.end.closed.size(), 1u);
  EXPECT_EQ(with.end.closed[0], (Error{Code::overloaded, "the peer watches too many actors"}));
}

}  // namespace
}  // namespace themis
