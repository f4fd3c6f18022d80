#pragma once
// From the Edwards form of a public point to the Montgomery form that X25519 sends. Included by
// this folder only.

#include <array>

#include "runtime/base/bytes.hpp"

namespace themis::crypto {

/// u = (1 + y) / (1 - y) modulo 2^255 - 19 of an encoded Edwards point that is not the neutral one;
/// the sign bit of x is ignored. The point is public, and so is everything computed here. Source:
/// RFC 7748 section 4.1.
std::array<std::byte, 32> edwards_to_montgomery(const std::array<std::byte, 32>& point);

}  // namespace themis::crypto
