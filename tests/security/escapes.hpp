#pragma once
// What a function host that was taken over might try: one system call each, with the arguments that
// would do harm.

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace themis::security {

struct Escape {
  const char* name;
  long call;
  long arguments[6];
};

template <class T>
long at(const T* address) {
  return reinterpret_cast<long>(address);
}
inline constexpr char kPasswords[] = "/etc/passwd";
inline constexpr char kShell[] = "/bin/sh";
inline constexpr char kRoot[] = "/";
inline constexpr char kEmpty[] = "";
inline constexpr long kChannel = 3;
inline constexpr long kParent =
    1;                       ///< Or the first process of the namespace: never this one's own.
inline long zeros[64] = {};  ///< For whatever is to be read or written.
inline const long kShellWords[] = {at(kShell), 0};

inline const Escape kEscapes[] = {
    // files
    {"open", SYS_openat, {AT_FDCWD, at(kPasswords), O_RDONLY}},
    {"create", SYS_openat, {AT_FDCWD, at("/dev/shm/escaped"), O_CREAT | O_WRONLY, 0600}},
    {"openat2", SYS_openat2, {AT_FDCWD, at(kPasswords), at(zeros), 24}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, at(zeros), O_RDONLY}},
    {"name_to_handle_at",
     SYS_name_to_handle_at,
     {AT_FDCWD, at(kPasswords), at(zeros), at(zeros), 0}},
    {"stat", SYS_newfstatat, {AT_FDCWD, at(kPasswords), at(zeros), 0}},
    {"list", SYS_getdents64, {kChannel, at(zeros), sizeof zeros}},
    {"memfd_create", SYS_memfd_create, {at(kEmpty), 0}},
    {"unlink", SYS_unlinkat, {AT_FDCWD, at(kPasswords), 0}},
    {"chdir", SYS_chdir, {at(kRoot)}},
    // the network, and descriptors of others
    {"socket of the internet", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"socket of the machine", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, at(zeros)}},
    {"connect", SYS_connect, {kChannel, at(zeros), 16}},
    {"listen", SYS_listen, {kChannel, 1}},
    {"send a descriptor", SYS_sendmsg, {kChannel, at(zeros), 0}},
    {"receive a descriptor", SYS_recvmsg, {kChannel, at(zeros), MSG_DONTWAIT}},
    {"pidfd_open", SYS_pidfd_open, {kParent, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {kChannel, 0, 0}},
    {"dup", SYS_dup, {kChannel}},
    // other processes
    {"fork", SYS_clone, {SIGCHLD}},
    {"clone3", SYS_clone3, {at(zeros), 64}},
    {"a thread in a new user namespace", SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_NEWUSER}},
    {"execve", SYS_execve, {at(kShell), at(kShellWords), 0}},
    {"execveat", SYS_execveat, {kChannel, at(kEmpty), at(kShellWords), 0, AT_EMPTY_PATH}},
    {"ptrace", SYS_ptrace, {PTRACE_ATTACH, kParent}},
    {"process_vm_readv", SYS_process_vm_readv, {kParent, at(zeros), 1, at(zeros), 1}},
    {"process_vm_writev", SYS_process_vm_writev, {kParent, at(zeros), 1, at(zeros), 1}},
    {"kill everybody", SYS_kill, {-1, SIGKILL}},
    {"signal another's thread", SYS_tgkill, {kParent + 1, kParent + 1, SIGKILL}},
    {"queue a signal", SYS_rt_sigqueueinfo, {kParent, SIGTERM, at(zeros)}},
    {"setpriority", SYS_setpriority, {PRIO_PROCESS, 0, -20}},
    {"prlimit of another", SYS_prlimit64, {kParent, RLIMIT_NOFILE, at(zeros), at(zeros)}},
    // the kernel
    {"mount", SYS_mount, {at(kRoot), at(kRoot), 0, 0, 0}},
    {"umount", SYS_umount2, {at(kRoot), 0}},
    {"pivot_root", SYS_pivot_root, {at(kRoot), at(kRoot)}},
    {"chroot", SYS_chroot, {at(kRoot)}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {kChannel, 0}},
    {"bpf", SYS_bpf, {0, at(zeros), 0}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"perf_event_open", SYS_perf_event_open, {at(zeros), 0, -1, -1, 0}},
    {"io_uring_setup", SYS_io_uring_setup, {1, at(zeros)}},
    {"keyctl", SYS_keyctl, {0}},
    {"add_key", SYS_add_key, {at(kEmpty), at(kEmpty), 0, 0, 0}},
    {"init_module", SYS_init_module, {at(zeros), 0, at(kEmpty)}},
    {"kexec_load", SYS_kexec_load, {0, 0, at(zeros), 0}},
    {"ioctl", SYS_ioctl, {kChannel, 0x5412, at(zeros)}},  // TIOCSTI
    {"personality", SYS_personality, {0x0040000}},        // ADDR_NO_RANDOMIZE
    {"settimeofday", SYS_settimeofday, {at(zeros), 0}},
    // its own chains
    {"be dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"another filter", SYS_seccomp, {1, 0, at(zeros)}},
    {"setuid", SYS_setuid, {0}},
    {"capset", SYS_capset, {at(zeros), at(zeros)}},
    {"setrlimit", SYS_prlimit64, {0, RLIMIT_NOFILE, at(zeros), 0}},
    {"shmget", SYS_shmget, {0, 4096, 0600}},
};

}  // namespace themis::security
