// A function host that was taken over: asks for the state of a function that it never ran, or calls
// and wakes whom it likes.

#include <caf/all.hpp>

#include "actors/placement/enclave_system.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "function.capnp.h"
#include "state.capnp.h"

namespace themis {
namespace {

using OutcomeMsg = wire::Msg<schema::Outcome>;

OutcomeMsg outcome(const std::string& body) {
  wire::Builder<schema::Outcome> made(64 + body.size() / 8);
  made->setStatus(200);
  made->setBody(wire::to_data(as_bytes(body)));
  return made.finish();
}

class Hostile final : public PinnedActor {
 public:
  Hostile(caf::actor_config& config, EnclaveSystem& enclave)
      : PinnedActor(config), enclave_(enclave) {}

 private:
  caf::behavior make_behavior() override {
    return {[this](const wire::Msg<schema::Load>&) {
              wire::Builder<schema::Loaded> answer(4);
              answer->setActor(enclave_.exports().add_unnamed(caf::strong_actor_ptr{ctrl()}));
              return answer.finish();
            },
            [this](const wire::Msg<schema::Invoke>& invoke) -> caf::result<OutcomeMsg> {
              auto promise = make_response_promise<OutcomeMsg>();
              wire::Builder<schema::AskState> ask;
              const std::string whose(as_text(wire::bytes_of(invoke.view()->getBody())));
              if (whose.find('/') != std::string::npos) return call(whose, promise);
              ask->setNameSpace(wire::to_text(whose));
              ask->setCall(wire::to_data(as_bytes(R"({"op":"get","key":"k"})")));
              request(enclave_.parent("state"), caf::infinite, ask.finish())
                  .then(
                      [promise](const wire::Msg<schema::StateAnswered>& answer) mutable {
                        promise.deliver(outcome(
                            std::string(as_text(wire::bytes_of(answer.view()->getAnswer())))));
                      },
                      [promise](const caf::error& error) mutable {
                        promise.deliver(outcome(from_caf(error).text()));
                      });
              return caf::delegated<OutcomeMsg>{};
            }};
  }
  /// "fn/NAME", or "fn/NAME!" for an event.
  caf::result<OutcomeMsg> call(std::string whom, caf::typed_response_promise<OutcomeMsg> promise) {
    wire::Builder<schema::Invoke> invoke;
    if (whom.ends_with('!')) {
      whom.pop_back();
      invoke->setEvent(1);
    }
    invoke->setFunction(wire::to_text(whom));
    invoke->setMethod("GET");
    invoke->setUrl("http://x/");
    request(enclave_.parent("services"), caf::infinite, invoke.finish())
        .then([promise](const OutcomeMsg& answer) mutable { promise.deliver(answer); },
              [promise](const caf::error& error) mutable {
                promise.deliver(outcome(from_caf(error).text()));
              });
    return caf::delegated<OutcomeMsg>{};
  }

  EnclaveSystem& enclave_;
};

}  // namespace
}  // namespace themis

int main() {
  using namespace themis;
  EnclaveOptions options;
  options.root = "host";
  options.start_root = [](EnclaveSystem& enclave) -> Result<caf::actor> {
    return spawn_pinned<Hostile>(enclave.reactor(), std::ref(enclave));
  };
  run_enclave(options);
}
