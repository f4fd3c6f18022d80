#pragma once
// Authenticated encryption in place: AES-256-GCM and ChaCha20-Poly1305 with a prepared key.
// Source: RFC 5116, RFC 8439.

#include <array>
#include <memory>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/aes_gcm.hpp"
#include "runtime/crypto/secret_bytes.hpp"

struct evp_cipher_ctx_st;

namespace themis::crypto {

/// The ciphers a session may use. The numbers travel in the handshake.
enum class Suite : uint8_t {
  aes256gcm = 1,         ///< Only on a CPU with AES instructions; the fastest there.
  chacha20poly1305 = 2,  ///< Everywhere.
};

constexpr size_t kAeadKeyBytes = 32;
constexpr size_t kTagBytes = 16;
using Nonce = std::array<std::byte, 12>;
using Tag = std::array<std::byte, kTagBytes>;

/// True when this CPU runs the suite. Call init() first.
bool available(Suite suite);

/// The nonce of record `counter`: 4 zero bytes, then the counter little-endian. The counter 2^64 -
/// 1 belongs to mixed().
Nonce counter_nonce(uint64_t counter);

/// ChaCha20-Poly1305: from this many bytes on (message and additional data together) OpenSSL's
/// wide-vector code is the faster one; below it libsodium's shorter call wins. Printed by
/// themis-bench primitives.
constexpr size_t kOpensslFromBytes = 256;

/// One key of one suite, ready to use: the AES key schedule and the OpenSSL contexts are made once,
/// not per message. Used by one thread. A nonce is never used twice with one key: that is the
/// caller's duty.
class AeadKey {
 public:
  /// `openssl_from`: the size at which OpenSSL takes over; another value than the default is for
  /// measuring and for tests that compare the two libraries. The suite must be available().
  AeadKey(Suite suite, SecretBytes<kAeadKeyBytes> key, size_t openssl_from = kOpensslFromBytes);

  /// Encrypts `message` in place and writes the tag that covers it and `aad`. An empty `message`
  /// makes this an authenticator of `aad` alone. `tag` may follow `message` in the same buffer.
  void seal(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
            std::span<std::byte, kTagBytes> tag);
  /// Checks the tag and decrypts in place. Errors: forged; `message` is then unchanged or wiped,
  /// never half plain.
  [[nodiscard]] Status open(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                            std::span<const std::byte, kTagBytes> tag);

  /// The next key: from this one and `secret`, which a fresh agreement gave. Who learns the next
  /// one cannot read what this one sealed, and who knows this one does not learn the next. Source:
  /// the one-way step is REKEY of the Noise specification rev. 34, section 4.2; the mixing is HKDF.
  AeadKey mixed(const SecretBytes<32>& secret);
  Suite suite() const { return suite_; }

 private:
  struct ContextFree {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, ContextFree>;

  Context make_context(bool encrypt) const;
  void seal_openssl(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                    std::span<std::byte, kTagBytes> tag);
  bool open_openssl(const Nonce& nonce, ByteView aad, std::span<std::byte> message,
                    std::span<const std::byte, kTagBytes> tag);

  Suite suite_;
  size_t openssl_from_;
  SecretBytes<kAeadKeyBytes> key_;
  std::unique_ptr<AesGcm> aes_;  // of aes256gcm, which uses nothing else
  Context encrypt_, decrypt_;    // made by the first large message
};

}  // namespace themis::crypto
