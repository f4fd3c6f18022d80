#pragma once
// Byte buffers and the few conversions everybody needs: hexadecimal, little-endian integers, text.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"

namespace themis {

static_assert(std::endian::native == std::endian::little, "the wire format is little-endian");

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}
inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

/// Reads a little-endian integer; the caller has checked that sizeof(T) bytes are there.
template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// Lower-case hexadecimal, two characters a byte.
std::string to_hex(ByteView bytes);
/// Errors: malformed (odd length, another character). Upper case is accepted.
Result<Bytes> from_hex(std::string_view text);

}  // namespace themis
