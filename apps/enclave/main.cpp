// themis-enclave: the process of an enclave-backed system of native actors. Started by themis-node.

#include "actors/placement/enclave_system.hpp"
#include "actors/placement/spawner.hpp"

int main() {
  themis::EnclaveOptions options;
  options.profile = themis::sandbox::Profile::native;
  options.root = "root";
  options.start_root = [](themis::EnclaveSystem& enclave) -> themis::Result<caf::actor> {
    return themis::spawn_pinned<themis::Spawner>(enclave.reactor(), themis::built_in_kinds(),
                                                 &enclave.exports());
  };
  themis::run_enclave(options);
}
