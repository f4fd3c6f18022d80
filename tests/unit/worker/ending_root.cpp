// An enclave program for tests whose root actor ends when it is first asked for something.
#include <caf/all.hpp>

#include "actors/placement/enclave_system.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "enclave.capnp.h"

namespace themis {
namespace {

class EndingRoot final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  const char* name() const override { return "ending-root"; }

 private:
  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    return {[this](const wire::Msg<schema::Spawn>&) -> caf::result<wire::Msg<schema::Spawned>> {
      quit(caf::exit_reason::unhandled_exception);
      return caf::make_error(caf::sec::runtime_error);
    }};
  }
};

}  // namespace
}  // namespace themis

int main() {
  themis::EnclaveOptions options;
  options.root = "root";
  options.start_root = [](themis::EnclaveSystem& enclave) -> themis::Result<caf::actor> {
    return themis::spawn_pinned<themis::EndingRoot>(enclave.reactor());
  };
  themis::run_enclave(options);
}
