#pragma once
// The last step of an enclave process's start-up: it gives up every system call it will not need
// again.

#include <string>
#include <vector>

#include "enclave/sandbox/confinement.hpp"

namespace themis::sandbox {

/// What the process does from here on. Each is an allow-list; enclave/README.md says how the rest
/// is refused.
enum class Profile : uint8_t {
  /// A CAF actor system on sockets, epoll and eventfd that are open already; no executable memory.
  native,
  v8,  ///< The same with a JIT: executable memory and protection keys.
};

enum class Refusal : uint8_t {
  enforce,  ///< EPERM, or death for what only an attacker tries.
  /// The same, and the number of each call refused with EPERM is printed to stderr, once: for the
  /// log, and for finding out what a profile needs; `openat` and `getpeername`, which Node makes,
  /// not before the ninth. A thread that blocks SIGSYS dies instead.
  report,
};

/// Installs the filter on all threads of the process, sets no_new_privs and takes away dumpability:
/// no core, no reading of its memory by other processes. Call it once, from main(), when every file
/// and socket it needs is open; it cannot be undone. Threads may be started afterwards. Returns
/// what is in force. Errors: io (a kernel without seccomp; another thread has a filter of its own);
/// the process must then not go on with untrusted input.
Result<Confinement> confine_self(Profile profile, Refusal refusal = Refusal::enforce);

/// The names of the calls a profile allows (some with conditions on their arguments), sorted.
std::vector<std::string> allowed_calls(Profile profile);

}  // namespace themis::sandbox
