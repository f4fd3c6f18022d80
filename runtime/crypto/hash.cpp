#include "runtime/crypto/hash.hpp"

#include <sodium.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

crypto_generichash_state* native(std::span<std::byte> state) {
  return reinterpret_cast<crypto_generichash_state*>(state.data());
}

}  // namespace

static_assert(std::tuple_size_v<Digest> == crypto_generichash_BYTES);

Digest blake2b(ByteView data) {
  Digest digest;
  crypto_generichash(raw(digest), digest.size(), raw(data), data.size(), nullptr, 0);
  return digest;
}

std::array<std::byte, kMacBytes> blake2b_mac(const SecretBytes<32>& key, ByteView message) {
  std::array<std::byte, kMacBytes> mac;
  crypto_generichash(raw(mac), mac.size(), raw(message), message.size(), raw(key.view()),
                     key.view().size());
  return mac;
}

Hasher::Hasher() {
  static_assert(sizeof(crypto_generichash_state) == kStateBytes);
  static_assert(alignof(crypto_generichash_state) <= 64);
  crypto_generichash_init(native(state_), nullptr, 0, std::tuple_size_v<Digest>);
}

Hasher::Hasher(std::string_view domain) : Hasher() { add(as_bytes(domain)); }

Hasher::~Hasher() { sodium_memzero(state_.data(), state_.size()); }

Hasher& Hasher::add(ByteView bytes) {
  crypto_generichash_update(native(state_), raw(bytes), bytes.size());
  return *this;
}

Hasher& Hasher::add_framed(ByteView bytes) {
  const uint64_t length = bytes.size();
  add(std::as_bytes(std::span(&length, 1)));
  return add(bytes);
}

Digest Hasher::finish() {
  Digest digest;
  crypto_generichash_final(native(state_), raw(digest), digest.size());
  return digest;
}

}  // namespace themis::crypto
