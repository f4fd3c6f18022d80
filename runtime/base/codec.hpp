#pragma once
// Strict reading of little-endian fields, and their writing into memory that the caller has sized.

#include "runtime/base/bytes.hpp"

namespace themis {

/// Reads from memory that nobody else can write. After the first field that is not there or not
/// canonical, ok() is false and every further read gives zeros.
class Reader {
 public:
  explicit Reader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  /// Or an array of bytes.
  template <class T>
  T integer() {
    return take(sizeof(T)) ? load<T>(at_ - sizeof(T)) : T{};
  }
  /// 0 or 1 and nothing else.
  bool boolean() {
    const auto value = integer<uint8_t>();
    if (value > 1) refuse();
    return value == 1;
  }
  /// Empty when they are not there.
  ByteView bytes(size_t count) { return take(count) ? ByteView(at_ - count, count) : ByteView(); }
  void refuse() {
    ok_ = false;
    at_ = end_;
  }
  bool ok() const { return ok_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  const std::byte* position() const { return at_; }

 private:
  bool take(size_t count) {
    if (left() < count) {
      refuse();
      return false;
    }
    at_ += count;
    return true;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool ok_ = true;
};

/// Writes `value` and returns where the next field goes.
template <class T>
requires std::is_integral_v<T>
inline std::byte* put(std::byte* to, T value) {
  store(to, value);
  return to + sizeof value;
}
inline std::byte* put(std::byte* to, ByteView bytes) {
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace themis
