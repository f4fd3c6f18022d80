#include "enclave/seal/counter_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/crypto/hash.hpp"

namespace themis::seal {
namespace {

/// What a disk writes at once; larger sectors are multiples of it.
constexpr size_t kSectorBytes = 512;
constexpr std::string_view kLabel = "themis/seal/counter/v1";
constexpr size_t kValueBytes = sizeof(uint64_t) + sizeof(Tag);

using Sector = std::array<std::byte, kSectorBytes>;

Tag mac(const SealingKey& key, ByteView value) {
  Bytes message = to_bytes(kLabel);
  append(message, value);
  return crypto::blake2b_mac(key, message);
}

Error io_error(const std::string& name, std::string_view what) {
  return {Code::io, fmt::format("{}: the sealed counter {}: {}", name, what, std::strerror(errno))};
}

}  // namespace

CounterFile::~CounterFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<CounterFile>> CounterFile::open(const std::filesystem::path& path,
                                                       const SealingKey& key) {
  auto file = std::make_unique<CounterFile>(Private(), path.string(), key);
  const std::string& name = file->name_;
  file->fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file->fd_ < 0) return fail(io_error(name, "cannot be opened"));
  if (::flock(file->fd_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::exists, name + ": another process holds the sealed counter");
  THEMIS_CHECK(file->read());
  return file;
}

/// The higher of the sectors that are whole. A file of nothing but zeros is a new counter; another
/// without a whole sector is none, because raise() never touches both.
Status CounterFile::read() {
  std::array<Sector, 2> sectors{};
  const ssize_t size = ::pread(fd_, sectors.data(), sizeof sectors, 0);
  if (size < 0) return fail(io_error(name_, "cannot be read"));
  bool whole = false, written = false;
  for (const Sector& sector : sectors) {
    const ByteView value = ByteView(sector).first(kValueBytes);
    written = written || sector != Sector{};
    if (!crypto::equal(mac(key_, value), ByteView(sector).subspan(kValueBytes, sizeof(Tag))))
      continue;
    whole = true;
    const auto counter = load<uint64_t>(value.data());
    if (counter <= value_.counter) continue;
    value_.counter = counter;
    std::memcpy(value_.tag.data(), value.data() + sizeof counter, sizeof(Tag));
  }
  // A killed process may have left it with the kernel only, or after a failed sync not even there.
  if (whole) return write(value_);
  if (!written) return create();
  return fail(Code::forged,
              name_ + ": is not a sealed counter of this key; restore the file or the key");
}

/// The first sector, and the file's name in its directory.
Status CounterFile::create() {
  THEMIS_CHECK(write({}));
  const std::filesystem::path parent = std::filesystem::absolute(name_).parent_path();
  const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  const Error error = io_error(name_, "cannot be created");
  if (directory >= 0) ::close(directory);
  if (!synced) return fail(error);
  return {};
}

Status CounterFile::raise(const CounterValue& to) {
  THEMIS_ASSERT(to.counter == value_.counter + 1, "the counter rises by one");
  return write(to);
}

Status CounterFile::write(const CounterValue& to) {
  Sector sector{};
  store(sector.data(), to.counter);
  std::memcpy(sector.data() + sizeof to.counter, to.tag.data(), to.tag.size());
  const Tag tag = mac(key_, ByteView(sector).first(kValueBytes));
  std::memcpy(sector.data() + kValueBytes, tag.data(), tag.size());
  const auto at = static_cast<off_t>((to.counter % 2) * kSectorBytes);
  if (::pwrite(fd_, sector.data(), sector.size(), at) != static_cast<ssize_t>(sector.size()) ||
      ::fdatasync(fd_) != 0)
    return fail(io_error(name_, "cannot be written"));
  value_ = to;
  return {};
}

}  // namespace themis::seal
