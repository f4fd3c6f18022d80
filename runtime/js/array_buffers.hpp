#pragma once
// The memory of ArrayBuffers, capped per worker. Internal: shows V8.

#include <v8.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace themis::js {

/// WebAssembly memories one worker may hold. Each reserves 8 GB of address space, so that V8 need
/// not check every access.
inline constexpr size_t kWasmMemoriesMax = 64;

/// V8 keeps typed arrays up to this length in its heap and moves them out when their buffer is
/// asked for; it ends the process when that is refused. Always admitted: each costs more of the
/// heap, which has a limit. Source: V8's flag --typed-array-max-size-in-heap.
inline constexpr size_t kOnHeapBytesMax = 64;

/// Any thread: V8 frees buffers from its background sweepers. Past the cap Allocate answers null,
/// which JavaScript sees as a RangeError. The memories of WebAssembly count as well: V8 makes them
/// by itself, so they are looked at.
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

  /// ArrayBuffers and WebAssembly memories.
  size_t used() const { return used_ + wasm_bytes(); }
  size_t bytes_max() const { return bytes_max_; }
  /// True: there is room for so much more WebAssembly memory.
  bool may_hold(size_t bytes) const;
  /// Counts a memory, with what it grows by, until V8 frees it. False: kWasmMemoriesMax.
  bool hold(const std::shared_ptr<v8::BackingStore>& memory);
  /// Over the cap, by memories that grew inside WebAssembly, which nobody can refuse.
  bool is_over() const { return memories_ > 0 && used() > bytes_max_; }
  /// How often the cap was met.
  size_t refused() const { return refused_; }

 private:
  std::atomic<size_t> bytes_max_;
  size_t wasm_bytes() const;

  std::atomic<size_t> used_{0};
  std::atomic<size_t> memories_{0};  ///< The length of wasm_, without its lock.
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<v8::BackingStore>> wasm_;
  std::atomic<size_t> refused_{0};
};

}  // namespace themis::js
