#pragma once
// What an application gives a monitor: key and value types with one encoding each, and functions.

#include <optional>
#include <utility>

#include "enclave/monitor/tree_node.hpp"

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
/// is its BLAKE2b-256; a collision of it aliases nothing, because slots and elements hold the key.
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

/// u8 0 for nothing, or 1 and the value.
template <class T>
inline std::byte* put_optional(std::byte* to, const std::optional<T>& value) {
  to = put(to, uint8_t{value.has_value()});
  return value ? value->encode(to) : to;
}
template <class T>
inline std::optional<T> read_optional(Reader& reader) {
  std::optional<T> value;
  if (reader.boolean()) value = T::decode(reader);
  return value;
}

/// One key and what it holds. Every key of the 2^256 exists and is absent until it is written.
template <class App>
struct Record {
  typename App::Key key;
  std::optional<typename App::Value> value;
};

template <class Value>
crypto::Digest hash(const std::optional<Value>& value) {
  std::array<std::byte, 1 + Value::kBytesMax> bytes;
  const ValueTag tag = value ? ValueTag::present : ValueTag::absent;
  std::byte* end = put(bytes.data(), static_cast<uint8_t>(tag));
  if (value) end = value->encode(end);
  return crypto::blake2b(ByteView(bytes.data(), end));
}

/// The most records one call reads and writes; a transaction of more is several calls.
constexpr size_t kRecordsPerCallMax = 8;

/// An application is a class of static functions without state, clock or randomness:
/// - `arity(function)`: how many records it takes, 1 to 8; 0 when there is no such function;
/// - `decode(function, reader)`: its arguments, refusing what is not their one encoding;
/// - `run(function, arguments, records, result)`: changes records and result, or answers false
///   when the call cannot be, which ends the monitor. An answer that a client may get, such as a
///   compare-and-swap that did not match, is a result and not false.
template <class App>
concept Application = requires(uint8_t function, Reader& reader,
                               const typename App::Arguments& arguments,
                               std::span<Record<App>> records, typename App::Result& result,
                               std::byte* to) {
  { App::arity(function) } -> std::same_as<size_t>;
  { App::decode(function, reader) } -> std::same_as<typename App::Arguments>;
  { App::run(function, arguments, records, result) } -> std::same_as<bool>;
  { result.encode(to) } -> std::same_as<std::byte*>;
  { App::Key::decode(reader).place() } -> std::same_as<TreeKey>;
  { App::Value::decode(reader) } -> std::same_as<typename App::Value>;
};

}  // namespace themis::monitor
