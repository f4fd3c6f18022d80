#include "enclave/sandbox/cgroup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "runtime/base/log.hpp"

namespace themis::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kCpuPeriodUs = 100'000;  // the kernel's own default
constexpr size_t kSweepMax = 1000;          // directory entries looked at for leftovers

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// cgroup files take one write(2) of the whole value and never need to be created.
bool write_value(const fs::path& path, std::string_view value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC);
  if (fd < 0) return false;
  const bool written =
      ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(fd);
  return written;
}

uint64_t counter(const fs::path& path, std::string_view name) {
  std::istringstream lines(read_text(path));
  std::string word;
  uint64_t value = 0;
  while (lines >> word >> value) {
    if (word == name) return value;
  }
  return 0;
}

/// Removes groups that an earlier node, killed with SIGKILL, left behind.
void sweep(const fs::path& parent) {
  std::error_code error;
  size_t seen = 0;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    if (++seen > kSweepMax) return;
    const std::string name = entry->path().filename();
    int pid = 0;
    constexpr std::string_view prefix = "themis-";
    if (!name.starts_with(prefix)) continue;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), pid);
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) ::rmdir(entry->path().c_str());
  }
}

/// Makes `name` below the first of `parents` that allows it; empty when none does.
fs::path make_group(std::initializer_list<fs::path> parents, std::string_view name) {
  for (const fs::path& parent : parents) {
    std::error_code error;
    if (!fs::is_directory(parent, error)) continue;
    sweep(parent);
    const fs::path path = parent / name;
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return path;
  }
  return {};
}

/// The path of this process's group in the hierarchy of `controller` ("" is v2), without the
/// leading slash, and the controllers mounted together with it.
struct OwnGroup {
  std::string controllers;
  std::string path;
};
bool find_own(const std::string& own_groups, std::string_view controller, OwnGroup& found) {
  std::istringstream lines(own_groups);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    found.controllers = line.substr(first + 1, second - first - 1);
    found.path = line.substr(std::min(second + 2, line.size()));
    const std::string listed = ',' + found.controllers + ',';
    if (controller.empty() ? found.controllers.empty()
                           : listed.find(fmt::format(",{},", controller)) != std::string::npos)
      return true;
  }
  return false;
}

bool set_v1(const fs::path& group, std::string_view controller, const CgroupLimits& limits) {
  if (controller == "memory") {
    const std::string bytes = std::to_string(limits.memory_bytes);
    if (!write_value(group / "memory.limit_in_bytes", bytes)) return false;
    write_value(group / "memory.memsw.limit_in_bytes", bytes);  // absent without swap accounting
    return true;
  }
  if (controller == "cpu")
    return write_value(group / "cpu.cfs_period_us", std::to_string(kCpuPeriodUs)) &&
           write_value(group / "cpu.cfs_quota_us",
                       std::to_string(uint64_t{limits.cpu_percent} * kCpuPeriodUs / 100));
  return write_value(group / "pids.max", std::to_string(limits.processes));
}

bool set_v2(const fs::path& group, std::string_view controller, const CgroupLimits& limits) {
  if (controller == "memory") {
    if (!write_value(group / "memory.max", std::to_string(limits.memory_bytes))) return false;
    write_value(group / "memory.swap.max", "0");  // absent without swap
    write_value(group / "memory.oom.group", "1");
    return true;
  }
  if (controller == "cpu")
    return write_value(
        group / "cpu.max",
        fmt::format("{} {}", uint64_t{limits.cpu_percent} * kCpuPeriodUs / 100, kCpuPeriodUs));
  return write_value(group / "pids.max", std::to_string(limits.processes));
}

std::vector<std::string_view> wanted(const CgroupLimits& limits) {
  std::vector<std::string_view> names;
  if (limits.memory_bytes != 0) names.push_back("memory");
  if (limits.cpu_percent != 0) names.push_back("cpu");
  if (limits.processes != 0) names.push_back("pids");
  return names;
}

}  // namespace

CgroupHost CgroupHost::machine() { return {"/sys/fs/cgroup", read_text("/proc/self/cgroup")}; }

Cgroup::Cgroup(Cgroup&& other) noexcept
    : kind_(std::exchange(other.kind_, "none")),
      directories_(std::exchange(other.directories_, {})) {}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  std::swap(kind_, other.kind_);
  directories_.swap(other.directories_);
  return *this;
}

Cgroup::~Cgroup() { remove(); }

void Cgroup::remove() {
  for (const Directory& directory : directories_) ::rmdir(directory.path.c_str());
  directories_.clear();
}

Cgroup Cgroup::create(std::string_view name, const CgroupLimits& limits, const CgroupHost& host) {
  Cgroup group;
  if (wanted(limits).empty()) return group;
  if (group.create_v2(name, limits, host)) {
    group.kind_ = "v2";
  } else if (group.create_v1(name, limits, host)) {
    group.kind_ = "v1";
  } else {
    static std::atomic_flag told;
    if (!told.test_and_set())
      log::warn("sandbox",
                "no cgroup can be used here: memory and CPU limits of enclave processes "
                "are not enforced by the kernel");
  }
  return group;
}

bool Cgroup::create_v2(std::string_view name, const CgroupLimits& limits, const CgroupHost& host) {
  OwnGroup own;
  std::error_code error;
  if (!fs::exists(host.root / "cgroup.controllers", error) || !find_own(host.own_groups, "", own))
    return false;
  // A group with processes cannot pass controllers on, so ours goes beside our own group or to the
  // top.
  const fs::path beside = (host.root / own.path).parent_path();
  const fs::path path = make_group({beside, host.root}, name);
  if (path.empty()) return false;
  Directory directory{"", path};
  for (const std::string_view controller : wanted(limits)) {
    write_value(path.parent_path() / "cgroup.subtree_control", fmt::format("+{}", controller));
    if (!set_v2(path, controller, limits)) continue;
    directory.controllers += (directory.controllers.empty() ? "" : ",") + std::string(controller);
  }
  if (directory.controllers.empty()) {
    ::rmdir(path.c_str());
    return false;
  }
  directories_.push_back(std::move(directory));
  return true;
}

bool Cgroup::create_v1(std::string_view name, const CgroupLimits& limits, const CgroupHost& host) {
  for (const std::string_view controller : wanted(limits)) {
    OwnGroup own;
    if (!find_own(host.own_groups, controller, own)) continue;
    const fs::path together = host.root / own.controllers;
    std::error_code error;
    const fs::path mount =
        fs::is_directory(together, error) ? together : host.root / std::string(controller);
    const fs::path path = make_group({mount / own.path, mount}, name);
    if (path.empty()) continue;
    if (set_v1(path, controller, limits)) {
      directories_.push_back({std::string(controller), path});
    } else {
      ::rmdir(path.c_str());
    }
  }
  return !directories_.empty();
}

std::vector<std::string> Cgroup::controllers() const {
  std::vector<std::string> names;
  for (const Directory& directory : directories_) {
    std::istringstream list(directory.controllers);
    for (std::string one; std::getline(list, one, ',');) names.push_back(one);
  }
  return names;
}

Status Cgroup::add(int pid) const {
  for (size_t i = 0; i < directories_.size(); ++i) {
    const fs::path& path = directories_[i].path;
    if (write_value(path / "cgroup.procs", std::to_string(pid))) continue;
    const int reason = errno;
    // A group with a process in it could not be removed.
    for (size_t done = 0; done < i; ++done)
      write_value(directories_[done].path.parent_path() / "cgroup.procs", std::to_string(pid));
    return fail(Code::io, fmt::format("{}: {}", path.string(), std::strerror(reason)));
  }
  return {};
}

uint64_t Cgroup::oom_kills() const {
  for (const Directory& directory : directories_) {
    if (directory.controllers.find("memory") == std::string::npos) continue;
    return counter(directory.path / (kind_ == "v2" ? "memory.events" : "memory.oom_control"),
                   "oom_kill");
  }
  return 0;
}

}  // namespace themis::sandbox
