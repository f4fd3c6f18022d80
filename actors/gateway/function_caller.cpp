#include "actors/gateway/function_caller.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/services/function_api.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {

using mesh::CallFailure;
using mesh::Judgement;
using mesh::Verdict;

Result<uint64_t> FunctionCaller::call(const CallTarget& target, std::string_view method,
                                      const InvokeMsg& invoke, CallOptions options, Then then) {
  RoutedCall call{target.ring_name(), invoke.frame(), mesh::is_idempotent(method),
                  std::move(options.request)};
  call.safe = mesh::is_safe(method);
  call.once = options.once;
  return caller_.call(std::move(call),
                      [then = std::move(then)](Result<RouteCaller::Answer> answer) {
                        if (!answer) return then(fail(std::move(answer.error())));
                        then(Answer{OutcomeMsg(std::move(answer->frame)), answer->node});
                      });
}

void FunctionCaller::copy(const CallTarget& target, const InvokeMsg& invoke) {
  RoutedCall call{target.ring_name(), invoke.frame()};
  call.is_copy = true;
  (void)caller_.call(std::move(call), [](const auto&) {});
}

void FunctionCaller::stop() {
  caller_.stop();
  functions_ = nullptr;
}

wire::Target FunctionCaller::target_of(const std::string&, bool is_canary) const {
  static const wire::Target functions = Exports::target_of(kFunctionsActorName);
  static const wire::Target canaries = Exports::target_of(kCanariesActorName);
  return is_canary ? canaries : functions;
}

/// The first such header or cookie of the request.
std::optional<std::string> FunctionCaller::caller_of(const wire::FramePtr& frame,
                                                     const mesh::Sticky& by) const {
  const std::string_view header = by.is_cookie ? std::string_view("Cookie") : by.name;
  const auto value = wire::decode(
      InvokeMsg(frame), [&](const schema::Invoke::Reader& from) -> Result<std::string> {
        for (const schema::Header::Reader one : from.getHeaders()) {
          if (!http::equal_ignoring_case(wire::text_of(one.getName()), header)) continue;
          const std::string_view said = wire::text_of(one.getValue());
          if (!by.is_cookie) return std::string(said);
          if (const auto cookie = mesh::cookie_value(said, by.name)) return std::string(*cookie);
        }
        return fail(Code::not_found, "");
      });
  return value ? std::optional(*value) : std::nullopt;
}

void FunctionCaller::ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
                         Failed failed) {
  actor_.request(instance, caf::infinite, InvokeMsg(frame))
      .then([answered =
                 std::move(answered)](const OutcomeMsg& outcome) { answered(outcome.frame()); },
            std::move(failed));
}

Judgement FunctionCaller::judge(const caf::error& error) const {
  // The receiver had ended before the request arrived.
  if (error == caf::sec::request_receiver_down)
    return {CallFailure::not_sent, Verdict::unreachable};
  switch (from_caf(error).code) {
    case Code::not_found:
      return {CallFailure::not_run, Verdict::none};
    case Code::not_hosted:
      return {CallFailure::not_run, Verdict::absent};
    case Code::overloaded:
      return {CallFailure::not_run, Verdict::full};
    case Code::unavailable:
    case Code::cancelled:
      return {CallFailure::maybe_run, Verdict::unreachable};
    case Code::denied:
    case Code::rate_limited:
    case Code::too_large:
      return {CallFailure::answered, Verdict::none};
    default:
      return {CallFailure::answered, Verdict::faulty};
  }
}

bool FunctionCaller::is_fault(const wire::FramePtr& frame) const {
  constexpr uint16_t kServerErrors = 500;
  const auto status = wire::decode(OutcomeMsg(frame),
                                   [](const schema::Outcome::Reader& outcome) -> Result<uint16_t> {
                                     return outcome.getStatus();
                                   });
  return !status || *status >= kServerErrors;
}

std::optional<mesh::ToldLoad> told_load(const wire::FramePtr& frame) {
  const auto load = wire::decode(
      OutcomeMsg(frame), [](const schema::Outcome::Reader& from) -> Result<mesh::ToldLoad> {
        return mesh::ToldLoad{from.getRunning(), from.getMemoryPercent()};
      });
  return load ? std::optional(*load) : std::nullopt;
}

/// The node that looks after the function hears of it at once; others have nothing to do.
void FunctionCaller::lost(const std::string& name) {
  restore(name, [](const Status&) {});
}

void FunctionCaller::restore(const std::string& name, std::function<void(Status)> done) {
  const auto placed = [done] { done({}); };
  const auto failed = [done](const caf::error& error) { done(fail(from_caf(error))); };
  const auto request = [&](auto order) {
    when_done(actor_.request(functions_, caf::infinite, std::move(order)), placed, failed);
  };
  if (const auto function = function_of_ring_name(name)) return request(EnsureFunction{*function});
  if (const auto code = code_of_ring_name(name)) return request(EnsureCode{*code});
  done(fail(Code::not_found, "no function is called like that"));
}

Error FunctionCaller::nobody(const std::string& name) const {
  if (const auto function = function_of_ring_name(name))
    return {Code::not_found, "no function \"" + *function + "\""};
  return {Code::not_found, "no node runs \"" + name + "\""};
}

void FunctionCaller::after(Duration delay, uint64_t call) {
  reactor_.send_after(delay, caf::actor_cast<caf::actor>(&actor_),
                      caf::make_message(CallerTimer{call}));
}

}  // namespace themis
