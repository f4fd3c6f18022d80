#include "enclave/sandbox/filter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace themis::sandbox {
namespace {

// Allowed whatever their arguments.
constexpr int kAlways[] = {
    // bytes on descriptors that are open already
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvfrom),
    SCMP_SYS(sendto), SCMP_SYS(shutdown), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
    // memory
    SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(brk),
    // threads and time
    SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom),
    // signals and the end
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};
// Allowed with the conditions set in add_conditions().
constexpr int kConditional[] = {SCMP_SYS(mmap),   SCMP_SYS(mprotect), SCMP_SYS(clone),
                                SCMP_SYS(tgkill), SCMP_SYS(prctl),    SCMP_SYS(fcntl)};
constexpr int kV8Only[] = {SCMP_SYS(pkey_mprotect), SCMP_SYS(pkey_alloc), SCMP_SYS(pkey_free),
                           SCMP_SYS(getrusage),
                           // its mutexes ask for the scheduling class
                           SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler)};

// Nothing of ours, of glibc, of CAF or of V8 makes these after start-up: whoever does has taken the
// process over.
constexpr int kDeadly[] = {SCMP_SYS(execve),
                           SCMP_SYS(execveat),
                           SCMP_SYS(fork),
                           SCMP_SYS(vfork),
                           SCMP_SYS(ptrace),
                           SCMP_SYS(process_vm_readv),
                           SCMP_SYS(process_vm_writev),
                           SCMP_SYS(socket),
                           SCMP_SYS(connect),
                           SCMP_SYS(bind),
                           SCMP_SYS(listen),
                           SCMP_SYS(accept),
                           SCMP_SYS(accept4),
                           SCMP_SYS(mount),
                           SCMP_SYS(umount2),
                           SCMP_SYS(pivot_root),
                           SCMP_SYS(chroot),
                           SCMP_SYS(unshare),
                           SCMP_SYS(setns),
                           SCMP_SYS(bpf),
                           SCMP_SYS(userfaultfd),
                           SCMP_SYS(perf_event_open),
                           SCMP_SYS(add_key),
                           SCMP_SYS(request_key),
                           SCMP_SYS(keyctl),
                           SCMP_SYS(init_module),
                           SCMP_SYS(finit_module),
                           SCMP_SYS(kexec_load),
                           SCMP_SYS(pidfd_getfd),
                           SCMP_SYS(open_by_handle_at)};

constexpr scmp_datum_t kThread = CLONE_VM | CLONE_THREAD;
constexpr scmp_datum_t kNewNamespace = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS |
                                       CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr scmp_datum_t kSetVmaName = 0x53564d41;  // PR_SET_VMA: V8 and glibc label their mappings
constexpr scmp_datum_t kAllowedPrctl[] = {PR_SET_NAME, PR_GET_DUMPABLE, PR_GET_SECCOMP,
                                          PR_GET_NO_NEW_PRIVS, kSetVmaName};

/// Higher numbers are no system calls, on any machine we know.
constexpr int kReportedMax = 1024;

class Filter {
 public:
  explicit Filter(uint32_t default_action) : context_(seccomp_init(default_action)) {}

  template <class... Conditions>
  void add(uint32_t action, int call, Conditions... conditions) {
    const scmp_arg_cmp list[] = {conditions..., scmp_arg_cmp{}};
    keep(seccomp_rule_add_array(context_.get(), action, call, sizeof...(conditions), list));
  }
  void set(scmp_filter_attr attribute, uint32_t value) {
    keep(seccomp_attr_set(context_.get(), attribute, value));
  }
  Status load() {
    if (!context_) return fail(Code::io, "seccomp: out of memory");
    if (failed_ == 0) keep(seccomp_load(context_.get()));
    if (failed_ != 0)
      return fail(Code::io, fmt::format("seccomp: {}; is another filter in force, or a kernel "
                                        "without CONFIG_SECCOMP_FILTER?",
                                        std::strerror(-failed_)));
    return {};
  }

 private:
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };
  void keep(int code) {
    if (failed_ == 0) failed_ = code;
  }
  std::unique_ptr<void, Release> context_;
  int failed_ = 0;
};

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp equal(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

void add_conditions(Filter& filter, Profile profile) {
  if (profile == Profile::v8) {
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap));
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect));
  } else {
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), masked(2, PROT_EXEC, 0));
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), masked(2, PROT_EXEC, 0));
  }
  // A filter cannot look into clone3's structure; with ENOSYS glibc falls back to clone, whose
  // flags it can see.
  filter.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), masked(0, kThread | kNewNamespace, kThread));
  filter.add(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), masked(0, CLONE_THREAD, 0));
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), equal(0, static_cast<scmp_datum_t>(::getpid())));
  for (const scmp_datum_t option : kAllowedPrctl)
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), equal(0, option));
  for (const scmp_datum_t command : {F_GETFL, F_SETFL, F_GETFD})
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), equal(1, command));
}

/// How often each call was refused, up to when it is told: once, so that nobody fills a log with
/// them. Node asks for files and names of peers some times in its life, which says nothing.
std::atomic<int> refused[kReportedMax];
constexpr int kAskedByNode = 8;

bool is_told(int number) {
  if (number < 0 || number >= kReportedMax) return false;
  const bool usual = number == SCMP_SYS(openat) || number == SCMP_SYS(getpeername);
  const int told_at = usual ? kAskedByNode : 0;
  if (refused[number].load(std::memory_order_relaxed) > told_at) return false;
  return refused[number].fetch_add(1) == told_at;
}

/// Refusal::report: prints the number and makes the call return EPERM, as without the handler.
void report(int, siginfo_t* info, void* context) {
  char line[] = "sandbox: refused system call      \n";
  size_t at = sizeof line - 3;
  for (int number = info->si_syscall; number > 0 && at > 29; number /= 10)
    line[at--] = static_cast<char>('0' + number % 10);
  const int saved = errno;
  if (is_told(info->si_syscall)) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, sizeof line - 1);
  }
  errno = saved;
#if defined(__x86_64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<uint64_t>(-EPERM);
#endif
}

Status install_reporter() {
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0)
    return fail(Code::io, fmt::format("sigaction: {}", std::strerror(errno)));
  return {};
}

}  // namespace

Result<Confinement> confine_self(Profile profile, Refusal refusal) {
  if (refusal == Refusal::report) THEMIS_CHECK(install_reporter());
  // Calls nobody thought of get EPERM: libraries probe for features and must be able to go on
  // without them.
  Filter filter(refusal == Refusal::report ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
  filter.set(SCMP_FLTATR_CTL_TSYNC, 1);
  filter.set(SCMP_FLTATR_CTL_NNP, 1);
  filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  filter.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: a few comparisons a call
  for (const int call : kAlways) filter.add(SCMP_ACT_ALLOW, call);
  if (profile == Profile::v8)
    for (const int call : kV8Only) filter.add(SCMP_ACT_ALLOW, call);
  for (const int call : kDeadly) filter.add(SCMP_ACT_KILL_PROCESS, call);
  add_conditions(filter, profile);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail(Code::io, fmt::format("PR_SET_DUMPABLE: {}", std::strerror(errno)));
  THEMIS_CHECK(filter.load());
  note_filter();
  return own_confinement();
}

std::vector<std::string> allowed_calls(Profile profile) {
  std::vector<std::string> names;
  const auto add = [&](int call) {
    const std::unique_ptr<char, void (*)(void*)> name(
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call), &std::free);
    names.emplace_back(name ? name.get() : "?");
  };
  for (const int call : kAlways) add(call);
  for (const int call : kConditional) add(call);
  if (profile == Profile::v8)
    for (const int call : kV8Only) add(call);
  std::ranges::sort(names);
  return names;
}

}  // namespace themis::sandbox
