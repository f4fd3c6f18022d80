// Clients of a node's state through the actors: what their receipts are worth, what a host or
// another client can make of their calls, and what is left of them after a restart.

#include <gtest/gtest.h>
#include <signal.h>

#include "actors/monitor/state_actor.hpp"
#include "actors/monitor/state_client.hpp"
#include "actors/placement/placement.hpp"
#include "enclave/host/call_bytes.hpp"
#include "enclave/receipts/receipt.hpp"
#include "tests/unit/monitor/before_monitors.hpp"
#include "tests/unit/store/temporary_directory.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

crypto::DhKey key_of(uint64_t seed) {
  SeededRng rng(seed);
  return crypto::DhKey(crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng));
}

StateCall make(StateOp op, std::string key, std::string_view value = {}) {
  StateCall call;
  call.op = op;
  call.name_space = "n";
  call.key = std::move(key);
  call.value = to_bytes(value);
  return call;
}

/// What a host makes of the question whether a call is its client's.
enum class Admits { asks, always, breaks };

class Careless final : public tests::BeforeMonitors {
 public:
  Careless(caf::actor_config& config, const std::atomic<Admits>& how)
      : BeforeMonitors(config), how_(how) {}

 private:
  caf::behavior make_behavior() override {
    return but([this](const AdmitCallMsg& message) -> caf::result<CallAdmittedMsg> {
      if (how_ == Admits::always) return encode_admitted(true);
      if (how_ == Admits::breaks) return to_caf({Code::unavailable, "it is gone"});
      delegate(monitors_, message);
      return caf::delegated<CallAdmittedMsg>{};
    });
  }
  const std::atomic<Admits>& how_;
};

class StateClients : public testing::TestWithParam<Place> {
 protected:
  StateClients() { log::setup(log::Level::off, log::Format::text); }
  void start(Duration epoch = 20ms, uint16_t threads = 1) {
    PlaceOptions place;
    place.place = GetParam();
    place.program = THEMIS_ENCLAVE;
    place.kinds.merge(state_kinds());
    start_at(place, epoch, threads);
  }
  void start_at(const PlaceOptions& place, Duration epoch = 20ms, uint16_t threads = 1) {
    StateOptions made;
    made.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    made.data = directory_.path();
    made.shape.threads = threads;
    made.epoch = epoch;
    made.history = &history_;
    state_ = caf::actor_cast<caf::actor>(world_.caf().spawn<StateActor>(made));
  }
  void TearDown() override { EXPECT_EQ(world_.stop(state_), "user_shutdown"); }

  /// One message each, sent together.
  std::vector<Result<StateAnswer>> run(const std::vector<StateCall>& calls, bool wait = false) {
    caf::scoped_actor self{world_.caf()};
    std::vector<std::function<Result<StateAnswer>()>> answers;
    for (const StateCall& call : calls) {
      CallState plain{{}, wait};
      if (plain.calls.add(call)) {
        answers.push_back(received<StateAnswers>(self, plain));
      } else {
        answers.push_back(received<StateAnswer>(self, ProveState{call, wait}));
      }
    }
    std::vector<Result<StateAnswer>> out;
    for (const auto& answer : answers) out.push_back(answer());
    return out;
  }
  static Result<StateAnswer> one(const StateAnswers& all) { return all.front(); }
  static Result<StateAnswer> one(const StateAnswer& answer) { return answer; }
  template <class Answer, class Question>
  std::function<Result<StateAnswer>()> received(caf::scoped_actor& self, const Question& question) {
    const auto open = std::make_shared<decltype(self->request(state_, kDeadline, question))>(
        self->request(state_, kDeadline, question));
    return [open] {
      Result<StateAnswer> out = fail(Code::internal, "no answer");
      open->receive([&](const Answer& answer) { out = one(answer); },
                    [&](const caf::error& error) { out = fail(from_caf(error)); });
      return out;
    };
  }
  Result<StateAnswer> run(const StateCall& call, bool wait = false) {
    return run(std::vector{call}, wait).at(0);
  }
  StateSeat join(const crypto::DhKey& own) {
    StateCall call = make(StateOp::join, "");
    call.value = Bytes(own.share().bytes.begin(), own.share().bytes.end());
    const auto answer = run(call);
    EXPECT_TRUE(answer) << answer.error().text();
    if (!answer || !answer->instance || !answer->client) return {};
    return {*answer->instance, *answer->client, 0};
  }
  /// Signed, run, and checked.
  Result<StateAnswer> call(StateClient& client, StateCall call, bool wait = false) {
    call.receipt = true;
    call.transferable = wait;
    THEMIS_CHECK(client.sign(call));
    THEMIS_TRY(StateAnswer answer, run(call, wait));
    THEMIS_CHECK(client.check(call, answer));
    return answer;
  }
  StateReport report() { return world_.ask<StateReport>(state_, ReportState{}).value(); }
  void restart() {
    EXPECT_EQ(world_.stop(state_), "user_shutdown");
    start();
  }
  std::string plain_get(const std::string& key) {
    const auto answer = run(make(StateOp::get, key));
    if (!answer) return answer.error().text();
    return answer->value ? std::string(as_text(*answer->value)) : "absent";
  }

  storage::TemporaryDirectory directory_;
  StateHistory history_;
  ReactorThread world_;
  caf::actor state_;
};

INSTANTIATE_TEST_SUITE_P(Places, StateClients, testing::Values(Place::local, Place::process));

TEST_P(StateClients, EveryAnswerOfAClientIsTheMonitorsOwn) {
  start(20ms, 4);
  const crypto::DhKey own = key_of(1);
  StateClient client(own, join(own));
  EXPECT_FALSE(call(client, make(StateOp::get, "k"))->done);
  EXPECT_TRUE(call(client, make(StateOp::put, "k", "v"))->done);
  const auto got = call(client, make(StateOp::get, "k"));
  ASSERT_TRUE(got && got->value);
  EXPECT_EQ(as_text(*got->value), "v");
  EXPECT_FALSE(got->certified);
  StateCall cas = make(StateOp::cas, "k", "w");
  EXPECT_FALSE(call(client, cas)->done);
  cas.expected = to_bytes("v");
  EXPECT_TRUE(call(client, cas)->done);
  StateCall both = make(StateOp::transaction, "");
  both.changes = {{"k", true, to_bytes("w"), true, to_bytes("x")}, {"l", false, {}, true, {}}};
  EXPECT_TRUE(call(client, both)->done);
  EXPECT_EQ(plain_get("k"), "x");
  EXPECT_TRUE(call(client, make(StateOp::remove, "k"))->done);
  EXPECT_EQ(client.seat().nonce, 7u);
}

TEST_P(StateClients, AReceiptThatWaitedCanBeShownToAnybodyBeforeAndAfterARestart) {
  start();
  const crypto::DhKey own = key_of(2);
  StateClient client(own, join(own));
  const auto put = call(client, make(StateOp::put, "k", "v"), true);
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_TRUE(put->certified);
  const crypto::PublicKey store = client.seat().instance.signing;
  const std::string shown = put->receipt->transferable;
  EXPECT_TRUE(receipts::verify_text(shown, store));
  EXPECT_EQ(to_hex(store.view()), report().key);
  restart();
  StateClient again(own, join(own));
  EXPECT_EQ(again.seat().instance.signing, store) << "what people pinned stays";
  EXPECT_NE(again.seat().instance.id, client.seat().instance.id);
  EXPECT_TRUE(receipts::verify_text(shown, again.seat().instance.signing));
}

TEST_P(StateClients, TheNodeIsTheClientOfThoseWithoutAKey) {
  start();
  StateCall put = make(StateOp::put, "k", "v");
  put.receipt = true;
  const auto provisional = run(put);
  ASSERT_TRUE(provisional && provisional->receipt);
  EXPECT_FALSE(provisional->receipt->operation.empty());
  EXPECT_TRUE(provisional->receipt->transferable.empty());
  put.transferable = true;
  StateCall plain = make(StateOp::get, "k");
  StateCall get = plain;
  get.receipt = get.transferable = true;
  const auto all = run({plain, put, plain, get, plain}, true);
  for (const auto& each : all) ASSERT_TRUE(each) << each.error().text();
  EXPECT_FALSE(all[0]->receipt || all[2]->receipt || all[4]->receipt);
  const auto key = crypto::PublicKey::from_bytes(from_hex(report().key).value()).value();
  for (const size_t i : {size_t{1}, size_t{3}}) {
    const auto receipt = receipts::Receipt::parse(all[i]->receipt->transferable);
    ASSERT_TRUE(receipt) << receipt.error().text();
    EXPECT_TRUE(receipt->verify(key));
    EXPECT_EQ(receipt->certificates.front().epoch, all[i]->epoch);
    EXPECT_EQ(receipt->position, all[i]->receipt->position);
    EXPECT_EQ(to_hex(receipt->result), i == 1 ? "0100" : "01010100" + to_hex(to_bytes("v")));
  }
}

TEST_P(StateClients, AdversaryAnAlteredCallIsRefusedAndHarmsNobody) {
  start();
  const crypto::DhKey own = key_of(3), other = key_of(4);
  StateClient client(own, join(own)), neighbour(other, join(other));
  const auto altered = [&](auto change) {
    StateCall one = make(StateOp::put, "k", "v");
    one.receipt = true;
    EXPECT_TRUE(client.sign(one));
    StateCaller caller = *one.caller;
    change(one, caller);
    one.caller = std::make_shared<const StateCaller>(caller);
    // Others' calls of the same commit.
    const auto all = run({make(StateOp::put, "p", "q"), one, make(StateOp::get, "p")});
    EXPECT_TRUE(all[0] && all[2] && all[2]->done);
    return all[1] ? Code{} : all[1].error().code;
  };
  EXPECT_EQ(altered([](StateCall& call, StateCaller&) { call.value[0] ^= std::byte{1}; }),
            Code::invalid);
  EXPECT_EQ(altered([](StateCall& call, StateCaller&) { call.key = "l"; }), Code::invalid);
  EXPECT_EQ(altered([](StateCall& call, StateCaller&) { call.name_space = "m"; }), Code::invalid);
  EXPECT_EQ(altered([](StateCall& call, StateCaller&) { call.op = StateOp::get; }), Code::invalid);
  EXPECT_EQ(altered([](StateCall& call, StateCaller&) { call.transferable = true; }),
            Code::invalid);
  EXPECT_EQ(altered([](StateCall&, StateCaller& caller) { ++caller.nonce; }), Code::invalid);
  EXPECT_EQ(altered([](StateCall&, StateCaller& caller) { caller.tag[15] ^= std::byte{1}; }),
            Code::invalid);
  EXPECT_EQ(
      altered([&](StateCall&, StateCaller& caller) { caller.client = neighbour.seat().client; }),
      Code::invalid);
  EXPECT_EQ(altered([](StateCall&, StateCaller& caller) { caller.client = receipts::kNoClient; }),
            Code::not_found);
  EXPECT_EQ(altered([](StateCall&, StateCaller& caller) { caller.client = 500; }), Code::not_found);
  EXPECT_EQ(altered([](StateCall&, StateCaller& caller) { caller.instance[0] ^= std::byte{1}; }),
            Code::not_found);
  EXPECT_EQ(plain_get("k"), "absent");
  EXPECT_TRUE(call(client, make(StateOp::put, "k", "v"), true)->certified);
  EXPECT_TRUE(call(neighbour, make(StateOp::get, "k"))->done);
  EXPECT_EQ(report().state, "up");
}

TEST_P(StateClients, AdversaryARepeatedCallIsRefused) {
  start();
  const crypto::DhKey own = key_of(5);
  StateClient client(own, join(own));
  StateCall first = make(StateOp::put, "k", "1"), second = make(StateOp::put, "k", "2");
  ASSERT_TRUE(client.sign(first) && client.sign(second));
  EXPECT_TRUE(run(second));
  EXPECT_EQ(run(second).error().code, Code::exists);
  EXPECT_EQ(run(first).error().code, Code::exists) << "a later one was run";
  EXPECT_EQ(plain_get("k"), "2");
}

TEST_P(StateClients, AdversaryAnAlteredAnswerIsNotBelieved) {
  start();
  const crypto::DhKey own = key_of(6), other = key_of(7);
  StateClient client(own, join(own)), neighbour(other, join(other));
  StateCall get = make(StateOp::get, "k");
  get.receipt = get.transferable = true;
  ASSERT_TRUE(client.sign(get));
  const auto answer = run(get, true);
  ASSERT_TRUE(answer) << answer.error().text();
  const auto told = [&](auto change, StateClient& to) {
    StateAnswer altered = *answer;
    StateReceipt receipt = *altered.receipt;
    change(receipt);
    altered.receipt = std::make_shared<const StateReceipt>(receipt);
    return to.check(get, altered).has_value();
  };
  EXPECT_TRUE(told([](StateReceipt&) {}, client));
  EXPECT_FALSE(told([](StateReceipt&) {}, neighbour));
  for (size_t at = 0; at < answer->receipt->operation.size(); ++at)
    EXPECT_FALSE(told([&](StateReceipt& r) { r.operation[at] ^= std::byte{1}; }, client)) << at;
  EXPECT_FALSE(told([](StateReceipt& r) { r.operation.clear(); }, client));
  EXPECT_FALSE(told([](StateReceipt& r) { r.transferable.back() = ' '; }, client));
  // What else the answer says comes from the receipt.
  StateAnswer lies = *answer;
  lies.done = true;
  lies.value = to_bytes("invented");
  EXPECT_TRUE(client.check(get, lies));
  EXPECT_FALSE(lies.done || lies.value);
  lies.receipt = nullptr;
  EXPECT_EQ(client.check(get, lies).error().code, Code::forged);
  // A valid receipt, of another call.
  const auto later = call(client, make(StateOp::put, "k", "v"), true);
  ASSERT_TRUE(later) << later.error().text();
  EXPECT_FALSE(
      told([&](StateReceipt& r) { r.transferable = later->receipt->transferable; }, client));
}

TEST_P(StateClients, AfterARestartAClientRegistersAgain) {
  start();
  const crypto::DhKey own = key_of(8);
  StateClient before(own, join(own));
  EXPECT_TRUE(call(before, make(StateOp::put, "k", "v")));
  restart();
  const auto refused = call(before, make(StateOp::put, "k", "w"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_found);
  EXPECT_NE(refused.error().detail.find("register it again"), std::string::npos);
  StateClient after(own, join(own));
  EXPECT_EQ(as_text(*call(after, make(StateOp::get, "k"))->value), "v");
}

TEST_P(StateClients, AReceiptIsNotCompletedByMonitorsThatWereKilled) {
  if (GetParam() == Place::local) return start();  // nothing to kill
  start(1h);
  const crypto::DhKey own = key_of(9);
  StateClient client(own, join(own));
  const uint32_t pid = report().pid;
  caf::scoped_actor self{world_.caf()};
  StateCall put = make(StateOp::put, "k", "v");
  put.receipt = put.transferable = true;
  ASSERT_TRUE(client.sign(put));
  auto waiting = self->request(state_, kDeadline, ProveState{put, true});
  ASSERT_EQ(plain_get("k"), "v") << "the call before it is provisional now";
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  waiting.receive(
      [](const StateAnswer&) { ADD_FAILURE() << "the monitors are gone"; },
      [](const caf::error& error) { EXPECT_EQ(from_caf(error).code, Code::unavailable); });
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (report().state != "up" && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(plain_get("k"), "v") << "it was run; no receipt of it comes";
  StateClient after(own, join(own));
  EXPECT_TRUE(call(after, make(StateOp::get, "k"))->done);
}

TEST_P(StateClients, TheNodeKeepsItsOwnPlaceAmongMany) {
  start();
  SeededRng rng(10);
  std::vector<StateCall> joins(kStateClientsMax, make(StateOp::join, ""));
  for (StateCall& each : joins) {
    const crypto::DhKey key{crypto::SecretBytes<crypto::DhKey::kSeedBytes>(rng)};
    each.value = Bytes(key.share().bytes.begin(), key.share().bytes.end());
  }
  const auto answers = run(joins);
  for (size_t i = 0; i + 1 < answers.size(); ++i) ASSERT_TRUE(answers[i]) << i;
  EXPECT_EQ(answers.back().error().code, Code::overloaded);
  StateCall get = make(StateOp::get, "k");
  get.receipt = true;
  EXPECT_TRUE(run(get));
  // No share, and one that is no key.
  EXPECT_EQ(run(make(StateOp::join, "", "short")).error().code, Code::invalid);
  EXPECT_EQ(report().state, "up");
}

TEST(StateOperation, IsReadAsTheCallThatItStandsFor) {
  StateCall cas = make(StateOp::cas, "k", "new");
  cas.expected = to_bytes("old");
  for (const StateCall& call : {make(StateOp::get, "k"), make(StateOp::put, "k", "v"),
                                make(StateOp::remove, "k"), make(StateOp::cas, "k", "v"), cas}) {
    const StateOperation operation = operation_of(call);
    const host::CallBytes<monitor::StateStore> bytes(operation.function, operation.keys,
                                                     operation.arguments);
    const auto read = read_call(operation.function, bytes.keys(), bytes.arguments());
    ASSERT_TRUE(read);
    EXPECT_EQ(state_ask_json({*read, false}), state_ask_json({call, false}));
    for (size_t left = 0; left < bytes.keys().size(); ++left)
      EXPECT_FALSE(read_call(operation.function, bytes.keys().first(left), bytes.arguments()));
    for (size_t left = 0; left < bytes.arguments().size(); ++left)
      EXPECT_FALSE(read_call(operation.function, bytes.keys(), bytes.arguments().first(left)));
  }
  EXPECT_FALSE(read_call(0, {}, {}));
  EXPECT_FALSE(read_call(monitor::StateStore::transact, {}, {}));
}

class AdversaryClientHost : public StateClients {
 protected:
  AdversaryClientHost() {
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.emplace("monitors",
                        [this](Reactor& reactor, const std::string&) -> Result<caf::actor> {
                          return spawn_pinned<Careless>(reactor, std::cref(how_));
                        });
    start_at(place);
    seat_ = join(own_);
  }
  std::atomic<Admits> how_ = Admits::asks;
  const crypto::DhKey own_ = key_of(11);
  StateSeat seat_;
};

INSTANTIATE_TEST_SUITE_P(Local, AdversaryClientHost, testing::Values(Place::local));

TEST_P(AdversaryClientHost, AMonitorRunsNoCallThatItsHostInvented) {
  StateClient client(own_, seat_);
  EXPECT_TRUE(call(client, make(StateOp::put, "k", "v")));
  StateCall invented = make(StateOp::put, "k", "w");
  ASSERT_TRUE(client.sign(invented));
  invented.value = to_bytes("x");
  how_ = Admits::always;
  EXPECT_EQ(run(invented).error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  EXPECT_NE(report().why.find("forged_call"), std::string::npos) << report().why;
}

TEST_P(AdversaryClientHost, MonitorsThatCannotBeAskedAreStartedAgain) {
  StateClient client(own_, seat_);
  how_ = Admits::breaks;
  StateCall one = make(StateOp::put, "k", "v");
  ASSERT_TRUE(client.sign(one));
  const auto answers = run({make(StateOp::put, "p", "q"), one});
  EXPECT_TRUE(answers[0] || answers[0].error().code == Code::unavailable) << "of a commit before";
  EXPECT_EQ(answers[1].error().code, Code::unavailable) << answers[1].error().text();
  how_ = Admits::asks;
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (report().state != "up" && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_EQ(plain_get("k"), "absent");
}

TEST_P(StateClients, WhatHasNoReceiptSaysSo) {
  start();
  StateCall list = make(StateOp::list, "");
  list.receipt = true;
  EXPECT_EQ(run(list).error().code, Code::invalid);
  StateCall zero = make(StateOp::join, "");
  zero.value = Bytes(32);
  EXPECT_EQ(run(zero).error().code, Code::denied);
  StateCall describe = make(StateOp::describe, "");
  EXPECT_EQ(to_hex(run(describe)->instance->signing.view()), report().key);
}

// Nothing watches over a question to an actor that has read it: who reads it answers.
TEST_P(StateClients, RegressQuestionsOfOtherNodesAreAnsweredWhenTheStateEnds) {
  start(1h);
  caf::scoped_actor self{world_.caf()};
  StateBatchAsk batch{{}, true};
  ASSERT_TRUE(batch.calls.put("n", "k", {}));
  const char* const json = R"({"op": "put", "key": "k", "value": "v", "wait": true})";
  const char* const proven =
      R"({"op": "put", "key": "k", "value": "v", "wait": true, "receipt": true})";
  const auto ask = [&](const AskStateMsg& message) {
    return self->request(state_, kDeadline, message);
  };
  std::array waiting = {ask(encode_ask(batch)), ask(encode_ask("n", json)),
                        ask(encode_ask("n", proven))};
  report();  // they have been read
  restart();
  for (auto& each : waiting)
    each.receive(
        [](const StateAnsweredMsg& answer) {
          EXPECT_EQ(decode_answers(answer, 1)->front().error().code, Code::unavailable);
        },
        [](const caf::error& error) { EXPECT_EQ(from_caf(error).code, Code::unavailable); });
}

}  // namespace
}  // namespace themis
