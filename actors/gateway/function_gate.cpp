#include "actors/gateway/function_gate.hpp"

#include <caf/all.hpp>

#include "actors/services/function_api.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "runtime/js/engine.hpp"

namespace themis {
namespace {

struct Forwarded {
  std::string function;
  std::string method;
  InvokeMsg invoke;
};

/// Of events, which may run once only unless a route says more.
constexpr const char* kNoHttpMethod = "";

Error not_started() { return {Code::unavailable, "this node has not started yet"}; }

bool is_for_actor(const InvokeMsg& message) {
  const auto is = wire::decode(message, [](const schema::Invoke::Reader& from) -> Result<bool> {
    return wire::text_of(from.getFunction()).starts_with("actor/");
  });
  return is && *is;
}

/// The call as the function's node takes it: under the plain name, in a frame of its own, its body
/// whole or a flow of this node. The answer's may go on as a flow, which the caller reads where the
/// answer is from. Errors: malformed, denied.
Result<Forwarded> forwarded(const CallByFunction& ask) {
  const auto& [message, deployer, body] = ask;
  return wire::decode(message, [&](const schema::Invoke::Reader& from) -> Result<Forwarded> {
    const auto function = function_of_ring_name(wire::text_of(from.getFunction()));
    if (!function) return fail(Code::malformed, "a call of no function");
    if (from.getDepth() > js::kDepthMax)
      return fail(Code::denied, "functions call each other too deep");
    if (from.getHeaders().size() > kInvokeHeadersMax || from.getBody().size() > kInvokeBodyBytesMax)
      return fail(Code::too_large, "the request is larger than a function takes");
    const bool is_request = from.getEvent() == static_cast<uint8_t>(js::Event::fetch);
    Forwarded out{
        *function, is_request ? std::string(wire::text_of(from.getMethod())) : kNoHttpMethod, {}};
    wire::Builder<schema::Invoke> to(message.frame()->words() + 8 + deployer.size() / 8);
    to->setFunction(wire::to_text(*function));
    to->setMethod(from.getMethod());
    to->setUrl(from.getUrl());
    to->setHeaders(from.getHeaders());
    to->setBody(from.getBody());
    to->setFlow(body);
    to->setEvent(from.getEvent());
    to->setDeployer(wire::to_text(deployer));
    to->setDepth(from.getDepth());
    if (from.getActor().getClassName().size() > 0) to->setActor(from.getActor());
    out.invoke = to.finish(message.frame()->deadline());
    return out;
  });
}

}  // namespace

caf::behavior FunctionGate::make_behavior() {
  set_default_handlers(*this);
  set_down_handler([this](const caf::down_msg& down) {
    if (caller_) caller_->routes().on_down(down);
  });
  return {[this](const UseNode& use) {
            node_ = use.node;
            restart();
          },
          [this](const UseFunctions& use) {
            functions_ = use.functions;
            restart();
          },
          [this](const InvokeMsg& invoke) {
            return call({invoke, {}});
          },
          [this](const CallByFunction& ask) { return call(ask); },
          [this](const CancelRequest& given_up) {
            if (caller_) caller_->routes().cancel_for(given_up.frame);
          },
          [this](const NoteAlarm& alarm) -> caf::result<void> {
            if (!functions_) return to_caf(not_started());
            delegate(functions_, alarm);
            return caf::delegated<void>{};
          },
          [this](const CallerTimer& timer) {
            if (caller_) caller_->routes().on_timer(timer);
          },
          [this](const NameChanged& changed) {
            if (caller_) caller_->routes().on_changed(changed);
          }};
}

void FunctionGate::restart() {
  if (caller_) caller_->stop();
  caller_.reset();
  if (node_ && functions_) caller_.emplace(*this, reactor_, rng_, node_, functions_, routes_);
}

void FunctionGate::forget() {
  if (caller_) caller_->stop();
  node_ = functions_ = nullptr;
}

caf::result<OutcomeMsg> FunctionGate::call(const CallByFunction& ask) {
  const InvokeMsg& invoke = ask.invoke;
  if (!caller_) return to_caf(not_started());
  if (is_for_actor(invoke)) {
    delegate(functions_, CallOwnActor{invoke});
    return caf::delegated<OutcomeMsg>{};
  }
  const Result<Forwarded> to = forwarded(ask);
  if (!to) return to_caf(to.error());
  const CallTarget target{.function = to->function};
  to->invoke.frame().writable()->set_deadline(
      caller_->routes().deadline_of(target.ring_name(), invoke.frame()->deadline()));
  auto promise = make_response_promise<OutcomeMsg>();
  const auto then = [promise](Result<FunctionCaller::Answer> answer) mutable {
    answer ? promise.deliver(answer->outcome) : promise.deliver(to_caf(answer.error()));
  };
  const Result<uint64_t> begun = caller_->call(
      target, to->method, to->invoke, {.once = ask.body != 0, .request = invoke.frame()}, then);
  if (!begun) promise.deliver(to_caf(begun.error()));
  return caf::delegated<OutcomeMsg>{};
}

}  // namespace themis
