#pragma once
// The 256-bit identifiers of the ring, as strong types: nodes and objects share the circle, not the
// type.

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <string>

#include "runtime/base/bytes.hpp"

namespace themis {

/// A point on the ring: 32 bytes, compared as a big-endian number (byte 0 is the most significant).
template <class Tag>
struct RingId {
  static constexpr size_t kBytes = 32;
  std::array<std::byte, kBytes> bytes{};

  static Result<RingId> from_bytes(ByteView view) {
    if (view.size() != kBytes) return fail(Code::malformed, "an identifier has 32 bytes");
    RingId id;
    std::copy(view.begin(), view.end(), id.bytes.begin());
    return id;
  }
  static Result<RingId> from_hex(std::string_view text) {
    THEMIS_TRY(const Bytes raw, themis::from_hex(text));
    return from_bytes(raw);
  }
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  /// The first 8 hexadecimal digits: enough for a person and a log line.
  std::string brief() const { return to_hex(view().first(4)); }
  bool is_zero() const { return *this == RingId{}; }
  friend auto operator<=>(const RingId&, const RingId&) = default;
  /// The defaulted one goes byte by byte, which lookups feel.
  friend bool operator==(const RingId& a, const RingId& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), kBytes) == 0;
  }
};

using NodeId = RingId<struct NodeTag>;
using ObjectId = RingId<struct ObjectTag>;

struct RingIdHash {
  template <class Tag>
  size_t operator()(const RingId<Tag>& id) const {
    return load<size_t>(id.bytes.data());  // identifiers are hashes already
  }
};

}  // namespace themis
