// What real processes compiled goes to who keeps it, and serves the next ones.
#include <caf/all.hpp>

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

}  // namespace
}  // namespace themis
