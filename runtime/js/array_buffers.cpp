#include "runtime/js/array_buffers.hpp"

#include <cstdlib>

namespace themis::js {

bool ArrayBuffers::take(size_t length) {
  const size_t before = used_.fetch_add(length);
  if (length <= kOnHeapBytesMax) return true;
  if (length <= bytes_max_ && before <= bytes_max_ - length) return true;
  used_.fetch_sub(length);
  ++refused_;
  return false;
}

void* ArrayBuffers::Allocate(size_t length) {
  if (!take(length)) return nullptr;
  void* data = std::calloc(length, 1);
  if (data == nullptr) give_back(length);
  return data;
}

void* ArrayBuffers::AllocateUninitialized(size_t length) {
  if (!take(length)) return nullptr;
  void* data = std::malloc(length);
  if (data == nullptr) give_back(length);
  return data;
}

void ArrayBuffers::Free(void* data, size_t length) {
  std::free(data);
  give_back(length);
}

}  // namespace themis::js
