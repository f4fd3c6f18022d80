#pragma once
// What the new process does between clone and exec. Private to enclave/sandbox.

#include <cstddef>
#include <cstdint>

namespace themis::sandbox {

/// The one line each for uid_map and gid_map: nobody inside is this process's user outside.
struct UserMap {
  char uid[40];
  char gid[40];
};

/// Gives this process, in a new user namespace, its user there. Async-signal-safe. Returns 0 or an
/// errno.
/// Source: user_namespaces(7), "Defining user and group ID mappings".
int map_user(const UserMap& map);

/// Prepared by the parent, so that the child allocates nothing. All descriptors are >= kChildFdMin.
struct ChildPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char** environment = nullptr;  // ends in variable_slot, then null
  size_t variable_slot = 0;      // where the text that the parent sends with "go" is put
  int control_fd = -1;           // "go" comes in here; a Failure goes out
  int parent_control_fd = -1;    // the parent's end; our copy would hide that the parent is gone
  int channel_fd = -1;
  int shared_fd = -1;  // -1: none
  int null_fd = -1;
  int output_fd = -1;    // -1: stdout and stderr stay
  int landlock_fd = -1;  // -1: none
  uint32_t open_files_max = 0;
  uint8_t namespaces = 0;
  const UserMap* user = nullptr;  // with a user namespace
};

inline constexpr int kChildFdMin = 10;  // clear of 0..4, where the child's own go
inline constexpr size_t kVariableBytesMax = 256;

enum class Step : uint32_t { user, rlimits, descriptors, privileges, landlock, filter, exec };

struct Failure {
  Step step;
  int error;
};

/// Runs in the child. Async-signal-safe calls only: other threads of the parent may have held any
/// lock.
[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace themis::sandbox
