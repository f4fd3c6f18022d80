// Power cuts: every sync of a recorded run, with any part of what was not synced yet on disk.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <random>

#include "tests/crash/load.hpp"
#include "tests/crash/recorded_disk.hpp"

namespace themis::tests {
namespace {

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// What was acknowledged when so many calls had reached the disk.
struct Milestone {
  size_t calls = 0;
  std::map<uint64_t, uint64_t> acknowledged;
};

TEST(CrashStore, LosesNothingAcknowledgedToAPowerCutAtAnySync) {
  constexpr int kSteps = 60, kImagesEach = 4;
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(fmt::format("replay with THEMIS_SEED={}", seed));
  DurableWorld world(1, seed);
  world.durable = true;
  const auto data = world.store_path() / "data.mdb";
  std::vector<Milestone> milestones{{}};
  std::map<uint64_t, uint64_t> written;
  SeededRng rng(seed);
  ASSERT_TRUE(storage::Environment::open(world.store_path())) << "LMDB's empty file is there";
  RecordedDisk disk({data, world.counter_path()});
  ASSERT_TRUE(world.open());
  Load load{world, SeededRng(seed)};
  for (int i = 0; i < kSteps; ++i) {
    ASSERT_TRUE(load.step());
    milestones.push_back({disk.calls().size(), load.acknowledged});
  }
  world.close();
  const size_t recorded = disk.calls().size();
  size_t syncs = 0, images = 0;
  for (size_t at = 0; at < recorded; ++at) {
    if (!disk.calls()[at].sync) continue;
    ++syncs;
    // Before this call has returned nothing after it was told.
    size_t told = 0;
    while (told + 1 < milestones.size() && milestones[told + 1].calls <= at) ++told;
    for (int i = 0; i < kImagesEach; ++i) {
      write_file(data, disk.image(0, at, rng));
      write_file(world.counter_path(), disk.image(1, at, rng));
      ASSERT_EQ(fault_of(world, milestones[told].acknowledged, load.written), "")
          << "sync at call " << at;
      world.close();
      ++images;
    }
  }
  std::cout << fmt::format("{} images of {} syncs\n", images, syncs);
  // Two steps of three write, as they fall: data, then its page, then the counter.
  EXPECT_GT(syncs, size_t{kSteps});
}

/// A killed process leaves writes with the kernel that were never synced; the next one reads them,
/// and must not build on what the disk may lose.
TEST(CrashStore, RegressLosesNothingToAPowerCutSoonAfterAKill) {
  constexpr int kSteps = 10, kImagesEach = 3;
  const char* replay = std::getenv("THEMIS_SEED");
  const uint64_t seed = replay ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(fmt::format("replay with THEMIS_SEED={}", seed));
  SeededRng rng(seed);
  size_t kills = 0, images = 0;
  for (bool killed = true; killed; ++kills) {
    DurableWorld world(1, seed + kills);
    world.durable = true;
    const auto data = world.store_path() / "data.mdb";
    ASSERT_TRUE(world.open());
    world.close();
    RecordedDisk disk({data, world.counter_path()});
    disk.fail_from(kills + 1, RecordedDisk::Fault::io_error);
    Load load{world, SeededRng(seed)};
    killed = !world.open();
    for (int i = 0; i < kSteps && !killed; ++i) killed = !load.step();
    world.close();
    disk.fail_from(0, RecordedDisk::Fault::none);
    const size_t before = disk.calls().size();
    ASSERT_TRUE(world.open());
    const std::map<uint64_t, uint64_t> acknowledged = load.acknowledged;
    ASSERT_TRUE(load.step());
    world.close();
    const size_t recorded = disk.calls().size();
    for (size_t at = before; at < recorded; ++at)
      for (int i = 0; i < kImagesEach; ++i, ++images) {
        write_file(data, disk.image(0, at, rng));
        write_file(world.counter_path(), disk.image(1, at, rng));
        ASSERT_EQ(fault_of(world, acknowledged, load.written), "")
            << "killed at call " << kills << ", power cut at call " << at - before;
        world.close();
      }
  }
  std::cout << fmt::format("{} images of {} kills\n", images, kills);
  EXPECT_GT(kills, 5u);
}

}  // namespace
}  // namespace themis::tests
