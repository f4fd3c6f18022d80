#include "runtime/store/directory_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/log.hpp"

namespace themis::storage {
namespace {

Error io_error(const std::filesystem::path& path, std::string_view what) {
  return {Code::io, fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno))};
}

Status create(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.has_parent_path())
    std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(io_error(directory, "cannot be created"));
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return fail(io_error(directory, "cannot be read"));
  if (!S_ISDIR(info.st_mode)) return fail(Code::io, directory.string() + ": is not a directory");
  if ((info.st_mode & 077) != 0)
    log::warn("store", "{} can be read by others (mode {:o}); chmod 700 closes it",
              directory.string(), info.st_mode & 0777);
  return {};
}

std::string holder(int fd) {
  char digits[16] = {};
  const ssize_t length = ::pread(fd, digits, sizeof digits - 1, 0);
  const int pid = length > 0 ? std::atoi(digits) : 0;
  return pid > 0 ? fmt::format("process {}", pid) : "another process";
}

}  // namespace

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<DirectoryLock> lock_directory(const std::filesystem::path& directory) {
  THEMIS_CHECK(create(directory));
  const std::filesystem::path path = directory / "lock";
  DirectoryLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.fd() < 0) return fail(io_error(path, "cannot be opened"));
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(io_error(path, "cannot be locked"));
    return fail(Code::exists,
                fmt::format("{} is in use by {}", directory.string(), holder(lock.fd())));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.fd(), 0) != 0 ||
      ::pwrite(lock.fd(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail(io_error(path, "cannot be written"));
  return lock;
}

Status sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const Error error = io_error(directory, "cannot be synced");
  if (fd >= 0) ::close(fd);
  if (!synced) return fail(error);
  return {};
}

}  // namespace themis::storage
