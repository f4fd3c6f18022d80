// Functions run in their process and answer; what breaks a limit or throws ends alone.
#include "actors/worker/worker_process.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class WorkerCalls : public PoolTest {};

TEST_F(WorkerCalls, AnswersWithTheResponse) {
  start();
  const std::string source = handler(
      "return new Response(request.method + ' ' + request.url + ' ' + "
      "request.headers.get('x-test'),"
      "  { status: 201, headers: { 'X-Answer': '42' } })");
  ASSERT_TRUE(install(source));
  const auto outcome = call(source);
  EXPECT_EQ(text_of(outcome), "POST http://f/path?x=1 yes");
  ASSERT_TRUE(outcome);
  const auto view = outcome->view();
  EXPECT_EQ(view->getStatus(), 201);
  bool found = false;
  for (const auto header : view->getHeaders())
    found = found || (wire::text_of(header.getName()) == "x-answer" &&
                      wire::text_of(header.getValue()) == "42");
  EXPECT_TRUE(found);
}

TEST_F(WorkerCalls, CarriesBodiesBothWays) {
  start();
  ASSERT_TRUE(install(kEcho));
  EXPECT_EQ(text(kEcho, "hello"), "hello");
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(text(kEcho, large), large);
}

TEST_F(WorkerCalls, RefusesAResponseThatFitsNoMessage) {
  start();
  const std::string source = handler("return new Response('x'.repeat(1100000))");
  ASSERT_TRUE(install(source));
  EXPECT_EQ(code(call(source)), Code::too_large);
  const std::string headers =
      handler("return new Response('', { headers: { a: 'x'.repeat(300000) } })");
  ASSERT_TRUE(install(headers));
  EXPECT_EQ(code(call(headers)), Code::too_large);
}

TEST_F(WorkerCalls, ReportsSyntaxErrorsWhenInstalled) {
  start();
  const std::string source = "export default { fetch( { };";
  const auto installed = install(source);
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().code, Code::syntax);
  EXPECT_NE(installed.error().detail.find("f"), std::string::npos) << installed.error().detail;
  EXPECT_EQ(code(call(source)), Code::not_found) << "it is not installed";
}

TEST_F(WorkerCalls, RefusesWhatIsNotInstalledAndSenselessLimits) {
  start();
  EXPECT_EQ(code(call(kEcho)), Code::not_found);
  EXPECT_EQ(install(kEcho, {.cpu_ms = 0}).error().code, Code::invalid);
  EXPECT_EQ(install(kEcho, {.memory_mb = 1 << 20}).error().code, Code::invalid);
}

TEST_F(WorkerCalls, AnswersThrownErrorsAndGoesOn) {
  start();
  const std::string source = handler(
      "const body = await request.text(); if (body === 'throw') throw new Error('boom');"
      "return new Response('fine')");
  ASSERT_TRUE(install(source));
  const auto thrown = call(source, "throw");
  EXPECT_EQ(code(thrown), Code::threw);
  EXPECT_NE(text_of(thrown).find("boom"), std::string::npos) << text_of(thrown);
  EXPECT_EQ(text(source), "fine");
}

/// A call of this very node was refused by its own worker, which keeps no replies.
TEST_F(WorkerCalls, RegressACallWithAnIdempotencyKeyRuns) {
  start();
  ASSERT_TRUE(install(kEcho));
  auto asked = invoke("hello");
  wire::IdempotencyKey key;
  key.bytes[0] = std::byte{1};
  asked.frame().writable()->set_idempotency_key(key);
  EXPECT_EQ(
      text_of(world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id_of(kEcho), asked})),
      "hello");
}

/// Through the pool and the session with the process, to the isolate.
TEST_F(WorkerCalls, EndsACallThatNobodyWaitsFor) {
  start();
  const std::string source = handler(
      "console.log('begun'); await new Promise((r) => setTimeout(r, 20000));"
      "return new Response('too late')");
  ASSERT_TRUE(install(source));
  const auto asked = invoke();
  caf::scoped_actor self{world_.caf()};
  auto pending = self->request(pool_, caf::infinite, CallFunction{id_of(source), asked});
  ASSERT_NE(line_with("begun"), "no such line");
  asked.frame()->cancel();
  self->send(pool_, CancelRequest{asked.frame()});
  pending.receive(
      [](const wire::Msg<schema::Outcome>&) { ADD_FAILURE() << "it ran to its end"; },
      [](const caf::error& error) { EXPECT_EQ(from_caf(error).code, Code::cancelled); });
  EXPECT_EQ(worker().in_flight, 0u);
}

TEST_F(WorkerCalls, EndsALoopAndLeavesOtherFunctionsAlone) {
  start();
  ASSERT_TRUE(install(kLoop));
  ASSERT_TRUE(install(kEcho));
  const uint32_t pid = worker().pid;
  EXPECT_EQ(code(call(kLoop)), Code::cpu_exceeded);
  EXPECT_EQ(text(kEcho, "still here"), "still here");
  EXPECT_EQ(worker().pid, pid) << "the process went on";
}

TEST_F(WorkerCalls, LoadsAFunctionAgainAfterItFilledItsHeap) {
  start();
  const std::string source = handler(
      "if (await request.text() === 'fill') { const all = []; for (;;) all.push(new "
      "Array(1000).fill({})); }"
      "return new Response('fine')");
  ASSERT_TRUE(install(source, {.memory_mb = 16, .cpu_ms = 5'000}));
  const uint32_t pid = worker().pid;
  EXPECT_EQ(code(call(source, "fill")), Code::memory_exceeded);
  EXPECT_EQ(text(source), "fine");
  EXPECT_EQ(worker().pid, pid) << "the process went on";
}

TEST_F(WorkerCalls, RunsCallsOfOneFunctionConcurrently) {
  start();
  // The second call settles the first: both must be in flight at a time.
  const std::string source =
      "let settle; export default { fetch(request) {"
      "if (settle) { settle(new Response('first')); return new Response('second'); }"
      "return new Promise((resolve) => { settle = resolve; setTimeout(() => resolve(new "
      "Response('late')), 20000); }); } };";
  ASSERT_TRUE(install(source));
  auto first = std::async(std::launch::async, [&] { return text(source); });
  auto second = std::async(std::launch::async, [&] { return text(source); });
  const std::string answers = first.get() + second.get();
  EXPECT_TRUE(answers == "firstsecond" || answers == "secondfirst") << answers;
}

TEST_F(WorkerCalls, TakesNoMoreCallsOfAFunctionAtOnceThanItsLimit) {
  start();
  const std::string source = handler(
      "if (await request.text() !== 'wait') return new Response('now');"
      "await scheduler.wait(300); return new Response('waited');");
  ASSERT_TRUE(install(source, {.max_requests = 1}));
  constexpr int kTriesMax = 100'000;  // until the other thread's call is there, between two of ours
  auto waiting = std::async(std::launch::async, [&] {
    std::string answer;
    for (int i = 0; i < kTriesMax && answer != "waited"; ++i) answer = text(source, "wait");
    return answer;
  });
  Result<wire::Msg<schema::Outcome>> refused = call(source);
  for (int i = 0; i < kTriesMax && refused; ++i) refused = call(source);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "overloaded: the function has 1 requests under way here, as many as it may");
  EXPECT_EQ(waiting.get(), "waited");
  EXPECT_EQ(text(source), "now") << "its place is free again";
  EXPECT_EQ(code(call(kEcho)), Code::not_found);
  EXPECT_FALSE(install(kEcho, {.max_requests = 0}));
}

TEST_F(WorkerCalls, LoadsOnceForCallsThatComeTogether) {
  start(2);
  ASSERT_TRUE(install(kEcho));
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 32; ++i)
    answers.push_back(
        std::async(std::launch::async, [&, i] { return text(kEcho, std::to_string(i)); }));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(answers[static_cast<size_t>(i)].get(), std::to_string(i));
  for (size_t slot = 0; slot < 2; ++slot) EXPECT_LE(worker(slot).functions, 1u);
}

TEST_F(WorkerCalls, WaitsForTimersAndStopsAtTheWallLimit) {
  start();
  const std::string source = handler(
      "const delay = Number(await request.text());"
      "await new Promise((done) => setTimeout(done, delay));"
      "return new Response('woke')");
  ASSERT_TRUE(install(source, {.wall_ms = 300}));
  EXPECT_EQ(text(source, "20"), "woke");
  EXPECT_EQ(code(call(source, "20000")), Code::timeout);
  EXPECT_EQ(text(source, "1"), "woke");
}

TEST_F(WorkerCalls, TakesASourceOfOneMegabyte) {
  start();
  std::string source = handler("return new Response('large')");
  source += "//" + std::string((1 << 20) - source.size() - 2, 'x');
  ASSERT_EQ(source.size(), size_t{1} << 20);
  ASSERT_TRUE(install(source));
  EXPECT_EQ(text(source), "large");
  EXPECT_EQ(install(source + "x").error().code, Code::too_large);
}

TEST_F(WorkerCalls, BringsConsoleLines) {
  start();
  const std::string source = handler("console.warn('watch', 7); return new Response('')");
  ASSERT_TRUE(install(source, {}, "talker"));
  ASSERT_TRUE(call(source));
  EXPECT_EQ(line_with("watch"), "talker 2 watch 7");
}

TEST_F(WorkerCalls, RegressTheNewestFunctionDoesNotMakeRoomForTheNext) {
  start();
  const auto numbered = [](int n) {
    return "/*" + std::to_string(n) + "*/" + handler("return new Response('')");
  };
  constexpr int kMost = static_cast<int>(WorkerProcess::kLoadedMax);
  for (int n = 0; n < kMost - 1; ++n) {
    ASSERT_TRUE(install(numbered(n)));
    ASSERT_TRUE(call(numbered(n)));
    ASSERT_TRUE(call(numbered(n)));
  }
  const std::string newest =
      "console.log('loaded newest');" + handler("console.log('called'); return new Response('')");
  ASSERT_TRUE(install(newest));               // full
  ASSERT_TRUE(install(numbered(kMost - 1)));  // one makes room: the first, not the one before
  ASSERT_TRUE(call(newest));
  line_with("called");  // comes after whatever loading it again would have printed
  EXPECT_EQ(lines_with("loaded newest"), 1);
}

TEST_F(WorkerCalls, ForgetsWhatIsUninstalled) {
  start();
  ASSERT_TRUE(install(kEcho));
  EXPECT_EQ(text(kEcho, "a"), "a");
  caf::anon_send(pool_, UninstallFunction{id_of(kEcho)});
  EXPECT_EQ(code(call(kEcho)), Code::not_found);
  ASSERT_TRUE(install(kEcho));
  EXPECT_EQ(text(kEcho, "b"), "b");
}

TEST_F(WorkerCalls, ReportsItsProcesses) {
  start(2);
  ASSERT_TRUE(install(kEcho));
  const WorkerReport first = worker(0);
  EXPECT_EQ(first.state, "up");
  EXPECT_GT(first.pid, 1u);
  EXPECT_EQ(first.restarts, 0u);
  EXPECT_EQ(first.functions + worker(1).functions, 1u);
  EXPECT_NE(first.confinement.find("; seccomp"), std::string::npos) << first.confinement;
}

}  // namespace
}  // namespace themis
