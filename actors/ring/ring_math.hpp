#pragma once
// Arithmetic on the circle of 256-bit identifiers. Nodes and objects are points on it; clockwise is
// upwards.

#include <array>
#include <bit>
#include <compare>

#include "wire/ids.hpp"

namespace themis::ring {

/// A place on the circle, whoever it belongs to.
using Point = RingId<struct PointTag>;

template <class Tag>
Point point(const RingId<Tag>& id) {
  return Point{id.bytes};
}

inline constexpr int kRingBits = 256;

/// A clockwise distance: four 64-bit words, the most significant first, compared as a number.
using Distance = std::array<uint64_t, 4>;

namespace detail {
inline Distance words(const std::array<std::byte, 32>& bytes) {
  Distance out;
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = __builtin_bswap64(load<uint64_t>(bytes.data() + 8 * i));
  return out;
}
}  // namespace detail

/// Steps clockwise from `from` to `to`, modulo 2^256; zero when they are the same point.
template <class A, class B>
Distance distance(const RingId<A>& from, const RingId<B>& to) {
  const Distance a = detail::words(from.bytes);
  Distance out = detail::words(to.bytes);
  unsigned borrow = 0;
  for (size_t i = out.size(); i-- > 0;) {
    const unsigned __int128 taken = static_cast<unsigned __int128>(a[i]) + borrow;
    borrow = out[i] < taken ? 1 : 0;
    out[i] -= static_cast<uint64_t>(taken);
  }
  return out;
}

/// `x` lies strictly between `a` and `b`, clockwise. With a == b: everything but that point.
template <class A, class X, class B>
bool is_between(const RingId<A>& a, const RingId<X>& x, const RingId<B>& b) {
  const Distance to_x = distance(a, x);
  const Distance to_b = distance(a, b);
  const Distance zero{};
  return to_x != zero && (to_b == zero || to_x < to_b);
}

/// `x` lies in (a, b], clockwise. With a == b: the whole circle.
template <class A, class X, class B>
bool is_in_range(const RingId<A>& a, const RingId<X>& x, const RingId<B>& b) {
  const Distance to_x = distance(a, x);
  const Distance to_b = distance(a, b);
  const Distance zero{};
  return to_b == zero || (to_x != zero && to_x <= to_b);
}

/// Where the finger of `bit` starts: id + 2^bit, modulo 2^256. `bit`: 0..255.
inline Point finger_start(const NodeId& id, int bit) {
  Distance words = detail::words(id.bytes);
  size_t i = words.size() - 1 - static_cast<size_t>(bit) / 64;
  const uint64_t add = uint64_t{1} << (bit % 64);
  words[i] += add;
  bool carry = words[i] < add;
  while (carry && i-- > 0) carry = ++words[i] == 0;
  Point out;
  for (size_t w = 0; w < words.size(); ++w)
    store(out.bytes.data() + 8 * w, __builtin_bswap64(words[w]));
  return out;
}

/// The highest finger whose start is not past a node at `far`: floor(log2(far)). -1 for zero.
inline int finger_bit(const Distance& far) {
  for (size_t i = 0; i < far.size(); ++i)
    if (far[i] != 0) return static_cast<int>(64 * (far.size() - i)) - 1 - std::countl_zero(far[i]);
  return -1;
}

}  // namespace themis::ring
