#include "actors/gateway/log_query.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

TEST(LogQuery, ReadsWhatAnAnswerBeforeGave) {
  const std::string node = std::string(63, '0') + "a";
  const std::string other(64, 'f');
  const auto query = parse_log_query("level=warn&since_ms=12&wait=7&after=" + node + ":3," + other +
                                     ":18446744073709551615");
  ASSERT_TRUE(query) << query.error().text();
  EXPECT_EQ(query->level, 2);
  EXPECT_EQ(query->since_ms, 12);
  EXPECT_EQ(query->reader, 7u);
  EXPECT_EQ(query->after.size(), 2u);
  EXPECT_EQ(parse_log_query("after=" + cursor_text(query->after))->after, query->after);
  const auto none = parse_log_query("");
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->after.empty() && none->level == 0 && none->reader == 0);
}

TEST(LogQuery, RefusesWhatIsNone) {
  const std::string node(64, '0');
  std::string many = "after=";
  for (size_t i = 0; i <= kCursorNodesMax; ++i) {
    std::string id = std::to_string(i);
    id.insert(0, 64 - id.size(), '0');
    many += id + ":1,";
  }
  const std::string cases[] = {"level=loud",           "since_ms=-1",
                               "since_ms=x",           "wait=1x",
                               "after=zz:1",           "after=" + node,
                               "after=" + node + ":x", "after=" + node + ":-1",
                               "after=00:1",           many};
  for (const std::string& query : cases)
    EXPECT_EQ(parse_log_query(query).error().code, Code::invalid) << query;
}

TEST(LogQuery, NamesLevels) {
  EXPECT_EQ(log_level_name(0), "debug");
  EXPECT_EQ(log_level_name(3), "error");
  EXPECT_EQ(log_level_name(200), "error");
}

}  // namespace
}  // namespace themis
