// Which alarms are due, and what becomes of those that ring.
#include "actors/services/alarm_table.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

const AlarmTable::Key kA{"f.0", "alarm/a"};
const AlarmTable::Key kB{"f.1", "alarm/a"};
using Keys = std::vector<AlarmTable::Key>;

TEST(AlarmTable, RingsWhatIsDueInOrderAndOnce) {
  AlarmTable table;
  ASSERT_TRUE(table.note(kA, 20));
  ASSERT_TRUE(table.note(kB, 10));
  EXPECT_EQ(table.take(9), Keys{});
  EXPECT_EQ(table.take(20), (Keys{kB, kA}));
  EXPECT_EQ(table.take(99), Keys{});
  table.settle(kA, std::nullopt);
  table.settle(kB, 50);
  EXPECT_EQ(table.count(), 1u);
  EXPECT_EQ(table.take(49), Keys{});
  EXPECT_EQ(table.take(50), Keys{kB});
}

TEST(AlarmTable, AnEarlierTimeCountsAndALaterOneIsFoundWhenItRings) {
  AlarmTable table;
  ASSERT_TRUE(table.note(kA, 20));
  ASSERT_TRUE(table.note(kA, 30));
  ASSERT_TRUE(table.note(kA, 10));
  EXPECT_EQ(table.take(10), Keys{kA});
  EXPECT_EQ(table.count(), 1u);
}

TEST(AlarmTable, OneThatWasNotedWhileItRangIsKept) {
  AlarmTable table;
  ASSERT_TRUE(table.note(kA, 10));
  EXPECT_EQ(table.take(10), Keys{kA});
  ASSERT_TRUE(table.note(kA, 40));
  ASSERT_TRUE(table.note(kA, 30));
  table.settle(kA, std::nullopt);
  EXPECT_EQ(table.take(29), Keys{});
  EXPECT_EQ(table.take(30), Keys{kA});
}

TEST(AlarmTable, HasALimitOfThoseThatRingAndOfAll) {
  AlarmTable table;
  for (size_t i = 0; i < AlarmTable::kAlarmsMax; ++i)
    ASSERT_TRUE(table.note({"f.0", std::to_string(i)}, 1));
  EXPECT_EQ(table.note(kA, 1).error().code, Code::overloaded);
  const Keys ringing = table.take(1);
  EXPECT_EQ(ringing.size(), AlarmTable::kRingingMax);
  EXPECT_EQ(table.take(1), Keys{});
  table.settle(ringing[0], std::nullopt);
  EXPECT_EQ(table.take(1).size(), 1u);
  EXPECT_TRUE(table.note(kA, 1));
}

TEST(AlarmTableTest, LooksSoonForThoseOfAFunctionWhoseActorsEnded) {
  AlarmTable table;
  const AlarmTable::Key late{"f.0", "a"}, ringing{"f.a", "b"}, soon{"f.1", "c"}, other{"ff.0", "d"};
  for (const auto& [key, at_ms] : {std::pair(late, 1'000'000), std::pair(ringing, 1),
                                   std::pair(soon, 5), std::pair(other, 1'000'000)})
    ASSERT_TRUE(table.note(key, at_ms));
  ASSERT_EQ(table.take(1), std::vector{ringing});
  table.look_at("f", 100);
  EXPECT_EQ(table.take(99), std::vector{soon}) << "none is put off";
  EXPECT_EQ(table.take(100), std::vector{late});
  table.settle(late, std::nullopt);
  table.settle(soon, 2'000'000);
  table.settle(ringing, std::nullopt);
  EXPECT_EQ(table.count(), 2u);
  EXPECT_EQ(table.take(1'000'000), std::vector{other}) << "of another function";
}

}  // namespace
}  // namespace themis
