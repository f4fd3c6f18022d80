#include "actors/api/service_calls.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

using mesh::Judgement;

ServiceCalls::ServiceCalls(caf::event_based_actor& self, caf::actor node,
                           std::vector<RouteConfig> routes)
    : self_(self), caller_(self, *this, rng_, std::move(node), std::move(routes)) {}

void ServiceCalls::call(ServiceCall call, Answer then) {
  const std::string ring_name = service_name(call.name);
  const bool idempotent = call.idempotent == Idempotent::yes;
  call.params.writable()->set_deadline(caller_.deadline_of(ring_name, call.params->deadline()));
  // What becomes of a copy is counted in its own route; nobody waits for it.
  if (const std::string copy = caller_.mirror_of(ring_name); !copy.empty())
    (void)caller_.call(
        {.name = service_name(copy), .frame = copy_of(*call.params), .is_copy = true},
        [](const auto&) {});
  RouteCaller::Then done = [then = std::move(then)](Result<RouteCaller::Answer> answer) {
    if (!answer) return then(fail(std::move(answer.error())));
    then(std::move(answer->frame));
  };
  const Result<uint64_t> begun = caller_.call(
      {ring_name, std::move(call.params), idempotent, std::move(call.request)}, std::move(done));
  if (!begun) done(fail(begun.error()));  // an error leaves it whole
}

wire::Target ServiceCalls::target_of(const std::string& name, bool) const {
  return Exports::target_of(name);
}

void ServiceCalls::ask(const caf::actor& instance, const wire::FramePtr& frame, Answered answered,
                       Failed failed) {
  // A session keeps the deadline of what it carries; a service of this process may never answer.
  const TimePoint deadline = frame->deadline();
  const caf::duration limit =
      deadline == TimePoint::max()
          ? caf::duration(caf::infinite)
          : caf::duration(std::chrono::milliseconds(std::max<int64_t>(1, to_ms(deadline - now()))));
  self_.request(instance, limit, AnyMessage{frame})
      .then([answered = std::move(answered)](const AnyMessage& answer) { answered(answer.frame); },
            std::move(failed));
}

Judgement ServiceCalls::judge(const caf::error& error) const { return judge_service(error); }

void ServiceCalls::restore(const std::string&, std::function<void(Status)> done) {
  done(fail(Code::not_found, "services are started by their owners"));
}

Error ServiceCalls::nobody(const std::string& name) const {
  return {Code::not_found, "no instance of \"" + name + "\" is known"};
}

void ServiceCalls::after(Duration delay, uint64_t call) {
  self_.delayed_send(&self_, delay, CallerTimer{call});
}

}  // namespace themis
