#include "runtime/crypto/kdf.hpp"

#include <sodium.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

using State = crypto_auth_hmacsha256_state;
constexpr size_t kBlockBytes = crypto_auth_hmacsha256_BYTES;

void hmac(ByteView key, ByteView message, std::span<std::byte, kBlockBytes> out) {
  State state;
  crypto_auth_hmacsha256_init(&state, raw(key), key.size());
  crypto_auth_hmacsha256_update(&state, raw(message), message.size());
  crypto_auth_hmacsha256_final(&state, raw(out));
  sodium_memzero(&state, sizeof state);
}

Status expand(ByteView key, ByteView info, std::span<std::byte> out) {
  if (out.size() > 255 * kBlockBytes) return fail(Code::too_large, "HKDF gives at most 255 blocks");
  State keyed;  // the key is worked in once for all blocks
  crypto_auth_hmacsha256_init(&keyed, raw(key), key.size());
  SecretBytes<kBlockBytes> block;
  size_t done = 0;
  for (unsigned char counter = 1; done < out.size(); ++counter) {
    State state = keyed;
    if (counter > 1) crypto_auth_hmacsha256_update(&state, raw(block.view()), kBlockBytes);
    crypto_auth_hmacsha256_update(&state, raw(info), info.size());
    crypto_auth_hmacsha256_update(&state, &counter, 1);
    crypto_auth_hmacsha256_final(&state, raw(block.span()));
    sodium_memzero(&state, sizeof state);
    const size_t n = std::min(kBlockBytes, out.size() - done);
    std::memcpy(out.data() + done, block.view().data(), n);
    done += n;
  }
  sodium_memzero(&keyed, sizeof keyed);
  return {};
}

}  // namespace

SecretBytes<32> hkdf_sha256_extract(ByteView salt, ByteView secret) {
  SecretBytes<32> key;
  hmac(salt, secret, key.span());
  return key;
}

Status hkdf_sha256_expand(const SecretBytes<32>& key, ByteView info, std::span<std::byte> out) {
  return expand(key.view(), info, out);
}

}  // namespace themis::crypto
