// Functions of different owners in processes of their own, and functions that leave their process.
#include <algorithm>

#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class WorkerOwners : public PoolTest {
 protected:
  void start_with(const std::function<void(WorkerPoolOptions&)>& change) {
    WorkerPoolOptions options = pool_options(1);
    change(options);
    pool_ = spawn_worker_pool(options);
  }
  /// The same code under another owner is another function.
  static CodeId id(const std::string& owner, const std::string& source) {
    return id_of(owner + " " + source);
  }
  Result<caf::unit_t> install_for(const std::string& owner, const std::string& source) {
    return world_.ask<caf::unit_t>(pool_,
                                   InstallFunction{"f-" + owner,
                                                   id(owner, source),
                                                   std::make_shared<const Bytes>(to_bytes(source)),
                                                   {},
                                                   owner});
  }
  std::string text_for(const std::string& owner, const std::string& source) {
    return text_of(
        world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id(owner, source), invoke()}));
  }
  WorkersReport report() { return world_.ask<WorkersReport>(pool_, ReportWorkers{}).value(); }
  /// Asks for reports until one is as wanted.
  bool comes(const std::function<bool(const WorkersReport&)>& wanted) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < end)
      if (wanted(report())) return true;
    return false;
  }
  const std::string count_ =
      "let n = 0; export default { fetch() { return new Response(`${++n}`); } };";
};

TEST_F(WorkerOwners, NeverShareAProcess) {
  start_with([](WorkerPoolOptions& options) { options.spare = 1; });
  worker(1);
  ASSERT_TRUE(install_for("ada", count_));
  ASSERT_TRUE(install_for("bob", count_));
  EXPECT_EQ(text_for("ada", count_), "1");
  EXPECT_EQ(text_for("ada", count_), "2");
  EXPECT_EQ(text_for("bob", count_), "1") << "his own isolate";
  const WorkersReport both = report();
  std::set<std::string> owners;
  for (const WorkerReport& line : both.workers) {
    owners.insert(line.owner);
    EXPECT_EQ(line.functions, 1u);
  }
  EXPECT_EQ(owners, (std::set<std::string>{"ada", "bob"}));
  EXPECT_NE(both.workers[0].pid, both.workers[1].pid);
  EXPECT_EQ(both.recycled, 0u);
}

TEST_F(WorkerOwners, AnIdleProcessIsStartedAnewForAnother) {
  start_with([](WorkerPoolOptions&) {});
  ASSERT_TRUE(install_for("ada", count_));
  EXPECT_EQ(text_for("ada", count_), "1");
  const uint32_t before = worker().pid;
  ASSERT_TRUE(install_for("bob", count_));
  EXPECT_EQ(text_for("bob", count_), "1");
  EXPECT_EQ(worker().owner, "bob");
  EXPECT_NE(worker().pid, before);
  EXPECT_EQ(text_for("ada", count_), "1") << "loaded anew, in a process of its own";
  EXPECT_EQ(report().recycled, 2u);
}

TEST_F(WorkerOwners, ABusyProcessIsWaitedFor) {
  start_with([](WorkerPoolOptions&) {});
  const std::string slow = handler(
      "console.log('started'); await new Promise((done) => setTimeout(done, 300));"
      "return new Response('done')");
  ASSERT_TRUE(install_for("ada", slow));
  auto first = std::async(std::launch::async, [&] { return text_for("ada", slow); });
  line_with("started");
  ASSERT_TRUE(install_for("bob", count_));
  EXPECT_EQ(text_for("bob", count_), "1");
  EXPECT_EQ(first.get(), "done") << "it was not ended for another's sake";
}

TEST_F(WorkerOwners, OneOwnerHasItsProcessesOnly) {
  start_with([](WorkerPoolOptions& options) { options.spare = 1; });
  worker(1);
  const std::string slow = handler(
      "console.log('started'); await new Promise((done) => setTimeout(done, 200));"
      "return new Response('done')");
  ASSERT_TRUE(install_for("ada", slow));
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 8; ++i)
    calls.push_back(std::async(std::launch::async, [&] { return text_for("ada", slow); }));
  line_with("started");
  size_t used = 0;
  for (const WorkerReport& line : report().workers) used += line.owner == "ada" ? 1 : 0;
  EXPECT_EQ(used, 1u) << "the spare one is for others";
  for (auto& one : calls) EXPECT_EQ(one.get(), "done");
}

TEST_F(WorkerOwners, WhatNobodyCallsIsUnloaded) {
  start_with([](WorkerPoolOptions& options) { options.idle_max = 50ms; });
  ASSERT_TRUE(install_for("ada", count_));
  EXPECT_EQ(text_for("ada", count_), "1");
  ASSERT_TRUE(comes([](const WorkersReport& r) {
    return std::ranges::all_of(r.workers, [](const WorkerReport& line) {
      return line.state == "up" && line.functions == 0;
    });
  }));
  EXPECT_EQ(text_for("ada", count_), "1") << "loaded anew";
}

TEST_F(WorkerOwners, WhatIsOldIsLoadedAnew) {
  start_with([](WorkerPoolOptions& options) { options.age_max = 50ms; });
  ASSERT_TRUE(install_for("ada", count_));
  EXPECT_EQ(text_for("ada", count_), "1");
  ASSERT_TRUE(comes([this](const WorkersReport&) { return text_for("ada", count_) == "1"; }))
      << "however often it is called";
}

TEST_F(WorkerOwners, ANearlyFullHeapIsLeftBetweenTwoCalls) {
  start_with([](WorkerPoolOptions&) {});
  const std::string keeps =
      "const kept = []; export default { fetch() {"
      "  kept.push(new Array(16384).fill(0.5)); return new Response(`${kept.length}`); } };";
  ASSERT_TRUE(install(keeps, {.memory_mb = 32}));
  bool anew = false;
  for (int i = 0; i < 400; ++i) {
    const std::string answer = text(keeps);
    ASSERT_TRUE(answer.find_first_not_of("0123456789") == std::string::npos) << i << answer;
    anew = anew || (i > 0 && answer == "1");
  }
  EXPECT_TRUE(anew);
}

TEST_F(WorkerOwners, ALimitThatIsMetIsALineInTheLogAndCounted) {
  start_with([](WorkerPoolOptions&) {});
  ASSERT_TRUE(install_for("ada", kLoop));
  EXPECT_EQ(text_for("ada", kLoop), "cpu_exceeded: over 50 ms of CPU time");
  EXPECT_EQ(line_with("cpu_exceeded"), "f-ada 3 cpu_exceeded: over 50 ms of CPU time");
  EXPECT_EQ(report().breaches, (Breaches{{Code::cpu_exceeded, 1}}));
}

TEST_F(WorkerOwners, TheProfileIsTheProcesses) {
  const std::string source = handler(
      "let seen = typeof WebAssembly; try { seen += eval('1'); } catch { seen += ' none'; }"
      "return new Response(seen)");
  const auto seen = [&](js::Profile profile, bool jitless) {
    start_with([&](WorkerPoolOptions& options) {
      options.profile = profile;
      options.jitless = jitless;
    });
    EXPECT_TRUE(install_for("ada", source));
    const std::string answer = text_for("ada", source);
    EXPECT_EQ(world_.stop(std::exchange(pool_, nullptr)), "user_shutdown");
    return answer;
  };
  EXPECT_EQ(seen(js::Profile::multi_tenant, false), "object none");
  EXPECT_EQ(seen(js::Profile::trusted, false), "object1");
  EXPECT_EQ(seen(js::Profile::multi_tenant, true), "undefined none");
}

}  // namespace
}  // namespace themis
