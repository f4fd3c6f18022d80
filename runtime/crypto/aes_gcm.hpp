#pragma once
// AES-256-GCM under one prepared key, in place, with the widest vectors that this CPU has.
// Source: NIST SP 800-38D.

#include <array>

#include "runtime/base/bytes.hpp"

namespace themis::crypto {

/// One AES-256 key, expanded once. Used by one thread. A nonce (12 bytes) is never used twice with
/// one key: that is the caller's duty.
class AesGcm {
 public:
  /// True when this CPU has instructions for AES and carry-less products, and the library has found
  /// the answers of its test vectors right. Without them there is no AES here: tables leak keys.
  static bool available();

  /// `key` stays the caller's to wipe. available() must be true.
  explicit AesGcm(std::span<const std::byte, 32> key);
  ~AesGcm();
  AesGcm(const AesGcm&) = delete;
  AesGcm& operator=(const AesGcm&) = delete;

  /// Encrypts `message` in place; the tag covers it and `aad`. `tag` may follow `message`.
  void seal(std::span<const std::byte, 12> nonce, ByteView aad, std::span<std::byte> message,
            std::span<std::byte, 16> tag) const;
  /// Decrypts `message` in place. False when the tag does not fit: `message` is wiped then.
  [[nodiscard]] bool open(std::span<const std::byte, 12> nonce, ByteView aad,
                          std::span<std::byte> message,
                          std::span<const std::byte, 16> tag) const;

 private:
  alignas(64) std::array<std::byte, 1024> state_;  // the library's gcm_key_data
};

}  // namespace themis::crypto
