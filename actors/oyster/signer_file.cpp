#include "actors/oyster/signer_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "actors/system/secret_file.hpp"
#include "runtime/net/socket.hpp"

namespace themis {
namespace {

using Key = crypto::RecoverableKey;
using Secret = crypto::SecretBytes<Key::kSecretBytes>;

tl::unexpected<Error> failed(const std::filesystem::path& path) {
  return fail(Code::io,
              path.string() + ": cannot be read: " + std::generic_category().message(errno));
}

/// Of 2^256 numbers 2^128 are none: the first one is a key.
Result<Key> make(const std::filesystem::path& path, Rng& rng) {
  const Secret secret(rng);
  THEMIS_TRY(Key key, Key::from_secret(secret.view(), rng));
  THEMIS_CHECK(write_private_file(path, secret.view()));
  return key;
}

}  // namespace

Result<Key> load_signer(const std::filesystem::path& path, bool may_make, Rng& rng) {
  const net::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0) {
    if (errno != ENOENT || !may_make) return failed(path);
    return make(path, rng);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(path);
  if ((status.st_mode & 077) != 0)
    return fail(Code::denied,
                path.string() + ": others can read this key; run: chmod 600 " + path.string());
  Secret secret;
  const ssize_t got = ::read(file.get(), secret.span().data(), Key::kSecretBytes);
  if (got < 0) return failed(path);
  const bool has_length = got == Key::kSecretBytes && status.st_size == got;
  Result<Key> key = Key::from_secret(secret.view(), rng);
  if (!has_length || !key)
    return fail(Code::malformed, path.string() + ": not a secp256k1 key of 32 bytes");
  return key;
}

}  // namespace themis
