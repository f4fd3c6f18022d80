#pragma once
// One V8 isolate of ours: made from the snapshot, limited, registered with Node's platform.
// Internal: shows V8.

#include <v8.h>

#include "runtime/js/array_buffers.hpp"
#include "runtime/js/engine.hpp"
#include "runtime/js/platform.hpp"

namespace themis::js {

/// Granted once when the heap meets its limit, so that V8 gets from the failed allocation to the
/// next check for termination; larger than any one allocation of a string or array. Address space,
/// not memory: execution ends before it is used. Measured in spec/serverless.md, section 4.
inline constexpr size_t kHeapSlackBytes = 1200u << 20;
/// The semi-space of the nursery: it fits the second-level cache of a core.
inline constexpr size_t kYoungGenerationBytes = 3u << 20;

/// Engine thread.
class IsolateBox {
 public:
  IsolateBox(const v8::StartupData* snapshot, const Limits& limits);
  /// For a SnapshotCreator, which initialises the isolate itself.
  IsolateBox();
  ~IsolateBox();
  IsolateBox(const IsolateBox&) = delete;
  IsolateBox& operator=(const IsolateBox&) = delete;

  v8::Isolate* get() const { return isolate_; }
  ArrayBuffers& buffers() { return buffers_; }
  TaskQueue& tasks() { return delegate_.tasks(); }
  /// The heap met its limit: what ran was told to end, and nothing may run here again.
  bool heap_exceeded() const { return heap_exceeded_; }

 private:
  static size_t on_near_heap_limit(void* data, size_t current, size_t initial);

  ArrayBuffers buffers_;
  Delegate delegate_;
  v8::Isolate* isolate_;
  bool heap_exceeded_ = false;
};

}  // namespace themis::js
