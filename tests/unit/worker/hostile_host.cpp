// A function host that was taken over: asks for what its caller names, "pull FLOW" for a body,
// "fetch CODE" for the outside, says what it compiled of "cache CODE", "fn/NAME" to call or
// "fn/NAME!" to wake it, "fn/NAME%" with a body that follows, else for the state of a function that
// it never ran.

#include <caf/all.hpp>

#include "actors/placement/enclave_system.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "figures.capnp.h"
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
    return {[this](const wire::Msg<schema::MeasureHost>&) { return measured(); },
            [this](const wire::Msg<schema::Load>& load) {
              const ByteView code = wire::bytes_of(load.view()->getCode());
              loaded_.emplace_back(code.begin(), code.end());
              wire::Builder<schema::Loaded> answer(4);
              answer->setActor(enclave_.exports().add_unnamed(caf::strong_actor_ptr{ctrl()}));
              return answer.finish();
            },
            [this](const wire::Msg<schema::Invoke>& invoke) -> caf::result<OutcomeMsg> {
              const std::string whose(as_text(wire::bytes_of(invoke.view()->getBody())));
              if (whose.starts_with("pull ")) return pull(std::stoull(whose.substr(5)));
              if (whose.starts_with("fetch ")) return fetch(whose.substr(6));
              if (whose.starts_with("cache ")) return say_cache(whose.substr(6));
              if (whose.find('/') != std::string::npos) return call(whose);
              auto promise = make_response_promise<OutcomeMsg>();
              wire::Builder<schema::AskState> ask;
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
  /// More than there is, and of a function that it does not run.
  wire::Msg<schema::HostMeasured> measured() const {
    wire::Builder<schema::HostMeasured> made;
    auto isolates = made->initIsolates(static_cast<unsigned>(loaded_.size() + 1));
    for (unsigned i = 0; i < isolates.size(); ++i) {
      isolates[i].setCode(wire::to_data(i < loaded_.size() ? loaded_[i] : Bytes(32)));
      isolates[i].setMemoryKb(UINT32_MAX);
    }
    return made.finish();
  }
  /// Twice.
  OutcomeMsg say_cache(const std::string& code) {
    for (const char* cache : {"first", "second"}) {
      wire::Builder<schema::CodeCache> made;
      made->setCode(wire::to_data(*from_hex(code)));
      made->setCache(wire::to_data(as_bytes(std::string_view(cache))));
      send(enclave_.parent("caches"), made.finish());
    }
    return outcome("said");
  }
  /// "fn/NAME", or "fn/NAME!" for an event, "fn/NAME~" for a remote call in the name of another
  /// owner, "fn/NAME@" for an actor.
  caf::result<OutcomeMsg> call(std::string whom) {
    wire::Builder<schema::Invoke> invoke;
    if (whom.ends_with('!')) {
      whom.pop_back();
      invoke->setEvent(1);
    } else if (whom.ends_with('~')) {
      whom.pop_back();
      invoke->setEvent(4);
      invoke->setDeployer("eve");
    } else if (whom.ends_with('@')) {
      whom.pop_back();
      invoke->initActor().setClassName("Counter");
      invoke->getActor().setId("a");
    } else if (whom.ends_with('%')) {
      whom.pop_back();
      invoke->setFlow(5);
      invoke->setSource(12345);
    }
    invoke->setFunction(wire::to_text(whom));
    invoke->setMethod("GET");
    invoke->setUrl("http://x/");
    return ask_services(invoke.finish());
  }
  caf::result<OutcomeMsg> pull(uint64_t flow) {
    auto promise = make_response_promise<OutcomeMsg>();
    wire::Builder<schema::Pull> ask;
    ask->setFlow(flow);
    request(enclave_.parent("flows"), caf::infinite, ask.finish())
        .then(
            [promise](const wire::Msg<schema::BodyPart>& part) mutable {
              promise.deliver(
                  outcome(std::string(as_text(wire::bytes_of(part.view()->getData())))));
            },
            [promise](const caf::error& error) mutable {
              promise.deliver(outcome(from_caf(error).text()));
            });
    return caf::delegated<OutcomeMsg>{};
  }
  caf::result<OutcomeMsg> fetch(const std::string& code) {
    wire::Builder<schema::Invoke> ask;
    ask->setCode(wire::to_data(*from_hex(code)));
    ask->setMethod("GET");
    ask->setUrl("http://a.example/");
    return ask_services(ask.finish());
  }
  caf::result<OutcomeMsg> ask_services(const wire::Msg<schema::Invoke>& invoke) {
    auto promise = make_response_promise<OutcomeMsg>();
    request(enclave_.parent("services"), caf::infinite, invoke)
        .then([promise](const OutcomeMsg& answer) mutable { promise.deliver(answer); },
              [promise](const caf::error& error) mutable {
                promise.deliver(outcome(from_caf(error).text()));
              });
    return caf::delegated<OutcomeMsg>{};
  }

  EnclaveSystem& enclave_;
  std::vector<Bytes> loaded_;
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
