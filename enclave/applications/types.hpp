#pragma once
// Key and value types for applications: words, and bytes up to a length.

#include <algorithm>

#include "enclave/applications/encoded_calls.hpp"

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
  /// As it lies in memory; valid until it changes.
  ByteView encoded() const {
    static_assert(offsetof(Blob, bytes) == sizeof size);
    return ByteView(reinterpret_cast<const std::byte*>(&size), encoded_bytes());
  }
  std::byte* encode(std::byte* to) const {
    to = put(to, size);
    copy_to(to);
    return to + size;
  }
  bool is_at(const std::byte* from) const {
    return load<uint16_t>(from) == size && equal_bytes(from + sizeof size, data(), size);
  }
  /// Reads past what decode() would read, and refuses what it would.
  static void pass(Reader& reader) {
    const auto size = reader.integer<uint16_t>();
    if (size > N) reader.refuse();
    (void)reader.bytes(size);
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
