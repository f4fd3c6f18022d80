#pragma once
// Strict reading of little-endian fields, and their writing into memory that the caller has sized.

#include <optional>

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

/// Copies `size` bytes between memory that does not overlap, in pieces that a copy of the copy
/// reads as they were written: a load of what two stores have just written would wait for both.
/// Short values are copied several times a call; calling memcpy each time would cost more than the
/// rest.
inline void copy_bytes(std::byte* to, const std::byte* from, size_t size) {
  constexpr size_t kLong = 128;
  if (size >= kLong) {
    std::memcpy(to, from, size);
    return;
  }
  for (; size >= 16; size -= 16, to += 16, from += 16) std::memcpy(to, from, 16);
  if (size & 8) std::memcpy(to, from, 8), to += 8, from += 8;
  if (size & 4) std::memcpy(to, from, 4), to += 4, from += 4;
  if (size & 2) std::memcpy(to, from, 2), to += 2, from += 2;
  if (size & 1) *to = *from;
}
/// The same for comparing.
inline bool equal_bytes(const std::byte* a, const std::byte* b, size_t size) {
  constexpr size_t kLong = 128;
  if (size >= kLong) return std::memcmp(a, b, size) == 0;
  uint64_t differ = 0;
  for (; size >= 8; size -= 8, a += 8, b += 8) differ |= load<uint64_t>(a) ^ load<uint64_t>(b);
  if (size & 4) differ |= load<uint32_t>(a) ^ load<uint32_t>(b), a += 4, b += 4;
  for (size &= 3; size > 0; --size, ++a, ++b) differ |= static_cast<uint64_t>(*a ^ *b);
  return differ == 0;
}

inline bool equal_bytes(ByteView a, ByteView b) {
  return a.size() == b.size() && equal_bytes(a.data(), b.data(), a.size());
}

/// Writes `value` and returns where the next field goes.
template <class T>
requires std::is_integral_v<T>
inline std::byte* put(std::byte* to, T value) {
  store(to, value);
  return to + sizeof value;
}
inline std::byte* put(std::byte* to, ByteView bytes) {
  copy_bytes(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

/// u8 0 for nothing, or 1 and the value.
template <class T>
inline std::byte* put_optional(std::byte* to, const std::optional<T>& value) {
  to = put(to, uint8_t{value.has_value()});
  return value ? value->encode(to) : to;
}
template <class T>
inline std::optional<T> read_optional(Reader& reader) {
  if (!reader.boolean()) return std::nullopt;
  return T::decode(reader);
}

/// Reads past one T and returns its encoding; refuses what T::decode() refuses.
template <class T>
ByteView pass(Reader& reader) {
  const std::byte* from = reader.position();
  if constexpr (requires { T::pass(reader); })
    T::pass(reader);
  else
    (void)T::decode(reader);
  return ByteView(from, reader.position());
}

}  // namespace themis
