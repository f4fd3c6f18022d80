#pragma once
// Password hashing.

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

/// Argon2id (RFC 9106) with one lane, two passes and 64 MiB: about 0.1 s of one core, and too much
/// memory for cheap guessing. Errors: memory_exceeded. Any thread.
[[nodiscard]] Result<SecretBytes<32>> argon2id(std::string_view password,
                                               std::span<const std::byte, 16> salt);

}  // namespace themis::crypto
