#include "actors/api/service_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"

namespace themis {

ServiceActor::ServiceActor(caf::actor_config& config, std::string name,
                           std::function<ServiceRunner()> make, caf::actor node)
    : PoolActor(config), name_(std::move(name)), runner_(make()), calls_(*this, std::move(node)) {
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

}  // namespace

caf::behavior ServiceActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const AnyMessage& request) -> caf::result<AnyMessage> {
    auto promise = make_response_promise<AnyMessage>();
    runner_.run(request.frame, answer_to(promise));
    return promise;
  }};
}

caf::behavior CallerActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const CallService& wanted) -> caf::result<AnyMessage> {
    auto promise = make_response_promise<AnyMessage>();
    calls_.call(wanted.name, wanted.params, answer_to(promise));
    return promise;
  }};
}

}  // namespace themis
