#pragma once
// From mesh.invite and mesh.inviters to what a node shows and asks for.

#include "runtime/config/config.hpp"
#include "wire/credentials.hpp"
#include "wire/identity.hpp"

namespace themis {

/// Reads the invite of `self`. One that does not let it in (expired, of another network or node) is
/// told in one line of the log and shown all the same: the peers decide. Errors: io, malformed,
/// too_large; the detail is one line with the file. At start-up; it reads a file.
[[nodiscard]] Result<wire::Admission> load_admission(const MeshConfig& config,
                                                     const wire::Identity& self, int64_t wall_ms);

}  // namespace themis
