// OpenSSL's older functions: those of EVP take heap, and libsodium does not use the CPU's
// instructions for SHA-256.
#define OPENSSL_API_COMPAT 0x10100000L

#include "runtime/crypto/sha256.hpp"

#include <openssl/sha.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

SHA256_CTX* native(std::span<std::byte> state) {
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

}  // namespace

Sha256::Sha256() {
  static_assert(sizeof(SHA256_CTX) == kStateBytes);
  static_assert(alignof(SHA256_CTX) <= 8);
  SHA256_Init(native(state_));
}

Sha256& Sha256::add(ByteView bytes) {
  SHA256_Update(native(state_), raw(bytes), bytes.size());
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  static_assert(sizeof digest == SHA256_DIGEST_LENGTH);
  SHA256_Final(raw(digest), native(state_));
  return digest;
}

}  // namespace themis::crypto
