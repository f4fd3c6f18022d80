// Monitor threads side by side; `./test sanitize` runs it under ThreadSanitizer.
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/enclave/monitor_world.hpp"

namespace themis::monitor {
namespace {

// The public code's second fault: its threads shared the scratch memory of one cipher state, so
// that no epoch of two concurrent threads was ever certified.
TEST(MonitorThreads, RegressShareNoState) {
  constexpr uint16_t kThreads = 4;
  Words world(kThreads);
  for (uint16_t thread = 0; thread < kThreads; ++thread) {
    WordHost host{world, thread};
    if (thread == 0) host.create(kR0, 1, 7, at(0, 1));
    for (uint32_t i = 0; i < 1'000; ++i)
      host.log().run_once(WordStore::put, WordHost::record(100 + thread, i), at(0, 10 + 2 * i),
                          thread, at(0, 12 + 2 * i), {Word{i + 1}, std::nullopt});
    host.log().next_epoch();
    if (thread == 0) host.carry(kR0, 1, 7, at(0, 1), at(1, 1));
    host.log().verify_epoch();
  }
  std::vector<Bytes> batches, results(kThreads, Bytes(1 << 16));
  for (auto& log : world.logs) {
    const ByteView batch = log.take();
    batches.emplace_back(batch.begin(), batch.end());
  }
  std::vector<EpochReport> together(kThreads), alone(kThreads);
  const auto play = [&](Words& where, uint16_t thread, EpochReport& report) {
    Output output{results[thread]};
    EXPECT_TRUE(where.monitors[thread]->apply(batches[thread], output));
    report = where.monitors[thread]->take_report().value();
  };
  {
    std::vector<std::jthread> threads;
    for (uint16_t thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] { play(world, thread, together[thread]); });
  }
  Words again(kThreads);
  for (uint16_t thread = 0; thread < kThreads; ++thread) {
    play(again, thread, alone[thread]);
    EXPECT_EQ(together[thread].added, alone[thread].added);
    EXPECT_EQ(together[thread].evicted, alone[thread].evicted);
  }
}

}  // namespace
}  // namespace themis::monitor
