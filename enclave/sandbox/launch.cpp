#include "enclave/sandbox/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "enclave/sandbox/child.hpp"
#include "enclave/sandbox/landlock.hpp"
#include "enclave/sandbox/spawn.hpp"
#include "runtime/base/log.hpp"

namespace themis::sandbox {
namespace {

/// What any dynamically linked program reads to start.
constexpr const char* kSystemPaths[] = {"/usr",      "/lib",        "/lib64", "/etc/ld.so.cache",
                                        "/dev/null", "/dev/urandom"};

Error io_error(std::string_view what, int error) {
  return {Code::io, fmt::format("{}: {}", what, std::strerror(error))};
}

/// A descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// The same open file under a number the child's own descriptors do not collide with.
Status lift(Fd& fd) {
  const int high = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kChildFdMin);
  if (high < 0) return fail(io_error("descriptors", errno));
  fd = Fd(high);
  return {};
}

struct Pair {
  Fd ours;
  Fd theirs;
};

Result<Pair> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(io_error("socketpair", errno));
  Pair pair{Fd(ends[0]), Fd(ends[1])};
  THEMIS_CHECK(lift(pair.theirs));
  return pair;
}

Result<Pair> output_pair(Output output, int null_fd) {
  Pair pair;
  if (output == Output::pipe) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(io_error("pipe", errno));
    pair = {Fd(ends[0]), Fd(ends[1])};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    THEMIS_CHECK(lift(pair.theirs));
  } else if (output == Output::discard) {
    pair.theirs = Fd(::fcntl(null_fd, F_DUPFD_CLOEXEC, kChildFdMin));
    if (pair.theirs.get() < 0) return fail(io_error("descriptors", errno));
  }
  return pair;
}

/// The child's copy of its shared memory's descriptor; none without.
Result<Fd> shared_copy(const SharedMemoryPtr& shared) {
  if (!shared) return Fd();
  Fd copy(::fcntl(shared->fd(), F_DUPFD_CLOEXEC, kChildFdMin));
  if (copy.get() < 0) return fail(io_error("shared memory", errno));
  return copy;
}

std::vector<std::string> environment_of(const LaunchOptions& options) {
  std::vector<std::string> all = options.environment;
  if (options.shared)
    all.push_back(fmt::format("{}={}", kSharedVariable, options.shared->bytes().size()));
  return all;
}

Result<Fd> read_only_view(const LaunchOptions& options, uint32_t abi) {
  if (abi == 0) {
    static std::atomic_flag told;
    if (!told.test_and_set())
      log::warn("sandbox",
                "this kernel has no Landlock: until it calls confine_self(), an enclave "
                "process can read what its user can");
    return Fd();
  }
  std::vector<std::string> paths(std::begin(kSystemPaths), std::end(kSystemPaths));
  paths.push_back(options.argv[0]);
  paths.insert(paths.end(), options.readable.begin(), options.readable.end());
  THEMIS_TRY(const int ruleset, landlock_ruleset(abi, paths));
  Fd fd(ruleset);
  THEMIS_CHECK(lift(fd));
  return fd;
}

std::vector<char*> pointers(const std::vector<std::string>& texts, size_t extra) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.resize(list.size() + extra, nullptr);
  return list;
}

Error explain(const Failure& failure, const std::string& program) {
  switch (failure.step) {
    case Step::user:
      return io_error("user namespace", failure.error);
    case Step::rlimits:
      return io_error("resource limits", failure.error);
    case Step::descriptors:
      return io_error("descriptors", failure.error);
    case Step::privileges:
      return io_error("no_new_privs", failure.error);
    case Step::landlock:
      return io_error("landlock", failure.error);
    case Step::filter:
      return io_error("seccomp", failure.error);
    case Step::exec:
      return io_error(program, failure.error);
  }
  return {Code::internal, "an unknown step failed"};
}

/// Lets the child go on; it closes its end when exec succeeded, or says what failed.
Status start(int control_fd, const std::string& variable, const std::string& program) {
  if (::send(control_fd, variable.data(), variable.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(variable.size()))
    return fail(io_error(program, errno));
  Failure failure{};
  ssize_t length = 0;
  do {
    length = ::recv(control_fd, &failure, sizeof failure, 0);
  } while (length < 0 && errno == EINTR);
  if (length == 0) return {};
  if (length != sizeof failure) return fail(io_error(program, errno));
  return fail(explain(failure, program));
}

Status check(const LaunchOptions& options, uint8_t usable) {
  if (options.argv.empty() || options.argv[0].empty())
    return fail(Code::invalid, "no program to launch");
  if (const auto missing = options.required & ~usable; missing != 0)
    return fail(Code::unavailable,
                fmt::format("the kernel refuses a required namespace: {}",
                            fmt::join(namespace_names(static_cast<uint8_t>(missing)), ", ")));
  return {};
}

std::string next_group_name() {
  static std::atomic<uint64_t> count;
  return fmt::format("themis-{}-{}", ::getpid(), ++count);
}

}  // namespace

Result<Process> launch(const LaunchOptions& options) {
  const uint8_t namespaces =
      usable_namespaces() & static_cast<uint8_t>(options.namespaces | options.required);
  THEMIS_CHECK(check(options, namespaces));
  Process process;
  process.confinement_.namespaces = namespace_names(namespaces);
  process.confinement_.no_new_privileges = true;
  process.confinement_.landlock = landlock_abi();
  THEMIS_TRY(const Fd landlock, read_only_view(options, process.confinement_.landlock));
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null.get() < 0) return fail(io_error("/dev/null", errno));
  const Fd high_null(::fcntl(null.get(), F_DUPFD_CLOEXEC, kChildFdMin));
  if (high_null.get() < 0) return fail(io_error("descriptors", errno));
  THEMIS_TRY(Pair control, socket_pair());
  THEMIS_TRY(Pair channel, socket_pair());
  THEMIS_TRY(Pair output, output_pair(options.output, null.get()));
  THEMIS_TRY(const Fd shared, shared_copy(options.shared));

  const std::vector<char*> argv = pointers(options.argv, 1);
  const std::vector<std::string> variables = environment_of(options);
  std::vector<char*> environment = pointers(variables, 2);
  ChildPlan plan;
  plan.program = options.argv[0].c_str();
  plan.argv = argv.data();
  plan.environment = environment.data();
  plan.variable_slot = environment.size() - 2;
  plan.control_fd = control.theirs.get();
  plan.parent_control_fd = control.ours.get();
  plan.channel_fd = channel.theirs.get();
  plan.shared_fd = shared.get();
  plan.null_fd = high_null.get();
  plan.output_fd = output.theirs.get();
  plan.landlock_fd = landlock.get();
  plan.open_files_max = options.open_files_max;
  plan.namespaces = namespaces;
  const UserMap user = user_map();
  plan.user = &user;

  THEMIS_TRY(const Spawned spawned, spawn(plan));
  process.pid_ = spawned.pid;
  process.pid_fd_ = spawned.pid_fd;
  control.theirs.reset();
  process.confinement_.pid = static_cast<uint32_t>(spawned.pid);
  process.cgroup_ = Cgroup::create(next_group_name(), options.limits, CgroupHost::machine());
  if (auto added = process.cgroup_.add(spawned.pid); !added) {
    log::warn("sandbox", "no cgroup for process {}: {}", spawned.pid, added.error().detail);
    process.cgroup_ = Cgroup();
  }
  process.confinement_.cgroup = process.cgroup_.kind();
  const std::string variable =
      fmt::format("{}={}", kConfinementVariable, to_variable(process.confinement_));
  THEMIS_CHECK(start(control.ours.get(), variable, options.argv[0]));
  ::fcntl(channel.ours.get(), F_SETFL, O_NONBLOCK);
  process.channel_fd_ = channel.ours.release();
  process.output_fd_ = output.ours.release();
  return process;
}

}  // namespace themis::sandbox
