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

/// fork(2) with flags. The raw call leaves out glibc's fork handlers: the child must only make system calls.
/// Signals are blocked across it, so that no handler of the parent runs in the child.
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
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC) != 0) return false;
  int pid_fd = -1;
  const pid_t pid = raw_clone(namespaces, &pid_fd);
  if (pid == 0) {
    char byte;
    ::close(gate[1]);
    [[maybe_unused]] const ssize_t got = ::read(gate[0], &byte, 1);  // until the parent is done
    ::_exit(0);
  }
  const bool usable = pid > 0 && ((namespaces & kUserNamespace) == 0 || map_user(pid));
  ::close(gate[0]);
  ::close(gate[1]);
  if (pid > 0) {
    ::waitpid(pid, nullptr, 0);
    ::close(pid_fd);
  }
  return usable;
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

Status write_proc(pid_t child, const char* file, const std::string& text) {
  const std::string path = fmt::format("/proc/{}/{}", child, file);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (!written) return fail(Code::io, fmt::format("{}: {}", path, std::strerror(reason)));
  return {};
}

}  // namespace

Result<Spawned> spawn(const ChildPlan& plan) {
  int pid_fd = -1;
  const pid_t pid = raw_clone(plan.namespaces, &pid_fd);
  if (pid == 0) run_child(plan);
  if (pid < 0) return fail(Code::io, fmt::format("clone: {}", std::strerror(errno)));
  return Spawned{pid, pid_fd};
}

Status map_user(pid_t child) {
  THEMIS_CHECK(write_proc(child, "setgroups", "deny"));
  THEMIS_CHECK(write_proc(child, "uid_map", fmt::format("{} {} 1", kInnerId, ::geteuid())));
  return write_proc(child, "gid_map", fmt::format("{} {} 1", kInnerId, ::getegid()));
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
