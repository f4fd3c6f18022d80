#pragma once
// ECDSA over secp256k1 with signatures that tell their key, as Ethereum uses them.

#include <memory>

#include "runtime/crypto/hash.hpp"
#include "runtime/crypto/secret_bytes.hpp"

struct secp256k1_context_struct;

namespace themis::crypto {

/// x and y, big-endian.
using CurvePoint = std::array<std::byte, 64>;
/// r, s (big-endian, s in the lower half), then 27 or 28 for the parity of the point.
using RecoverableSignature = std::array<std::byte, 65>;

/// A secp256k1 key pair. Immutable; any thread may sign with it.
class RecoverableKey {
 public:
  static constexpr size_t kSecretBytes = 32;

  /// `rng` blinds the arithmetic. Errors: invalid (zero, or not under the curve's order).
  static Result<RecoverableKey> from_secret(std::span<const std::byte, kSecretBytes> secret,
                                            Rng& rng);
  /// Deterministic (RFC 6979).
  RecoverableSignature sign(const Digest& digest) const;
  const CurvePoint& public_key() const { return public_key_; }
  /// "0x" and 40 hexadecimal digits: the last 20 bytes of the public key's Keccak-256.
  std::string address() const;

 private:
  struct Destroy {
    void operator()(secp256k1_context_struct* context) const;
  };
  RecoverableKey() = default;

  std::unique_ptr<secp256k1_context_struct, Destroy> context_;
  SecretBytes<kSecretBytes> secret_;
  CurvePoint public_key_{};
};

/// Whose signature it is. Errors: forged (nobody's). Any thread.
Result<CurvePoint> recover(const Digest& digest, const RecoverableSignature& signature);

}  // namespace themis::crypto
