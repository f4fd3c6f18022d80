#pragma once
// The startup snapshot: a V8 heap with the prelude already run. Internal: shows V8.

#include <v8.h>

#include <string>

#include "runtime/base/error.hpp"

namespace themis::js {

/// The functions that the prelude leaves in `web` for C++, in the order of the context's data in a
/// snapshot.
inline constexpr const char* kEntries[] = {
    "dispatch",        "onRejection", "configure", "listeners", "dispatchEvent",
    "openWebAssembly", "makeWasi",    "onGone",    "openActor", "dispatchRemote"};
/// No snapshot of ours comes near; a larger file is not one.
inline constexpr size_t kSnapshotBytesMax = 64u << 20;

/// An owned blob. V8 borrows it for as long as isolates made from it live.
class Snapshot {
 public:
  /// Runs the prelude in an isolate of its own: about 30 ms. Errors: internal (the prelude threw).
  static Result<Snapshot> build();
  /// Errors: not_found, io, malformed (not of this V8, these flags, this prelude; or damaged).
  static Result<Snapshot> read(const std::string& path);
  /// Errors: io.
  Status write(const std::string& path) const;

  /// Valid as long as this snapshot is neither moved nor destroyed.
  v8::StartupData data() const { return {blob_.data(), static_cast<int>(blob_.size())}; }

 private:
  explicit Snapshot(std::string blob) : blob_(std::move(blob)) {}
  std::string blob_;
};

}  // namespace themis::js
