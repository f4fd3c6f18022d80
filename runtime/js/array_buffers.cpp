#include "runtime/js/array_buffers.hpp"

#include <cstdlib>

namespace themis::js {

bool ArrayBuffers::take(size_t length) {
  const size_t before = used_.fetch_add(length) + wasm_bytes();
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

size_t ArrayBuffers::wasm_bytes() const {
  if (memories_ == 0) return 0;
  const std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const auto& memory : wasm_)
    if (const auto alive = memory.lock()) sum += alive->ByteLength();
  return sum;
}

bool ArrayBuffers::may_hold(size_t bytes) const {
  return bytes <= bytes_max_ && used() <= bytes_max_ - bytes;
}

bool ArrayBuffers::hold(const std::shared_ptr<v8::BackingStore>& memory) {
  const std::lock_guard lock(mutex_);
  std::erase_if(wasm_, [](const auto& one) { return one.expired(); });
  const bool room = wasm_.size() < kWasmMemoriesMax;
  if (room) wasm_.push_back(memory);
  memories_ = wasm_.size();
  return room;
}

}  // namespace themis::js
