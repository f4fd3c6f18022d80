// Batches of two monitor threads side by side, as under load; `./test sanitize` runs it under
// ThreadSanitizer.

#include <gtest/gtest.h>

#include "tests/unit/monitor/host_world.hpp"

namespace themis {
namespace {

constexpr uint16_t kThreads = 2;

/// Namespaces of different monitor threads.
std::vector<std::string> name_spaces(const StateHost& host) {
  std::vector<std::string> out;
  for (int i = 0; out.size() < kThreads; ++i) {
    StateBatch batch;
    EXPECT_TRUE(batch.get("space-" + std::to_string(i), "k"));
    if (host.thread_of(batch) == out.size()) out.emplace_back(batch.name_space());
  }
  return out;
}

TEST(StateThreads, RunBatchesBesideEachOtherThroughCommitsAndAnEndInTheMiddle) {
  constexpr int kRounds = 12;
  constexpr size_t kCalls = 1'000, kKeys = 300;
  tests::HostWorld world({kThreads, 1'024, 64});
  // Room for a hundred of the largest: values leave, and are read again by both threads.
  world.options.bytes_max = kThreads * 100 * host::Shard<monitor::StateStore>::kRecordBytes;
  ASSERT_TRUE(world.open());
  const std::vector<std::string> spaces = name_spaces(*world.host);
  size_t done = 0, parallel = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<StateBatch> batches(2 * kThreads);
    for (size_t i = 0; i < batches.size(); ++i) {
      const std::string& space = spaces[i % kThreads];
      for (size_t call = 0; call < kCalls; ++call) {
        const std::string key = std::to_string((call * 7 + i) % kKeys);
        const Bytes value(call % 400, static_cast<std::byte>(round));
        ASSERT_TRUE(call % 2 == 0 ? batches[i].put(space, key, value) : batches[i].get(space, key));
      }
      parallel += batches[i].bytes().size() >= BatchRunner::kParallelBytesMin;
    }
    std::vector<StateAnswers> answers;
    const Status ran = world.run(batches, answers);
    ASSERT_TRUE(ran) << ran.error().text();
    for (const StateAnswers& each : answers) {
      EXPECT_EQ(each.size(), kCalls);
      for (const auto& answer : each.all()) done += answer.has_value();
    }
    if (round % 4 == 3) {
      ASSERT_TRUE(world.open()) << "what no commit kept is gone, and nothing else is wrong";
      continue;
    }
    const Status kept =
        round % 3 == 2 || world.host->is_short() ? world.host->end_epoch() : world.host->commit();
    ASSERT_TRUE(kept) << kept.error().text();
  }
  EXPECT_EQ(parallel, size_t{kRounds} * 2 * kThreads) << "shares are worth a thread";
  EXPECT_GT(done, size_t{kRounds} * kCalls);
  ASSERT_TRUE(world.host->end_epoch());
  EXPECT_EQ(world.host->certified(), world.host->epoch() - 1);
}

/// Of which one thread finds no memory.
struct NoMemory final : tests::PassingHost {
  using PassingHost::PassingHost;
  Status apply(uint16_t thread, ByteView batch) override {
    if (thread == missing) throw std::bad_alloc();
    return side.apply(thread, batch);
  }
  uint16_t missing = kThreads;
};

TEST(StateThreads, RegressWhatAShareThrowsEndsItsCallerAndNotTheProcess) {
  tests::WorldBetween<NoMemory> world({kThreads, 1'024, 64});
  ASSERT_TRUE(world.open());
  std::vector<StateBatch> batches;
  for (const std::string& space : name_spaces(*world.host)) {
    StateBatch& batch = batches.emplace_back();
    for (int i = 0; i < 1'000; ++i)
      ASSERT_TRUE(batch.put(space, std::to_string(i), Bytes(kStateValueBytesMax)));
  }
  for (uint16_t thread = 0; thread < kThreads; ++thread) {
    world.between->missing = thread;
    std::vector<StateAnswers> answers;
    EXPECT_THROW((void)world.run(batches, answers), std::bad_alloc);
    ASSERT_TRUE(world.open()) << "a new one has what was committed";
  }
}

}  // namespace
}  // namespace themis
