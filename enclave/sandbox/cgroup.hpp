#pragma once
// Memory, CPU and process limits of one enclave process, on cgroup v1, v2, or not at all.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis::sandbox {

/// 0: no limit of that kind.
struct CgroupLimits {
  uint64_t memory_bytes = 0;
  uint32_t cpu_percent = 0;  ///< Of one core: 150 is a core and a half.
  uint32_t processes = 0;    ///< Threads count too.
};

/// Where the machine's cgroups are; a test passes a directory of its own.
struct CgroupHost {
  std::filesystem::path root = "/sys/fs/cgroup";
  std::string own_groups;  ///< The text of /proc/self/cgroup.

  static CgroupHost machine();
};

/// One group, removed by the destructor (its processes must be gone by then). One thread.
class Cgroup {
 public:
  Cgroup() = default;
  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  /// Makes a group called `name` with as many of the limits as this machine lets this user set: v2
  /// where its controllers can be used, else v1, else none, which is logged once. `name` is
  /// "themis-PID-N"; groups of that form whose process is gone are removed on the way. Never fails.
  static Cgroup create(std::string_view name, const CgroupLimits& limits, const CgroupHost& host);

  /// "v1", "v2" or "none".
  std::string_view kind() const { return kind_; }
  /// The limits in force: "memory", "cpu", "pids".
  std::vector<std::string> controllers() const;
  /// Moves a process in, before it starts threads: everywhere, or it is out again. Errors: io.
  Status add(int pid) const;
  /// How many processes of the group the kernel killed for want of memory.
  uint64_t oom_kills() const;

 private:
  struct Directory {
    std::string controllers;  // "memory", or on v2 all of them: "memory,cpu,pids"
    std::filesystem::path path;
  };
  bool create_v2(std::string_view name, const CgroupLimits& limits, const CgroupHost& host);
  bool create_v1(std::string_view name, const CgroupLimits& limits, const CgroupHost& host);
  void remove();

  std::string_view kind_ = "none";
  std::vector<Directory> directories_;
};

}  // namespace themis::sandbox
