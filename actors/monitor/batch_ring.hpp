#pragma once
// Batches and results in memory that a host shares with its monitors: what is where, and what each
// side checks. The messages beside it say where; nothing that is read here says so.

#include <deque>
#include <optional>
#include <vector>

#include "enclave/monitor/slots.hpp"

namespace themis {

/// Of each monitor thread. Four of the longest batches: one is written, one is read, two wait, so
/// that neither side waits for the other; not more, so that it stays in the processor's cache.
inline constexpr size_t kRingBytes = 4 * size_t{monitor::kBatchBytesMax};
/// For the results of one commit, of all threads. More than that travel in their message, which is
/// no longer.
inline constexpr size_t kSharedResultsBytes = size_t{2} * 1024 * 1024;

/// The whole: a ring for each thread, then the results.
class BatchMemory {
 public:
  static constexpr size_t bytes_for(size_t threads) {
    return threads * kRingBytes + kSharedResultsBytes;
  }
  /// No memory: batches and results travel in messages.
  BatchMemory() = default;
  /// `all` is borrowed. Errors: invalid (made for another number of threads).
  static Result<BatchMemory> over(std::span<std::byte> all, uint16_t threads) {
    if (all.empty()) return BatchMemory();
    if (all.size() != bytes_for(threads))
      return fail(Code::invalid, "the shared memory is for another number of monitor threads");
    return BatchMemory(all);
  }
  bool empty() const { return all_.empty(); }
  /// Empty without memory, and for a thread that there is not.
  std::span<std::byte> ring(uint16_t thread) const {
    const size_t end = (thread + size_t{1}) * kRingBytes;
    if (end + kSharedResultsBytes > all_.size()) return {};
    return all_.subspan(end - kRingBytes, kRingBytes);
  }
  /// Empty without memory.
  std::span<std::byte> results() const { return empty() ? all_ : all_.last(kSharedResultsBytes); }

 private:
  explicit BatchMemory(std::span<std::byte> all) : all_(all) {}
  std::span<std::byte> all_;
};

/// The host's half of one ring. Where batches are it keeps to itself, so the other side can change
/// nothing but the bytes, which this side never reads. One thread.
class RingWriter {
 public:
  explicit RingWriter(std::span<std::byte> ring) : ring_(ring) {}

  /// Copies a batch in and says where; nothing: there is no room before release(). `batch`: 1 to
  /// kBatchBytesMax bytes, which fit once all before are released.
  std::optional<uint32_t> write(ByteView batch) {
    THEMIS_ASSERT(!batch.empty() && batch.size() <= monitor::kBatchBytesMax, "one batch");
    const std::optional<size_t> at = room_for(batch.size());
    if (!at) return std::nullopt;
    std::memcpy(ring_.data() + *at, batch.data(), batch.size());
    starts_.push_back(*at);
    head_ = *at + (batch.size() + kAlignment - 1) / kAlignment * kAlignment;
    return static_cast<uint32_t>(*at);
  }
  /// The oldest batch has been read.
  void release() {
    THEMIS_ASSERT(!starts_.empty(), "a batch was written");
    starts_.pop_front();
  }
  size_t held() const { return starts_.size(); }

 private:
  /// A cache line.
  static constexpr size_t kAlignment = 64;

  /// Between the newest batch and the oldest, in one piece. Empty, it begins anew at its start,
  /// which the processor's cache still has.
  std::optional<size_t> room_for(size_t bytes) const {
    if (starts_.empty()) return bytes <= ring_.size() ? std::optional<size_t>(0) : std::nullopt;
    const size_t oldest = starts_.front();
    if (head_ > oldest) {
      if (bytes + head_ <= ring_.size()) return head_;
      return bytes <= oldest ? std::optional<size_t>(0) : std::nullopt;
    }
    return head_ + bytes <= oldest ? std::optional<size_t>(head_) : std::nullopt;
  }

  const std::span<std::byte> ring_;
  std::deque<size_t> starts_;  ///< Oldest first; as many as batches are sent ahead.
  size_t head_ = 0;
};

/// The monitors' half: the bytes that a message names. They may change while they are looked at:
/// Monitor::apply copies them before it reads. Errors: malformed (not within the ring, no batch's
/// length).
inline Result<ByteView> batch_at(ByteView ring, uint64_t at, uint64_t bytes) {
  if (bytes == 0 || bytes > monitor::kBatchBytesMax || at > ring.size() || bytes > ring.size() - at)
    return fail(Code::malformed, "a batch that is not within its thread's shared memory");
  return ring.subspan(at, bytes);
}

/// Puts the threads' results there, one after another. False: they do not fit, nothing is written.
inline bool write_results(std::span<std::byte> to, std::span<const Bytes> results) {
  size_t bytes = 0;
  for (const Bytes& each : results) bytes += each.size();
  if (bytes > to.size()) return false;
  std::byte* at = to.data();
  for (const Bytes& each : results) {
    if (!each.empty()) std::memcpy(at, each.data(), each.size());
    at += each.size();
  }
  return true;
}

/// Copies them out again; `lengths` as a message has them. Errors: malformed (longer than what is
/// there).
inline Result<std::vector<Bytes>> read_results(ByteView from, std::span<const uint32_t> lengths) {
  std::vector<Bytes> results;
  for (const uint32_t length : lengths) {
    if (length > from.size())
      return fail(Code::malformed, "results that are not within the shared memory");
    results.emplace_back(from.begin(), from.begin() + length);
    from = from.subspan(length);
  }
  return results;
}

}  // namespace themis
