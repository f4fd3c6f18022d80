#pragma once
// Key and value types for applications: words, and bytes up to a length.

#include <algorithm>

#include "enclave/monitor/application.hpp"

namespace themis::monitor {

/// A 64-bit key or value, 8 bytes little-endian. As a key it is its own place in the tree.
struct Word {
  static constexpr size_t kBytesMax = 8;
  uint64_t value = 0;
  friend bool operator==(const Word&, const Word&) = default;

  std::byte* encode(std::byte* to) const { return put(to, value); }
  static Word decode(Reader& reader) { return {reader.integer<uint64_t>()}; }
  /// Whether this is what is encoded there.
  bool is_at(const std::byte* from) const { return load<uint64_t>(from) == value; }
  TreeKey place() const { return {{value, 0, 0, 0}, TreeKey::kLeafDepth}; }
  /// See Blob.
  uint64_t thread_bits() const { return value; }
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

/// Up to N bytes: u16 length, then the bytes. What is beyond the length is never set, copied, read
/// or compared. As a key its place is its BLAKE2b-256. Slots and elements of the deferred set hold
/// the key, but the tree only has its place: two keys of one place would be read as each other
/// there.
template <size_t N>
struct Blob {
  static_assert(N <= 2'040, "an element of the multiset stays below 4,096 bytes");
  static constexpr size_t kBytesMax = 2 + N;
  uint16_t size = 0;
  std::array<std::byte, N> bytes;

  Blob() {}  // not defaulted: Blob{} would set all bytes to zero
  Blob(const Blob& other) : size(other.size) { other.copy_to(bytes.data()); }
  Blob& operator=(const Blob& other) {
    if (this == &other) return *this;
    size = other.size;
    other.copy_to(bytes.data());
    return *this;
  }
  friend bool operator==(const Blob& a, const Blob& b) {
    return a.size == b.size && equal_bytes(a.data(), b.data(), a.size);
  }

  const std::byte* data() const { return bytes.data(); }
  ByteView view() const { return ByteView(data(), size); }
  /// `from` has at most N bytes.
  static Blob from(ByteView from) {
    THEMIS_ASSERT(from.size() <= N, "whoever makes a blob has checked its length");
    Blob blob;
    blob.size = static_cast<uint16_t>(from.size());
    copy_bytes(blob.bytes.data(), from.data(), std::min(from.size(), N));
    return blob;
  }
  size_t encoded_bytes() const { return sizeof size + size; }
  std::byte* encode(std::byte* to) const {
    to = put(to, size);
    copy_to(to);
    return to + size;
  }
  bool is_at(const std::byte* from) const {
    return load<uint16_t>(from) == size && equal_bytes(from + sizeof size, data(), size);
  }
  static Blob decode(Reader& reader) {
    const auto size = reader.integer<uint16_t>();
    if (size > N) reader.refuse();
    return from(reader.ok() ? reader.bytes(size) : ByteView());
  }
  TreeKey place() const { return TreeKey::leaf(crypto::blake2b(view())); }
  /// The lowest six bits of the place, which choose the monitor thread; others may be there too.
  uint64_t thread_bits() const { return place().path[0]; }

 private:
  void copy_to(std::byte* to) const { copy_bytes(to, data(), std::min<size_t>(size, N)); }
};

}  // namespace themis::monitor
