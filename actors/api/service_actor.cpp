#include "actors/api/service_actor.hpp"

#include <caf/all.hpp>

#include "actors/monitor/state_api.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "rpc.capnp.h"

namespace themis {

ServiceActor::ServiceActor(caf::actor_config& config, ServiceSetup setup)
    : PoolActor(config),
      name_(std::move(setup.name)),
      runner_(setup.make()),
      guard_(setup.self, setup.routes, std::move(setup.rules)),
      calls_(*this, std::move(setup.node), std::move(setup.routes)),
      state_(std::move(setup.state)) {
  runner_.set_context(*this);
}

namespace {

Answer answer_to(caf::typed_response_promise<AnyMessage> promise) {
  return [promise](Result<wire::FramePtr> outcome) mutable {
    if (!promise.pending()) return;
    if (outcome) {
      promise.deliver(AnyMessage{std::move(*outcome)});
    } else {
      promise.deliver(to_caf(outcome.error()));
    }
  };
}

/// What every actor that calls services takes.
caf::message_handler handlers_of(caf::event_based_actor& self, ServiceCalls& calls) {
  self.set_down_handler([&calls](const caf::down_msg& down) { calls.routes().on_down(down); });
  return {[&calls](const CallerTimer& timer) { calls.routes().on_timer(timer); },
          [&calls](const NameChanged& changed) { calls.routes().on_changed(changed); }};
}

}  // namespace

caf::behavior ServiceActor::make_behavior() {
  set_default_handlers(*this);
  return handlers_of(*this, calls_)
      .or_else([this](const AnyMessage& request) { return serve(request.frame); },
               // Of a function: every process of the mesh knows this type.
               [this](const wire::Msg<HttpRequest>& request) { return serve(request.frame()); })
      .or_else(
          [this](const CancelRequest& given_up) { calls_.routes().cancel_for(given_up.frame); },
          // A health check: who answers it takes calls.
          [](const wire::Msg<schema::Echo>& check) { return check; });
}

caf::result<AnyMessage> ServiceActor::serve(const wire::FramePtr& request) {
  const Status admitted = guard_.admit(request->peer(), name_, runner_.method_name(request->type()),
                                       std::chrono::steady_clock::now(), request->former());
  if (!admitted) return to_caf(admitted.error());
  auto promise = make_response_promise<AnyMessage>();
  runner_.run(request, answer_to(promise));
  return promise;
}

void ServiceActor::ask_state(StateAsk ask, TimePoint deadline, StateAnswered then) {
  if (const Status checked = check_state_call(ask.call); !checked)
    return then(fail(checked.error()));
  ask_home(encode_ask(ask.call.name_space, state_ask_json(ask), deadline),
           [then = std::move(then)](const Result<StateAnsweredMsg>& told) {
             then(told ? decode_answer(*told) : fail(told.error()));
           });
}

void ServiceActor::ask_state(StateBatchAsk ask, TimePoint deadline, StateBatchAnswered then) {
  if (const Status checked = check_state_ask(ask); !checked) return then(fail(checked.error()));
  ask_home(encode_ask(ask, deadline), [then = std::move(then), calls = ask.calls.size()](
                                          const Result<StateAnsweredMsg>& told) {
    then(told ? decode_answers(*told, calls) : fail(told.error()));
  });
}

void ServiceActor::ask_home(AskStateMsg question, Told then) {
  const uint64_t id = ++last_ask_;
  asks_.emplace(id, std::move(then));
  const auto answered = [this, id](Result<StateAnsweredMsg> told) {
    if (auto waiting = asks_.extract(id)) waiting.mapped()(std::move(told));
  };
  request(state_, caf::infinite, AskHome{std::move(question)})
      .then([answered](const StateAnsweredMsg& message) { answered(message); },
            [answered](const caf::error& error) { answered(fail(from_caf(error))); });
}

caf::behavior CallerActor::make_behavior() {
  set_default_handlers(*this);
  return handlers_of(*this, calls_)
      .or_else([this](const CallService& wanted) -> caf::result<AnyMessage> {
        auto promise = make_response_promise<AnyMessage>();
        calls_.call(wanted.call, answer_to(promise));
        return promise;
      });
}

}  // namespace themis
