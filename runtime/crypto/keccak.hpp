#pragma once
// Keccak-256 as Ethereum has it: the padding is that of the submission to NIST, not SHA3-256's.

#include "runtime/crypto/hash.hpp"

namespace themis::crypto {

/// Incremental. One thread. After finish() only destruction is allowed. Source: the Keccak
/// reference, version 3.0, with capacity 512 and the padding 10*1.
class Keccak256 {
 public:
  Keccak256();
  Keccak256& add(ByteView bytes);
  Keccak256& add(std::string_view text) { return add(as_bytes(text)); }
  Digest finish();

 private:
  static constexpr size_t kStateBytes = 344;  // checked against nettle in keccak.cpp
  alignas(8) std::array<std::byte, kStateBytes> state_;
};

Digest keccak256(ByteView data);

}  // namespace themis::crypto
