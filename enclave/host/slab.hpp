#pragma once
// Memory for what is too long for its entry: chunks of a few sizes, cut from pages.

#include <array>
#include <memory>
#include <vector>

#include "runtime/base/bytes.hpp"

namespace themis::host {

/// A chunk's page has chunks of its size only; an empty page may become one of another size. Pages
/// are given back at the end. One thread.
class Slab {
 public:
  /// Sizes are multiples of this: half of it is lost in a chunk.
  static constexpr size_t kStepBytes = 32;
  static constexpr size_t kBytesMax = 4'096;
  static constexpr size_t kPageBytes = 64 * 1024;

  /// What `bytes` take.
  static constexpr size_t rounded(size_t bytes) {
    return (bytes + kStepBytes - 1) / kStepBytes * kStepBytes;
  }
  /// Not initialised, aligned to 16. `bytes`: 1..kBytesMax.
  std::byte* take(size_t bytes);
  /// `bytes`: as it was taken.
  void give(std::byte* chunk, size_t bytes);

  /// Of chunks in use, and of those that are free in pages of a size beyond one page of each size:
  /// what is held is at most this and kSizes pages.
  uint64_t bytes() const {
    constexpr uint64_t kFreeMax = kSizes * kPageBytes;
    const uint64_t free = (pages_.size() - spare_.size()) * kPageBytes - used_;
    return used_ + (free > kFreeMax ? free - kFreeMax : 0);
  }
  /// Of all pages.
  uint64_t held_bytes() const { return pages_.size() * kPageBytes; }

 private:
  static constexpr size_t kSizes = kBytesMax / kStepBytes;
  struct Chunk {
    Chunk* next;
  };
  struct Page;
  struct alignas(16) Head {
    Page *next, *previous;  // with room, of this size
    Chunk* free;
    size_t cut, used;  // chunks: once taken, in use
  };
  struct alignas(kPageBytes) Page {
    Head head;
    std::array<std::byte, kPageBytes - sizeof(Head)> chunks;
  };
  static size_t number_of(size_t bytes) { return (bytes - 1) / kStepBytes; }
  static bool has_room(const Page& page, size_t number) {
    return page.head.free != nullptr ||
           (page.head.cut + 1) * (number + 1) * kStepBytes <= sizeof(Page::chunks);
  }
  static Page* page_of(std::byte* chunk) {
    return reinterpret_cast<Page*>(reinterpret_cast<uintptr_t>(chunk) & ~(kPageBytes - 1));
  }
  Page* add_page(size_t number);
  void link(size_t number, Page* page);
  void unlink(size_t number, Page* page);

  std::array<Page*, kSizes> with_room_{};
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Page*> spare_;
  uint64_t used_ = 0;
};

}  // namespace themis::host
