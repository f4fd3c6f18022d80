#include "runtime/base/utf8.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

bool valid(std::string_view text) { return is_utf8(as_bytes(text)); }
size_t tail(std::string_view text) { return incomplete_utf8_tail(as_bytes(text)); }

TEST(Utf8, AcceptsEveryLength) {
  EXPECT_TRUE(valid(""));
  EXPECT_TRUE(valid("ascii over eight bytes"));
  EXPECT_TRUE(valid(
      "\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
}

TEST(Utf8, RefusesWhatRfc3629Forbids) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
                           "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                           "\xF5\x80\x80\x80", "\xFF", "12345678\xFE"})
    EXPECT_FALSE(valid(text)) << to_hex(as_bytes(text));
}

TEST(Utf8, KnowsWhatMoreBytesMayComplete) {
  EXPECT_EQ(tail(""), 0u);
  EXPECT_EQ(tail("abc"), 0u);
  EXPECT_EQ(tail("a\xC2"), 1u);
  EXPECT_EQ(tail("a\xE2\x82"), 2u);
  EXPECT_EQ(tail("a\xF0\x9F\x98"), 3u);
  EXPECT_EQ(tail("a\xE2\x82\xAC"), 0u);
  EXPECT_EQ(tail("a\xE0\x80"), 0u) << "overlong: already wrong";
  EXPECT_EQ(tail("\x80\x80\x80\x80"), 0u);
}

}  // namespace
}  // namespace themis
