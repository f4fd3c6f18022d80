#pragma once
// A worker pool with real processes, and short words for what tests do with it.

#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "actors/worker/worker_pool.hpp"
#include "runtime/crypto/hash.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {

class PoolTest : public testing::Test {
 protected:
  WorkerPoolOptions pool_options(uint32_t count = 1) {
    WorkerPoolOptions options;
    options.home = world_.home();
    options.count = count;
    const std::string folder = THEMIS_WORKER_FOLDER;
    options.programs = {folder + "/node", folder + "/launcher.cjs", folder + "/themis-worker.node",
                        folder + "/themis-worker.snapshot"};
    options.log = [this](std::string_view function, uint8_t level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::string(function) + " " + std::to_string(level) + " " +
                       std::string(text));
      changed_.notify_all();
    };
    return options;
  }
  void start(uint32_t count = 1) { pool_ = spawn_worker_pool(pool_options(count)); }
  void TearDown() override {
    if (pool_) {
      EXPECT_EQ(world_.stop(pool_), "user_shutdown");
    }
    pool_ = nullptr;
  }

  static CodeId id_of(std::string_view source) { return crypto::blake2b(as_bytes(source)); }
  /// A module whose fetch has this body.
  static std::string handler(std::string_view body) {
    return "export default { async fetch(request, env, ctx) {" + std::string(body) + "} };";
  }

  Result<caf::unit_t> install(const std::string& source, FunctionLimits limits = {},
                              const std::string& name = "f") {
    return world_.ask<caf::unit_t>(
        pool_, InstallFunction{name, id_of(source), std::make_shared<const Bytes>(to_bytes(source)),
                               limits});
  }
  static wire::Msg<schema::Invoke> invoke(std::string_view body = "") {
    wire::Builder<schema::Invoke> message(64 + body.size() / 8);
    message->setMethod("POST");
    message->setUrl("http://f/path?x=1");
    auto headers = message->initHeaders(1);
    headers[0].setName("x-test");
    headers[0].setValue("yes");
    message->setBody(wire::to_data(as_bytes(body)));
    return message.finish();
  }
  Result<wire::Msg<schema::Outcome>> call(const std::string& source, std::string_view body = "") {
    return world_.ask<wire::Msg<schema::Outcome>>(pool_, CallFunction{id_of(source), invoke(body)});
  }
  /// The body of the answer, or the error as text.
  static std::string text_of(const Result<wire::Msg<schema::Outcome>>& outcome) {
    if (!outcome) return outcome.error().text();
    return std::string(as_text(wire::bytes_of(outcome->view()->getBody())));
  }
  std::string text(const std::string& source, std::string_view body = "") {
    return text_of(call(source, body));
  }
  static Code code(const Result<wire::Msg<schema::Outcome>>& outcome) {
    return outcome ? Code{} : outcome.error().code;
  }
  /// The process of a slot once it is up; each question is answered by it and the supervisor.
  WorkerReport worker(size_t slot = 0) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    WorkerReport line;
    while (line.state != "up" && std::chrono::steady_clock::now() < end) {
      const auto report = world_.ask<WorkersReport>(pool_, ReportWorkers{});
      if (report && slot < report->workers.size()) line = report->workers[slot];
    }
    EXPECT_EQ(line.state, "up");
    return line;
  }
  static void kill_process(uint32_t pid) {
    ASSERT_GT(pid, 1u);  // 0 and -1 mean others
    ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  }
  /// Waits for a console line that contains `text`.
  std::string line_with(std::string_view text) {
    std::unique_lock lock(mutex_);
    std::string found = "no such line";
    changed_.wait_for(lock, kDeadline, [&] {
      for (const std::string& line : lines_)
        if (line.find(text) != std::string::npos) found = line;
      return found != "no such line";
    });
    return found;
  }

  /// How many console lines that contain `text` have come.
  int lines_with(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::ranges::count_if(
        lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

  ReactorThread world_;
  caf::actor pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

/// Answers with its body.
inline const std::string kEcho =
    "export default { async fetch(request) { return new Response(await request.text()); } };";
/// Never returns, in a loop that V8 can end.
inline const std::string kLoop = "export default { fetch() { for (;;) {} } };";
/// Sits in one V8 builtin that never looks up.
inline const std::string kStuck =
    "export default { fetch() { Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1); } };";

}  // namespace themis
