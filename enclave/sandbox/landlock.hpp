#pragma once
// Landlock: which paths a process may read, and none to write. Private to enclave/sandbox.

#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/error.hpp"

namespace themis::sandbox {

/// The kernel's Landlock ABI version; 0 when it has none, or has it switched off.
uint32_t landlock_abi();

/// A ruleset that allows to read and execute below `readable` and nothing else: no writing, no TCP
/// (ABI 4), no abstract sockets or signals out (ABI 6). Paths that do not exist are skipped.
/// Returns a descriptor owned by the caller, to be used with landlock_restrict. `abi` as
/// landlock_abi() gave it, > 0. Errors: io.
Result<int> landlock_ruleset(uint32_t abi, std::span<const std::string> readable);

/// Applies a ruleset to this thread and what it starts; needs no_new_privs. Async-signal-safe.
/// Returns 0 or an errno.
int landlock_restrict(int ruleset);

}  // namespace themis::sandbox
