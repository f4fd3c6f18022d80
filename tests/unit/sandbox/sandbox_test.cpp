// A sandboxed child cannot do what it must not, dies when it must, and costs nobody else anything.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "enclave/sandbox/filter.hpp"
#include "enclave/sandbox/landlock.hpp"
#include "enclave/sandbox/launch.hpp"
#include "enclave/sandbox/spawn.hpp"
#include "runtime/base/bytes.hpp"

namespace themis::sandbox {
namespace {

const std::string kProbe = THEMIS_PROBE;

LaunchOptions probe(std::vector<std::string> steps) {
  LaunchOptions options;
  options.argv = {kProbe};
  options.argv.insert(options.argv.end(), steps.begin(), steps.end());
  return options;
}

std::string read_all(int fd) {
  std::string all;
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 30'000) != 1) return all + "(no end in 30 s)";
    char buffer[4096];
    const ssize_t length = ::read(fd, buffer, sizeof buffer);
    if (length <= 0) return all;
    all.append(buffer, static_cast<size_t>(length));
  }
}

/// All the child said, one word or line a step, then how it ended: "EACCES|done|exit code 0".
std::string run_with(const LaunchOptions& options) {
  auto process = launch(options);
  if (!process) return process.error().text();
  const int channel = process->take_channel();
  std::string said = read_all(channel);
  std::ranges::replace(said, '\n', '|');
  ::close(channel);
  return said + process->wait().text();
}
std::string run(std::vector<std::string> steps) { return run_with(probe(std::move(steps))); }

bool usable(Namespaces kind) { return (usable_namespaces() & kind) != 0; }

/// What is promised where the kernel refuses a kind: the child runs without, and who requires it
/// gets no child.
void expect_left_out(Namespaces kind) {
  LaunchOptions options = probe({});
  EXPECT_EQ(run_with(options), "exit code 0");
  options.required = kind;
  EXPECT_EQ(launch(options).error().code, Code::unavailable);
}

TEST(Sandbox, ReportsHowTheChildEnded) {
  EXPECT_EQ(run({}), "exit code 0");
  EXPECT_EQ(run({"exit:3"}), "exit code 3");
  auto process = launch(probe({"pause"}));
  ASSERT_TRUE(process) << process.error().detail;
  EXPECT_FALSE(process->poll_exit());
  process->kill();
  EXPECT_EQ(process->wait().text(), "killed by signal 9");
  EXPECT_EQ(process->poll_exit()->signal, 9);
  EXPECT_FALSE(process->poll_exit()->out_of_memory);
}

TEST(Sandbox, SignalsTheEndOnItsPidFd) {
  auto process = launch(probe({"wait", "exit:4"}));
  ASSERT_TRUE(process);
  pollfd ended{process->pid_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  const int channel = process->take_channel();
  ASSERT_EQ(::write(channel, "x", 1), 1);
  ASSERT_EQ(::poll(&ended, 1, 30'000), 1);
  EXPECT_EQ(process->poll_exit()->text(), "exit code 4");
  ::close(channel);
}

TEST(Sandbox, RefusesWhatItCannotStart) {
  LaunchOptions options;
  EXPECT_EQ(run_with(options), "invalid: no program to launch");
  options.argv = {"/no/such/program"};
  EXPECT_EQ(run_with(options), "io: /no/such/program: No such file or directory");
  options.argv = {"/usr"};
  EXPECT_EQ(run_with(options), "io: /usr: Permission denied");
}

TEST(Sandbox, GivesTheChildOnlyItsChannel) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec, on purpose
  LaunchOptions options = probe({"descriptors", "environment", "core limit"});
  options.environment = {"A=1", "B=2"};
  EXPECT_EQ(run_with(options), "0 1 2 3 |A B THEMIS_CONFINEMENT |0 0|exit code 0");
  ::close(leaked);
}

TEST(Sandbox, GivesTheChildItsSharedMemoryAndNoOtherDescriptor) {
  LaunchOptions options = probe({"descriptors", "environment", "adopt", "descriptors"});
  options.shared = SharedMemory::create(12'288).value();
  EXPECT_EQ(run_with(options),
            "0 1 2 3 4 |THEMIS_SHARED_BYTES THEMIS_CONFINEMENT |12288|0 1 2 3 |exit code 0");
  EXPECT_EQ(run({"adopt"}), "none|exit code 0");
}

TEST(Sandbox, SharesMemoryBothWaysAlsoOnceConfined) {
  LaunchOptions options = probe({"adopt", "native", "shared"});
  options.shared = SharedMemory::create(4'096).value();
  const std::span<std::byte> bytes = options.shared->bytes();
  ASSERT_EQ(bytes.size(), 4'096u);
  std::memcpy(bytes.data(), "HAL", 3);
  EXPECT_TRUE(run_with(options).ends_with("|HAL|exit code 0"));
  EXPECT_EQ(as_text(ByteView(bytes).first(4)), "IBM\1");
  EXPECT_EQ(bytes.back(), std::byte{1});
}

TEST(Sandbox, AdversaryCannotChangeTheSizeOfItsSharedMemory) {
  LaunchOptions options = probe({"shrink", "grow", "unseal", "native", "shrink"});
  options.shared = SharedMemory::create(8'192).value();
  const std::string said = run_with(options);
  EXPECT_TRUE(said.starts_with("EPERM|EPERM|EPERM|")) << said;
  EXPECT_TRUE(said.ends_with("|EPERM|exit code 0")) << said;
  options.shared->bytes().back() = std::byte{7};  // all pages are still there
  EXPECT_EQ(options.shared->bytes().back(), std::byte{7});
}

TEST(Sandbox, SharedMemoryOutlivesAChildThatIsKilledWhileItWrites) {
  LaunchOptions options = probe({"adopt", "wait", "shared", "pause"});
  options.shared = SharedMemory::create(size_t{64} << 20).value();
  auto process = launch(options);
  ASSERT_TRUE(process) << process.error().text();
  const int channel = process->take_channel();
  ASSERT_EQ(::write(channel, "x", 1), 1);
  const auto* first = reinterpret_cast<const volatile uint8_t*>(options.shared->bytes().data());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (*first == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  process->kill();
  EXPECT_EQ(process->wait().signal, SIGKILL);
  ::close(channel);
  EXPECT_EQ(options.shared->bytes().front(), std::byte{1});
  options.shared->bytes().back() = std::byte{7};
  EXPECT_EQ(options.shared->bytes().back(), std::byte{7});
}

/// What the child says of memory that is not what was told: `told` bytes, and no more seals than
/// these.
std::string adopt_wrong(const char* told, size_t bytes, int seals) {
  const int fd = ::memfd_create("wrong", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(bytes)), 0);
  if (seals != 0) {
    EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, seals), 0);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kSharedVariable.data(), told, 1);
    ::dup2(fd, kSharedFd);
    const auto adopted = SharedMemory::adopt();
    ::_exit(adopted ? 0 : adopted.error().code == Code::invalid ? 1 : 2);
  }
  ::close(fd);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? std::to_string(WEXITSTATUS(status)) : "killed";
}

TEST(SharedMemory, IsRefusedWhenItIsNotAsTold) {
  constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_EQ(adopt_wrong("4096", 4'096, kAll), "0");
  EXPECT_EQ(adopt_wrong("8192", 4'096, kAll), "1") << "reading its end would kill";
  EXPECT_EQ(adopt_wrong("4096", 8'192, kAll), "1");
  for (const int missing : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL})
    EXPECT_EQ(adopt_wrong("4096", 4'096, kAll & ~missing), "1") << missing;
  for (const char* wrong : {"", "0", "-1", "4096x", "x", "99999999999999999999"})
    EXPECT_EQ(adopt_wrong(wrong, 4'096, kAll), "1") << wrong;
  for (const size_t bytes : {size_t{0}, kSharedBytesMax + 1})
    EXPECT_EQ(SharedMemory::create(bytes).error().code, Code::invalid);
}

TEST(Sandbox, ReadsTheOutputFromItsPipe) {
  LaunchOptions options = probe({"print"});
  options.output = Output::pipe;
  auto process = launch(options);
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->output_fd()), "printed\n");
}

TEST(Sandbox, TellsTheChildWhatIsInForce) {
  auto process = launch(probe({"native"}));
  ASSERT_TRUE(process);
  const int channel = process->take_channel();
  EXPECT_EQ(read_all(channel),
            to_variable(process->confinement()) + ";seccomp;not dumpable;no new privileges\n");
  ::close(channel);
}

TEST(Sandbox, LivesInNamespacesOfItsOwn) {
  auto process = launch(probe({"pause"}));
  ASSERT_TRUE(process);
  EXPECT_EQ(process->confinement().namespaces, namespace_names(usable_namespaces()));
  const auto link = [](const std::string& pid, const std::string& kind) {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/" + pid + "/ns/" + kind, error).string();
  };
  for (const std::string& kind : process->confinement().namespaces) {
    const std::string theirs = link(std::to_string(process->pid()), kind);
    // Empty: this user may not look at a process that has a user namespace of its own.
    EXPECT_NE(theirs, link("self", kind)) << kind;
  }
}

TEST(Sandbox, LeavesOutNamespacesAndRequiresThem) {
  LaunchOptions options = probe({"processes"});
  options.namespaces = kNoNamespaces;
  auto process = launch(options);
  ASSERT_TRUE(process);
  EXPECT_TRUE(process->confinement().namespaces.empty());
  options.required = usable_namespaces();
  EXPECT_TRUE(launch(options));
  options.required = 64;  // no such namespace in any kernel
  EXPECT_EQ(launch(options).error().code, Code::unavailable);
}

TEST(Sandbox, HoldsNoPrivileges) {
  const auto uid = usable(kUserNamespace) ? "65534" : std::to_string(::getuid());
  EXPECT_EQ(run({"uid", "capabilities"}), uid + "|none|exit code 0");
}

TEST(Sandbox, CannotSeeOtherProcesses) {
  for (const Namespaces kind : {kPidNamespace, kMountNamespace})
    if (!usable(kind)) return expect_left_out(kind);
  LaunchOptions options = probe({"pid", "processes", fmt::format("kill:{}", ::getpid()),
                                 fmt::format("trace:{}", ::getpid())});
  options.readable = {"/proc"};
  const std::string said = run_with(options);
  EXPECT_TRUE(said.starts_with("1|1|ESRCH|") || said.starts_with("1|0|ESRCH|") ||
              said.starts_with("1|EACCES|ESRCH|"))
      << said;
  EXPECT_TRUE(said.ends_with("|ESRCH|exit code 0") || said.ends_with("|EPERM|exit code 0")) << said;
}

TEST(Sandbox, CannotReadOrWriteFilesBeforeItConfinesItself) {
  if (landlock_abi() == 0) {  // the child runs without, and is told so
    auto process = launch(probe({}));
    ASSERT_TRUE(process);
    EXPECT_EQ(process->confinement().landlock, 0u);
    return;
  }
  const std::string file =
      (std::filesystem::temp_directory_path() / "themis-sandbox-must-not-exist").string();
  EXPECT_EQ(run({"read:/etc/passwd", "read:/etc", "create:" + file, "read:/usr"}),
            "EACCES|EACCES|EACCES|done|exit code 0");
  EXPECT_FALSE(std::filesystem::exists(file));
  LaunchOptions options = probe({"read:/etc/passwd", "read:/etc/group"});
  options.readable = {"/etc/passwd"};
  EXPECT_EQ(run_with(options), "done|EACCES|exit code 0");
}

TEST(Sandbox, CannotSetUpAnIoUringThatWouldOutliveTheFilter) {
  EXPECT_EQ(run({"io_uring", "native"}).substr(0, 7), "ENOSYS|");
}

TEST(Sandbox, CannotReachTheNetworkBeforeItConfinesItself) {
  if (landlock_abi() < 4 && !usable(kNetNamespace)) return expect_left_out(kNetNamespace);
  const std::string said = run({"connect"});
  EXPECT_TRUE(said == "EACCES|exit code 0" || said == "ENETUNREACH|exit code 0") << said;
}

class ConfinedSandbox : public testing::TestWithParam<const char*> {
 protected:
  /// What the steps say after confine_self().
  std::string confined(std::vector<std::string> steps) {
    steps.insert(steps.begin(), GetParam());
    const std::string said = run(steps);
    return said.substr(std::min(said.size(), said.find('|') + 1));
  }
};
INSTANTIATE_TEST_SUITE_P(Profiles, ConfinedSandbox, testing::Values("native", "v8"));

TEST_P(ConfinedSandbox, AdversaryCannotOpenFiles) {
  EXPECT_EQ(confined({"read:/etc/passwd", "read:/usr/lib", "read:/proc/self/maps", "io_uring"}),
            "EPERM|EPERM|EPERM|EPERM|exit code 0");
}

TEST_P(ConfinedSandbox, AdversaryDiesOnWhatOnlyAnAttackerTries) {
  const std::string parent = fmt::format("trace:{}", ::getpid());
  for (const std::string step : {"socket", "connect", "fork", "clone", "exec", "bpf"}) {
    const std::string said = confined({step});
    EXPECT_EQ(said, "killed by signal 31") << step;
  }
  EXPECT_EQ(confined({parent}), "killed by signal 31");
}

TEST_P(ConfinedSandbox, AdversaryCannotSignalOthersOrMakeItselfReadable) {
  EXPECT_EQ(confined({fmt::format("kill:{}", ::getpid()), "kill:-1", "dumpable", "clone3"}),
            "EPERM|EPERM|EPERM|ENOSYS|exit code 0");
}

TEST_P(ConfinedSandbox, StillAllocatesStartsThreadsAndAborts) {
  EXPECT_EQ(confined({"allocate:64", "thread", "print"}), "done|done|done|exit code 0");
  const std::string said = confined({"abort"});
  EXPECT_TRUE(said == "killed by signal 6" || said == "killed by signal 11") << said;
}

TEST(Sandbox, MapsExecutableMemoryInTheV8ProfileOnly) {
  const std::string native = run({"native", "map code"});
  EXPECT_TRUE(native.ends_with("|EPERM|exit code 0")) << native;
  const std::string v8 = run({"v8", "map code"});
  EXPECT_TRUE(v8.ends_with("|done|exit code 0")) << v8;
}

TEST(Sandbox, TellsEachRefusedCallOnce) {
  std::vector<std::string> steps{"v8 that tells", "kill:-1", "kill:-1", "dumpable"};
  steps.resize(16, "read:/etc/passwd");
  LaunchOptions options = probe(steps);
  options.output = Output::pipe;
  auto process = launch(options);
  ASSERT_TRUE(process) << process.error().text();
  const int channel = process->take_channel();
  const std::string said = read_all(channel);
  ::close(channel);
  EXPECT_TRUE(said.ends_with("\nEPERM\nEPERM\nEPERM\n")) << said;
  EXPECT_EQ(std::ranges::count(said, '\n'), 16);
  const std::string output = read_all(process->output_fd());
  const auto line = [](int call) {
    return fmt::format("sandbox: refused system call {:>5}\n", call);
  };
  EXPECT_EQ(output, line(SYS_kill) + line(SYS_prctl) + line(SYS_openat));
}

TEST(Sandbox, AllowsAtMost45SystemCalls) {
  for (const Profile profile : {Profile::native, Profile::v8}) {
    const auto calls = allowed_calls(profile);
    RecordProperty(profile == Profile::native ? "native" : "v8", static_cast<int>(calls.size()));
    EXPECT_LE(calls.size(), 45u);
    EXPECT_EQ(std::ranges::adjacent_find(calls), calls.end());
    for (const char* never : {"openat", "socket", "execve", "kill", "ioctl", "recvmsg"})
      EXPECT_EQ(std::ranges::find(calls, never), calls.end()) << never;
  }
}

TEST(Sandbox, KillsTheChildWhenItsParentDies) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto process = launch(probe({"native", "pause"}));
    const pid_t pid = process ? process->pid() : -1;
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t child = -1;
  ASSERT_EQ(::read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_GT(child, 0);
  const int pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  ASSERT_GE(pid_fd, 0);
  pollfd ended{pid_fd, POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0) << "it runs";
  ::kill(parent, SIGKILL);
  EXPECT_EQ(::poll(&ended, 1, 30'000), 1) << "it outlived its parent";
  ::waitpid(parent, nullptr, 0);
  for (const int fd : {pid_fd, ends[0], ends[1]}) ::close(fd);
}

TEST(Sandbox, RegressTheChildEndsWhenItsParentIsGoneBeforeGo) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ChildPlan plan;
  plan.parent_control_fd = ends[0];
  plan.control_fd = ends[1];
  const auto child = spawn(plan);
  ASSERT_TRUE(child) << child.error().text();
  ::close(ends[0]);  // as the kernel does when the parent dies
  pollfd ended{child->pid_fd, POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 30'000), 1) << "it waits for a parent that is gone";
  ::kill(child->pid, SIGKILL);
  int status = 0;
  ::waitpid(child->pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 127);
  ::close(ends[1]);
  ::close(child->pid_fd);
}

TEST(Sandbox, ClosesTheOutputPipeForBothEnds) {
  LaunchOptions options = probe({"wait", "print"});
  options.output = Output::pipe;
  options.namespaces = kNoNamespaces;  // the first process of a PID namespace is spared SIGPIPE
  auto process = launch(options);
  ASSERT_TRUE(process);
  process->close_output();
  EXPECT_EQ(process->output_fd(), -1);
  const int channel = process->take_channel();
  ASSERT_EQ(::write(channel, "x", 1), 1);
  EXPECT_EQ(process->wait().signal, SIGPIPE);
  ::close(channel);
}

TEST(Sandbox, KillsTheChildWhenItsHandleGoes) {
  int pid_fd = -1;
  {
    auto process = launch(probe({"pause"}));
    ASSERT_TRUE(process);
    pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, process->pid(), 0));
    ASSERT_GE(pid_fd, 0);
  }
  EXPECT_EQ(::syscall(SYS_pidfd_send_signal, pid_fd, 0, nullptr, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  ::close(pid_fd);
}

TEST(Sandbox, KillsOnlyTheChildThatPassesItsMemoryLimit) {
  LaunchOptions options = probe({"native", "allocate:300"});
  options.limits = {.memory_bytes = 64 << 20, .cpu_percent = 200, .processes = 16};
  auto neighbour = launch(probe({"wait"}));
  auto process = launch(options);
  ASSERT_TRUE(process) << process.error().detail;
  ASSERT_TRUE(neighbour);
  const auto limits = process->limits_in_force();
  const bool limited = std::ranges::find(limits, "memory") != limits.end();
  EXPECT_EQ(process->wait().text(), limited ? "killed by signal 9 (out of memory)" : "exit code 0");
  EXPECT_FALSE(neighbour->poll_exit());
}

TEST(Sandbox, LaunchesWhileOtherThreadsAllocate) {
  std::atomic<bool> done = false;
  std::thread busy([&] {
    while (!done) std::string(100'000, 'x').shrink_to_fit();
  });
  for (int i = 0; i < 30; ++i) EXPECT_EQ(run({"exit:0"}), "exit code 0");
  done = true;
  busy.join();
}

TEST(Sandbox, LeavesNoDescriptorBehind) {
  const auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  run({"exit:0"});
  const auto before = open_descriptors();
  for (int i = 0; i < 10; ++i) {
    LaunchOptions options = probe({"exit:0"});
    options.shared = SharedMemory::create(4'096).value();
    EXPECT_EQ(run_with(options), "exit code 0");
  }
  LaunchOptions wrong;
  wrong.argv = {"/no/such/program"};
  EXPECT_FALSE(launch(wrong));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Confinement, SurvivesItsTextForm) {
  Confinement confinement;
  confinement.namespaces = {"user", "net"};
  confinement.landlock = 7;
  confinement.cgroup = "v2";
  EXPECT_EQ(from_variable(to_variable(confinement)).value(), confinement);
  EXPECT_EQ(from_variable("namespaces=;landlock=0;cgroup=none").value(), Confinement());
  for (const char* wrong :
       {"", "namespaces=user", "namespaces=moon;landlock=0;cgroup=none", "landlock=0",
        "namespaces=user,user;landlock=0;cgroup=v1", "namespaces=;landlock=x;cgroup=none",
        "namespaces=;landlock=-1;cgroup=none", "namespaces=;landlock=0;cgroup=v3",
        "namespaces=;landlock=0;cgroup=none;more=1"})
    EXPECT_FALSE(from_variable(wrong)) << wrong;
}

}  // namespace
}  // namespace themis::sandbox
