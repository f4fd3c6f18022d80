#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "enclave/sandbox/launch.hpp"

namespace themis::sandbox {

std::string Exit::text() const {
  if (code) return fmt::format("exit code {}", *code);
  return fmt::format("killed by signal {}{}", signal, out_of_memory ? " (out of memory)" : "");
}

Process::Process(Process&& other) noexcept { *this = std::move(other); }

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pid_fd_, other.pid_fd_);
  std::swap(channel_fd_, other.channel_fd_);
  std::swap(output_fd_, other.output_fd_);
  std::swap(exit_, other.exit_);
  std::swap(cgroup_, other.cgroup_);
  std::swap(confinement_, other.confinement_);
  return *this;
}

Process::~Process() {
  if (pid_ < 0) return;
  kill();
  wait();
  for (const int fd : {pid_fd_, channel_fd_, output_fd_})
    if (fd >= 0) ::close(fd);
}

int Process::take_channel() { return std::exchange(channel_fd_, -1); }

void Process::close_output() {
  if (output_fd_ >= 0) ::close(std::exchange(output_fd_, -1));
}

void Process::kill() {
  if (!exit_) ::syscall(SYS_pidfd_send_signal, pid_fd_, SIGKILL, nullptr, 0);
}

std::optional<Exit> Process::reap(bool block) {
  if (exit_) return exit_;
  siginfo_t info{};
  int code = 0;
  do {
    code = ::waitid(P_PIDFD, static_cast<id_t>(pid_fd_), &info, WEXITED | (block ? 0 : WNOHANG));
  } while (code != 0 && errno == EINTR);
  if (code != 0) {
    exit_ = Exit{.code = 255};  // ECHILD: someone else waited for our child, and its status is lost
  } else if (info.si_pid == 0) {
    return std::nullopt;
  } else if (info.si_code == CLD_EXITED) {
    exit_ = Exit{.code = info.si_status};
  } else {
    exit_ = Exit{.signal = info.si_status,
                 .out_of_memory = info.si_status == SIGKILL && cgroup_.oom_kills() > 0};
  }
  return exit_;
}

std::optional<Exit> Process::poll_exit() { return reap(false); }

Exit Process::wait() { return *reap(true); }

}  // namespace themis::sandbox
