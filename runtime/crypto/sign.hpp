#pragma once
// Ed25519 signatures. Source: RFC 8032; verification as strict as libsodium's (no small-order or
// non-canonical keys).

#include <array>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

struct PublicKey {
  static constexpr size_t kBytes = 32;
  std::array<std::byte, kBytes> bytes{};

  /// Errors: malformed (length). Whether the bytes are a usable point shows in verify().
  static Result<PublicKey> from_bytes(ByteView view);
  ByteView view() const { return bytes; }
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

struct Signature {
  static constexpr size_t kBytes = 64;
  std::array<std::byte, kBytes> bytes{};

  /// Errors: malformed (length).
  static Result<Signature> from_bytes(ByteView view);
  ByteView view() const { return bytes; }
  friend bool operator==(const Signature&, const Signature&) = default;
};

/// An Ed25519 key pair. Immutable; any thread may sign with it.
class SigningKey {
 public:
  static constexpr size_t kSeedBytes = 32;

  explicit SigningKey(const SecretBytes<kSeedBytes>& seed);
  const PublicKey& public_key() const { return public_key_; }
  /// Deterministic. `message` starts with a label of its use, so that a signature for one purpose
  /// fits no other.
  Signature sign(ByteView message) const;
  /// The seed, for storing the key; borrowed from this object.
  std::span<const std::byte, kSeedBytes> seed() const { return secret_.view().first<kSeedBytes>(); }

 private:
  SecretBytes<64> secret_;  // the seed and the public key, as libsodium keeps them
  PublicKey public_key_;
};

/// Errors: forged (signature, or a key that is not a canonical point of large order).
[[nodiscard]] Status verify(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace themis::crypto
