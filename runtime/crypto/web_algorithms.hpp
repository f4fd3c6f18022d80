#pragma once
// The algorithms of the Web Cryptography API, over WebKey. Hashes go by "SHA-1" to "SHA-512".

#include <string_view>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/web_key.hpp"

namespace themis::crypto {

/// Most rounds of PBKDF2 over all blocks it derives: about a second. Nothing can end them early.
inline constexpr uint64_t kPbkdf2RoundsMax = 2'000'000;
/// Longest text of one AES call: OpenSSL counts in int.
inline constexpr size_t kAesBytesMax = 1u << 30;
/// Longest derived output.
inline constexpr size_t kDerivedBytesMax = 1 << 16;

// Errors of everything here: invalid (parameters that do not fit), forged (what does not decrypt).
// Any thread.

[[nodiscard]] Result<Bytes> web_digest(std::string_view hash, ByteView data);
[[nodiscard]] Result<Bytes> web_hmac(std::string_view hash, ByteView key, ByteView data);

struct AesCall {
  std::string_view mode;  ///< "AES-CBC", "AES-CTR", "AES-GCM" or "AES-KW"
  bool encrypt = true;
  ByteView iv = {};             ///< The counter block of AES-CTR; none of AES-KW.
  ByteView aad = {};            ///< AES-GCM.
  unsigned tag_bytes = 16;      ///< AES-GCM.
  unsigned counter_bits = 128;  ///< AES-CTR: the low bits of the block that count, and wrap.
};
/// AES-GCM appends and expects the tag; AES-CBC pads as PKCS #7.
[[nodiscard]] Result<Bytes> web_aes(const AesCall& call, ByteView key, ByteView data);

struct SignCall {
  std::string_view scheme;  ///< "RSASSA-PKCS1-v1_5", "RSA-PSS", "ECDSA", "Ed25519" or "Ed448"
  std::string_view hash = {};
  int salt_bytes = 0;  ///< RSA-PSS.
};
/// ECDSA signatures are r and s, each as long as a coordinate.
[[nodiscard]] Result<Bytes> web_sign(const SignCall& call, const WebKey& key, ByteView data);
[[nodiscard]] bool web_verify(const SignCall& call, const WebKey& key, ByteView signature,
                              ByteView data);

struct OaepCall {
  bool encrypt = true;
  std::string_view hash;
  ByteView label = {};
};
[[nodiscard]] Result<Bytes> web_oaep(const OaepCall& call, const WebKey& key, ByteView data);

/// ECDH, X25519, X448: the shared secret.
[[nodiscard]] Result<WipedBytes> web_agree(const WebKey& ours, const WebKey& theirs);

struct DeriveCall {
  std::string_view hash;
  ByteView salt = {};
  ByteView info = {};       ///< HKDF.
  uint64_t iterations = 0;  ///< PBKDF2.
  size_t bytes = 0;         ///< Of the output.
};
[[nodiscard]] Result<WipedBytes> web_pbkdf2(const DeriveCall& call, ByteView password);
[[nodiscard]] Result<WipedBytes> web_hkdf(const DeriveCall& call, ByteView key);

}  // namespace themis::crypto
