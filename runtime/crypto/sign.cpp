#include "runtime/crypto/sign.hpp"

#include <sodium.h>

#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/native.hpp"

namespace themis::crypto {

static_assert(PublicKey::kBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(Signature::kBytes == crypto_sign_BYTES);
static_assert(SigningKey::kSeedBytes == crypto_sign_SEEDBYTES);

Result<PublicKey> PublicKey::from_bytes(ByteView view) {
  if (view.size() != kBytes) return fail(Code::malformed, "a public key has 32 bytes");
  PublicKey key;
  std::copy(view.begin(), view.end(), key.bytes.begin());
  return key;
}

Result<Signature> Signature::from_bytes(ByteView view) {
  if (view.size() != kBytes) return fail(Code::malformed, "a signature has 64 bytes");
  Signature signature;
  std::copy(view.begin(), view.end(), signature.bytes.begin());
  return signature;
}

// Measured by bench/primitives.cpp: libsodium signs and verifies in about half of OpenSSL 3.0's
// time.
SigningKey::SigningKey(const SecretBytes<kSeedBytes>& seed) {
  crypto_sign_seed_keypair(raw(public_key_.bytes), raw(secret_.span()), raw(seed.view()));
  declassify(public_key_.bytes);
}

Signature SigningKey::sign(ByteView message) const {
  Signature signature;
  crypto_sign_detached(raw(signature.bytes), nullptr, raw(message), message.size(),
                       raw(secret_.view()));
  return signature;
}

Status verify(const PublicKey& key, ByteView message, const Signature& signature) {
  if (crypto_sign_verify_detached(raw(signature.view()), raw(message), message.size(),
                                  raw(key.view())) != 0)
    return fail(Code::forged, "a signature does not verify");
  return {};
}

}  // namespace themis::crypto
