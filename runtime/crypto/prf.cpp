#include "runtime/crypto/prf.hpp"

#include <cpuid.h>
#include <immintrin.h>
#include <sodium.h>

#include "runtime/crypto/native.hpp"

#ifndef __clang__
// GCC 12's avx512fintrin.h starts unmasked results from a variable that it never sets.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define THEMIS_AES __attribute__((target("aes,sse4.1")))
#define THEMIS_VAES __attribute__((target("aes,vaes,avx512f,avx512vl,avx512dq")))

namespace themis::crypto {
namespace {

constexpr size_t kBlock = 16;
constexpr int kRounds = 10;

THEMIS_AES inline __m128i read(const std::byte* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
THEMIS_AES inline void write(std::byte* to, __m128i value) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
}

template <int constant>
THEMIS_AES __m128i next_round_key(__m128i key) {
  const __m128i word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, constant), 0xff);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  return _mm_xor_si128(key, word);
}

/// FIPS 197 section 5.2, for 128 bits.
THEMIS_AES void expand(std::byte* keys, __m128i key) {
  const auto put = [keys](int round, __m128i value) THEMIS_AES {
    write(keys + kBlock * static_cast<size_t>(round), value);
    return value;
  };
  put(0, key);
  key = put(1, next_round_key<0x01>(key));
  key = put(2, next_round_key<0x02>(key));
  key = put(3, next_round_key<0x04>(key));
  key = put(4, next_round_key<0x08>(key));
  key = put(5, next_round_key<0x10>(key));
  key = put(6, next_round_key<0x20>(key));
  key = put(7, next_round_key<0x40>(key));
  key = put(8, next_round_key<0x80>(key));
  key = put(9, next_round_key<0x1b>(key));
  put(10, next_round_key<0x36>(key));
}

/// Padded messages, `stride` bytes apart, of `blocks` blocks each. `mask` goes into the last block.
struct Messages {
  const std::byte* data;
  size_t stride, blocks;
  const std::byte* mask;

  const std::byte* block(size_t message, size_t number) const {
    return data + message * stride + number * kBlock;
  }
};

/// The CMACs of `lanes` messages from `first` on, side by side, XORed together.
template <size_t lanes>
THEMIS_AES __m128i cbc_sum(const std::byte* keys, const Messages& messages, size_t first) {
  __m128i state[lanes];
#pragma GCC unroll 8
  for (__m128i& lane : state) lane = _mm_setzero_si128();
  for (size_t block = 0; block < messages.blocks; ++block) {
    __m128i start = read(keys);
    if (block + 1 == messages.blocks) start = _mm_xor_si128(start, read(messages.mask));
#pragma GCC unroll 8
    for (size_t lane = 0; lane < lanes; ++lane)
      state[lane] = _mm_xor_si128(_mm_xor_si128(state[lane], start),
                                  read(messages.block(first + lane, block)));
    for (size_t round = 1; round < kRounds; ++round) {
      const __m128i key = read(keys + round * kBlock);
#pragma GCC unroll 8
      for (__m128i& lane : state) lane = _mm_aesenc_si128(lane, key);
    }
    const __m128i key = read(keys + kRounds * kBlock);
#pragma GCC unroll 8
    for (__m128i& lane : state) lane = _mm_aesenclast_si128(lane, key);
  }
  __m128i sum = state[0];
#pragma GCC unroll 8
  for (size_t lane = 1; lane < lanes; ++lane) sum = _mm_xor_si128(sum, state[lane]);
  return sum;
}

THEMIS_VAES inline __m512i read_four(const std::byte* from, size_t stride) {
  __m512i four = _mm512_castsi128_si512(read(from));
  four = _mm512_inserti32x4(four, read(from + stride), 1);
  four = _mm512_inserti32x4(four, read(from + 2 * stride), 2);
  return _mm512_inserti32x4(four, read(from + 3 * stride), 3);
}

/// The same for sixteen lanes, four to a register. Every round key is read once a block.
THEMIS_VAES __m128i cbc_sum_vaes(const std::byte* keys, const Messages& messages) {
  constexpr size_t kRegisters = 4;
  __m512i state[kRegisters];
#pragma GCC unroll 8
  for (__m512i& four : state) four = _mm512_setzero_si512();
  for (size_t block = 0; block < messages.blocks; ++block) {
    __m128i start = read(keys);
    if (block + 1 == messages.blocks) start = _mm_xor_si128(start, read(messages.mask));
    const __m512i first = _mm512_broadcast_i32x4(start);
#pragma GCC unroll 8
    for (size_t i = 0; i < kRegisters; ++i)
      state[i] = _mm512_xor_si512(_mm512_xor_si512(state[i], first),
                                  read_four(messages.block(4 * i, block), messages.stride));
    for (size_t round = 1; round < kRounds; ++round) {
      const __m512i key = _mm512_broadcast_i32x4(read(keys + round * kBlock));
#pragma GCC unroll 8
      for (__m512i& four : state) four = _mm512_aesenc_epi128(four, key);
    }
    const __m512i last = _mm512_broadcast_i32x4(read(keys + kRounds * kBlock));
#pragma GCC unroll 8
    for (__m512i& four : state) four = _mm512_aesenclast_epi128(four, last);
  }
  const __m512i sum =
      _mm512_xor_si512(_mm512_xor_si512(state[0], state[1]), _mm512_xor_si512(state[2], state[3]));
  const __m256i half =
      _mm256_xor_si256(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
  return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

const std::byte* bytes_of(const PrfBlock& block) {
  return reinterpret_cast<const std::byte*>(block.data());
}

THEMIS_AES PrfBlock words(__m128i value) {
  PrfBlock out;
  write(reinterpret_cast<std::byte*>(out.data()), value);
  return out;
}

THEMIS_AES PrfBlock cbc_one(const std::byte* keys, const Messages& messages, size_t which) {
  return words(cbc_sum<1>(keys, messages, which));
}
/// One message as it is, the last block padded on the way.
THEMIS_AES PrfBlock cmac_one(const std::byte* keys, ByteView message, const PrfBlock& whole_mask,
                             const PrfBlock& padded_mask) {
  __m128i state = _mm_setzero_si128();
  const auto encrypt = [keys, &state]() THEMIS_AES {
    state = _mm_xor_si128(state, read(keys));
#pragma GCC unroll 10
    for (size_t round = 1; round < kRounds; ++round)
      state = _mm_aesenc_si128(state, read(keys + round * kBlock));
    state = _mm_aesenclast_si128(state, read(keys + kRounds * kBlock));
  };
  const std::byte* at = message.data();
  size_t left = message.size();
  for (; left > kBlock; left -= kBlock, at += kBlock) {
    state = _mm_xor_si128(state, read(at));
    encrypt();
  }
  if (left == kBlock) {
    state = _mm_xor_si128(_mm_xor_si128(state, read(at)), read(bytes_of(whole_mask)));
  } else {
    // The padding's one bit and, where there is a block before, the rest of the message by a load
    // that ends with it: copying a few bytes first would cost more than a round.
    alignas(16) static constexpr uint8_t kPadding[31] = {0, 0, 0, 0, 0, 0, 0, 0,
                                                         0, 0, 0, 0, 0, 0, 0, 0x80};
    alignas(16) static constexpr uint8_t kToFront[32] = {
        0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,
        11,   12,   13,   14,   15,   0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    __m128i last;
    if (message.size() >= kBlock) {
      const auto* moves = reinterpret_cast<const std::byte*>(kToFront) + (kBlock - left);
      last = _mm_shuffle_epi8(read(at + left - kBlock), read(moves));
    } else {
      PrfBlock block{};
      if (left != 0) std::memcpy(block.data(), at, left);
      last = read(bytes_of(block));
    }
    const auto* one = reinterpret_cast<const std::byte*>(kPadding) + (kBlock - 1 - left);
    last = _mm_or_si128(last, read(one));
    state = _mm_xor_si128(_mm_xor_si128(state, last), read(bytes_of(padded_mask)));
  }
  encrypt();
  return words(state);
}
/// Eight messages, each under keys and with a mask of its own.
THEMIS_AES void cbc_each(const std::array<const std::byte*, 8>& keys, const Messages& messages,
                         const std::array<const std::byte*, 8>& masks,
                         const std::array<std::byte*, 8>& values) {
  __m128i state[8];
#pragma GCC unroll 8
  for (__m128i& lane : state) lane = _mm_setzero_si128();
  for (size_t block = 0; block < messages.blocks; ++block) {
    const bool last = block + 1 == messages.blocks;
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      state[i] =
          _mm_xor_si128(_mm_xor_si128(state[i], read(keys[i])), read(messages.block(i, block)));
      if (last) state[i] = _mm_xor_si128(state[i], read(masks[i]));
    }
    for (size_t round = 1; round < kRounds; ++round) {
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; ++i)
        state[i] = _mm_aesenc_si128(state[i], read(keys[i] + round * kBlock));
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i)
      state[i] = _mm_aesenclast_si128(state[i], read(keys[i] + kRounds * kBlock));
  }
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) write(values[i], state[i]);
}
THEMIS_AES PrfBlock cbc_sixteen(const std::byte* keys, const Messages& messages) {
  return words(_mm_xor_si128(cbc_sum<8>(keys, messages, 0), cbc_sum<8>(keys, messages, 8)));
}
THEMIS_VAES PrfBlock cbc_sixteen_vaes(const std::byte* keys, const Messages& messages) {
  return words(cbc_sum_vaes(keys, messages));
}

/// Doubling in GF(2^128), big-endian as RFC 4493 section 2.3 has it; no branch on the key.
PrfBlock doubled(const PrfBlock& value) {
  const uint64_t high = __builtin_bswap64(value[0]), low = __builtin_bswap64(value[1]);
  const uint64_t carry = (0 - (high >> 63)) & 0x87;
  return {__builtin_bswap64((high << 1) | (low >> 63)), __builtin_bswap64((low << 1) ^ carry)};
}

THEMIS_AES void expand_from(std::byte* keys, const std::byte* key) { expand(keys, read(key)); }

/// Clang 14's __builtin_cpu_supports does not know VAES. Leaf 7, ECX bit 9: Intel SDM vol. 2,
/// CPUID; asked once, since a virtual machine's host answers it.
bool has_vaes() {
  static const bool has = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & (1U << 9)) != 0;
  }();
  return has;
}

}  // namespace

static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(PrfBlock));
static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);

bool available(PrfKind kind) {
  const bool aes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
  switch (kind) {
    case PrfKind::cmac_vaes:
      return aes && has_vaes() && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    case PrfKind::cmac_aes:
      return aes;
    case PrfKind::siphash:
      return true;
  }
  return false;
}

PrfKind best_prf() {
  for (const PrfKind kind : {PrfKind::cmac_vaes, PrfKind::cmac_aes})
    if (available(kind)) return kind;
  return PrfKind::siphash;
}

void Prf::rekey(const SecretBytes<16>& key, PrfKind kind) {
  THEMIS_ASSERT(available(kind), "this CPU lacks the instructions of the chosen PRF");
  kind_ = kind;
  if (kind == PrfKind::siphash) {
    std::memcpy(round_keys_.data(), key.view().data(), key.view().size());
    return;
  }
  expand_from(round_keys_.data(), key.view().data());
  const PrfBlock zeros{};
  whole_mask_ = doubled(cbc_one(round_keys_.data(), {bytes_of(zeros), 0, 1, bytes_of(zeros)}, 0));
  padded_mask_ = doubled(whole_mask_);
}

void Prf::wipe() {
  crypto::wipe(round_keys_);
  crypto::wipe(std::as_writable_bytes(std::span(whole_mask_)));
  crypto::wipe(std::as_writable_bytes(std::span(padded_mask_)));
}

PrfBlock Prf::evaluate(ByteView message) const {
  if (kind_ == PrfKind::siphash) {
    PrfBlock value{};
    crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(value.data()), raw(message),
                                message.size(), raw(round_keys_));
    return value;
  }
  return cmac_one(round_keys_.data(), message, whole_mask_, padded_mask_);
}

void PrfSum::restart(const Prf& prf, const std::byte* lane, size_t blocks, bool padded) {
  flush(prf);
  std::memmove(lanes_.data(), lane, blocks * kBlock);
  blocks_ = blocks;
  padded_ = padded;
}

void PrfSum::flush(const Prf& prf) {
  const std::byte* keys = prf.round_keys_.data();
  const Messages messages{lanes_.data(), kLaneBytes, blocks_,
                          bytes_of(padded_ ? prf.padded_mask_ : prf.whole_mask_)};
  if (pending_ == Prf::kLanes) {
    mix(prf.kind_ == PrfKind::cmac_vaes ? cbc_sixteen_vaes(keys, messages)
                                        : cbc_sixteen(keys, messages));
  } else {
    for (size_t i = 0; i < pending_; ++i) mix(cbc_one(keys, messages, i));
  }
  pending_ = 0;
}

void PrfSum::clear() {
  wipe(lanes_);
  sum_ = {};
  pending_ = 0;
}

void PrfBatch::take(const Lane& lane, std::byte* message, size_t size) {
  const size_t blocks = size == 0 ? 1 : (size + Prf::kBlock - 1) / Prf::kBlock;
  const bool padded = size != blocks * Prf::kBlock;
  if (padded) store(message + size, PrfBlock{0x80, 0});
  if (blocks != blocks_ || padded != padded_) {
    flush();
    std::memmove(lanes_.data(), message, blocks * Prf::kBlock);
    blocks_ = blocks;
    padded_ = padded;
  }
  owners_[pending_] = lane;
  if (++pending_ == kLanes) flush();
}

void PrfBatch::flush() {
  const Messages messages{lanes_.data(), kLaneBytes, blocks_, nullptr};
  std::array<const std::byte*, kLanes> keys, masks;
  std::array<std::byte*, kLanes> values;
  for (size_t i = 0; i < pending_; ++i) {
    const Prf& prf = *owners_[i].prf;
    keys[i] = prf.round_keys_.data();
    masks[i] = bytes_of(padded_ ? prf.padded_mask_ : prf.whole_mask_);
    values[i] = owners_[i].value;
  }
  if (pending_ == kLanes) {
    cbc_each(keys, messages, masks, values);
  } else {
    for (size_t i = 0; i < pending_; ++i)
      store(values[i], cbc_one(keys[i], {lanes_.data(), kLaneBytes, blocks_, masks[i]}, i));
  }
  pending_ = 0;
}

}  // namespace themis::crypto
