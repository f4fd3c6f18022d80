#include "enclave/host/slab.hpp"

#include <utility>

namespace themis::host {

void Slab::link(size_t number, Page* page) {
  page->head.previous = nullptr;
  page->head.next = with_room_[number];
  if (page->head.next != nullptr) page->head.next->head.previous = page;
  with_room_[number] = page;
}

void Slab::unlink(size_t number, Page* page) {
  const Head& head = page->head;
  if (head.next != nullptr) head.next->head.previous = head.previous;
  (head.previous != nullptr ? head.previous->head.next : with_room_[number]) = head.next;
}

Slab::Page* Slab::add_page(size_t number) {
  if (spare_.empty()) {
    pages_.push_back(std::make_unique_for_overwrite<Page>());
    spare_.push_back(pages_.back().get());
  }
  Page* page = spare_.back();
  spare_.pop_back();
  page->head = {};
  link(number, page);
  return page;
}

std::byte* Slab::take(size_t bytes) {
  THEMIS_ASSERT(bytes > 0 && bytes <= kBytesMax, "records have a largest size");
  const size_t number = number_of(bytes);
  Page* page = with_room_[number];
  if (page == nullptr) page = add_page(number);
  Head& head = page->head;
  std::byte* chunk = page->chunks.data() + head.cut * rounded(bytes);
  if (head.free == nullptr) {
    ++head.cut;
  } else {
    chunk = reinterpret_cast<std::byte*>(std::exchange(head.free, head.free->next));
  }
  ++head.used;
  used_ += rounded(bytes);
  if (!has_room(*page, number)) unlink(number, page);
  return chunk;
}

void Slab::give(std::byte* chunk, size_t bytes) {
  const size_t number = number_of(bytes);
  Page* page = page_of(chunk);
  if (!has_room(*page, number)) link(number, page);
  page->head.free = std::construct_at(reinterpret_cast<Chunk*>(chunk), Chunk{page->head.free});
  used_ -= rounded(bytes);
  if (--page->head.used != 0) return;
  unlink(number, page);
  spare_.push_back(page);
}

}  // namespace themis::host
