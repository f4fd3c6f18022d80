#pragma once
// Values that travel between functions, in the form of V8's serializer: which bytes V8 gets to
// read.

#include "runtime/base/bytes.hpp"
#include "runtime/base/error.hpp"

namespace themis::js {

/// Values inside one another; V8 reads each level by recursion.
inline constexpr size_t kClonedDepthMax = 256;
/// Objects of one value: an empty Map has 3 bytes here and some 250 of heap, so that a message full
/// of them takes 16 MB of it at most.
inline constexpr size_t kClonedObjectsMax = 65'536;

/// Whether `bytes` are exactly one value as the serializer of this V8 writes it: version 15, and of
/// its kinds those that are plain copies. Refused are older forms, objects of the host, what is
/// shared or transferred (SharedArrayBuffer, Wasm modules and memories, resizable ArrayBuffers,
/// whose memory has no limit of ours), lengths beyond the end, views of a length that follows
/// another's. References between objects, and where views lie in their buffers, V8 itself checks.
/// Pure. Errors: malformed, too_large (the two limits above).
/// Source: V8 14.6, src/objects/value-serializer.cc.
Status check_cloned(ByteView bytes);

}  // namespace themis::js
