#pragma once
// A directory of one test, removed at its end.

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "runtime/base/error.hpp"

namespace themis::storage {

/// In memory where the machine has such a place: for tests whose many syncs need no disk behind
/// them.
inline std::filesystem::path memory_path() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  return std::filesystem::is_directory(memory, ignored) ? memory
                                                        : std::filesystem::temp_directory_path();
}

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(
      const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    // mkdtemp(3) puts its own six characters in the place of the last six.
    std::string name = (in / ("themis-test-" + std::string(6, 'X'))).string();
    THEMIS_ASSERT(::mkdtemp(name.data()) != nullptr, "the test needs a writable directory");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::filesystem::path path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace themis::storage
