#pragma once
// A keyed tag over what one monitor thread has done since its last checkpoint, or listed for it.

#include "enclave/monitor/slots.hpp"
#include "enclave/seal/counter.hpp"
#include "runtime/crypto/prf.hpp"

namespace themis::seal {

/// The tag of a stream of bytes, whatever the pieces it came in: the PRF of each numbered chunk,
/// XORed, then the PRF of that with the length under another key. Chunks need not wait for each
/// other, so sixteen are evaluated at once. No heap. One thread.
/// Source: Bellare, Guerin, Rogaway, "XOR MACs" (CRYPTO 1995), section 3, with the last step a PRF.
class HistoryChain final : public monitor::Listing {
 public:
  /// Keys are for this stream only. `kind` must be available.
  HistoryChain(const crypto::SecretBytes<16>& chunk_key, const crypto::SecretBytes<16>& tag_key,
               crypto::PrfKind kind)
      : chunk_prf_(chunk_key, kind), tag_prf_(tag_key, kind) {}

  void add(ByteView bytes) override {
    while (!bytes.empty()) {
      const size_t taken = std::min(bytes.size(), kChunkBytes - pending_);
      std::memcpy(chunk_.data() + sizeof(uint64_t) + pending_, bytes.data(), taken);
      pending_ += taken;
      bytes = bytes.subspan(taken);
      if (pending_ == kChunkBytes) finish_chunk();
    }
  }
  uint64_t bytes() const { return chunks_ * kChunkBytes + pending_; }
  /// Of everything added since construction or clear(); more can follow.
  Tag tag() {
    std::array<std::byte, sizeof(uint64_t) + 2 * sizeof(crypto::PrfBlock)> message;
    const crypto::PrfBlock sum = sum_.sum(chunk_prf_), last = chunk_prf_.evaluate(numbered());
    store(message.data(), bytes());
    store(message.data() + sizeof(uint64_t), sum);
    store(message.data() + sizeof(uint64_t) + sizeof sum, last);
    return std::bit_cast<Tag>(tag_prf_.evaluate(message));
  }
  /// Nothing at all needs no tag.
  bool is(uint64_t expected_bytes, const Tag& expected) {
    return bytes() == expected_bytes && (expected_bytes == 0 || crypto::equal(tag(), expected));
  }
  void clear() override {
    sum_.clear();
    chunks_ = pending_ = 0;
  }

 private:
  /// With its number the most that the PRF takes in one lane.
  static constexpr size_t kChunkBytes = 120;

  ByteView numbered() {
    store(chunk_.data(), chunks_);
    return ByteView(chunk_).first(sizeof(uint64_t) + pending_);
  }
  void finish_chunk() {
    sum_.add(chunk_prf_, numbered());
    ++chunks_;
    pending_ = 0;
  }

  crypto::Prf chunk_prf_, tag_prf_;
  crypto::PrfSum sum_;
  std::array<std::byte, sizeof(uint64_t) + kChunkBytes> chunk_{};
  uint64_t chunks_ = 0;
  size_t pending_ = 0;
};

}  // namespace themis::seal
