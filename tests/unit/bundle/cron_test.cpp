// When a time table fires.
#include "runtime/bundle/cron.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace themis::bundle {
namespace {

using namespace std::chrono;

int64_t at(int y, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  const sys_days date = std::chrono::year(y) / std::chrono::month(month) / std::chrono::day(day);
  return duration_cast<milliseconds>(
             (date + hours(hour) + minutes(minute) + seconds(second)).time_since_epoch())
      .count();
}
int64_t next(const char* line, int64_t from) {
  const auto cron = Cron::parse(line);
  EXPECT_TRUE(cron) << line << ": " << cron.error().text();
  return cron ? cron->next_after(from).value() : 0;
}

TEST(Cron, FiresAtTheNextMinuteThatFits) {
  EXPECT_EQ(next("* * * * *", at(2026, 11, 21, 10, 0)), at(2026, 11, 21, 10, 1));
  EXPECT_EQ(next("* * * * *", at(2026, 11, 21, 10, 0, 59)), at(2026, 11, 21, 10, 1));
  EXPECT_EQ(next("*/15 * * * *", at(2026, 11, 21, 10, 45)), at(2026, 11, 21, 11, 0));
  EXPECT_EQ(next("5-20/10,30 3 * * *", at(2026, 11, 21, 3, 15)), at(2026, 11, 21, 3, 30));
  EXPECT_EQ(next("0 0 1 * *", at(2026, 12, 1)), at(2027, 1, 1));
  EXPECT_EQ(next("0 12 * * mon-fri", at(2026, 11, 20, 12)), at(2026, 11, 23, 12)) << "a weekend";
  EXPECT_EQ(next("0 0 * * 7", at(2026, 11, 21)), at(2026, 11, 22)) << "Sunday is 7 as well";
  EXPECT_EQ(next("0 0 * JAN,feb SUN", at(2026, 11, 21)), at(2027, 1, 3));
  EXPECT_EQ(next("0 0 29 2 *", at(2096, 3, 1)), at(2104, 2, 29)) << "2100 is no leap year";
}

TEST(Cron, EitherDayIsEnoughWhenBothAreSaid) {
  EXPECT_EQ(next("0 0 13 * fri", at(2026, 11, 10)), at(2026, 11, 13));
  EXPECT_EQ(next("0 0 13 * fri", at(2026, 11, 13)), at(2026, 11, 20));
  EXPECT_EQ(next("0 0 13 * *", at(2026, 11, 13)), at(2026, 12, 13));
}

TEST(Cron, RefusesWhatIsNone) {
  for (const char* line : {"",
                           "* * * *",
                           "* * * * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * * 13 *",
                           "* * * * 8",
                           "a * * * *",
                           "1- * * * *",
                           "5-1 * * * *",
                           "*/0 * * * *",
                           "1/2 * * * *",
                           "1,,2 * * * *",
                           ", * * * *",
                           "-1 * * * *",
                           "* * * foo *",
                           "* * * * sund",
                           "@daily",
                           "0 0 31 2 *",
                           "0 0 30 2 *"})
    EXPECT_FALSE(Cron::parse(line)) << line;
  EXPECT_FALSE(Cron::parse(std::string(Cron::kBytesMax + 1, '*')));
  EXPECT_EQ(Cron::parse("61 * * * *").error().text(),
            "invalid: cron: \"61\" is no minute: *, 0-59, lists, ranges, steps");
}

}  // namespace
}  // namespace themis::bundle
