// The kind "probe": says how the process it lives in is confined.

#include <caf/all.hpp>

#include "actors/placement/kinds.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "enclave.capnp.h"
#include "enclave/sandbox/confinement.hpp"

namespace themis {
namespace {

wire::Msg<schema::Confinement> encode(const sandbox::Confinement& confinement) {
  wire::Builder<schema::Confinement> message;
  message->setPid(confinement.pid);
  auto namespaces = message->initNamespaces(static_cast<unsigned>(confinement.namespaces.size()));
  for (unsigned i = 0; i < namespaces.size(); ++i)
    namespaces.set(i, wire::to_text(confinement.namespaces[i]));
  message->setSeccomp(confinement.seccomp);
  message->setLandlock(confinement.landlock);
  message->setDumpable(confinement.dumpable);
  message->setCgroup(wire::to_text(confinement.cgroup));
  message->setNoNewPrivileges(confinement.no_new_privileges);
  return message.finish();
}

class ProbeActor final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  const char* name() const override { return "probe"; }

 private:
  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    return {[](const wire::Msg<schema::Probe>&) -> caf::result<wire::Msg<schema::Confinement>> {
      const auto confinement = sandbox::own_confinement();
      if (!confinement) return to_caf(confinement.error());
      return encode(*confinement);
    }};
  }
};

}  // namespace

Kinds built_in_kinds() {
  Kinds kinds;
  kinds.emplace("probe", [](Reactor& reactor, const std::string&) -> Result<caf::actor> {
    return spawn_pinned<ProbeActor>(reactor);
  });
  return kinds;
}

}  // namespace themis
