#pragma once
// BLAKE2b-256: one-shot, incremental, and with the framing that keeps structured input unambiguous.

#include <array>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

using Digest = std::array<std::byte, 32>;

/// BLAKE2b-256 of raw content, as content-addressed code uses it. Source: RFC 7693.
Digest blake2b(ByteView data);

constexpr size_t kMacBytes = 16;
/// Keyed BLAKE2b with 128 bits of output: a MAC. Source: RFC 7693 section 2.9.
std::array<std::byte, kMacBytes> blake2b_mac(const SecretBytes<32>& key, ByteView message);

/// Incremental BLAKE2b-256. One thread. After finish() only destruction is allowed.
class Hasher {
 public:
  Hasher();
  /// Starts with `domain`, a fixed label such as "themis/id/v1", so that no hash of one use is a
  /// hash of another. The labels of the project end in a version and none is the beginning of
  /// another.
  explicit Hasher(std::string_view domain);
  ~Hasher();
  Hasher(const Hasher&) = default;
  Hasher& operator=(const Hasher&) = default;

  Hasher& add(ByteView bytes);
  /// The length as u64 little-endian, then the bytes: two different lists of fields never give the
  /// same input.
  Hasher& add_framed(ByteView bytes);
  Digest finish();

 private:
  static constexpr size_t kStateBytes = 384;  // checked against libsodium in hash.cpp
  alignas(64) std::array<std::byte, kStateBytes> state_;
};

}  // namespace themis::crypto
