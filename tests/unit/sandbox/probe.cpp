// A program for the sandbox's tests: does one thing after another, as its arguments say, and
// reports on the channel. "native" and "v8" confine it; the rest tries what a process that was
// taken over would try. Prints one line a step.

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "enclave/sandbox/filter.hpp"
#include "enclave/sandbox/launch.hpp"
#include "enclave/sandbox/shared_memory.hpp"

extern char** environ;

namespace {

using namespace themis;
using namespace themis::sandbox;

void say(const std::string& line) {
  const std::string text = line + '\n';
  if (::write(kChannelFd, text.data(), text.size()) < 0) ::_exit(9);
}

std::string outcome(long result) { return result < 0 ? ::strerrorname_np(errno) : "done"; }

std::string confine(Profile profile, Refusal refusal = Refusal::enforce) {
  const auto confinement = confine_self(profile, refusal);
  return confinement ? to_variable(*confinement) + (confinement->seccomp ? ";seccomp" : "") +
                           (confinement->dumpable ? "" : ";not dumpable") +
                           (confinement->no_new_privileges ? ";no new privileges" : "")
                     : confinement.error().text();
}

std::string list_processes() {
  DIR* directory = ::opendir("/proc");
  if (!directory) return ::strerrorname_np(errno);
  int seen = 0;
  while (const dirent* entry = ::readdir(directory))
    if (std::atoi(entry->d_name) > 0) ++seen;
  ::closedir(directory);
  return std::to_string(seen);
}

std::string list_descriptors() {
  std::string open;
  for (int fd = 0; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + ' ';
  return open;
}

std::string map_code() {
  void* page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? ::strerrorname_np(errno) : "done";
}

std::string allocate(size_t megabytes) {
  for (size_t i = 0; i < megabytes; ++i) {
    void* block = std::malloc(1 << 20);
    if (!block) return "refused";
    std::memset(block, 1, 1 << 20);
  }
  return "done";
}

std::string connect_tcp() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return outcome(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

std::string start_thread() {
  int value = 0;
  std::thread([&] { value = 7; }).join();
  return value == 7 ? "done" : "lost";
}

std::string core_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  return std::to_string(limit.rlim_cur) + ' ' + std::to_string(limit.rlim_max);
}

std::string environment() {
  std::string all;
  for (char** entry = environ; *entry; ++entry)
    all += std::string_view(*entry).substr(0, std::string_view(*entry).find('=')), all += ' ';
  return all;
}

std::string capabilities() {
  std::string held;
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1) held += std::to_string(capability);
  return held.empty() ? "none" : held;
}

SharedMemoryPtr shared;

std::string adopt() {
  auto memory = SharedMemory::adopt();
  if (!memory) return memory.error().text();
  shared = *memory;
  return shared ? std::to_string(shared->bytes().size()) : "none";
}

/// What is at its beginning; then adds one to every byte.
std::string answer_shared() {
  std::string seen;
  for (std::byte& byte : shared->bytes()) {
    if (byte != std::byte{}) seen += static_cast<char>(byte);
    byte = static_cast<std::byte>(static_cast<int>(byte) + 1);
  }
  return seen;
}

std::string run(std::string_view step) {
  const auto starts = [&](std::string_view word) { return step.starts_with(word); };
  const std::string rest(step.substr(std::min(step.size(), step.find(':') + 1)));
  if (step == "native") return confine(Profile::native);
  if (step == "v8") return confine(Profile::v8);
  if (step == "v8 that tells") return confine(Profile::v8, Refusal::report);
  if (starts("read:")) return outcome(::open(rest.c_str(), O_RDONLY | O_CLOEXEC));
  if (starts("create:")) return outcome(::open(rest.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (starts("allocate:")) return allocate(std::strtoul(rest.c_str(), nullptr, 10));
  if (starts("kill:")) return outcome(::kill(std::atoi(rest.c_str()), SIGKILL));
  if (starts("trace:"))
    return outcome(::ptrace(PTRACE_ATTACH, std::atoi(rest.c_str()), nullptr, nullptr));
  if (step == "socket") return outcome(::socket(AF_INET, SOCK_STREAM, 0));
  if (step == "connect") return connect_tcp();
  if (step == "fork") return outcome(::fork());
  if (step == "clone") return outcome(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (step == "clone3") return outcome(::syscall(SYS_clone3, nullptr, 0));
  if (step == "exec") return outcome(::execl("/bin/true", "true", nullptr));
  if (step == "bpf") return outcome(::syscall(SYS_bpf, 0, nullptr, 0));
  if (step == "io_uring") return outcome(::syscall(SYS_io_uring_setup, 1, nullptr));
  if (step == "dumpable") return outcome(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  if (step == "map code") return map_code();
  if (step == "thread") return start_thread();
  if (step == "processes") return list_processes();
  if (step == "descriptors") return list_descriptors();
  if (step == "core limit") return core_limit();
  if (step == "environment") return environment();
  if (step == "capabilities") return capabilities();
  if (step == "uid") return std::to_string(::getuid());
  if (step == "pid") return std::to_string(::getpid());
  if (step == "abort") std::abort();
  if (step == "print") return outcome(::write(STDERR_FILENO, "printed\n", 8));
  if (step == "adopt") return adopt();
  if (step == "shared") return answer_shared();
  if (step == "shrink") return outcome(::ftruncate(kSharedFd, 0));
  if (step == "grow") return outcome(::ftruncate(kSharedFd, 1 << 20));
  if (step == "unseal") return outcome(::fcntl(kSharedFd, F_ADD_SEALS, F_SEAL_WRITE));
  if (step == "wait") {
    char byte;
    return outcome(::read(kChannelFd, &byte, 1));
  }
  if (step == "pause")
    for (;;) ::pause();
  if (starts("exit:")) ::_exit(std::atoi(rest.c_str()));
  return "unknown step";
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) say(run(arguments[i]));
  return 0;
}
