#pragma once
// The disk of this process: every write and sync of two files recorded, or one of them failing.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/bytes.hpp"
#include "runtime/base/rng.hpp"

namespace themis::tests {

/// The system calls of the whole process, LMDB's among them, come through here: the program defines
/// them before the C library does. One at a time; one thread.
class RecordedDisk {
 public:
  /// A write, or a sync of everything written to the file before.
  struct Call {
    int file = 0;  ///< Its place among the watched.
    bool sync = false;
    off_t offset = 0;
    Bytes bytes;
  };
  enum class Fault { none, io_error, disk_full, short_write };

  /// Watches these files, which may not exist yet; what they have is on the disk for certain.
  explicit RecordedDisk(std::vector<std::filesystem::path> files);
  ~RecordedDisk();
  RecordedDisk(const RecordedDisk&) = delete;
  RecordedDisk& operator=(const RecordedDisk&) = delete;

  const std::vector<Call>& calls() const { return calls_; }
  /// The `number`-th call from now, from 1, fails, and all after it.
  void fail_from(uint64_t number, Fault fault);

  /// What a power cut during call `at` may leave of file `file`: all that was synced before, and
  /// any of the writes since, each whole, up to some sector, or not at all.
  std::string image(int file, size_t at, Rng& rng) const;

  /// For the system calls below. -1: not watched.
  int watched(int fd) const;
  /// Records, or answers the errno that the call is to fail with; `*bytes` may become fewer.
  int take(int file, bool sync, off_t offset, ByteView written, size_t* bytes);

 private:
  std::vector<std::filesystem::path> files_;
  std::vector<std::string> before_;  // what they had
  std::vector<Call> calls_;
  uint64_t left_ = 0;  // calls until the fault; 0: none
  Fault fault_ = Fault::none;
};

}  // namespace themis::tests
