#pragma once
// SHA-256, for what others must check without our code: a browser has no BLAKE2b.

#include "runtime/crypto/hash.hpp"

namespace themis::crypto {

/// Incremental SHA-256. No heap. One thread. After finish() only destruction is allowed. Source:
/// FIPS 180-4.
class Sha256 {
 public:
  Sha256();
  Sha256& add(ByteView bytes);
  Digest finish();

 private:
  static constexpr size_t kStateBytes = 112;  // checked against OpenSSL in sha256.cpp
  alignas(8) std::array<std::byte, kStateBytes> state_;
};

}  // namespace themis::crypto
