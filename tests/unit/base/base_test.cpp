#include <gtest/gtest.h>

#include "runtime/base/byte_buffer.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/huge_pages.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/network_name.hpp"
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

TEST(ByteBuffer, HasWhatWasAppendedOrWrittenThroughGrowthCopiesAndMoves) {
  SeededRng rng(4);
  ByteBuffer buffer;
  Bytes model;
  for (int i = 0; i < 3'000; ++i) {
    Bytes piece(rng.below(200));
    rng.fill(piece);
    switch (rng.below(8)) {
      case 0:
        buffer.clear();
        model.clear();
        break;
      case 1:
        model.resize(rng.below(model.size() + 1));
        buffer.cut(model.size());
        break;
      case 2:
        buffer = ByteBuffer(buffer);
        break;
      case 3: {
        ByteBuffer moved(std::move(buffer));
        buffer = std::move(moved);
        break;
      }
      case 4:
        buffer.end_at(put(buffer.next(300), piece));  // fewer than there is room for
        append(model, piece);
        break;
      default:
        buffer.append(piece);
        append(model, piece);
    }
    ASSERT_TRUE(equal_bytes(buffer.view(), model)) << i;
    ASSERT_EQ(buffer.empty(), model.empty());
  }
}

TEST(HugeVector, KeepsWhatIsInItWhileItGrowsAndIsAlignedOnceItIsLarge) {
  struct alignas(64) Line {
    uint64_t value = 0;
  };
  HugeVector<Line> lines;
  for (uint64_t i = 0; i < 100'000; ++i) lines.push_back({i});
  for (uint64_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i].value, i);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.data()) % HugePages<Line>::kPageBytes, 0u);
  const HugeVector<Line> copy = lines;
  lines = HugeVector<Line>(3);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.data()) % 64, 0u);
  EXPECT_EQ(copy.back().value, 99'999u);
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
  EXPECT_EQ(name(Code::not_hosted), "not_hosted") << "the last one";
  EXPECT_TRUE(is_code(static_cast<uint8_t>(Code::not_hosted)));
  EXPECT_FALSE(is_code(0));
  EXPECT_FALSE(is_code(200));
}

std::string logged(std::string_view message) {
  testing::internal::CaptureStderr();
  log::write(log::Level::error, "test", message);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, RegressWritesOnlyValidTextWithoutControlCharacters) {
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {"a\nb\x7f", "a\\u000ab\\u007f"},
      {"\xc2\x80 \xc2\x9b[2J \xc2\x9f \xc2\xa0", "\\u0080 \\u009b[2J \\u009f \xc2\xa0"},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"lone \x9b.", "lone \xef\xbf\xbd."},
      {"cut \xc3", "cut \xef\xbf\xbd"},
      {"cut \xf0\x9f\x98.", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd."},
      {"overlong \xc0\xaf.", "overlong \xef\xbf\xbd\xef\xbf\xbd."},
      {"overlong \xe0\x80\xaf.", "overlong \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd."},
      {"surrogate \xed\xa0\x80.", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd."},
      {"beyond \xf4\x90\x80\x80.", "beyond \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd."},
      {"never \xff.", "never \xef\xbf\xbd."},
  };
  log::setup(log::Level::warn, log::Format::text);
  for (const auto& [message, shown] : kCases)
    EXPECT_NE(logged(message).find(" " + std::string(shown)), std::string::npos) << shown;
  log::setup(log::Level::warn, log::Format::json);
  for (const auto& [message, shown] : kCases)
    EXPECT_NE(logged(message).find("\"message\":\"" + std::string(shown) + "\"}\n"),
              std::string::npos)
        << shown;
  EXPECT_NE(logged("\"\\").find(R"("message":"\"\\"})"), std::string::npos);
}

TEST(NetworkName, IsShortAndTypedWithoutEscapes) {
  EXPECT_TRUE(check_network_name("Twiitr-2.test_net"));
  EXPECT_TRUE(check_network_name(std::string(64, 'a')));
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a b"),
                                  std::string("a\n"), std::string("\xc3\xa9"), std::string("a/b")})
    EXPECT_EQ(check_network_name(name).error().code, Code::invalid) << name;
}

}  // namespace
}  // namespace themis
