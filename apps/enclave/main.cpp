// themis-enclave: the process of an enclave-backed system of native actors. Started by themis-node.

#include "actors/monitor/monitors_actor.hpp"
#include "actors/placement/enclave_system.hpp"
#include "actors/placement/spawner.hpp"

int main() {
  themis::EnclaveOptions options;
  options.profile = themis::sandbox::Profile::native;
  options.root = "root";
  themis::sandbox::SharedMemoryPtr memory;
  options.prepare = [&memory]() -> themis::Status {
    THEMIS_TRY(memory, themis::sandbox::SharedMemory::adopt());
    return {};
  };
  options.start_root = [&memory](themis::EnclaveSystem& enclave) -> themis::Result<caf::actor> {
    themis::Kinds kinds = themis::built_in_kinds();
    kinds.merge(themis::state_kinds(memory));
    return themis::spawn_pinned<themis::Spawner>(enclave.reactor(), std::move(kinds),
                                                 &enclave.exports());
  };
  themis::run_enclave(options);
}
