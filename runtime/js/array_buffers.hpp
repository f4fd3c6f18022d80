#pragma once
// The memory of ArrayBuffers, capped per worker. Internal: shows V8.

#include <v8.h>

#include <atomic>

namespace themis::js {

/// V8 keeps typed arrays up to this length in its heap and moves them out when their buffer is
/// asked for; it ends the process when that is refused. Always admitted: each costs more of the
/// heap, which has a limit. Source: V8's flag --typed-array-max-size-in-heap.
inline constexpr size_t kOnHeapBytesMax = 64;

/// Any thread: V8 frees buffers from its background sweepers. Past the cap Allocate answers null,
/// which JavaScript sees as a RangeError.
class ArrayBuffers final : public v8::ArrayBuffer::Allocator {
 public:
  explicit ArrayBuffers(size_t bytes_max) : bytes_max_(bytes_max) {}

  void* Allocate(size_t length) override;
  void* AllocateUninitialized(size_t length) override;
  void Free(void* data, size_t length) override;

  /// Engine thread, while nothing allocates.
  void set_bytes_max(size_t bytes_max) { bytes_max_ = bytes_max; }

  /// Counts memory that a buffer holds without having come from here. False: over the cap.
  bool take(size_t length);
  void give_back(size_t length) { used_.fetch_sub(length); }

  size_t used() const { return used_; }
  /// How often the cap was met.
  size_t refused() const { return refused_; }

 private:
  std::atomic<size_t> bytes_max_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> refused_{0};
};

}  // namespace themis::js
