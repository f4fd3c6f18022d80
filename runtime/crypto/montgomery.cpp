#include "runtime/crypto/montgomery.hpp"

namespace themis::crypto {
namespace {

__extension__ using Wide = unsigned __int128;

/// A number modulo p = 2^255 - 19 as the sum of limb[i] * 2^(51 i). After multiply() a limb is
/// under 2^52.
struct Element {
  uint64_t limb[5];
};

constexpr int kLimbBits = 51;
constexpr uint64_t kMask = (uint64_t{1} << kLimbBits) - 1;
/// 4 p, limb by limb: added before a subtraction so that no limb goes below zero.
constexpr uint64_t kFourP0 = 4 * (kMask - 18), kFourP = 4 * kMask;

Element decode(const std::array<std::byte, 32>& bytes) {
  const std::byte* b = bytes.data();
  return {{load<uint64_t>(b) & kMask, (load<uint64_t>(b + 6) >> 3) & kMask,
           (load<uint64_t>(b + 12) >> 6) & kMask, (load<uint64_t>(b + 19) >> 1) & kMask,
           (load<uint64_t>(b + 24) >> 12) & kMask}};
}

/// Limbs of `a` and `b` are under 2^54.
Element multiply(const Element& a, const Element& b) {
  const auto [a0, a1, a2, a3, a4] = a.limb;
  const auto [b0, b1, b2, b3, b4] = b.limb;
  // 2^255 = 19 modulo p: a product that passes the fifth limb comes back times 19.
  const uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
  Wide sum[5] = {
      Wide(a0) * b0 + Wide(a1) * c4 + Wide(a2) * c3 + Wide(a3) * c2 + Wide(a4) * c1,
      Wide(a0) * b1 + Wide(a1) * b0 + Wide(a2) * c4 + Wide(a3) * c3 + Wide(a4) * c2,
      Wide(a0) * b2 + Wide(a1) * b1 + Wide(a2) * b0 + Wide(a3) * c4 + Wide(a4) * c3,
      Wide(a0) * b3 + Wide(a1) * b2 + Wide(a2) * b1 + Wide(a3) * b0 + Wide(a4) * c4,
      Wide(a0) * b4 + Wide(a1) * b3 + Wide(a2) * b2 + Wide(a3) * b1 + Wide(a4) * b0,
  };
  Element result{};
  uint64_t carry = 0;
  for (int i = 0; i < 5; ++i) {
    sum[i] += carry;
    result.limb[i] = static_cast<uint64_t>(sum[i]) & kMask;
    carry = static_cast<uint64_t>(sum[i] >> kLimbBits);
  }
  // The last carry is under 2^60, so times 19 it needs its own carry.
  const Wide low = Wide(carry) * 19 + result.limb[0];
  result.limb[0] = static_cast<uint64_t>(low) & kMask;
  result.limb[1] += static_cast<uint64_t>(low >> kLimbBits);
  return result;
}

Element square(Element a, int times) {
  for (; times > 0; --times) a = multiply(a, a);
  return a;
}

/// a^(p - 2), by Fermat; the exponent is 250 ones, then 01011.
Element invert(const Element& a) {
  const Element a2 = multiply(a, a);
  const Element a9 = multiply(square(a2, 2), a);
  const Element a11 = multiply(a9, a2);
  const Element ones5 = multiply(square(a11, 1), a9);
  const Element ones10 = multiply(square(ones5, 5), ones5);
  const Element ones20 = multiply(square(ones10, 10), ones10);
  const Element ones40 = multiply(square(ones20, 20), ones20);
  const Element ones50 = multiply(square(ones40, 10), ones10);
  const Element ones100 = multiply(square(ones50, 50), ones50);
  const Element ones200 = multiply(square(ones100, 100), ones100);
  const Element ones250 = multiply(square(ones200, 50), ones50);
  return multiply(square(ones250, 5), a11);
}

/// The one representative in 0..p-1, little-endian.
std::array<std::byte, 32> encode(Element a) {
  // Adding 19 carries out of bit 255 exactly when a >= p; two rounds settle the limbs first.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 4; ++i) {
      a.limb[i + 1] += a.limb[i] >> kLimbBits;
      a.limb[i] &= kMask;
    }
    a.limb[0] += 19 * (a.limb[4] >> kLimbBits);
    a.limb[4] &= kMask;
  }
  uint64_t carry = 19;
  for (const uint64_t limb : a.limb) carry = (limb + carry) >> kLimbBits;
  carry *= 19;
  for (uint64_t& limb : a.limb) {
    limb += carry;
    carry = limb >> kLimbBits;
    limb &= kMask;
  }
  std::array<std::byte, 32> bytes;
  store(bytes.data(), a.limb[0] | a.limb[1] << 51);
  store(bytes.data() + 8, a.limb[1] >> 13 | a.limb[2] << 38);
  store(bytes.data() + 16, a.limb[2] >> 26 | a.limb[3] << 25);
  store(bytes.data() + 24, a.limb[3] >> 39 | a.limb[4] << 12);
  return bytes;
}

}  // namespace

std::array<std::byte, 32> edwards_to_montgomery(const std::array<std::byte, 32>& point) {
  const Element y = decode(point);
  Element above = y, below{};  // 1 + y, 1 - y + 4 p
  above.limb[0] += 1;
  for (int i = 0; i < 5; ++i) below.limb[i] = (i == 0 ? kFourP0 + 1 : kFourP) - y.limb[i];
  return encode(multiply(above, invert(below)));
}

}  // namespace themis::crypto
