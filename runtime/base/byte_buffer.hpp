#pragma once
// A buffer for many small pieces that are written in place.

#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/base/codec.hpp"

namespace themis {

/// As Bytes, but that its end moves costs nothing: what is not used is never set. Not bounded:
/// whoever writes has a limit. One thread.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(ByteView bytes) { append(bytes); }
  ByteBuffer(const ByteBuffer& other) : ByteBuffer(other.view()) {}
  ByteBuffer(ByteBuffer&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        room_(std::exchange(other.room_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  ByteBuffer& operator=(ByteBuffer other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(room_, other.room_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ByteBuffer() = default;

  /// Where the next bytes go, up to `size` of them; end_at() says how many they were.
  std::byte* next(size_t size) {
    if (room_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void end_at(const std::byte* end) { size_ = static_cast<size_t>(end - bytes_.get()); }
  void append(ByteView more) { end_at(put(next(more.size()), more)); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return ByteView(bytes_.get(), size_); }
  std::byte& operator[](size_t at) { return bytes_[at]; }
  void clear() { size_ = 0; }  ///< Its memory stays.
  /// Forgets all but the first `size`, which there are.
  void cut(size_t size) { size_ = std::min(size_, size); }

 private:
  void grow(size_t size) {
    constexpr size_t kLeast = 256;
    const size_t room = std::max({kLeast, 2 * room_, size_ + size});
    auto bytes = std::make_unique_for_overwrite<std::byte[]>(room);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    room_ = room;
  }

  std::unique_ptr<std::byte[]> bytes_;
  size_t room_ = 0, size_ = 0;
};

}  // namespace themis
