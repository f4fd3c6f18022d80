// When functions are woken, on a clock of the test's own.
#include "actors/services/cron_table.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

constexpr int64_t kMinute = 60'000;
/// 2026-11-21 10:00 UTC.
constexpr int64_t kTen = 1'795'255'200'000;

CronTable::Functions functions(std::vector<std::string> lines) {
  bundle::Settings settings;
  settings.crons = std::move(lines);
  return {{"f", std::make_shared<const bundle::Settings>(settings)}};
}

TEST(CronTable, FiresEachMinuteOnceHoweverOftenItIsLookedAt) {
  CronTable table;
  const auto all = functions({"*/2 * * * *"});
  std::vector<int64_t> fired;
  for (int64_t now = kTen + 500; now < kTen + 7 * kMinute; now += 700)
    for (const Firing& one : table.due(all, now)) {
      EXPECT_EQ(one.function, "f");
      EXPECT_EQ(one.cron, "*/2 * * * *");
      EXPECT_LT(now - one.time_ms, 700);
      fired.push_back(one.time_ms);
    }
  EXPECT_EQ(fired,
            (std::vector<int64_t>{kTen + 2 * kMinute, kTen + 4 * kMinute, kTen + 6 * kMinute}));
}

TEST(CronTable, WhatCameDueWhileTheNodeSleptIsMissed) {
  CronTable table;
  const auto all = functions({"* * * * *"});
  EXPECT_TRUE(table.due(all, kTen).empty()) << "new here: from the next minute on";
  EXPECT_EQ(table.due(all, kTen + 2 * kMinute),
            (std::vector<Firing>{{"f", "* * * * *", kTen + kMinute}}))
      << "a minute late is late";
  EXPECT_TRUE(table.due(all, kTen + 10 * kMinute).empty());
  EXPECT_EQ(table.due(all, kTen + 11 * kMinute).size(), 1u);
}

TEST(CronTable, AFunctionThatLeftAndCameBackIsNew) {
  CronTable table;
  const auto all = functions({"* * * * *"});
  EXPECT_TRUE(table.due(all, kTen).empty());
  EXPECT_TRUE(table.due({}, kTen + kMinute).empty());
  EXPECT_TRUE(table.due(all, kTen + kMinute).empty());
  EXPECT_EQ(table.due(all, kTen + 2 * kMinute).size(), 1u);
}

TEST(CronTable, AClockThatIsSetBackStartsAnew) {
  CronTable table;
  const auto all = functions({"* * * * *"});
  table.due(all, kTen + 60 * kMinute);
  EXPECT_TRUE(table.due(all, kTen).empty());
  EXPECT_EQ(table.due(all, kTen + kMinute).size(), 1u) << "not an hour of silence";
}

TEST(CronTable, LinesOfOneFunctionFireEach) {
  CronTable table;
  const auto all = functions({"* * * * *", "*/5 * * * *", "30 * * * *"});
  table.due(all, kTen + 4 * kMinute);
  EXPECT_EQ(table.due(all, kTen + 5 * kMinute).size(), 2u);
}

}  // namespace
}  // namespace themis
