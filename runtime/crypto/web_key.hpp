#pragma once
// Keys of the Web Cryptography API: secret bytes, and key pairs of RSA and of the named curves.

#include <functional>
#include <memory>
#include <string_view>

#include "runtime/base/bytes.hpp"

struct evp_pkey_st;

namespace themis::crypto {

/// Most bits of an RSA modulus, imported or generated: the work grows with their cube.
inline constexpr int kRsaBitsMax = 4096;
/// Numbers in the JWK of one key: n, e, d, p, q, dp, dq, qi.
inline constexpr size_t kKeyNumbersMax = 8;

/// What a key is for, by the names that the standard has: "RSA", "P-256", "P-384", "P-521",
/// "Ed25519", "Ed448", "X25519", "X448". Secret keys have no kind.
using KeyKind = std::string_view;

/// Bytes that are wiped when they go: DER and numbers of private keys.
class WipedBytes {
 public:
  WipedBytes() = default;
  explicit WipedBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  ~WipedBytes();
  WipedBytes(WipedBytes&&) noexcept = default;
  WipedBytes& operator=(WipedBytes&&) = delete;

  ByteView view() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// One key, wiped when destroyed. Errors of everything here: invalid. Any thread, one at a time.
class WebKey {
 public:
  static WebKey secret(ByteView bytes);
  /// A key pair. `bits` and `exponent` (big-endian) are for RSA only, which looks for primes for
  /// seconds, asks every few milliseconds whether it may go on, and ends when it may not.
  [[nodiscard]] static Result<WebKey> generate(
      KeyKind kind, int bits, ByteView exponent,
      const std::function<bool()>& may_go_on = [] { return true; });
  /// SubjectPublicKeyInfo and PKCS #8, both DER and nothing behind them; of that kind.
  [[nodiscard]] static Result<WebKey> from_spki(KeyKind kind, ByteView der);
  [[nodiscard]] static Result<WebKey> from_pkcs8(KeyKind kind, ByteView der);
  /// A public key: an uncompressed or compressed point, or the bytes of RFC 7748 and RFC 8032.
  [[nodiscard]] static Result<WebKey> from_point(KeyKind kind, ByteView point);
  /// The numbers of a JWK, big-endian: RSA n, e and d, p, q, dp, dq, qi; curves x, y and d; Edwards
  /// and Montgomery curves x and d. A public key ends before d.
  [[nodiscard]] static Result<WebKey> from_numbers(KeyKind kind, std::span<const ByteView> numbers);

  [[nodiscard]] Result<Bytes> to_spki() const;
  [[nodiscard]] Result<WipedBytes> to_pkcs8() const;
  [[nodiscard]] Result<Bytes> to_point() const;
  /// As from_numbers takes them, padded as a JWK pads them.
  [[nodiscard]] Result<std::vector<WipedBytes>> to_numbers(KeyKind kind, bool private_too) const;
  /// The public half alone.
  [[nodiscard]] Result<WebKey> public_half() const;

  ByteView secret_bytes() const { return secret_.view(); }
  /// Null for a secret key.
  evp_pkey_st* pair() const { return pair_.get(); }
  int bits() const;

 private:
  struct Free {
    void operator()(evp_pkey_st* pair) const;
  };
  explicit WebKey(WipedBytes secret) : secret_(std::move(secret)) {}
  explicit WebKey(evp_pkey_st* pair) : pair_(pair) {}
  /// Takes the pair when it is of that kind.
  static Result<WebKey> checked(evp_pkey_st* pair, KeyKind kind);

  WipedBytes secret_;
  std::unique_ptr<evp_pkey_st, Free> pair_;
};

}  // namespace themis::crypto
