#include "runtime/oyster/label.hpp"

#include <gtest/gtest.h>

#include <random>

#include "runtime/base/rng.hpp"

namespace themis::oyster {
namespace {

using Kind = DecodeError::Kind;

// Oyster's own sample.
constexpr std::string_view kSample = "SRULW2UOQXWRDYUSZDFMBQKTTX3JDSGY5RROPW72T4N5P5IE4RXA";

void expect_error(std::string_view text, size_t position, Kind kind) {
  const auto decoded = decode_base32(text);
  ASSERT_FALSE(decoded) << text;
  EXPECT_EQ(decoded.error(), (DecodeError{position, kind})) << text << decoded.error().text();
}

TEST(OysterLabel, DecodesRfc4648InAnyCase) {
  // RFC 4648 section 10, without the padding.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "MY"},
                                                         {"fo", "MZXQ"},
                                                         {"foo", "MZXW6"},
                                                         {"foob", "MZXW6YQ"},
                                                         {"fooba", "MZXW6YTB"},
                                                         {"foobar", "MZXW6YTBOI"}};
  for (const auto& [text, encoded] : vectors) {
    EXPECT_EQ(encode_base32(as_bytes(text)), encoded);
    const auto decoded = decode_base32(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(as_text(*decoded), text);
  }
  const auto upper = decode_base32(kSample);
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->size(), 32u);
  EXPECT_TRUE(to_hex(*upper).starts_with("9468"));
  EXPECT_TRUE(to_hex(*upper).ends_with("e46e"));
  EXPECT_EQ(decode_base32("srulw2UOQXWRDYUSZDFMBQKTTX3JDSGY5RROPW72T4N5P5IE4rxa"), *upper);
}

TEST(OysterLabel, TellsWhereATextIsNoBase32AsDataEncodingDoes) {
  std::string with_zero(kSample);
  with_zero.back() = '0';
  expect_error(with_zero, 51, Kind::symbol);
  EXPECT_EQ(decode_base32(with_zero).error().text(), "DecodeError { position: 51, kind: Symbol }");
  expect_error("A", 0, Kind::length);
  expect_error("ABC", 2, Kind::length);
  expect_error("localhost:6001", 13, Kind::length);
  expect_error("A1", 1, Kind::symbol);
  expect_error("AB", 1, Kind::trailing);
  expect_error("MZXW6YQ=", 7, Kind::symbol);
}

TEST(OysterLabel, GivesBackWhateverWasEncoded) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  for (int i = 0; i < 500; ++i) {
    Bytes bytes(rng.next() % 70);
    rng.fill(bytes);
    EXPECT_EQ(decode_base32(encode_base32(bytes)), bytes);
  }
}

TEST(OysterLabel, IsWhatComesBeforeTheFirstDot) {
  EXPECT_EQ(first_label("a.b.c:1"), "a");
  EXPECT_EQ(first_label("unregister"), "unregister");
  EXPECT_EQ(first_label(""), "");
}

}  // namespace
}  // namespace themis::oyster
