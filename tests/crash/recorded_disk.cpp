#include "tests/crash/recorded_disk.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace themis::tests {
namespace {

constexpr size_t kSectorBytes = 512;  // the least that a disk writes at once
RecordedDisk* g_disk = nullptr;

/// Writes `at` into `image`, only its first `bytes`.
void apply(std::string& image, const RecordedDisk::Call& at, size_t bytes) {
  const auto offset = static_cast<size_t>(at.offset);
  image.resize(std::max(image.size(), offset + bytes));
  image.replace(offset, bytes, as_text(at.bytes).substr(0, bytes));
}

}  // namespace

RecordedDisk::RecordedDisk(std::vector<std::filesystem::path> files) : files_(std::move(files)) {
  THEMIS_ASSERT(g_disk == nullptr, "one disk at a time");
  for (const auto& each : files_) {
    std::ifstream file(each, std::ios::binary);
    before_.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  g_disk = this;
}
RecordedDisk::~RecordedDisk() { g_disk = nullptr; }

void RecordedDisk::fail_from(uint64_t number, Fault fault) {
  left_ = number;
  fault_ = fault;
}

int RecordedDisk::watched(int fd) const {
  char name[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), name, sizeof name);
  if (size <= 0) return -1;
  const auto found = std::ranges::find(files_, std::string_view(name, static_cast<size_t>(size)));
  return found == files_.end() ? -1 : static_cast<int>(found - files_.begin());
}

int RecordedDisk::take(int file, bool sync, off_t offset, ByteView written, size_t* bytes) {
  if (left_ == 1) {
    if (fault_ == Fault::short_write && !sync && *bytes > 1) {
      *bytes /= 2;
      fault_ = Fault::disk_full;  // the next one says why
      return 0;
    }
    return fault_ == Fault::io_error || sync ? EIO : ENOSPC;
  }
  if (left_ > 1) --left_;
  calls_.push_back({file, sync, offset, Bytes(written.begin(), written.end())});
  return 0;
}

std::string RecordedDisk::image(int file, size_t at, Rng& rng) const {
  std::string image = before_[static_cast<size_t>(file)];
  size_t synced = at;  // calls of this file before it are certain
  while (synced > 0 && !(calls_[synced - 1].file == file && calls_[synced - 1].sync)) --synced;
  for (size_t i = 0; i <= at && i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    if (call.file != file || call.sync) continue;
    const uint64_t fate = i < synced ? 0 : rng.below(4);
    if (fate == 0 || fate == 1) apply(image, call, call.bytes.size());
    const size_t sectors = call.bytes.size() / kSectorBytes;
    if (fate == 2 && sectors > 0) apply(image, call, rng.below(sectors + 1) * kSectorBytes);
  }
  return image;
}

namespace {

/// A write through a descriptor with O_DSYNC is synced on return; it is recorded as both.
template <class Work>
ssize_t write_through(int fd, off_t offset, ByteView bytes, Work work) {
  const int file = g_disk == nullptr ? -1 : g_disk->watched(fd);
  if (file < 0) return work(bytes.size());
  size_t size = bytes.size();
  if (const int error = g_disk->take(file, false, offset, bytes, &size); error != 0) {
    errno = error;
    return -1;
  }
  const ssize_t written = work(size);
  size_t none = 0;
  if ((::fcntl(fd, F_GETFL) & O_DSYNC) != 0 && g_disk->take(file, true, 0, {}, &none) != 0) {
    errno = EIO;
    return -1;
  }
  return written;
}
template <class Work>
int sync_through(int fd, Work work) {
  const int file = g_disk == nullptr ? -1 : g_disk->watched(fd);
  size_t none = 0;
  if (file >= 0 && g_disk->take(file, true, 0, {}, &none) != 0) {
    errno = EIO;
    return -1;
  }
  return work();
}

ssize_t pwrite_through(int fd, const void* from, size_t size, off_t offset) {
  const ByteView bytes(static_cast<const std::byte*>(from), size);
  return write_through(fd, offset, bytes, [&](size_t count) {
    return ::syscall(SYS_pwrite64, fd, from, count, offset);
  });
}

}  // namespace
}  // namespace themis::tests

// The C library's names, with and without 64-bit offsets.
extern "C" {
ssize_t disk_pwrite(int fd, const void* from, size_t size, off_t offset) __asm__("pwrite");
ssize_t disk_pwrite64(int fd, const void* from, size_t size, off_t offset) __asm__("pwrite64");
ssize_t disk_write(int fd, const void* from, size_t size) __asm__("write");
ssize_t disk_writev(int fd, const iovec* parts, int count) __asm__("writev");
int disk_fdatasync(int fd) __asm__("fdatasync");
int disk_fsync(int fd) __asm__("fsync");

ssize_t disk_pwrite(int fd, const void* from, size_t size, off_t offset) {
  return themis::tests::pwrite_through(fd, from, size, offset);
}
ssize_t disk_pwrite64(int fd, const void* from, size_t size, off_t offset) {
  return themis::tests::pwrite_through(fd, from, size, offset);
}
ssize_t disk_write(int fd, const void* from, size_t size) {
  const themis::ByteView bytes(static_cast<const std::byte*>(from), size);
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  return themis::tests::write_through(
      fd, at, bytes, [&](size_t count) { return ::syscall(SYS_write, fd, from, count); });
}
ssize_t disk_writev(int fd, const iovec* parts, int count) {
  themis::Bytes all;
  for (int i = 0; i < count; ++i)
    themis::append(all, {static_cast<const std::byte*>(parts[i].iov_base), parts[i].iov_len});
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  return themis::tests::write_through(
      fd, at, all, [&](size_t size) { return ::syscall(SYS_write, fd, all.data(), size); });
}
int disk_fdatasync(int fd) {
  return themis::tests::sync_through(
      fd, [&] { return static_cast<int>(::syscall(SYS_fdatasync, fd)); });
}
int disk_fsync(int fd) {
  return themis::tests::sync_through(fd,
                                     [&] { return static_cast<int>(::syscall(SYS_fsync, fd)); });
}
}
