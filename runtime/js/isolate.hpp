#pragma once
// One V8 isolate of ours: made from the snapshot, limited, registered with Node's platform.
// Internal: shows V8.

#include <v8.h>

#include <memory>

#include "runtime/js/array_buffers.hpp"
#include "runtime/js/engine.hpp"
#include "runtime/js/platform.hpp"

namespace themis::js {

/// Granted when the heap meets its limit, until the next check_heap(), so that V8 gets from the
/// failed allocation to the next check for termination; larger than any one allocation of a string
/// or array. Address space, not memory: execution ends before it is used. Measured in
/// spec/serverless.md, section 4.
inline constexpr size_t kHeapSlackBytes = 1200u << 20;
/// Most of the nursery, three times its semi-space. It begins with 1 MB and grows only where much
/// of it survives: one that grew to the size of a core's cache and no further copied most of what a
/// request with 100 KB of JSON allocates, twice, for more time than parsing took.
inline constexpr size_t kYoungGenerationBytesMax = 24u << 20;
/// Of a heap that is small, the nursery takes no more than this part.
inline constexpr size_t kYoungGenerationPart = 5;

/// Engine thread.
class IsolateBox {
 public:
  /// The heap's limit is `heap_bytes` for good; that of ArrayBuffers can be set later.
  IsolateBox(const v8::StartupData* snapshot, size_t heap_bytes);
  /// For a SnapshotCreator, which initialises the isolate itself.
  IsolateBox();
  ~IsolateBox();
  IsolateBox(const IsolateBox&) = delete;
  IsolateBox& operator=(const IsolateBox&) = delete;

  v8::Isolate* get() const { return isolate_; }
  ArrayBuffers& buffers() { return buffers_; }
  size_t heap_bytes_max() const { return heap_bytes_max_; }
  TaskQueue& tasks() { return delegate_.tasks(); }
  /// The heap met its limit, or WebAssembly's memories theirs: what ran was told to end, and
  /// nothing may run here again.
  bool heap_exceeded() const { return heap_exceeded_; }
  /// Ends what runs when more of the heap is used than Limits::heap_bytes, and takes the slack back
  /// otherwise. V8 lets one large allocation pass its own limit: for the ends of turns that were
  /// long enough to make one.
  void check_heap();
  /// At the end of any turn: the slack was granted, or WebAssembly's memories are over their limit.
  bool needs_check() const { return limit_before_slack_ != 0 || buffers_.is_over(); }
  /// The same soon, when WebAssembly's memories are over their limit. Any thread.
  void look_at_memories();

 private:
  size_t used_bytes() const;
  void exceed();
  static size_t on_near_heap_limit(void* data, size_t current, size_t initial);

  const size_t heap_bytes_max_;
  ArrayBuffers buffers_;
  Delegate delegate_;
  v8::Isolate* isolate_;
  bool heap_exceeded_ = false;
  size_t limit_before_slack_ = 0;  ///< V8's own; 0: no slack is granted.
};

/// An isolate with its context, as the snapshot has it, hardened: what a function is loaded into.
/// Engine thread.
struct PreparedIsolate {
  PreparedIsolate(const v8::StartupData* snapshot, size_t heap_bytes);

  IsolateBox box;
  v8::Global<v8::Context> context;
  /// As kEntries of the snapshot.
  v8::Global<v8::Function> dispatch, on_rejection, configure, listeners, dispatch_event;
  v8::Global<v8::Function> open_web_assembly, make_wasi, on_gone, open_actor, dispatch_remote;
  v8::Global<v8::Object> web_assembly;  ///< V8's own; empty: this process has no compiler.
  v8::Global<v8::Value> shared_array_buffer, atomics;  ///< The same, for who may have them.
};

}  // namespace themis::js
