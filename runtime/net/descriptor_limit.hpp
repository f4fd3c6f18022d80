#pragma once
// How many sockets and files this process may have open.

#include <cstddef>

namespace themis::net {

/// Raises the process's soft limit (RLIMIT_NOFILE) to `wanted`, or as far as its hard limit lets
/// it; never lowers it. Returns the limit in force. At the start, before other threads open files.
size_t raise_descriptor_limit(size_t wanted);

}  // namespace themis::net
