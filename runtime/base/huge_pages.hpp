#pragma once
// Vectors in huge pages once they are large: for tables that are read at random.

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace themis {

/// An allocator that asks the kernel for pages of 2 MB: of a table in small ones nearly every read
/// walks the page table first, and a prefetch waits for that walk. Where there are none it is as
/// any other. Any thread.
template <class T>
struct HugePages {
  using value_type = T;
  static constexpr size_t kPageBytes = size_t{2} << 20;

  HugePages() = default;
  template <class Other>
  explicit HugePages(const HugePages<Other>& /*other*/) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* const at = ::operator new(bytes, alignment(bytes));
    if (bytes >= kPageBytes) (void)::madvise(at, bytes / kPageBytes * kPageBytes, MADV_HUGEPAGE);
    return static_cast<T*>(at);
  }
  void deallocate(T* at, size_t count) { ::operator delete(at, alignment(count * sizeof(T))); }
  friend bool operator==(const HugePages&, const HugePages&) { return true; }

 private:
  static std::align_val_t alignment(size_t bytes) {
    return std::align_val_t(bytes >= kPageBytes ? kPageBytes : alignof(T) < 16 ? 16 : alignof(T));
  }
};

template <class T>
using HugeVector = std::vector<T, HugePages<T>>;

}  // namespace themis
