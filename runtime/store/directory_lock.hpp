#pragma once
// One process per data directory: creates it and holds its lock file. Private to runtime/store.

#include <filesystem>
#include <utility>

#include "runtime/base/error.hpp"

namespace themis::storage {

/// Holds the lock until it is destroyed or the process ends in any way. Not inherited over execve.
class DirectoryLock {
 public:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Creates `directory` (mode 0700, and its parents) and locks the file "lock" in it.
/// Errors: exists ("data/node-1 is in use by process 123"), io.
Result<DirectoryLock> lock_directory(const std::filesystem::path& directory);
/// The names in it survive a power cut. Errors: io.
Status sync_directory(const std::filesystem::path& directory);

}  // namespace themis::storage
