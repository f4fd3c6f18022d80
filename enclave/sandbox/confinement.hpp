#pragma once
// How a process is confined: what its parent reports about it, and what it can say about itself.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis::sandbox {

/// What is in force, not what was asked for. Any thread may read it.
struct Confinement {
  uint32_t pid = 0;  ///< As the reporting side sees it.
  /// Not shared with the parent: "user", "pid", "net", "mnt", "ipc", "uts".
  std::vector<std::string> namespaces;
  bool seccomp = false;         ///< The system call filter of confine_self().
  uint32_t landlock = 0;        ///< ABI version in force; 0: none.
  bool dumpable = true;         ///< False: no core, no reading of its memory.
  std::string cgroup = "none";  ///< "v1", "v2" or "none".
  bool no_new_privileges = false;

  /// One line for a log: "namespaces user,pid,net,mnt,ipc,uts; seccomp; landlock 7; cgroup v1; not
  /// dumpable".
  std::string text() const;
  friend bool operator==(const Confinement&, const Confinement&) = default;
};

/// The variable in which launch() tells the child what only the parent knows: namespaces, Landlock
/// ABI, cgroup.
inline constexpr std::string_view kConfinementVariable = "THEMIS_CONFINEMENT";

/// "namespaces=user,pid;landlock=7;cgroup=v1", and back. Errors: malformed.
std::string to_variable(const Confinement& confinement);
Result<Confinement> from_variable(std::string_view text);

/// Called by confine_self(): the filter is in force. Private to enclave/sandbox.
void note_filter();

/// This process, from its environment and prctl(2); works after confine_self() too. Any thread.
/// Errors: malformed (the variable was tampered with).
Result<Confinement> own_confinement();

}  // namespace themis::sandbox
