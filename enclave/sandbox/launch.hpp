#pragma once
// Starts an enclave process: its own namespaces, a read-only view of few files, limits, one socket
// to its parent, and if told so memory shared with it.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "enclave/sandbox/cgroup.hpp"
#include "enclave/sandbox/confinement.hpp"
#include "enclave/sandbox/shared_memory.hpp"

namespace themis::sandbox {

/// The descriptor under which the child finds its end of the channel.
inline constexpr int kChannelFd = 3;

/// Kinds of namespaces, to be or-ed.
enum Namespaces : uint8_t {
  kNoNamespaces = 0,
  kUserNamespace = 1,
  kPidNamespace = 2,
  kNetNamespace = 4,
  kMountNamespace = 8,
  kIpcNamespace = 16,
  kUtsNamespace = 32,
  kAllNamespaces = 63,
};

enum class Output : uint8_t {
  discard,  ///< stdout and stderr go to /dev/null.
  inherit,  ///< They are the parent's.
  /// Both go to Process::output_fd(); the parent must read it, or the child blocks at 64 KB.
  pipe,
};

struct LaunchOptions {
  std::vector<std::string> argv;  ///< argv[0] is the program's path; there is no PATH search.
  std::vector<std::string> environment;  ///< "NAME=value"; nothing is inherited.
  /// Files and directories the child may read besides argv[0] and the system's libraries (below
  /// /usr and /lib); it may write none. Needs Landlock.
  std::vector<std::string> readable;
  Output output = Output::discard;
  uint8_t namespaces = kAllNamespaces;  ///< Those the kernel refuses are left out and reported.
  uint8_t required = kNoNamespaces;     ///< Those without which the launch fails.
  CgroupLimits limits;
  uint32_t open_files_max = 256;  ///< RLIMIT_NOFILE; its sockets are few and open at the start.
  /// Memory that the child is to share with its parent, null: none. See SharedMemory::adopt().
  SharedMemoryPtr shared;
};

/// How a process ended.
struct Exit {
  std::optional<int> code;     ///< After exit().
  int signal = 0;              ///< After a signal.
  bool out_of_memory = false;  ///< Killed by its cgroup's memory limit.

  /// "exit code 3", "killed by signal 9", "killed by signal 9 (out of memory)".
  std::string text() const;
};

/// A running child. Destroying it kills the child and waits for its end. One thread.
class Process {
 public:
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  /// Readable (in an epoll) once the child has ended; then poll_exit() tells how.
  int pid_fd() const { return pid_fd_; }
  /// Our end of the channel, non-blocking, handed over once (for EpollLoop::adopt); the caller
  /// closes it.
  int take_channel();
  /// The read end of Output::pipe, non-blocking; -1 otherwise. The process closes it.
  int output_fd() const { return output_fd_; }
  /// Closes it: what the child writes from then on fails with EPIPE. Not while it is watched.
  void close_output();
  /// What launch() put in force. `seccomp` and `dumpable` change when the child calls
  /// confine_self(): ask it.
  const Confinement& confinement() const { return confinement_; }
  /// The cgroup limits in force: "memory", "cpu", "pids".
  std::vector<std::string> limits_in_force() const { return cgroup_.controllers(); }

  /// SIGKILL. The first process of a PID namespace ignores gentler signals it has no handler for,
  /// and takes all others of the namespace with it. Harmless when it has ended.
  void kill();
  /// How it ended, or nothing while it runs. Does not wait.
  std::optional<Exit> poll_exit();
  /// Waits for the end.
  Exit wait();

 private:
  friend Result<Process> launch(const LaunchOptions& options);
  Process() = default;
  std::optional<Exit> reap(bool block);

  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int channel_fd_ = -1;
  int output_fd_ = -1;
  std::optional<Exit> exit_;
  Cgroup cgroup_;
  Confinement confinement_;
};

/// Starts a process and returns when it runs its program; blocks until then. It is killed when
/// **the thread that called this** ends (PR_SET_PDEATHSIG): call it from a thread that lives as
/// long as the child should. Safe while other threads run: between fork and exec the child makes
/// system calls only. Errors: invalid (no argv); unavailable (a required namespace); io (which
/// step, which program, the reason).
Result<Process> launch(const LaunchOptions& options);

}  // namespace themis::sandbox
