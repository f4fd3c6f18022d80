#include "actors/caller/service_gate.hpp"

#include <caf/all.hpp>

#include "actors/caller/services.hpp"
#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"

namespace themis {
namespace {

struct Asked {
  std::string service, method;
};

Result<Asked> asked_of(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<Asked> {
    return Asked{std::string(wire::text_of(invoke.getFunction())),
                 std::string(wire::text_of(invoke.getMethod()))};
  });
}

}  // namespace

ServiceGate::ServiceGate(caf::actor_config& config, ServiceGateOptions options)
    : PinnedActor(config),
      routes_(std::move(options.routes)),
      allowed_(options.allowed.begin(), options.allowed.end()),
      rng_(*options.rng) {}

caf::behavior ServiceGate::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) {
    if (caller_) caller_->on_down(down);
  });
  return {[this](const UseNode& use) {
            if (caller_) caller_->stop();
            caller_.emplace(*this, static_cast<CallKind&>(*this), rng_, use.node, routes_);
          },
          [this](const wire::Msg<schema::Invoke>& invoke) { return call(invoke); },
          [this](const CancelRequest& given_up) {
            if (caller_) caller_->cancel_for(given_up.frame);
          },
          [this](const CallerTimer& timer) {
            if (caller_) caller_->on_timer(timer);
          },
          [this](const NameChanged& changed) {
            if (caller_) caller_->on_changed(changed);
          }};
}

void ServiceGate::on_exit() {
  if (caller_) caller_->stop();
}

caf::result<ServiceGate::OutcomeMsg> ServiceGate::call(const InvokeMsg& invoke) {
  const Result<Asked> asked = asked_of(invoke);
  if (!asked) return to_caf(asked.error());
  if (!allowed_.contains(asked->service))
    return to_caf({Code::denied, "functions of this node may not call the service \"" +
                                     asked->service + "\": workers.services does not name it"});
  if (!caller_) return to_caf({Code::unavailable, "this node has not started yet"});
  auto promise = make_response_promise<OutcomeMsg>();
  RouteCaller::Then then = [promise](Result<RouteCaller::Answer> answer) mutable {
    answer ? promise.deliver(OutcomeMsg(std::move(answer->frame)))
           : promise.deliver(to_caf(answer.error()));
  };
  // The frame came over a session; the call's own has another deadline and maybe a key.
  RoutedCall call{service_name(asked->service), copy_of(*invoke.frame()),
                  mesh::is_idempotent(asked->method), invoke.frame()};
  call.safe = mesh::is_safe(asked->method);
  call.frame.writable()->set_deadline(caller_->deadline_of(call.name, invoke.frame()->deadline()));
  const Result<uint64_t> begun = caller_->call(std::move(call), std::move(then));
  if (!begun) promise.deliver(to_caf(begun.error()));
  return caf::delegated<OutcomeMsg>{};
}

wire::Target ServiceGate::target_of(const std::string& name, bool) const {
  return Exports::target_of(name);
}

void ServiceGate::ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
                      Failed failed) {
  request(instance, caf::infinite, InvokeMsg(frame))
      .then([answered =
                 std::move(answered)](const OutcomeMsg& outcome) { answered(outcome.frame()); },
            std::move(failed));
}

mesh::Judgement ServiceGate::judge(const caf::error& error) const { return judge_service(error); }

void ServiceGate::restore(const std::string&, std::function<void(Status)> answer) {
  answer(fail(Code::not_found, "services are started by their owners"));
}

Error ServiceGate::nobody(const std::string& name) const {
  return {Code::not_found, "no instance of \"" + name + "\" is known"};
}

void ServiceGate::after(Duration delay, uint64_t call) {
  reactor_.send_after(delay, caf::actor_cast<caf::actor>(this),
                      caf::make_message(CallerTimer{call}));
}

}  // namespace themis
