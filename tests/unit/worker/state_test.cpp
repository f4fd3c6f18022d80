// env.STATE of real functions in their processes, before a state that notes what it is asked.
#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "tests/unit/store/temporary_directory.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class FunctionState : public PoolTest {
 protected:
  void SetUp() override {
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.merge(state_kinds());
    StateOptions options;
    options.data = directory_.path();
    options.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    options.shape.threads = 2;
    state_ = caf::actor_cast<caf::actor>(world_.caf().spawn<StateActor>(options));
    start_pool(pool_options(2));
  }
  void start_pool(WorkerPoolOptions pool) {
    pool.state = state_;
    pool_ = spawn_worker_pool(pool);
  }
  void TearDown() override {
    PoolTest::TearDown();
    EXPECT_EQ(world_.stop(state_), "user_shutdown");
  }
  Result<StateAnswer> get(const std::string& name_space, const std::string& key) {
    CallState ask;
    THEMIS_CHECK(ask.calls.get(name_space, key));
    const auto all = world_.ask<StateAnswers>(state_, ask);
    return all ? all->front() : fail(all.error());
  }
  storage::TemporaryDirectory directory_;
  caf::actor state_;
};

const std::string kCounter = R"(export default { async fetch(request, env) {
  const [count] = await env.STATE.transaction(['count'], ([old]) => [String(Number(old ?? 0) + 1)]);
  return new Response(count);
} };)";

TEST_F(FunctionState, CountsOverCallsAndProcesses) {
  ASSERT_TRUE(install(kCounter, {}, "counter"));
  for (int i = 1; i <= 50; ++i) ASSERT_EQ(text(kCounter), std::to_string(i));
  const auto kept = get("counter", "count");
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_EQ(as_text(*kept->value), "50");
}

TEST_F(FunctionState, ConcurrentCallsLoseNoCount) {
  ASSERT_TRUE(install(kCounter, {}, "counter"));
  caf::scoped_actor self{world_.caf()};
  const auto ask = [&] {
    return self->request(pool_, kDeadline, CallFunction{id_of(kCounter), invoke()});
  };
  std::vector<decltype(ask())> open;
  while (open.size() < 8) open.push_back(ask());
  for (auto& one : open)
    one.receive([](const wire::Msg<schema::Outcome>&) {},
                [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(text(kCounter), "9");
}

TEST_F(FunctionState, SurvivesTheEndOfItsWorkerProcess) {
  ASSERT_TRUE(install(kCounter, {}, "counter"));
  ASSERT_EQ(text(kCounter), "1");
  kill_process(worker(0).pid);
  kill_process(worker(1).pid);
  std::string answer = text(kCounter);
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (answer.starts_with("unavailable") && std::chrono::steady_clock::now() < end)
    answer = text(kCounter);
  EXPECT_EQ(answer, "2");
}

// A host that was taken over may ask for what its own functions may ask for, and no more.
TEST_F(FunctionState, AdversaryAHostReachesTheStateOfItsFunctionsOnly) {
  EXPECT_EQ(world_.stop(pool_), "user_shutdown");
  WorkerPoolOptions hostile = pool_options(1);
  hostile.programs.node = THEMIS_HOSTILE_HOST;
  start_pool(hostile);
  ASSERT_TRUE(install("mine", {}, "mine"));
  EXPECT_TRUE(text("mine", "mine").starts_with(R"({"certified")")) << text("mine", "mine");
  const std::string denied =
      "denied: another function's state, and workers.shared_state does not name it";
  for (const char* name : {"other", "mine2", ""}) EXPECT_EQ(text("mine", name), denied) << name;
}

TEST_F(FunctionState, SharesTheNamespacesOfTheConfigOnly) {
  EXPECT_EQ(world_.stop(pool_), "user_shutdown");
  WorkerPoolOptions options = pool_options(2);
  options.shared_state = {"orders"};
  start_pool(options);
  const std::string writer = handler("await env.STATE.namespace('orders').put('k', 'v');");
  const std::string reader = handler(
      "const own = await env.STATE.get('k');"
      "const shared = await env.STATE.namespace('orders').get('k');"
      "const other = await env.STATE.namespace('billing').get('k').catch((e) => e.message);"
      "return new Response([own, shared, other].join('|'));");
  ASSERT_TRUE(install(writer, {}, "writer"));
  ASSERT_TRUE(install(reader, {}, "reader"));
  text(writer);
  EXPECT_EQ(text(reader),
            "|v|STATE: denied: another function's state, and workers.shared_state does not name "
            "it");
  EXPECT_EQ(as_text(*get("orders", "k")->value), "v");
}

TEST_F(FunctionState, ARefusalReachesTheHandler) {
  const std::string source = handler(
      "try { await env.STATE.put('k', 'v'.repeat(2000)); } catch (e) {"
      "  return new Response(e.message); }");
  ASSERT_TRUE(install(source));
  EXPECT_EQ(text(source), "STATE: too_large: a value has at most 1024 bytes, not 2000");
}

}  // namespace
}  // namespace themis
