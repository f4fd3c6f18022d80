#pragma once
// The clone itself, and which namespaces this kernel lets this user make. Private to
// enclave/sandbox.

#include <sys/types.h>

#include <string>
#include <vector>

#include "enclave/sandbox/child.hpp"
#include "runtime/base/error.hpp"

namespace themis::sandbox {

struct Spawned {
  pid_t pid;
  int pid_fd;  // owned by the caller
};

/// Clones this process into `plan.namespaces`; the child runs the plan. Errors: io.
Result<Spawned> spawn(const ChildPlan& plan);

/// Maps "nobody" inside to this process's user. Inside, nobody has no capabilities after exec;
/// outside, the child counts as this user.
UserMap user_map();

/// The namespaces (Namespaces, or-ed) that can be made here, tried out once a process. Any thread.
uint8_t usable_namespaces();

/// "user", "pid", ...
std::vector<std::string> namespace_names(uint8_t namespaces);

}  // namespace themis::sandbox
