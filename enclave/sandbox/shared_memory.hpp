#pragma once
// Memory that a parent and one child have in common, of a size that neither can change.

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::sandbox {

/// The descriptor under which the child finds it; launch() passes it when told so.
inline constexpr int kSharedFd = 4;
/// The variable that says how many bytes it has; without it there is none.
inline constexpr std::string_view kSharedVariable = "THEMIS_SHARED_BYTES";
/// Pages are taken when they are written, so this bounds what a child can make a machine hold.
inline constexpr size_t kSharedBytesMax = size_t{256} * 1024 * 1024;

class SharedMemory;
/// A mapping is fixed once it is made; its bytes are the processes' to write.
using SharedMemoryPtr = std::shared_ptr<const SharedMemory>;

/// One mapping. Either side may write at any time, and is to be taken for an enemy by the other:
/// what is read is copied once, and only the copy is looked at. Any thread.
class SharedMemory {
 public:
  /// Zeroed, in no file, sealed against another size: no child can take pages away under its
  /// parent's feet (SIGBUS). Errors: invalid (none, or over kSharedBytesMax); io.
  static Result<SharedMemoryPtr> create(size_t bytes);
  /// In a child, before confine_self(): maps what launch() passed and closes the descriptor. Null
  /// when nothing was. Errors: invalid (not sealed, not of the size that was told); io.
  static Result<SharedMemoryPtr> adopt();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  /// For LaunchOptions::shared_fd; -1 in the child.
  int fd() const { return fd_; }

 private:
  SharedMemory(std::span<std::byte> bytes, int fd) : bytes_(bytes), fd_(fd) {}
  static Result<SharedMemoryPtr> map(int fd, size_t bytes, int kept);

  const std::span<std::byte> bytes_;
  const int fd_;
};

}  // namespace themis::sandbox
