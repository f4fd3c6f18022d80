#include "wire/frame.hpp"

#include <cstdlib>
#include <new>

#include "runtime/crypto/secret_bytes.hpp"
#include "wire/secret_types.hpp"

namespace themis::wire {

void Origin::remove_reference() const {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Origin::release(uint64_t bytes) const {
  if (account_ != nullptr) return account_->release(bytes);
  const uint64_t released = released_.fetch_add(bytes, std::memory_order_acq_rel) + bytes;
  if (released < notify_bytes_ || notified_.exchange(true, std::memory_order_acq_rel)) return;
  const std::lock_guard notifying(notifying_);
  if (!closed_) notify_();
}

void Origin::close() const {
  const std::lock_guard none_notifies(notifying_);
  closed_ = true;
}

uint64_t Origin::take_released() const {
  // Both are one order for all: a plain store could pass the exchange, and bytes freed in between
  // would be neither counted here nor told of.
  notified_.exchange(false, std::memory_order_acq_rel);
  return released_.exchange(0, std::memory_order_acq_rel);
}

Frame* Frame::allocate(size_t words, const Origin* origin) {
  THEMIS_ASSERT(words <= kWordsMask, "a frame is at most 16 GB");
  void* memory = std::malloc(sizeof(Frame) + words * kWordBytes);
  THEMIS_ASSERT(memory != nullptr, "out of memory for a frame");
  return ::new (memory) Frame(static_cast<uint32_t>(words), origin);
}

FramePtr Frame::make(size_t words) {
  Frame* frame = allocate(words, nullptr);
  std::memset(frame->data(), 0, frame->size());
  return FramePtr(frame);
}

FramePtr Frame::make_received(size_t words, const OriginPtr& origin) {
  if (origin.get() != nullptr) origin->add_reference();
  return FramePtr(allocate(words, origin.get()));
}

void Frame::destroy() const {
  const Origin* origin = keyed_ ? nullptr : origin_;
  if (keyed_) std::unique_ptr<const IdempotencyKey>(key_).reset();
  const uint64_t bytes = size() + kCost;
  if (carries_secret(type_)) crypto::wipe({const_cast<std::byte*>(data()), size()});
  this->~Frame();
  std::free(const_cast<Frame*>(this));
  if (origin != nullptr) {
    origin->release(bytes);
    origin->remove_reference();
  }
}

}  // namespace themis::wire
