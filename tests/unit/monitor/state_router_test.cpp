// Which node keeps a namespace: one, whoever asks, and the same one when others join.

#include "actors/monitor/state_router.hpp"

#include <gtest/gtest.h>

#include "tests/unit/monitor/state_node.hpp"

namespace themis {
namespace {

using testing::ask;

class StateRouters : public ::testing::Test {
 protected:
  /// `keepers` of `count` nodes keep state.
  void start(size_t count, size_t keepers, const StateAccess& access = {}) {
    nodes_ = testing::start_mesh(system_, count);
    for (size_t i = 0; i < keepers; ++i)
      states_.push_back(std::make_unique<testing::StateNode>(system_, *nodes_[i], access));
  }
  static AskHome question(const std::string& name_space, const std::string& json) {
    return {encode_ask(name_space, json)};
  }
  Result<StateAnswer> call(size_t node, const std::string& name_space, const std::string& json) {
    const auto answer =
        ask<StateAnsweredMsg>(system_, states_[node]->router(), question(name_space, json));
    if (!answer) return fail(answer.error());
    return decode_answer(*answer);
  }
  System system_;
  std::vector<std::unique_ptr<testing::MeshNode>> nodes_;
  std::vector<std::unique_ptr<testing::StateNode>> states_;
};

TEST_F(StateRouters, EveryNodeReadsWhatAnotherOneWrote) {
  start(3, 3);
  for (const char* name : {"a", "b", "c", "d"}) {
    const auto put = call(0, name, R"({"op":"put","key":"k","value":"v"})");
    ASSERT_TRUE(put) << put.error().text();
    for (size_t node = 0; node < 3; ++node) {
      const auto got = call(node, name, R"({"op":"get","key":"k"})");
      ASSERT_TRUE(got) << got.error().text();
      EXPECT_TRUE(got->done) << name << " at " << node;
    }
    const auto records =
        ask<ring::Records>(system_, nodes_[0]->node(), FindName{ring_name_of_state(name)});
    ASSERT_TRUE(records) << records.error().text();
    EXPECT_EQ(records->size(), 1u) << "one node keeps " << name;
  }
}

TEST_F(StateRouters, NodesThatAskAtTheSameTimeFindTheSameOne) {
  start(3, 3);
  caf::scoped_actor self{system_.caf()};
  const auto send = [&](size_t node) {
    return self->request(
        states_[node]->router(), caf::infinite,
        question("n", R"({"op":"put","key":")" + std::to_string(node) + R"(","value":"v"})"));
  };
  std::vector<decltype(send(0))> open;
  for (size_t node = 0; node < 3; ++node) open.push_back(send(node));
  for (auto& one : open)
    one.receive([](const StateAnsweredMsg&) {},
                [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  for (size_t node = 0; node < 3; ++node) {
    const auto list = call(node, "n", R"({"op":"list"})");
    ASSERT_TRUE(list) << list.error().text();
    EXPECT_EQ(list->entries.size(), 3u);
  }
}

TEST_F(StateRouters, ANodeWithoutStateIsPassedOver) {
  start(3, 1);
  for (const char* name : {"a", "b", "c", "d"}) {
    const auto put = call(0, name, R"({"op":"put","key":"k","value":"v"})");
    ASSERT_TRUE(put) << put.error().text();
  }
}

TEST_F(StateRouters, PeersMayDoWhatTheRulesAllow) {
  StateAccess access;
  access.rules = {{.service = "state/read-only", .methods = {"get", "list"}},
                  {.caller = std::string(64, '0'), .service = "state/closed"}};
  start(3, 3, access);
  const std::string put = R"({"op":"put","key":"k","value":"v"})";
  const std::string get = R"({"op":"get","key":"k"})";
  const auto passed = [&](const char* name, const std::string& json) {
    int count = 0;
    for (size_t node = 0; node < 3; ++node) {
      const auto answer = call(node, name, json);
      count += answer.has_value();
      EXPECT_TRUE(answer || answer.error().code == Code::denied) << answer.error().text();
    }
    return count;
  };
  // The node that keeps a namespace is none of its own peers.
  EXPECT_EQ(passed("read-only", put), 1);
  EXPECT_EQ(passed("read-only", get), 3);
  EXPECT_EQ(passed("closed", put), 1);
  EXPECT_EQ(passed("closed", get), 1);
  EXPECT_EQ(passed("open", put), 3);
}

TEST_F(StateRouters, ABatchMayDoWhatEachOfItsOperationsMay) {
  StateAccess access;
  access.rules = {{.service = "state/read-only", .methods = {"get", "list"}}};
  start(3, 3, access);
  for (const bool writes : {false, true}) {
    StateBatchAsk batch;
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(batch.calls.get("read-only", std::to_string(i)));
    if (writes) {
      ASSERT_TRUE(batch.calls.put("read-only", "k", as_bytes("v")));
    }
    int passed = 0;
    for (size_t node = 0; node < 3; ++node) {
      const auto answer =
          ask<StateAnsweredMsg>(system_, states_[node]->router(), AskHome{encode_ask(batch)});
      if (!answer) {
        EXPECT_EQ(answer.error().code, Code::denied) << answer.error().text();
        continue;
      }
      ++passed;
      const auto answers = decode_answers(*answer, batch.calls.size());
      ASSERT_TRUE(answers) << answers.error().text();
      for (const auto& each : answers->all()) EXPECT_TRUE(each) << each.error().text();
    }
    EXPECT_EQ(passed, writes ? 1 : 3);
  }
}

TEST_F(StateRouters, RefusesABatchThatIsNone) {
  start(1, 1);
  const auto refused = [&](std::string_view name_space, ByteView calls) {
    wire::Builder<schema::AskState> message(64);
    message->setNameSpace(wire::to_text(std::string(name_space)));
    message->setCalls(wire::to_data(calls));
    const auto answer =
        ask<StateAnsweredMsg>(system_, states_[0]->router(), AskHome{message.finish()});
    return answer ? Code::internal : answer.error().code;
  };
  StateBatch batch;
  ASSERT_TRUE(batch.get("one", "k"));
  EXPECT_EQ(refused("two", batch.bytes()), Code::malformed);
  EXPECT_EQ(refused("Not", batch.bytes()), Code::invalid);
  EXPECT_EQ(refused("one", batch.bytes().first(5)), Code::malformed);
  ASSERT_TRUE(batch.get("two", "k"));
  EXPECT_EQ(refused("one", batch.bytes()), Code::invalid);
  Bytes damaged(batch.bytes().begin(), batch.bytes().begin() + 8);
  damaged[3] = std::byte{'O'};  // no character of a namespace: the keeper sees it
  EXPECT_EQ(refused("one", damaged), Code::malformed);
}

TEST_F(StateRouters, RegressARateCountsTheCallsOfABatch) {
  StateAccess access;
  access.routes = {{.name = "state/slow", .rate_per_s = 1, .rate_burst = 10}};
  start(3, 3, access);
  StateBatchAsk batch;
  for (int i = 0; i < 11; ++i) ASSERT_TRUE(batch.calls.get("slow", std::to_string(i)));
  int refused = 0;
  for (size_t node = 0; node < 3; ++node) {
    const auto answer =
        ask<StateAnsweredMsg>(system_, states_[node]->router(), AskHome{encode_ask(batch)});
    if (answer) continue;
    EXPECT_EQ(answer.error().code, Code::too_large) << answer.error().text();
    ++refused;
  }
  EXPECT_EQ(refused, 2) << "the node that keeps a namespace is none of its own peers";
}

/// One node keeps state and another asks it.
/// Actors that answer with the number of the node they live on.
class ActorsAtHome : public StateRouters {
 protected:
  using OutcomeMsg = wire::Msg<schema::Outcome>;
  using InvokeMsg = wire::Msg<schema::Invoke>;

  void start_with_actors(size_t count, size_t keepers) {
    start(count, keepers);
    for (uint16_t node = 0; node < keepers; ++node) {
      actors_.push_back(system_.caf().spawn([node](caf::event_based_actor*) -> caf::behavior {
        return {[node](const RunActor&) {
          wire::Builder<schema::Outcome> outcome(8);
          outcome->setStatus(static_cast<uint16_t>(200 + node));
          return outcome.finish();
        }};
      }));
      caf::anon_send(states_[node]->router(), UseActors{actors_[node]});
    }
  }
  void TearDown() override {
    for (const caf::actor& actor : actors_)
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  static InvokeMsg call_of(const std::string& id) {
    wire::Builder<schema::Invoke> call;
    call->setFunction("shop");
    call->initActor().setClassName("Cart");
    call->getActor().setId(wire::to_text(id));
    return call.finish();
  }
  /// The node that answered.
  Result<int> run(size_t from, const std::string& id) {
    const std::string space = bundle::actor_home("shop", {"Cart", id}).name_space;
    const auto outcome =
        ask<OutcomeMsg>(system_, states_[from]->router(), CallHome{space, call_of(id)});
    if (!outcome) return fail(outcome.error());
    return outcome->view()->getStatus() - 200;
  }
  std::vector<caf::actor> actors_;
};

TEST_F(ActorsAtHome, RunWhereTheirNamespaceIsKeptWhoeverAsks) {
  start_with_actors(3, 3);
  std::map<std::string, int> home_of;
  for (int i = 0; i < 30; ++i) {
    const std::string id = std::to_string(i);
    const auto home = run(i % 3, id);
    ASSERT_TRUE(home) << home.error().text();
    for (size_t from = 0; from < 3; ++from)
      EXPECT_EQ(run(from, id), *home) << id << " from " << from;
    const std::string space = bundle::actor_home("shop", {"Cart", id}).name_space;
    EXPECT_EQ(home_of.emplace(space, *home).first->second, *home) << space;
  }
}

TEST_F(ActorsAtHome, ANodeThatIsNotTheirHomeRunsNone) {
  start_with_actors(3, 3);
  const auto home = run(0, "a");
  ASSERT_TRUE(home) << home.error().text();
  for (int other = 0; other < 3; ++other) {
    if (other == *home) continue;
    const auto outcome =
        ask<OutcomeMsg>(system_, states_[static_cast<size_t>(other)]->router(), call_of("a"));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::not_hosted);
  }
}

TEST_F(ActorsAtHome, ACallOfNoActorIsRefused) {
  start_with_actors(1, 1);
  wire::Builder<schema::Invoke> call;
  call->setFunction("Not a name");
  call->initActor().setClassName("Cart");
  call->getActor().setId("a");
  const auto refused = ask<OutcomeMsg>(system_, states_[0]->router(), call.finish());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::malformed);
}

class StateOfAPeer : public StateRouters {
 protected:
  StateOfAPeer() {
    log::setup(log::Level::off, log::Format::text);
    start(2, 1);
    testing::MeshNode& node = *nodes_[1];
    node.in_loop([&] {
      peer_ = spawn_pinned<StateRouter>(node.reactor(), caf::actor{});
      caf::anon_send(peer_, UseNode{node.node(), node.contact()});
    });
  }
  ~StateOfAPeer() override { nodes_[1]->end(peer_); }
  /// Nothing: it was answered.
  std::optional<Code> ask_as_peer(const std::string& name_space, const std::string& json) {
    const auto answer = ask<StateAnsweredMsg>(system_, peer_, question(name_space, json));
    return answer ? std::nullopt : std::optional(answer.error().code);
  }
  caf::actor peer_;
};

TEST_F(StateOfAPeer, RegressCannotTakeAllNamesOfANode) {
  const std::string get = R"({"op":"get","key":"k"})";
  size_t kept = 0;
  std::optional<Code> refused;
  for (; !refused && kept <= kKeptMax; ++kept)
    refused = ask_as_peer("space-" + std::to_string(kept), get);
  EXPECT_EQ(refused, Code::overloaded);
  EXPECT_EQ(kept - 1, kKeptMax / 2);
  EXPECT_EQ(ask_as_peer("space-0", get), std::nullopt) << "what it has stays";
  EXPECT_TRUE(call(0, "another", get)) << "others have room";
}

TEST_F(StateOfAPeer, RegressCannotTakeAllPlacesOfClients) {
  SeededRng rng(1);
  const auto join = [&] {
    const crypto::DhKey key{crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng)};
    return R"({"op":"register","share":")" + to_hex(key.share().view()) + R"("})";
  };
  size_t joined = 0;
  std::optional<Code> refused;
  for (; !refused && joined < kStateClientsMax; ++joined) refused = ask_as_peer("n", join());
  EXPECT_EQ(refused, Code::overloaded);
  EXPECT_EQ(joined - 1, kStateClientsMax / 2u);
  const auto other = call(0, "n", join());
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_TRUE(other->client);
}

TEST_F(StateRouters, RefusesWhatIsNoCallAndWhatNobodyCanAnswer) {
  start(1, 1);
  EXPECT_EQ(call(0, "n", "{}").error().code, Code::malformed);
  EXPECT_EQ(call(0, "No", R"({"op":"get","key":"k"})").error().code, Code::invalid);
  const auto lost =
      caf::actor_cast<caf::actor>(spawn_pinned<StateRouter>(nodes_[0]->reactor(), caf::actor{}));
  const auto asked = [&] {
    return ask<StateAnsweredMsg>(system_, lost, question("m", R"({"op":"get","key":"k"})"));
  };
  EXPECT_EQ(asked().error().code, Code::unavailable) << "it knows no node";
  caf::anon_send_exit(lost, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace themis
