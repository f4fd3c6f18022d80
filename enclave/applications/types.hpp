#pragma once
// Key and value types for applications: words, and bytes up to a length.

#include "enclave/monitor/application.hpp"

namespace themis::monitor {

/// A 64-bit key or value, 8 bytes little-endian. As a key it is its own place in the tree.
struct Word {
  static constexpr size_t kBytesMax = 8;
  uint64_t value = 0;
  friend bool operator==(const Word&, const Word&) = default;

  std::byte* encode(std::byte* to) const { return put(to, value); }
  static Word decode(Reader& reader) { return {reader.integer<uint64_t>()}; }
  TreeKey place() const { return {{value, 0, 0, 0}, TreeKey::kLeafDepth}; }
};

/// Up to N bytes: u16 length, then the bytes; what is beyond the length is zero. As a key its place
/// is its BLAKE2b-256. Slots and elements of the deferred set hold the key, but the tree only has
/// its place: two keys of one place would be read as each other there.
template <size_t N>
struct Blob {
  static_assert(N <= 2'040, "an element of the multiset stays below 4,096 bytes");
  static constexpr size_t kBytesMax = 2 + N;
  uint16_t size = 0;
  std::array<std::byte, N> bytes{};
  friend bool operator==(const Blob&, const Blob&) = default;

  ByteView view() const { return ByteView(bytes).first(size); }
  /// `from` has at most N bytes.
  static Blob from(ByteView from) {
    THEMIS_ASSERT(from.size() <= N, "whoever makes a blob has checked its length");
    Blob blob;
    blob.size = static_cast<uint16_t>(from.size());
    if (!from.empty()) std::memcpy(blob.bytes.data(), from.data(), from.size());
    return blob;
  }
  std::byte* encode(std::byte* to) const { return put(put(to, size), view()); }
  static Blob decode(Reader& reader) {
    const auto size = reader.integer<uint16_t>();
    if (size > N) reader.refuse();
    return from(reader.ok() ? reader.bytes(size) : ByteView());
  }
  TreeKey place() const { return TreeKey::leaf(crypto::blake2b(view())); }
};

}  // namespace themis::monitor
