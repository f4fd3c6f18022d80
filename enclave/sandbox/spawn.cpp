#include "enclave/sandbox/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "enclave/sandbox/launch.hpp"
#include "runtime/base/log.hpp"

namespace themis::sandbox {
namespace {

constexpr unsigned kInnerId = 65534;  // nobody and nogroup: not 0, so exec grants nothing

struct Kind {
  Namespaces bit;
  unsigned long flag;
  const char* name;
};
constexpr Kind kKinds[] = {
    {kUserNamespace, CLONE_NEWUSER, "user"}, {kPidNamespace, CLONE_NEWPID, "pid"},
    {kNetNamespace, CLONE_NEWNET, "net"},    {kMountNamespace, CLONE_NEWNS, "mnt"},
    {kIpcNamespace, CLONE_NEWIPC, "ipc"},    {kUtsNamespace, CLONE_NEWUTS, "uts"}};

unsigned long clone_flags(uint8_t namespaces) {
  unsigned long flags = 0;
  for (const Kind& kind : kKinds)
    if ((namespaces & kind.bit) != 0) flags |= kind.flag;
  return flags;
}

/// fork(2) with flags. The raw call leaves out glibc's fork handlers: the child must only make
/// system calls. Signals are blocked across it, so that no handler of the parent runs in the child.
pid_t raw_clone(uint8_t namespaces, int* pid_fd) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = ::syscall(SYS_clone, clone_flags(namespaces) | CLONE_PIDFD | SIGCHLD, nullptr,
                             pid_fd, nullptr, nullptr);
  const int reason = errno;
  if (pid != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = reason;
  return static_cast<pid_t>(pid);
}

/// Whether a child with these namespaces can be made and its user mapped.
bool try_out(uint8_t namespaces) {
  const UserMap map = user_map();
  int pid_fd = -1;
  const pid_t pid = raw_clone(namespaces, &pid_fd);
  if (pid == 0) ::_exit((namespaces & kUserNamespace) == 0 ? 0 : map_user(map));
  if (pid < 0) return false;
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(pid_fd);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

uint8_t find_usable() {
  if (try_out(kAllNamespaces)) return kAllNamespaces;
  uint8_t usable = 0;
  for (const Kind& kind : kKinds) {  // the user namespace first: it may allow the others
    const uint8_t more = usable | kind.bit;
    if (try_out(more)) usable = more;
  }
  log::warn("sandbox", "the kernel refuses some namespaces; in use: {}",
            usable == 0 ? "none" : fmt::format("{}", fmt::join(namespace_names(usable), ",")));
  return usable;
}

}  // namespace

Result<Spawned> spawn(const ChildPlan& plan) {
  int pid_fd = -1;
  const pid_t pid = raw_clone(plan.namespaces, &pid_fd);
  if (pid == 0) run_child(plan);
  if (pid < 0) return fail(Code::io, fmt::format("clone: {}", std::strerror(errno)));
  return Spawned{pid, pid_fd};
}

UserMap user_map() {
  UserMap map{};
  fmt::format_to_n(map.uid, sizeof map.uid - 1, "{} {} 1", kInnerId, ::geteuid());
  fmt::format_to_n(map.gid, sizeof map.gid - 1, "{} {} 1", kInnerId, ::getegid());
  return map;
}

uint8_t usable_namespaces() {
  static const uint8_t usable = find_usable();
  return usable;
}

std::vector<std::string> namespace_names(uint8_t namespaces) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds)
    if ((namespaces & kind.bit) != 0) names.emplace_back(kind.name);
  return names;
}

}  // namespace themis::sandbox
