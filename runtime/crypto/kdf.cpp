#include "runtime/crypto/kdf.hpp"

#include <sodium.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

struct Sha256 {
  using State = crypto_auth_hmacsha256_state;
  static constexpr size_t kBytes = crypto_auth_hmacsha256_BYTES;
  static constexpr auto init = crypto_auth_hmacsha256_init;
  static constexpr auto update = crypto_auth_hmacsha256_update;
  static constexpr auto final = crypto_auth_hmacsha256_final;
};

struct Sha512 {
  using State = crypto_auth_hmacsha512_state;
  static constexpr size_t kBytes = crypto_auth_hmacsha512_BYTES;
  static constexpr auto init = crypto_auth_hmacsha512_init;
  static constexpr auto update = crypto_auth_hmacsha512_update;
  static constexpr auto final = crypto_auth_hmacsha512_final;
};

template <class Hash>
void hmac(ByteView key, ByteView message, std::span<std::byte, Hash::kBytes> out) {
  typename Hash::State state;
  Hash::init(&state, raw(key), key.size());
  Hash::update(&state, raw(message), message.size());
  Hash::final(&state, raw(out));
  sodium_memzero(&state, sizeof state);
}

template <class Hash>
Status expand(ByteView key, ByteView info, std::span<std::byte> out) {
  if (out.size() > 255 * Hash::kBytes)
    return fail(Code::too_large, "HKDF gives at most 255 blocks");
  typename Hash::State keyed;  // the key is worked in once for all blocks
  Hash::init(&keyed, raw(key), key.size());
  SecretBytes<Hash::kBytes> block;
  size_t done = 0;
  for (unsigned char counter = 1; done < out.size(); ++counter) {
    typename Hash::State state = keyed;
    if (counter > 1) Hash::update(&state, raw(block.view()), Hash::kBytes);
    Hash::update(&state, raw(info), info.size());
    Hash::update(&state, &counter, 1);
    Hash::final(&state, raw(block.span()));
    sodium_memzero(&state, sizeof state);
    const size_t n = std::min(Hash::kBytes, out.size() - done);
    std::memcpy(out.data() + done, block.view().data(), n);
    done += n;
  }
  sodium_memzero(&keyed, sizeof keyed);
  return {};
}

}  // namespace

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message) {
  std::array<std::byte, 32> out;
  hmac<Sha256>(key, message, out);
  return out;
}

std::array<std::byte, 64> hmac_sha512(ByteView key, ByteView message) {
  std::array<std::byte, 64> out;
  hmac<Sha512>(key, message, out);
  return out;
}

SecretBytes<32> hkdf_sha256_extract(ByteView salt, ByteView secret) {
  SecretBytes<32> key;
  hmac<Sha256>(salt, secret, key.span());
  return key;
}

Status hkdf_sha256_expand(const SecretBytes<32>& key, ByteView info, std::span<std::byte> out) {
  return expand<Sha256>(key.view(), info, out);
}

SecretBytes<64> hkdf_sha512_extract(ByteView salt, ByteView secret) {
  SecretBytes<64> key;
  hmac<Sha512>(salt, secret, key.span());
  return key;
}

Status hkdf_sha512_expand(const SecretBytes<64>& key, ByteView info, std::span<std::byte> out) {
  return expand<Sha512>(key.view(), info, out);
}

}  // namespace themis::crypto
