#include "runtime/crypto/password.hpp"

#include <sodium.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {

Result<SecretBytes<32>> argon2id(std::string_view password, std::span<const std::byte, 16> salt) {
  static_assert(crypto_pwhash_argon2id_SALTBYTES == 16);
  SecretBytes<32> digest;
  if (crypto_pwhash_argon2id(raw(digest.span()), 32, password.data(), password.size(), raw(salt),
                             crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
                             crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
    return fail(Code::memory_exceeded, "Argon2id needs 64 MiB of memory");
  return digest;
}

}  // namespace themis::crypto
