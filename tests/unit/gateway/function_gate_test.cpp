// Calls from functions and queues to functions, through a mesh of real nodes with scripted workers.
#include "actors/gateway/function_gate.hpp"

#include <future>

#include "actors/caller/service_gate.hpp"
#include "actors/caller/services.hpp"
#include "runtime/js/engine.hpp"
#include "tests/unit/services/function_service_fixture.hpp"

namespace themis::testing {
namespace {

class FunctionGateTest : public FunctionServiceTest {
 protected:
  /// A gate on the last node, which knows nobody yet.
  void start_gate(size_t nodes) {
    start(nodes);
    last_ = nodes_.back().get();
    last_->in_loop([&] {
      gate_ = spawn_pinned<FunctionGate>(last_->reactor(), std::vector<RouteConfig>(),
                                         static_cast<Rng&>(rng_));
    });
  }
  void tell_gate() {
    caf::anon_send(gate_, UseNode{last_->node(), last_->contact()});
    caf::anon_send(gate_, UseFunctions{last_->functions});
  }
  void TearDown() override {
    if (last_ != nullptr) last_->end(gate_);
  }
  Result<OutcomeMsg> call(const std::string& name, uint8_t depth = 1, uint8_t event = 0) {
    wire::Builder<schema::Invoke> invoke;
    invoke->setFunction(wire::to_text(name));
    invoke->setMethod("POST");
    invoke->setUrl("http://other/path");
    auto headers = invoke->initHeaders(1);
    headers[0].setName("X-Kept");
    headers[0].setValue("1");
    invoke->setBody(wire::to_data(as_bytes("body")));
    invoke->setDepth(depth);
    invoke->setEvent(event);
    return ask<OutcomeMsg>(system_, gate_, invoke.finish());
  }
  std::string text(const std::string& name, uint8_t depth = 1, uint8_t event = 0) {
    const auto answer = call(name, depth, event);
    if (!answer) return answer.error().text();
    return std::string(as_text(wire::bytes_of(answer->view()->getBody())));
  }

  /// The sum of what the workers of all nodes say.
  template <class Atom>
  size_t in_workers(Atom atom) {
    size_t sum = 0;
    for (const auto& node : nodes_) sum += ask<size_t>(system_, node->workers, atom).value();
    return sum;
  }

  SystemRng rng_;
  MeshNode* last_ = nullptr;
  caf::actor gate_;
};

TEST_F(FunctionGateTest, ReachesAFunctionWhereverItRuns) {
  start_gate(3);
  EXPECT_EQ(text("fn/f"), "unavailable: this node has not started yet");
  tell_gate();
  ASSERT_TRUE(deploy("f", "hello", 1));
  EXPECT_EQ(text("fn/f"), "hello POST http://other/path body X-Kept");
  EXPECT_EQ(text("fn/f", js::kDepthMax, 2), "hello POST http://other/path body X-Kept");
}

TEST_F(FunctionGateTest, SaysWhatItCannotReach) {
  start_gate(1);
  tell_gate();
  EXPECT_EQ(call("fn/gone").error().code, Code::not_found);
  EXPECT_EQ(text("f"), "malformed: a call of no function");
  EXPECT_EQ(text("queue/f"), "malformed: a call of no function");
  EXPECT_EQ(text("fn/f", js::kDepthMax + 1), "denied: functions call each other too deep");
  EXPECT_EQ(call("fn/Not A Name").error().code, Code::not_found);
}

/// It ran on, and kept its place, until it ended by itself.
TEST_F(FunctionGateTest, RegressACallThatIsGivenUpEndsWhereItRuns) {
  start_gate(2);
  tell_gate();
  ASSERT_TRUE(deploy("f", "waits", 1));
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction("fn/f");
  invoke->setMethod("POST");
  invoke->setUrl("http://other/");
  const InvokeMsg call = invoke.finish();
  auto pending =
      std::async(std::launch::async, [&] { return ask<OutcomeMsg>(system_, gate_, call); });
  EXPECT_TRUE(eventually([&] { return in_workers(caf::get_atom::value) == 1; }));
  caf::anon_send(gate_, CancelRequest{call.frame()});
  EXPECT_EQ(pending.get().error().code, Code::cancelled);
  EXPECT_TRUE(eventually([&] { return in_workers(caf::delete_atom::value) == 1; }));
}

/// A service that says when it is asked, and answers when that is given up.
class HeldService final : public caf::event_based_actor {
 public:
  HeldService(caf::actor_config& config, std::promise<void>& asked, std::promise<void>& told)
      : caf::event_based_actor(config), asked_(asked), told_(told) {}

 private:
  caf::behavior make_behavior() override {
    return {[this](const InvokeMsg&) -> caf::result<OutcomeMsg> {
              asked_.set_value();
              promise_ = make_response_promise<OutcomeMsg>();
              return promise_;
            },
            [this](const CancelRequest&) {
              told_.set_value();
              promise_.deliver(to_caf({Code::cancelled, "given up"}));
            }};
  }

  std::promise<void>& asked_;
  std::promise<void>& told_;
  caf::typed_response_promise<OutcomeMsg> promise_;
};

TEST_F(FunctionGateTest, RegressACallOfAServiceThatIsGivenUpEndsWhereItRuns) {
  start_gate(1);
  const std::string name = service_name("held");
  std::promise<void> asked;
  std::promise<void> told;
  caf::actor held = system_.caf().spawn<HeldService>(std::ref(asked), std::ref(told));
  caf::actor services;
  last_->in_loop([&] {
    last_->exports().add(name, caf::actor_cast<caf::strong_actor_ptr>(held));
    services = spawn_pinned<ServiceGate>(last_->reactor(), ServiceGateOptions{{"held"}, {}, &rng_});
  });
  ASSERT_TRUE(order(system_, last_->node(), ProvideName{name}));
  caf::anon_send(services, UseNode{last_->node(), last_->contact()});
  wire::Builder<schema::Invoke> invoke;
  invoke->setFunction("held");
  invoke->setMethod("POST");
  invoke->setUrl("http://held/");
  const InvokeMsg call = invoke.finish();
  auto pending =
      std::async(std::launch::async, [&] { return ask<OutcomeMsg>(system_, services, call); });
  ASSERT_EQ(asked.get_future().wait_for(20s), std::future_status::ready);
  caf::anon_send(services, CancelRequest{call.frame()});
  EXPECT_EQ(pending.get().error().code, Code::cancelled);
  EXPECT_EQ(told.get_future().wait_for(20s), std::future_status::ready);
  last_->end(services);
  last_->end(held);
}

TEST_F(FunctionGateTest, AFunctionsOwnFailureIsTheAnswer) {
  start_gate(1);
  tell_gate();
  ASSERT_TRUE(deploy("f", "throws"));
  EXPECT_EQ(call("fn/f").error().code, Code::threw);
}

}  // namespace
}  // namespace themis::testing
