#pragma once
// X25519 key agreement. Source: RFC 7748.

#include <array>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

/// The public half of an agreement: g^a.
struct DhShare {
  static constexpr size_t kBytes = 32;
  std::array<std::byte, kBytes> bytes{};

  /// Errors: malformed (length).
  static Result<DhShare> from_bytes(ByteView view);
  ByteView view() const { return bytes; }
  friend bool operator==(const DhShare&, const DhShare&) = default;
};

using SharedSecret = SecretBytes<32>;

/// One ephemeral key pair. One thread; wiped with the object.
class DhKey {
 public:
  static constexpr size_t kSeedBytes = 32;

  explicit DhKey(SecretBytes<kSeedBytes> seed);
  const DhShare& share() const { return share_; }
  /// Errors: forged (the result is all zero: the peer sent a point of small order, RFC 7748
  /// section 6.1).
  [[nodiscard]] Result<SharedSecret> agree(const DhShare& peer) const;

 private:
  SecretBytes<kSeedBytes> secret_;
  DhShare share_;
};

}  // namespace themis::crypto
