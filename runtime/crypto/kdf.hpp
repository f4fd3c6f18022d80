#pragma once
// HKDF over SHA-256. libsodium 1.0.18 has HMAC only; HKDF is built on it here. Source: RFC 5869.

#include <array>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

/// Concentrates the entropy of `secret` (a shared secret) into a key for hkdf_sha256_expand: HMAC
/// with the key `salt`.
SecretBytes<32> hkdf_sha256_extract(ByteView salt, ByteView secret);
/// Fills `out` with key material for the use that `info` names.
/// Errors: too_large (over 255 * 32 bytes, RFC 5869 section 2.3; `out` is unchanged).
[[nodiscard]] Status hkdf_sha256_expand(const SecretBytes<32>& key, ByteView info,
                                        std::span<std::byte> out);

}  // namespace themis::crypto
