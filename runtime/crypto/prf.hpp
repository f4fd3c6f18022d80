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
/// In constant time.
[[nodiscard]] inline bool equal(const PrfBlock& a, const PrfBlock& b) {
  return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

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
  friend class PrfBatch;
  friend class PrfSum;
  static constexpr size_t kBlock = 16;
  static constexpr size_t kLanes = 16;

  alignas(64) std::array<std::byte, 11 * kBlock> round_keys_{};  // SipHash: its key, then nothing
  PrfBlock whole_mask_{}, padded_mask_{};                        // K1 and K2 of RFC 4493
  PrfKind kind_ = PrfKind::siphash;
};

/// The XOR of the values of many messages under one Prf. The order does not matter, so sixteen
/// messages of the same length in blocks are evaluated at once. Holds no heap. One thread.
class PrfSum {
 public:
  /// Every call until clear() is given the same `prf`.
  void add(const Prf& prf, ByteView message) {
    if (message.size() > kLaneBytes || prf.kind_ == PrfKind::siphash)
      return mix(prf.evaluate(message));
    std::byte* to = lanes_.data() + pending_ * kLaneBytes;
    if (!message.empty()) std::memcpy(to, message.data(), message.size());
    take(prf, to, message.size());
  }
  /// The same for a message that `write` puts where it is told, at most `kBytesMax` of it; `write`
  /// returns its end. It is written where it is evaluated: a copy would wait for what was written.
  template <size_t kBytesMax, class Write>
  void add_written(const Prf& prf, Write write) {
    static_assert(kBytesMax <= kWrittenBytesMax);
    std::byte* const to = lanes_.data() + pending_ * kLaneBytes;
    const auto size = static_cast<size_t>(write(to) - to);
    if (size > kLaneBytes || prf.kind_ == PrfKind::siphash)
      return mix(prf.evaluate(ByteView(to, size)));
    take(prf, to, size);
  }
  /// The sum of everything added so far.
  PrfBlock sum(const Prf& prf) {
    flush(prf);
    return sum_;
  }
  void clear();

 private:
  /// A record of 64-byte value fits; a longer message gains little from the lanes.
  static constexpr size_t kLaneBytes = 128;
  /// Of a message that may be longer than its lane; those behind are free.
  static constexpr size_t kWrittenBytesMax = 4'096;

  void mix(const PrfBlock& value) {
    sum_[0] ^= value[0];
    sum_[1] ^= value[1];
  }
  /// Pads the message in the next lane as RFC 4493 section 2.4 does; its mask, which differs for
  /// padded and whole messages, is left to the evaluation: one kind at a time is pending.
  void take(const Prf& prf, std::byte* lane, size_t size) {
    const size_t blocks = size == 0 ? 1 : (size + Prf::kBlock - 1) / Prf::kBlock;
    const bool padded = size != blocks * Prf::kBlock;
    if (padded) store(lane + size, PrfBlock{0x80, 0});  // the rest falls into the next lane
    if (blocks != blocks_ || padded != padded_) restart(prf, lane, blocks, padded);
    if (++pending_ == Prf::kLanes) flush(prf);
  }
  /// Evaluates what is pending and makes `lane` the first of another kind.
  void restart(const Prf& prf, const std::byte* lane, size_t blocks, bool padded);
  void flush(const Prf& prf);

  alignas(64) std::array<std::byte, (Prf::kLanes * kLaneBytes) + kWrittenBytesMax> lanes_{};
  PrfBlock sum_{};
  size_t blocks_ = 1;  // of each pending message
  size_t pending_ = 0;
  bool padded_ = false;
};

/// The values of many short messages, each under a Prf of its own and written to a place of its
/// own: eight are evaluated at once, since one alone would wait for each round of AES. Holds no
/// heap. One thread.
class PrfBatch {
 public:
  /// `write` puts a message, at most `kBytesMax` of it, where it is told and returns its end. Its
  /// value, 16 bytes, is at `value` after flush() at the latest; `prf` stays until then.
  template <size_t kBytesMax, class Write>
  void add_written(const Prf& prf, std::byte* value, Write write) {
    static_assert(kBytesMax <= kWrittenBytesMax);
    std::byte* const to = lanes_.data() + pending_ * kLaneBytes;
    const auto size = static_cast<size_t>(write(to) - to);
    if (size > kLaneBytes || prf.kind_ == PrfKind::siphash)
      return store(value, prf.evaluate(ByteView(to, size)));
    take({&prf, value}, to, size);
  }
  void flush();

 private:
  static constexpr size_t kLanes = 8;
  static constexpr size_t kLaneBytes = 128, kWrittenBytesMax = 4'096;
  struct Lane {
    const Prf* prf;
    std::byte* value;
  };
  void take(const Lane& lane, std::byte* message, size_t size);

  alignas(64) std::array<std::byte, (kLanes * kLaneBytes) + kWrittenBytesMax> lanes_{};
  std::array<Lane, kLanes> owners_{};
  size_t blocks_ = 1;  // of each pending message
  size_t pending_ = 0;
  bool padded_ = false;
};

}  // namespace themis::crypto
