#pragma once
// What the C library does with memory that is freed: a process that serves requests keeps some.

#include <malloc.h>

#include "runtime/base/error.hpp"

namespace themis {

/// From this size on an allocation is a mapping of its own, zeroed by the kernel each time. Larger
/// than any message and the buffers around it.
inline constexpr int kMappedFromBytes = 8 << 20;
/// So much may lie free at the heap's end. With the library's own 128 KB, a request with a body of
/// 64 KB had its pages taken from it at its end and the next one faulted them in again: a tenth of
/// all the CPU time it took.
inline constexpr int kFreedKeptBytes = 16 << 20;

/// Once, at the start of main().
inline void keep_freed_memory() {
  const bool set = ::mallopt(M_MMAP_THRESHOLD, kMappedFromBytes) == 1 &&
                   ::mallopt(M_TRIM_THRESHOLD, kFreedKeptBytes) == 1;
  THEMIS_ASSERT(set, "the C library takes these numbers");
}

/// Gives all of that back, wherever it lies: for a process, or a part of it, that falls idle. Takes
/// some 40 us in one of 50 MB.
inline void release_freed_memory() { ::malloc_trim(0); }

}  // namespace themis
