#include "enclave/sandbox/shared_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace themis::sandbox {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Error io_error(std::string_view step) {
  return {Code::io, fmt::format("shared memory: {}: {}", step, std::strerror(errno))};
}

Status check_bytes(size_t bytes) {
  if (bytes == 0 || bytes > kSharedBytesMax)
    return fail(Code::invalid,
                fmt::format("shared memory has 1 to {} bytes, not {}", kSharedBytesMax, bytes));
  return {};
}

/// What the parent said must be what is there.
Status check_passed(int fd, size_t bytes) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return fail(io_error("fstat"));
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSizeSeals) != kSizeSeals)
    return fail(Code::invalid, "the shared memory is not sealed");
  if (static_cast<size_t>(found.st_size) != bytes)
    return fail(Code::invalid, "the shared memory has another size than was told");
  return {};
}

}  // namespace

/// `kept`: the descriptor that the mapping owns from then on, or -1.
Result<SharedMemoryPtr> SharedMemory::map(int fd, size_t bytes, int kept) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return fail(io_error("mmap"));
  return SharedMemoryPtr(new SharedMemory({static_cast<std::byte*>(at), bytes}, kept));
}

Result<SharedMemoryPtr> SharedMemory::create(size_t bytes) {
  THEMIS_CHECK(check_bytes(bytes));
  const int fd = ::memfd_create("themis-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return fail(io_error("memfd_create"));
  Result<SharedMemoryPtr> made = fail(Code::internal, "no shared memory");
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0 ||
      ::fcntl(fd, F_ADD_SEALS, kSizeSeals) != 0) {
    made = fail(io_error("its size"));
  } else {
    made = map(fd, bytes, fd);
  }
  if (!made) ::close(fd);
  return made;
}

Result<SharedMemoryPtr> SharedMemory::adopt() {
  const char* told = std::getenv(kSharedVariable.data());
  if (told == nullptr) return SharedMemoryPtr();
  size_t bytes = 0;
  const char* end = told + std::strlen(told);
  const auto [read, error] = std::from_chars(told, end, bytes);
  if (read != end || error != std::errc{})
    return fail(Code::invalid, fmt::format("{}: a number of bytes", kSharedVariable));
  THEMIS_CHECK(check_bytes(bytes));
  THEMIS_CHECK(check_passed(kSharedFd, bytes));
  THEMIS_TRY(SharedMemoryPtr mapped, map(kSharedFd, bytes, -1));
  ::close(kSharedFd);
  return mapped;
}

SharedMemory::~SharedMemory() {
  ::munmap(bytes_.data(), bytes_.size());
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace themis::sandbox
