#pragma once
// A pseudo-random function of 128 bits for short messages, and the XOR of it over many of them.

#include <array>

#include "runtime/base/bytes.hpp"
#include "runtime/crypto/secret_bytes.hpp"

namespace themis::crypto {

/// AES-128-CMAC (RFC 4493) with 512-bit or 128-bit AES instructions, which give the same values, or
/// SipHash-2-4 with 128 bits of output where the CPU has no AES.
enum class PrfKind : uint8_t { cmac_vaes = 1, cmac_aes = 2, siphash = 3 };
/// False where this CPU lacks the instructions.
bool available(PrfKind kind);
/// The fastest one available.
PrfKind best_prf();

using PrfBlock = std::array<uint64_t, 2>;

/// One keyed function. A message has any length; two messages of different length are different
/// inputs. Evaluation is const and may run on any thread; the key is wiped at the end.
class Prf {
 public:
  /// A key of all zeros; rekey() before use.
  Prf() = default;
  /// `kind` must be available.
  Prf(const SecretBytes<16>& key, PrfKind kind) { rekey(key, kind); }
  ~Prf() { wipe(); }
  Prf(const Prf&) = delete;
  Prf& operator=(const Prf&) = delete;

  void rekey(const SecretBytes<16>& key, PrfKind kind);
  void wipe();
  PrfBlock evaluate(ByteView message) const;

 private:
  friend class PrfSum;
  static constexpr size_t kBlock = 16;
  static constexpr size_t kLanes = 16;

  /// Copies `message` into `to`, padded and masked as RFC 4493 section 2.4 does before the last
  /// encryption, so that a plain CBC-MAC over the blocks is its CMAC.
  void prepare(ByteView message, std::byte* to, size_t blocks) const {
    std::byte* last = to + (blocks - 1) * kBlock;
    const bool whole = message.size() == blocks * kBlock;
    if (!whole) {
      store(last, PrfBlock{});
      to[message.size()] = std::byte{0x80};
    }
    std::memcpy(to, message.data(), message.size());
    const PrfBlock& mask = whole ? whole_mask_ : padded_mask_;
    PrfBlock block = load<PrfBlock>(last);
    block[0] ^= mask[0];
    block[1] ^= mask[1];
    store(last, block);
  }

  alignas(64) std::array<std::byte, 11 * kBlock> round_keys_{};  // SipHash: its key, then nothing
  PrfBlock whole_mask_{}, padded_mask_{};                        // K1 and K2 of RFC 4493
  PrfKind kind_ = PrfKind::siphash;
};

/// The XOR of the values of many messages under one Prf. The order does not matter, so sixteen
/// messages of the same number of blocks are evaluated at once. Holds no heap. One thread.
class PrfSum {
 public:
  /// Every call until clear() is given the same `prf`.
  void add(const Prf& prf, ByteView message) {
    const size_t blocks = message.empty() ? 1 : (message.size() + Prf::kBlock - 1) / Prf::kBlock;
    if (prf.kind_ == PrfKind::siphash || blocks > kLaneBlocksMax) return mix(prf.evaluate(message));
    if (blocks != blocks_) {
      flush(prf);
      blocks_ = blocks;
    }
    prf.prepare(message, lanes_.data() + pending_ * blocks * Prf::kBlock, blocks);
    if (++pending_ == Prf::kLanes) flush(prf);
  }
  /// The sum of everything added so far.
  PrfBlock sum(const Prf& prf) {
    flush(prf);
    return sum_;
  }
  void clear();

 private:
  /// 128 bytes: a record of 64-byte value fits; a longer one gains little from the lanes.
  static constexpr size_t kLaneBlocksMax = 8;

  void mix(const PrfBlock& value) {
    sum_[0] ^= value[0];
    sum_[1] ^= value[1];
  }
  void flush(const Prf& prf);

  alignas(64) std::array<std::byte, Prf::kLanes * kLaneBlocksMax * Prf::kBlock> lanes_{};
  PrfBlock sum_{};
  size_t blocks_ = 1;   // of each pending message
  size_t pending_ = 0;  // messages in lanes_
};

}  // namespace themis::crypto
