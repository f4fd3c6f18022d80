#include "wire/secret_types.hpp"

#include <capnp/schema.h>

#include "state.capnp.h"

namespace themis::wire {

bool carries_secret(uint64_t type) { return type == capnp::typeId<schema::StartMonitors>(); }

}  // namespace themis::wire
