#include "wire/identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/crypto/hash.hpp"

namespace themis::wire {
namespace {

using crypto::SecretBytes;
using Seed = SecretBytes<crypto::SigningKey::kSeedBytes>;

// The key file: lines of a word, a space and a value; one "former" for each identity it succeeds.
constexpr std::string_view kVersionLine = "themis-identity 1\n";
constexpr std::string_view kNetworkWord = "network ";
constexpr std::string_view kSeedWord = "seed ";
constexpr std::string_view kFormerWord = "former ";
constexpr size_t kSeedDigits = 2 * Seed::kBytes;
constexpr size_t kFileBytesMax =
    kVersionLine.size() + kNetworkWord.size() + kNetworkNameBytesMax + 1 + kSeedWord.size() +
    kSeedDigits + 1 + kSuccessionsMax * (kFormerWord.size() + 2 * Succession::kBytes + 1);

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

tl::unexpected<Error> io_error(const std::filesystem::path& path, std::string_view doing) {
  return fail(Code::io, fmt::format("{}: cannot {}: {}", path.string(), doing, strerror(errno)));
}

tl::unexpected<Error> damaged(const std::filesystem::path& path) {
  return fail(Code::malformed,
              fmt::format("{}: not a Themis identity file; restore it from a backup, or "
                          "move it away to start as a new node",
                          path.string()));
}

/// Takes `word`, a value and a line end from the front of `text`; empty when the line is another
/// one.
std::string_view take_line(std::string_view& text, std::string_view word) {
  const size_t end = text.find('\n');
  if (end == text.npos || !text.starts_with(word)) return {};
  const std::string_view value = text.substr(word.size(), end - word.size());
  text.remove_prefix(end + 1);
  return value;
}

Result<Identity> parse(const std::filesystem::path& path, std::string_view text,
                       std::string_view network) {
  if (!text.starts_with(kVersionLine)) return damaged(path);
  text.remove_prefix(kVersionLine.size());
  const std::string_view stored = take_line(text, kNetworkWord);
  const std::string_view digits = take_line(text, kSeedWord);
  Successions former;
  while (!text.empty() && former.size() < kSuccessionsMax) {
    const auto bytes = from_hex(take_line(text, kFormerWord));
    auto one = bytes ? Succession::from_bytes(*bytes) : Result<Succession>(fail(bytes.error()));
    if (!one) return damaged(path);
    former.push_back(std::move(*one));
  }
  Seed seed;
  if (!text.empty() || !check_network_name(stored) || !crypto::secret_from_hex(digits, seed.span()))
    return damaged(path);
  if (stored != network)
    return fail(Code::invalid,
                fmt::format("{}: this identity belongs to network \"{}\", not \"{}\"; "
                            "use another data directory",
                            path.string(), stored, network));
  Identity identity(seed, network, std::move(former));
  const crypto::SigningKey& key = identity.key();
  crypto::keep_in_memory(std::as_bytes(std::span(&key, 1)));
  return identity;
}

Status check_permissions(const std::filesystem::path& path, const File& file) {
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return io_error(path, "examine it");
  if (!S_ISREG(info.st_mode))
    return fail(Code::denied, path.string() + ": the identity must be a plain file");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Code::denied, fmt::format("{}: mode {:04o} lets others reach the secret key; run: "
                                          "chmod 600 {}",
                                          path.string(), info.st_mode & 07777, path.string()));
  return {};
}

Result<Identity> load(const std::filesystem::path& path, const File& file,
                      std::string_view network) {
  THEMIS_CHECK(check_permissions(path, file));
  SecretBytes<kFileBytesMax + 1> buffer;  // one more than allowed, to notice a longer file
  size_t size = 0;
  while (size < buffer.kBytes) {
    const ssize_t n = read(file.get(), buffer.span().data() + size, buffer.kBytes - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "read it");
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > kFileBytesMax) return damaged(path);
  return parse(path, as_text(ByteView(buffer.view()).first(size)), network);
}

Status write_all(const std::filesystem::path& path, const File& file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "write it");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  if (fsync(file.get()) != 0) return io_error(path, "flush it");
  return {};
}

Status write_identity(const std::filesystem::path& path, const Identity& identity) {
  SecretBytes<kFileBytesMax> buffer;
  size_t size = 0;
  const auto put = [&](std::string_view text) {
    std::memcpy(buffer.span().data() + size, text.data(), text.size());
    size += text.size();
  };
  put(kVersionLine);
  put(kNetworkWord);
  put(identity.network());
  put("\n");
  put(kSeedWord);
  crypto::secret_to_hex(identity.key().seed(),
                        {reinterpret_cast<char*>(buffer.span().data()) + size, kSeedDigits});
  size += kSeedDigits;
  put("\n");
  for (const Succession& succession : identity.former()) {
    Bytes bytes;
    succession.append_to(bytes);
    put(kFormerWord);
    put(to_hex(bytes));
    put("\n");
  }
  const File file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return io_error(path, "create it");
  return write_all(path, file, ByteView(buffer.view()).first(size));
}

std::filesystem::path fresh_name(std::filesystem::path path, Rng& rng) {
  path += fmt::format(".{:016x}", rng.next());
  return path;
}

Status flush_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const File directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || fsync(directory.get()) != 0) return io_error(folder, "flush it");
  return {};
}

/// Writes under a name of its own, then links it to `path`: a crash leaves no half file there, and
/// of two processes that start together one wins.
Status create(const std::filesystem::path& path, std::string_view network, Rng& rng) {
  const std::filesystem::path fresh = fresh_name(path, rng);
  auto written = write_identity(fresh, Identity::generate(network, rng));
  if (written && link(fresh.c_str(), path.c_str()) != 0 && errno != EEXIST)
    written = io_error(path, "create it");
  unlink(fresh.c_str());
  THEMIS_CHECK(written);
  return flush_folder_of(path);
}

/// The file has no name any more, or soon: nobody reads what is written here.
Status overwrite(const std::filesystem::path& path, const File& file) {
  const Bytes zeros(kFileBytesMax);
  if (lseek(file.get(), 0, SEEK_SET) != 0) return io_error(path, "overwrite the old key");
  return write_all(path, file, zeros);
}

}  // namespace

NodeId node_id(const crypto::PublicKey& key, std::string_view network) {
  crypto::Hasher hasher("themis/id/v1");
  hasher.add_framed(key.view()).add_framed(as_bytes(network));
  return NodeId{hasher.finish()};
}

Identity::Identity(const Seed& seed, std::string_view network, Successions former)
    : key_(std::make_unique<const crypto::SigningKey>(seed)),
      network_(network),
      id_(node_id(key_->public_key(), network)),
      former_(std::move(former)) {}

Identity Identity::successor(Rng& rng, uint32_t issued_s, uint32_t expires_s) const {
  Identity next(Seed(rng), network_);
  next.former_ = in_force(former_, issued_s);
  next.former_.resize(std::min(next.former_.size(), kSuccessionsMax - 1));
  next.former_.insert(next.former_.begin(),
                      Succession::make(key(), next.key(), network_, issued_s, expires_s));
  return next;
}

Identity Identity::generate(std::string_view network, Rng& rng) {
  return Identity(Seed(rng), network);
}

Result<Identity> load_or_create_identity(const std::filesystem::path& path,
                                         std::string_view network, Rng& rng) {
  THEMIS_CHECK(check_network_name(network));
  // Once more when the file was missing: then create() has put one there, its own or another
  // process's.
  for (int attempt = 0;; ++attempt) {
    const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.is_open()) return load(path, file, network);
    if (errno != ENOENT || attempt > 0) return io_error(path, "open it");
    THEMIS_CHECK(create(path, network, rng));
  }
}

Result<Identity> rotate_identity(const std::filesystem::path& path, std::string_view network,
                                 Rng& rng, uint32_t issued_s, uint32_t expires_s) {
  THEMIS_CHECK(check_network_name(network));
  const File old(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!old.is_open()) return io_error(path, "open it");
  THEMIS_TRY(const Identity current, load(path, old, network));
  Identity next = current.successor(rng, issued_s, expires_s);
  const std::filesystem::path fresh = fresh_name(path, rng);
  auto written = write_identity(fresh, next);
  if (written && rename(fresh.c_str(), path.c_str()) != 0) written = io_error(path, "replace it");
  if (!written) unlink(fresh.c_str());
  THEMIS_CHECK(written);
  THEMIS_CHECK(flush_folder_of(path));
  THEMIS_CHECK(overwrite(path, old));
  return next;
}

}  // namespace themis::wire
