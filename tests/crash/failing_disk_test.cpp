// Every write and every sync fails in turn, and all after it: what was told before is there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/crash/load.hpp"
#include "tests/crash/recorded_disk.hpp"

namespace themis::tests {
namespace {

class CrashStoreFaults : public testing::TestWithParam<RecordedDisk::Fault> {};

TEST_P(CrashStoreFaults, LoseNothingAcknowledgedAndAcknowledgeNothingElse) {
  constexpr int kSteps = 25;
  uint64_t faults = 0;
  for (bool reached = true; reached; ++faults) {
    DurableWorld world(1, faults + 1);
    world.durable = true;
    Load load{world, SeededRng(1)};
    {
      const auto store = world.store_path();
      RecordedDisk disk({store / "data.new", store / "data.mdb", world.counter_path()});
      disk.fail_from(faults + 1, GetParam());
      const bool opened = world.open().has_value();
      reached = !opened;
      for (int i = 0; i < kSteps && opened && !reached; ++i) reached = !load.step();
      if (opened && reached) {
        ASSERT_TRUE(world.store->status().failure) << "fault " << faults;
        ASSERT_FALSE(world.store->commit()) << "it goes on after a fault, " << faults;
      }
      world.close();
    }
    ASSERT_EQ(fault_of(world, load.acknowledged, load.written), "") << "fault " << faults;
  }
  std::cout << fmt::format("{} faults\n", faults - 1);
  EXPECT_GT(faults, uint64_t{kSteps} * 5);
}
INSTANTIATE_TEST_SUITE_P(All, CrashStoreFaults,
                         testing::Values(RecordedDisk::Fault::io_error,
                                         RecordedDisk::Fault::disk_full,
                                         RecordedDisk::Fault::short_write));

}  // namespace
}  // namespace themis::tests
