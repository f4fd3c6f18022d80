// kill -9 under load: nothing that was acknowledged is lost, and what comes back is certified.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/crash/load.hpp"

namespace themis::tests {
namespace {

struct Acknowledgement {
  uint64_t key = 0, value = 0;
};

/// Opens the store and loads it until it is killed; tells each put after its commit.
[[noreturn]] void run_until_killed(DurableWorld& world, Load load, int to) {
  if (!world.open()) ::_exit(2);
  while (load.step())
    for (const auto& [key, value] : load.acknowledged) {
      const Acknowledgement told{key, value};
      if (::write(to, &told, sizeof told) != sizeof told) ::_exit(3);
    }
  ::_exit(4);
}

TEST(CrashStore, LosesNothingAcknowledgedIn200Kills) {
  constexpr int kCycles = 200;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRng rng(seed);
  DurableWorld world(2, seed);
  world.durable = true;
  std::map<uint64_t, uint64_t> acknowledged, written;
  size_t told = 0;
  for (int cycle = 0; cycle < kCycles; ++cycle) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    Load load{world, SeededRng(rng.next())};
    load.keys = 30;
    load.value = static_cast<uint64_t>(cycle) << 32;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      run_until_killed(world, std::move(load), ends[1]);
    }
    ::close(ends[1]);
    const uint64_t wanted = rng.below(300);  // 0: while it starts
    if (wanted == 0) ::kill(child, SIGKILL);
    Acknowledgement one;
    for (uint64_t i = 1; ::read(ends[0], &one, sizeof one) == sizeof one; ++i) {
      acknowledged[one.key] = std::max(acknowledged[one.key], one.value);
      ++told;
      if (i == wanted) ::kill(child, SIGKILL);  // what is in the pipe still counts
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
    for (uint64_t key = 0; key < 30; ++key)
      written[key] = (static_cast<uint64_t>(cycle) << 32) + UINT32_MAX;
    ASSERT_EQ(fault_of(world, acknowledged, written), "") << "cycle " << cycle;
    world.close();
  }
  std::cout << fmt::format("{} acknowledgements in {} cycles\n", told, kCycles);
  EXPECT_GT(told, size_t{kCycles} * 50);
}

}  // namespace
}  // namespace themis::tests
