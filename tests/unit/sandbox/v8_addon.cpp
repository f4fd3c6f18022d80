// A Node.js addon that confines the process it is loaded into: the real engine under the v8
// profile. No Node-API header is needed: the entry point is a C symbol that returns the exports it
// was given.

#include <cstdio>
#include <cstdlib>

#include "enclave/sandbox/filter.hpp"

extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*,
                                                                                void* exports) {
  using namespace themis::sandbox;
  const Refusal refusal = std::getenv("REPORT") ? Refusal::report : Refusal::enforce;
  const auto confinement = confine_self(Profile::v8, refusal);
  if (!confinement) {
    std::fputs(confinement.error().text().c_str(), stderr);
    std::abort();
  }
  return exports;
}
