// What functions take of memory, as their processes say.
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class WorkerFigures : public PoolTest {
 protected:
  FunctionUse use_of(const std::string& source) {
    const auto use = world_.ask<FunctionsUse>(pool_, MeasureFunctions{});
    EXPECT_TRUE(use);
    const auto found = use->functions.find(id_of(source));
    return found == use->functions.end() ? FunctionUse{} : found->second;
  }
};

TEST_F(WorkerFigures, AreOfEachIsolateWithItsBuffers) {
  start();
  const std::string keeps =
      "let kept; export default { async fetch(request) {"
      "kept = new Uint8Array(1048576 * Number(await request.text())).fill(1);"
      "return new Response('' + kept.length); } };";
  ASSERT_TRUE(install(keeps));
  ASSERT_TRUE(install(kEcho));
  text(keeps, "1");
  text(kEcho);
  EXPECT_EQ(use_of("neither").isolates, 0u);
  const FunctionUse small = use_of(keeps);
  EXPECT_EQ(small.isolates, 1u);
  EXPECT_GT(small.memory_kb, 1024u);
  EXPECT_EQ(text(keeps, "20"), "20971520");
  const FunctionUse large = use_of(keeps);
  EXPECT_GT(large.memory_kb, small.memory_kb + 15 * 1024);
  const FunctionUse other = use_of(kEcho);
  EXPECT_EQ(other.isolates, 1u);
  EXPECT_LT(other.memory_kb, large.memory_kb - 15 * 1024) << "not the neighbour's";
}

TEST_F(WorkerFigures, OfABusyProcessAreThoseOfBefore) {
  start();
  ASSERT_TRUE(install(kEcho));
  text(kEcho);
  const FunctionUse before = use_of(kEcho);
  const std::string busy = handler("console.log('busy'); for (;;) {}");
  ASSERT_TRUE(install(busy, {.cpu_ms = 1500}));
  auto call = std::async(std::launch::async, [&] { return text(busy); });
  line_with("busy");
  const FunctionUse during = use_of(kEcho);
  EXPECT_EQ(during.isolates, 1u);
  EXPECT_EQ(during.memory_kb, before.memory_kb);
  EXPECT_TRUE(call.get().starts_with("cpu_exceeded"));
}

TEST_F(WorkerFigures, AdversaryAHostSaysNoMoreThanItsProcessMayHave) {
  WorkerPoolOptions hostile = pool_options(1);
  hostile.programs.node = THEMIS_HOSTILE_HOST;
  hostile.process_memory_bytes = uint64_t{64} << 20;
  pool_ = spawn_worker_pool(hostile);
  ASSERT_TRUE(install("mine", {}, "mine"));
  const auto use = world_.ask<FunctionsUse>(pool_, MeasureFunctions{});
  ASSERT_TRUE(use);
  ASSERT_EQ(use->functions.size(), 1u) << "not of functions that it does not run";
  EXPECT_EQ(use->functions.begin()->first, id_of("mine"));
  EXPECT_EQ(use->functions.begin()->second.isolates, 1u);
  EXPECT_EQ(use->functions.begin()->second.memory_kb, 64u << 10);
}

}  // namespace
}  // namespace themis
