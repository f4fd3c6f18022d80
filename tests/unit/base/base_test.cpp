#include <gtest/gtest.h>

#include "runtime/base/bytes.hpp"
#include "runtime/base/rng.hpp"

namespace themis {
namespace {

TEST(Bytes, HexadecimalGoesBothWays) {
  const Bytes raw = to_bytes(std::string_view("\x00\x7f\xff", 3));
  EXPECT_EQ(to_hex(raw), "007fff");
  EXPECT_EQ(from_hex("007fFF").value(), raw);
}

TEST(Bytes, RefusesTextThatIsNotHexadecimal) {
  EXPECT_EQ(from_hex("abc").error().code, Code::malformed);
  EXPECT_EQ(from_hex("zz").error().code, Code::malformed);
}

TEST(SeededRng, RepeatsWithTheSameSeedOnly) {
  SeededRng first(7), second(7), other(8);
  const uint64_t value = first.next();
  EXPECT_EQ(second.next(), value);
  EXPECT_NE(other.next(), value);
}

TEST(Rng, BelowStaysInRangeAndReachesBothEnds) {
  SeededRng rng(1);
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = rng.below(5);
    ASSERT_LT(value, 5u);
    low |= value == 0;
    high |= value == 4;
  }
  EXPECT_TRUE(low && high);
}

TEST(Error, TextNamesTheCodeAndTheDetail) {
  EXPECT_EQ((Error{Code::timeout, "no answer"}).text(), "timeout: no answer");
  EXPECT_TRUE(is_code(static_cast<uint8_t>(Code::syntax)));
  EXPECT_FALSE(is_code(0));
  EXPECT_FALSE(is_code(200));
}

}  // namespace
}  // namespace themis
