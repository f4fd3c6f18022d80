#include "enclave/sandbox/child.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "enclave/sandbox/landlock.hpp"
#include "enclave/sandbox/launch.hpp"

namespace themis::sandbox {
namespace {

[[noreturn]] void give_up(const ChildPlan& plan, Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const ssize_t sent = ::write(plan.control_fd, &failure, sizeof failure);
  ::_exit(127);
}

/// The parent's handlers and mask are not the child's business; an ignored SIGPIPE would pass
/// through exec.
void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < _NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

int write_file(const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const size_t length = std::strlen(text);
  const bool written = ::write(fd, text, length) == static_cast<ssize_t>(length);
  const int reason = written ? 0 : errno;
  ::close(fd);
  return reason;
}

/// /proc of the new PID namespace, so that no other process shows; an empty directory where /proc
/// cannot be mounted (in some containers). Where neither works, Landlock still closes /proc.
void hide_processes() {
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", "/proc", "proc", kFlags, nullptr) != 0)
    ::mount("none", "/proc", "tmpfs", kFlags | MS_RDONLY, nullptr);
}

bool set_rlimits(const ChildPlan& plan) {
  const rlimit no_core{0, 0};
  const rlimit files{plan.open_files_max, plan.open_files_max};
  return ::setrlimit(RLIMIT_CORE, &no_core) == 0 && ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/// 0: /dev/null, 1 and 2: output, 3: the channel, 4: the shared memory if there is one, and
/// everything else closes at exec.
bool set_descriptors(const ChildPlan& plan) {
  if (::dup2(plan.null_fd, STDIN_FILENO) < 0) return false;
  if (plan.output_fd >= 0 &&
      (::dup2(plan.output_fd, STDOUT_FILENO) < 0 || ::dup2(plan.output_fd, STDERR_FILENO) < 0))
    return false;
  if (::dup2(plan.channel_fd, kChannelFd) != kChannelFd) return false;
  const bool shares = plan.shared_fd >= 0;
  if (shares && ::dup2(plan.shared_fd, kSharedFd) != kSharedFd) return false;
  const int last = shares ? kSharedFd : kChannelFd;
  return ::syscall(SYS_close_range, last + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

/// After this and exec the process holds no capability, and cannot gain one.
bool drop_privileges() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;  // it had none
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/// io_uring carries out calls that a later filter would refuse, so no ring may exist when that
/// filter comes. ENOSYS makes libuv, which sets one up at its start, do without.
bool refuse_io_uring() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(code), code};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

}  // namespace

int map_user(const UserMap& map) {
  // /proc/self belongs to root while the process is not dumpable, which it inherits from a parent
  // that guards its keys.
  const int dumpable = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  if (dumpable == 0) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  int error = write_file("/proc/self/setgroups", "deny");
  if (error == 0) error = write_file("/proc/self/uid_map", map.uid);
  if (error == 0) error = write_file("/proc/self/gid_map", map.gid);
  if (dumpable == 0) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return error;
}

void run_child(const ChildPlan& plan) {
  ::close(plan.parent_control_fd);
  reset_signals();
  ::setsid();  // a Ctrl-C at the terminal is for the node, which ends its enclaves in order
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  char variable[kVariableBytesMax];
  const ssize_t length = ::read(plan.control_fd, variable, sizeof variable - 1);
  if (length <= 0) ::_exit(127);  // the parent died before the line above took hold, or gave up
  variable[length] = '\0';
  plan.environment[plan.variable_slot] = variable;
  if ((plan.namespaces & kUserNamespace) != 0) {
    errno = map_user(*plan.user);
    if (errno != 0) give_up(plan, Step::user);
  }
  if ((plan.namespaces & kMountNamespace) != 0 && (plan.namespaces & kPidNamespace) != 0)
    hide_processes();
  if ((plan.namespaces & kUtsNamespace) != 0) [[maybe_unused]]
    const int named = ::sethostname("enclave", 7);
  if (!set_rlimits(plan)) give_up(plan, Step::rlimits);
  if (!set_descriptors(plan)) give_up(plan, Step::descriptors);
  if (!drop_privileges()) give_up(plan, Step::privileges);
  if (plan.landlock_fd >= 0) {
    errno = landlock_restrict(plan.landlock_fd);
    if (errno != 0) give_up(plan, Step::landlock);
  }
  if (!refuse_io_uring()) give_up(plan, Step::filter);
  ::execve(plan.program, plan.argv, plan.environment);
  give_up(plan, Step::exec);
}

}  // namespace themis::sandbox
