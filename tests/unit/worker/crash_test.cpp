// A worker process that dies takes nobody along and is back at once.
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class WorkerCrash : public PoolTest {
 protected:
  /// Answers once the function has started and will not come back by itself for a while.
  const std::string waiting_ = handler(
      "console.log('started'); await new Promise((done) => setTimeout(done, 20000));"
      "return new Response('')");

  using Outcomes = std::map<Code, size_t>;
  /// Asks so often at once, does `then` when all run, and counts the answers; an unanswered call
  /// counts as timeout.
  Outcomes ask_all(size_t calls, const std::function<void()>& then) {
    caf::scoped_actor self{world_.caf()};
    const auto send = [&] {
      return self->request(pool_, kDeadline / 2, CallFunction{id_of(waiting_), invoke()});
    };
    std::vector<decltype(send())> open;
    while (open.size() < calls) open.push_back(send());
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (lines_with("started") < static_cast<int>(calls) &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    then();
    Outcomes outcomes;
    for (auto& one : open)
      one.receive([&](const wire::Msg<schema::Outcome>&) { ++outcomes[Code::internal]; },
                  [&](const caf::error& error) { ++outcomes[from_caf(error).code]; });
    return outcomes;
  }
};

TEST_F(WorkerCrash, AnswersCallsInFlightAndIsBack) {
  start();
  ASSERT_TRUE(install(waiting_));
  ASSERT_TRUE(install(kEcho));
  auto pending = std::async(std::launch::async, [&] { return call(waiting_); });
  line_with("started");
  const WorkerReport before = worker();
  kill_process(before.pid);
  const auto lost = pending.get();
  EXPECT_EQ(code(lost), Code::unavailable) << text_of(lost);
  EXPECT_EQ(text(kEcho, "back"), "back") << "it is loaded again";
  const WorkerReport after = worker();
  EXPECT_NE(after.pid, before.pid);
  EXPECT_EQ(after.restarts, before.restarts + 1);
}

TEST_F(WorkerCrash, EveryCallIsAnsweredWhenItsProcessIsKilled) {
  start();
  ASSERT_TRUE(install(waiting_));
  const uint32_t pid = worker().pid;
  EXPECT_EQ(ask_all(100, [&] { kill_process(pid); }), (Outcomes{{Code::unavailable, 100}}));
}

/// A message that ends its process again and again came again for ever.
TEST_F(WorkerCrash, RegressAnEventCountsWhenItsProcessDies) {
  start();
  const std::string source =
      "export default { async queue() { console.log('started');"
      " await new Promise((done) => setTimeout(done, 20000)); } };";
  ASSERT_TRUE(install(source));
  wire::Builder<schema::Invoke> batch;
  batch->setMethod("POST");
  batch->setUrl("http://queue/");
  batch->setEvent(static_cast<uint8_t>(js::Event::queue));
  const std::string json = R"({"queue":"jobs","messages":[]})";
  batch->setBody(wire::to_data(as_bytes(json)));
  const CallFunction order{id_of(source), batch.finish()};
  auto pending = std::async(std::launch::async,
                            [&] { return world_.ask<wire::Msg<schema::Outcome>>(pool_, order); });
  line_with("started");
  kill_process(worker().pid);
  const auto lost = pending.get();
  EXPECT_EQ(code(lost), Code::internal) << text_of(lost);
}

/// The promises of calls on their way went with the pool, and each caller waited for its timeout.
TEST_F(WorkerCrash, RegressEveryCallIsAnsweredWhenThePoolIsKilled) {
  start(2);
  ASSERT_TRUE(install(waiting_));
  worker(1);
  const auto kill = [&] { caf::anon_send_exit(pool_, caf::exit_reason::kill); };
  EXPECT_EQ(ask_all(100, kill), (Outcomes{{Code::unavailable, 100}}));
  world_.end_of(pool_);
  pool_ = nullptr;
}

TEST_F(WorkerCrash, CallsGoToTheProcessesThatAreLeft) {
  start(2);
  ASSERT_TRUE(install(kEcho));
  worker(1);
  kill_process(worker(0).pid);
  for (int i = 0; i < 50; ++i) {
    const auto outcome = call(kEcho, "x");
    // Only a call that was on its way into the dying process may be lost.
    EXPECT_TRUE(outcome || code(outcome) == Code::unavailable) << text_of(outcome);
    if (i > 0) {
      EXPECT_EQ(text_of(outcome), "x");
    }
  }
}

TEST_F(WorkerCrash, AdversaryStuckInABuiltinIsKilledAndItsProcessComesBack) {
  start();
  ASSERT_TRUE(install(kStuck));
  ASSERT_TRUE(install(kEcho));
  const WorkerReport before = worker();
  log::setup(log::Level::off, log::Format::text);
  const auto stuck = call(kStuck);
  EXPECT_EQ(code(stuck), Code::cpu_exceeded) << text_of(stuck);
  EXPECT_EQ(text(kEcho, "back"), "back");
  EXPECT_NE(worker().pid, before.pid);
}

/// Its neighbours in the process were told that they had used up their CPU time.
TEST_F(WorkerCrash, RegressWhoCameAfterTheStuckOneIsNotBlamed) {
  start();
  ASSERT_TRUE(install(kStuck, {.wall_ms = 200}));
  ASSERT_TRUE(install(kEcho));
  log::setup(log::Level::off, log::Format::text);
  EXPECT_EQ(code(call(kStuck)), Code::timeout) << "the process is looked at from here on";
  const auto neighbour = call(kEcho);
  EXPECT_EQ(code(neighbour), Code::unavailable) << text_of(neighbour);
  EXPECT_EQ(text(kEcho, "back"), "back");
}

TEST_F(WorkerCrash, AdversaryStuckWhileItIsLoadedIsKilledToo) {
  start();
  log::setup(log::Level::off, log::Format::text);
  const auto installed = install("Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);");
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().code, Code::cpu_exceeded) << installed.error().text();
  ASSERT_TRUE(install(kEcho));
  EXPECT_EQ(text(kEcho, "back"), "back");
}

TEST_F(WorkerCrash, ABusyProcessIsNotTakenForAStuckOne) {
  start();
  // Each call takes some 50 ms of CPU time and forty wait behind each other: the last is overdue.
  const std::string source =
      handler("let n = 0; for (let i = 0; i < 3e7; ++i) n += i % 7; return new Response('done')");
  ASSERT_TRUE(install(source, {.cpu_ms = 500}));
  const uint32_t pid = worker().pid;
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 40; ++i)
    answers.push_back(std::async(std::launch::async, [&] { return text(source); }));
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "done");
  EXPECT_EQ(worker().pid, pid);
}

TEST_F(WorkerCrash, StopsItsProcessesWhenItIsAskedTo) {
  start(2);
  ASSERT_TRUE(install(kEcho));
  const pid_t pid = static_cast<pid_t>(worker().pid);
  ASSERT_GT(pid, 1);
  ASSERT_EQ(::kill(pid, 0), 0);
  EXPECT_EQ(world_.stop(pool_), "user_shutdown");
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  pool_ = nullptr;
}

TEST_F(WorkerCrash, RegressSaysWhatIsMissing) {
  WorkerPoolOptions options;
  options.home = world_.home();
  options.programs = {"/no/such/node", "", "", ""};
  log::setup(log::Level::off, log::Format::text);
  const caf::actor pool = spawn_worker_pool(options);
  const std::string source = kEcho;
  const auto installed = world_.ask<caf::unit_t>(
      pool,
      InstallFunction{"f", id_of(source), std::make_shared<const Bytes>(to_bytes(source)), {}});
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().text(),
            "unavailable: no worker process is up: /no/such/node: No such file or directory");
  const auto report = world_.ask<WorkersReport>(pool, ReportWorkers{});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->workers[0].why, "io: /no/such/node: No such file or directory");
  EXPECT_EQ(world_.stop(pool), "user_shutdown");
}

}  // namespace
}  // namespace themis
