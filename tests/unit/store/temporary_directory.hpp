#pragma once
// A directory of one test, removed at its end.

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "runtime/base/error.hpp"

namespace themis::storage {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "themis-store-XXXXXX").string();
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
