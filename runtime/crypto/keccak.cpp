#include "runtime/crypto/keccak.hpp"

#include <nettle/sha3.h>

#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

sha3_256_ctx* native(std::span<std::byte> state) {
  return reinterpret_cast<sha3_256_ctx*>(state.data());
}

}  // namespace

Keccak256::Keccak256() {
  static_assert(sizeof(sha3_256_ctx) == kStateBytes);
  sha3_256_init(native(state_));
}

Keccak256& Keccak256::add(ByteView bytes) {
  sha3_256_update(native(state_), bytes.size(), raw(bytes));
  return *this;
}

/// The padding fills the block, which is absorbed by that; the digest is the head of the state.
Digest Keccak256::finish() {
  sha3_256_ctx* context = native(state_);
  std::array<std::byte, SHA3_256_BLOCK_SIZE> padding{};
  const size_t room = padding.size() - context->index;
  padding[0] = std::byte{0x01};
  padding[room - 1] |= std::byte{0x80};
  add(ByteView(padding).first(room));
  Digest digest;
  std::memcpy(digest.data(), context->state.a, digest.size());
  return digest;
}

Digest keccak256(ByteView data) { return Keccak256().add(data).finish(); }

}  // namespace themis::crypto
