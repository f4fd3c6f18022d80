#include "actors/system/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/net/socket.hpp"

namespace themis {
namespace {

constexpr size_t kHexBytes = 2 * kSecretFileBytes;

tl::unexpected<Error> failed(const std::filesystem::path& path, std::string_view what) {
  return fail(Code::io, path.string() + ": cannot " + std::string(what) + ": " +
                            std::generic_category().message(errno));
}

Status write_secret(const std::filesystem::path& path, const FileSecret& secret) {
  std::array<char, kHexBytes + 1> text{};
  crypto::secret_to_hex(secret.view(), std::span(text).first<kHexBytes>());
  text.back() = '\n';
  const Status written = write_private_file(path, std::as_bytes(std::span(text)));
  crypto::wipe(std::as_writable_bytes(std::span(text)));
  return written;
}

}  // namespace

/// Written under another name and renamed.
Status write_private_file(const std::filesystem::path& path, ByteView bytes) {
  const std::filesystem::path fresh = path.string() + ".new";
  const net::Descriptor file{
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (file.get() < 0) return failed(fresh, "create");
  const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
  if (written != static_cast<ssize_t>(bytes.size()) || ::fchmod(file.get(), 0600) != 0 ||
      ::fsync(file.get()) != 0)
    return failed(fresh, "write");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed(path, "create");
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  const net::Descriptor directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed(path, "create");
  return {};
}

Result<FileSecret> load_or_create_secret(const std::filesystem::path& path, std::string_view kind,
                                         Rng& rng) {
  const net::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0) {
    if (errno != ENOENT) return failed(path, "open");
    FileSecret secret(rng);
    THEMIS_CHECK(write_secret(path, secret));
    return secret;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(path, "read");
  if ((status.st_mode & 077) != 0)
    return fail(Code::denied, path.string() + ": others can read this " + std::string(kind) +
                                  "; run: chmod 600 " + path.string());
  std::array<char, kHexBytes + 2> text{};
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return failed(path, "read");
  const bool has_length = got == kHexBytes || (got == kHexBytes + 1 && text[kHexBytes] == '\n');
  FileSecret secret;
  const Status parsed =
      crypto::secret_from_hex(std::string_view(text.data(), kHexBytes), secret.span());
  crypto::wipe(std::as_writable_bytes(std::span(text)));
  if (!has_length || !parsed)
    return fail(Code::malformed, path.string() + ": not a " + std::string(kind) +
                                     "; restore the file, or remove it for a new one");
  return secret;
}

}  // namespace themis
