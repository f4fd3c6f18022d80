#pragma once
// Tells that files of a folder were saved.

#include <filesystem>
#include <map>

#include "apps/themis/commands.hpp"
#include "runtime/net/socket.hpp"

namespace themis::cli {

/// Watches a folder and those below it, but for hidden ones and node_modules. One thread.
class FileWatch {
 public:
  /// Folders that are watched: a function's sources have fewer; a home has more.
  static constexpr size_t kFoldersMax = 512;

  static Maybe<FileWatch> open(const std::filesystem::path& folder);

  /// Readable when something happened.
  int descriptor() const { return descriptor_.get(); }
  /// Takes what happened; true when one of it may change what the files are. Never waits.
  bool take();

 private:
  explicit FileWatch(net::Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  void add(const std::filesystem::path& folder);

  net::Descriptor descriptor_;
  std::map<int, std::filesystem::path> folders_;
};

}  // namespace themis::cli
