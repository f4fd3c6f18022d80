#include "enclave/sandbox/landlock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace themis::sandbox {
namespace {

// Debian 12's header stops at ABI 2; the rest is from the kernel's
// Documentation/userspace-api/landlock.rst.
struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;  // ABI 4
  uint64_t scoped;              // ABI 6
};
constexpr uint64_t kFsAbi1 = (1ull << 13) - 1;   // EXECUTE .. MAKE_SYM
constexpr uint64_t kFsRefer = 1ull << 13;        // ABI 2
constexpr uint64_t kFsTruncate = 1ull << 14;     // ABI 3
constexpr uint64_t kFsIoctlDevice = 1ull << 15;  // ABI 5
constexpr uint64_t kNetBindConnect = 3;
constexpr uint64_t kScopeSocketSignal = 3;

constexpr uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr uint64_t kReadBelow = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;

Status allow(int ruleset, const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat info {};
  landlock_path_beneath_attr rule{};
  rule.parent_fd = fd;
  rule.allowed_access = ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? kReadBelow : kReadFile;
  const long failed =
      ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  const int reason = errno;
  ::close(fd);
  if (failed) return fail(Code::io, fmt::format("landlock: {}: {}", path, std::strerror(reason)));
  return {};
}

}  // namespace

uint32_t landlock_abi() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<uint32_t>(version) : 0;
}

Result<int> landlock_ruleset(uint32_t abi, std::span<const std::string> readable) {
  RulesetAttributes attributes{};
  attributes.handled_access_fs = kFsAbi1 | (abi >= 2 ? kFsRefer : 0) |
                                 (abi >= 3 ? kFsTruncate : 0) | (abi >= 5 ? kFsIoctlDevice : 0);
  attributes.handled_access_net = abi >= 4 ? kNetBindConnect : 0;
  attributes.scoped = abi >= 6 ? kScopeSocketSignal : 0;
  const size_t size = abi >= 6 ? sizeof attributes : abi >= 4 ? 16 : 8;
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (ruleset < 0) return fail(Code::io, fmt::format("landlock: {}", std::strerror(errno)));
  for (const std::string& path : readable) {
    if (auto allowed = allow(static_cast<int>(ruleset), path); !allowed) {
      ::close(static_cast<int>(ruleset));
      return fail(allowed.error());
    }
  }
  return static_cast<int>(ruleset);
}

int landlock_restrict(int ruleset) {
  return ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}

}  // namespace themis::sandbox
