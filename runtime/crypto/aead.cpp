#include "runtime/crypto/aead.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <limits>

#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/kdf.hpp"
#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

int to_int(size_t n) {
  THEMIS_ASSERT(n <= static_cast<size_t>(std::numeric_limits<int>::max()), "OpenSSL counts in int");
  return static_cast<int>(n);
}

/// OpenSSL fails here only when memory or the library itself is broken.
void must(int result) { THEMIS_ASSERT(result == 1, "OpenSSL must accept a prepared context"); }

}  // namespace

static_assert(kAeadKeyBytes == crypto_aead_chacha20poly1305_ietf_KEYBYTES);
static_assert(sizeof(Nonce) == crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
static_assert(kTagBytes == crypto_aead_chacha20poly1305_ietf_ABYTES);

bool available(Suite suite) {
  return suite == Suite::chacha20poly1305 ||
         (suite == Suite::aes256gcm && AesGcm::available());
}

Nonce counter_nonce(uint64_t counter) {
  Nonce nonce{};
  store(nonce.data() + 4, counter);
  return nonce;
}

void AeadKey::ContextFree::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);  // it wipes the key schedule
}

AeadKey::AeadKey(Suite suite, SecretBytes<kAeadKeyBytes> key, size_t openssl_from)
    : suite_(suite), openssl_from_(openssl_from), key_(std::move(key)) {
  THEMIS_ASSERT(available(suite), "the handshake offers only what this CPU has");
  if (suite == Suite::aes256gcm) aes_ = std::make_unique<AesGcm>(key_.view());
}

void AeadKey::seal(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                   std::span<std::byte, kTagBytes> tag) {
  if (aes_) {
    aes_->seal(nonce, aad, message, tag);
  } else if (aad.size() + message.size() >= openssl_from_) {
    seal_openssl(nonce, aad, message, tag);
  } else {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        raw(message), raw(tag), nullptr, raw(message), message.size(), raw(aad), aad.size(),
        nullptr, raw(nonce), raw(key_.view()));
  }
}

Status AeadKey::open(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                     std::span<const std::byte, kTagBytes> tag) {
  bool genuine = false;
  if (aes_) {
    genuine = aes_->open(nonce, aad, message, tag);
  } else if (aad.size() + message.size() >= openssl_from_) {
    genuine = open_openssl(nonce, aad, message, tag);
  } else {
    genuine = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
                  raw(message), nullptr, raw(message), message.size(), raw(tag), raw(aad),
                  aad.size(), raw(nonce), raw(key_.view())) == 0;
  }
  if (!public_outcome(genuine)) return fail(Code::forged, "an authentication tag does not verify");
  return {};
}

AeadKey::Context AeadKey::make_context(bool encrypt) const {
  Context context(EVP_CIPHER_CTX_new());
  THEMIS_ASSERT(context != nullptr, "out of memory");
  must(EVP_CipherInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, raw(key_.view()),
                         nullptr, encrypt ? 1 : 0));
  return context;
}

void AeadKey::seal_openssl(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                           std::span<std::byte, kTagBytes> tag) {
  if (!encrypt_) encrypt_ = make_context(true);
  EVP_CIPHER_CTX* context = encrypt_.get();
  int n = 0;
  must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, raw(nonce)));
  if (!aad.empty()) must(EVP_EncryptUpdate(context, nullptr, &n, raw(aad), to_int(aad.size())));
  if (!message.empty())
    must(EVP_EncryptUpdate(context, raw(message), &n, raw(message), to_int(message.size())));
  must(EVP_EncryptFinal_ex(context, raw(tag), &n));  // writes nothing: a stream cipher
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, raw(tag)));
}

bool AeadKey::open_openssl(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                           std::span<const std::byte, kTagBytes> tag) {
  if (!decrypt_) decrypt_ = make_context(false);
  EVP_CIPHER_CTX* context = decrypt_.get();
  int n = 0;
  Tag expected;  // OpenSSL takes the tag through a pointer to non-const
  std::copy(tag.begin(), tag.end(), expected.begin());
  must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, raw(nonce)));
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, raw(expected)));
  if (!aad.empty()) must(EVP_DecryptUpdate(context, nullptr, &n, raw(aad), to_int(aad.size())));
  if (!message.empty())
    must(EVP_DecryptUpdate(context, raw(message), &n, raw(message), to_int(message.size())));
  Tag nothing;
  if (public_outcome(EVP_DecryptFinal_ex(context, raw(nothing), &n)) == 1) return true;
  wipe(message);  // OpenSSL has decrypted before it judged the tag
  return false;
}

AeadKey AeadKey::mixed(const SecretBytes<32>& secret) {
  SecretBytes<kAeadKeyBytes> step;
  Tag unused;
  seal(counter_nonce(std::numeric_limits<uint64_t>::max()), {}, step.span(), unused);
  return AeadKey(suite_, hkdf_sha256_extract(step.view(), secret.view()), openssl_from_);
}

}  // namespace themis::crypto
