// What real processes compiled goes to who keeps it, and serves the next ones.
#include <algorithm>
#include <caf/all.hpp>
#include <fstream>

#include "runtime/js/limits.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class CodeCaches : public PoolTest {
 protected:
  void SetUp() override {
    keeper_ = world_.caf().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const KeepCodeCache& made) {
        const std::lock_guard lock(mutex_);
        made_.push_back(made);
        changed_.notify_all();
      }};
    });
  }
  void TearDown() override {
    PoolTest::TearDown();
    caf::anon_send_exit(keeper_, caf::exit_reason::user_shutdown);
    keeper_ = nullptr;
  }
  /// A source that is long enough for a cache.
  static std::string source(std::string_view word) {
    std::string text = "const parts = [];\n";
    for (size_t i = 0; text.size() < 2 * js::kCodeCacheSourceMin; ++i)
      text += "function f" + std::to_string(i) + "(x) { return x + " + std::to_string(i) + "; }\n";
    return text + handler("return new Response('" + std::string(word) + "' + f7(1));");
  }
  Result<caf::unit_t> install_kept(const std::string& code,
                                   std::shared_ptr<const Bytes> cache = nullptr) {
    return world_.ask<caf::unit_t>(pool_,
                                   InstallFunction{"f",
                                                   id_of(code),
                                                   std::make_shared<const Bytes>(to_bytes(code)),
                                                   {},
                                                   "owner",
                                                   {},
                                                   {},
                                                   std::move(cache),
                                                   keeper_});
  }
  /// The `count`-th one.
  std::optional<KeepCodeCache> made(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kDeadline, [&] { return made_.size() >= count; });
    if (made_.size() < count) return std::nullopt;
    return made_[count - 1];
  }

  caf::actor keeper_;
  std::vector<KeepCodeCache> made_;
};

TEST_F(CodeCaches, AreMadeOnceAfterTheFirstAnswerAndServeTheNextProcess) {
  const std::string code = source("one");
  start();
  ASSERT_TRUE(install_kept(code));
  EXPECT_EQ(text(code), "one8");
  const auto first = made(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, id_of(code));
  EXPECT_FALSE(first->cache->empty());
  world_.stop(pool_);
  start();
  // What is loaded from a cache makes none; the next function's comes first.
  const std::string other = source("other");
  ASSERT_TRUE(install_kept(code, first->cache));
  EXPECT_EQ(text(code), "one8");
  ASSERT_TRUE(install_kept(other));
  EXPECT_EQ(text(other), "other8");
  const auto second = made(2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, id_of(other));
}

TEST_F(CodeCaches, AdversaryAHostSaysThemOnceOfWhatItRunsOnly) {
  WorkerPoolOptions hostile = pool_options();
  hostile.programs.node = THEMIS_HOSTILE_HOST;
  pool_ = spawn_worker_pool(hostile);
  ASSERT_TRUE(install_kept("mine"));
  EXPECT_EQ(text("mine", "cache " + to_hex(id_of("other"))), "said");
  EXPECT_EQ(text("mine", "cache 00"), "said");
  EXPECT_EQ(text("mine", "cache " + to_hex(id_of("mine"))), "said");
  ASSERT_TRUE(install_kept("last"));
  EXPECT_EQ(text("last", "cache " + to_hex(id_of("last"))), "said");
  ASSERT_TRUE(made(2));
  EXPECT_EQ(made(1)->id, id_of("mine"));
  EXPECT_EQ(as_text(*made(1)->cache), "first");
  EXPECT_EQ(made(2)->id, id_of("last"));
}

TEST_F(CodeCaches, OneThatIsRefusedIsReplaced) {
  const std::string code = source("one");
  start();
  ASSERT_TRUE(install_kept(code, std::make_shared<const Bytes>(to_bytes("garbage"))));
  EXPECT_EQ(text(code), "one8");
  const auto replaced = made(1);
  ASSERT_TRUE(replaced);
  EXPECT_GT(replaced->cache->size(), 1'000u);
}

TEST_F(CodeCaches, OfAFunctionThatIsLoadedAnewIsInMemoryToo) {
  const std::string code = source("one");
  WorkerPoolOptions options = pool_options();
  options.idle_max = 2s;
  pool_ = spawn_worker_pool(options);
  ASSERT_TRUE(install_kept(code));
  EXPECT_EQ(text(code), "one8");
  ASSERT_TRUE(made(1));
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (worker().functions > 0 && std::chrono::steady_clock::now() < end) continue;
  EXPECT_EQ(worker().functions, 0u) << "it was idle";
  EXPECT_EQ(text(code), "one8");
  const std::string other = source("other");
  ASSERT_TRUE(install_kept(other));
  EXPECT_EQ(text(other), "other8");
  const auto second = made(2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, id_of(other)) << "the first one was loaded from its cache";
}

/// A function of 300 KB, of which a call uses a part.
std::string large_source() {
  std::string source;
  size_t count = 0;
  for (; source.size() < (300 << 10); ++count) {
    const std::string n = std::to_string(count);
    source += "class Shape" + n + " { constructor(a) { this.a = a; this.name = 'shape" + n +
              "'; } area(b) { let sum = 0; for (let i = 0; i < b; ++i) sum += i * this.a; "
              "return sum; } describe() { return `${this.name} of ${this.a}`; } }\n"
              "export const make" +
              n + " = (a) => new Shape" + n + "(a ?? " + n + ");\n";
  }
  source += "const all = [";
  for (size_t i = 0; i < count; i += 4) source += "make" + std::to_string(i) + ",";
  return source +
         "];\nexport default { async fetch() { return new Response("
         "all.map((make) => make(3).describe()).join().length); } };";
}

/// Printed: what the first call of a large function costs, from its installation on.
TEST_F(CodeCaches, MakeLargeFunctionsStartSooner) {
  constexpr size_t kRounds = 40;
  const std::string code = large_source();
  start();
  ASSERT_TRUE(install_kept(code));
  ASSERT_TRUE(call(code));
  const auto kept = made(1);
  ASSERT_TRUE(kept);
  const uint32_t pid = worker().pid;
  const auto cpu_us = [pid] {
    std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
    double ns = 0;
    file >> ns;
    return ns / 1e3;
  };
  const auto measure = [&](const char* what, const std::shared_ptr<const Bytes>& cache) {
    std::vector<double> wall, cpu;
    for (size_t i = 0; i < kRounds; ++i) {
      caf::anon_send(pool_, UninstallFunction{id_of(code)});
      EXPECT_GE(worker().pid, 1u);  // by then it is unloaded
      const double before = cpu_us();
      const auto start = std::chrono::steady_clock::now();
      EXPECT_TRUE(install_kept(code, cache));
      EXPECT_TRUE(call(code));
      wall.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
      cpu.push_back(cpu_us() - before);
    }
    std::ranges::sort(wall);
    std::ranges::sort(cpu);
    std::printf(
        "%zu KB, %s: install and first call p50 %.1f ms, p99 %.1f ms; CPU of the process "
        "p50 %.1f ms\n",
        code.size() >> 10, what, wall[kRounds / 2] / 1e3, wall.back() / 1e3,
        cpu[kRounds / 2] / 1e3);
  };
  std::printf("code cache of %zu KB\n", kept->cache->size() >> 10);
  measure("compiled", nullptr);
  measure("from its code cache", kept->cache);
}

}  // namespace
}  // namespace themis
