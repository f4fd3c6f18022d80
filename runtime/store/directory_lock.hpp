#pragma once
// One process per data directory: creates it and holds its lock file. Private to runtime/store.

#include <filesystem>

#include "runtime/base/error.hpp"

namespace themis::storage {

/// Creates `directory` (mode 0700, and its parents) and locks the file "lock" in it; the returned
/// descriptor, owned by the caller, holds the lock until it is closed or the process ends in any
/// way. The lock is not inherited over execve.
/// Errors: exists ("data/node-1 is in use by process 123"), io.
Result<int> lock_directory(const std::filesystem::path& directory);
/// The names in it survive a power cut. Errors: io.
Status sync_directory(const std::filesystem::path& directory);

}  // namespace themis::storage
