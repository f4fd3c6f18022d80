#pragma once
// HMAC and HKDF over SHA-256 and SHA-512. libsodium 1.0.18 has HMAC only; HKDF is built on it here.
// Source: RFC 2104, RFC 5869.

#include <array>
#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message);
std::array<std::byte, 64> hmac_sha512(ByteView key, ByteView message);

/// Concentrates the entropy of `secret` (a shared secret) into a key for hkdf_sha256_expand.
SecretBytes<32> hkdf_sha256_extract(ByteView salt, ByteView secret);
/// Fills `out` with key material for the use that `info` names.
/// Errors: too_large (over 255 * 32 bytes, RFC 5869 section 2.3; `out` is unchanged).
[[nodiscard]] Status hkdf_sha256_expand(const SecretBytes<32>& key, ByteView info,
                                        std::span<std::byte> out);

SecretBytes<64> hkdf_sha512_extract(ByteView salt, ByteView secret);
/// Errors: too_large (over 255 * 64 bytes).
[[nodiscard]] Status hkdf_sha512_expand(const SecretBytes<64>& key, ByteView info,
                                        std::span<std::byte> out);

}  // namespace themis::crypto
