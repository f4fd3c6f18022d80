// Actors in real worker processes: each once, with one code at a time.
#include <caf/all.hpp>

#include <thread>

#include "actors/monitor/state_api.hpp"
#include "actors/system/caf_error.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

using StateAnsweredMsg = wire::Msg<schema::StateAnswered>;

const std::string kCounter =
    "export default { fetch() {} };"
    "const run = crypto.randomUUID();"
    "export class Counter { constructor(ctx) { this.ctx = ctx; this.n = 0; }"
    "async fetch(request) { const what = await request.text(); ++this.n;"
    "if (what === 'run') return new Response(run);"
    "if (what === 'wait') await this.ctx.storage.get('wait');"
    "if (what === 'alarm') await this.ctx.storage.setAlarm(5000);"
    "return new Response(VERSION + this.ctx.id + this.n); } }";

class Actors : public PoolTest {
 protected:
  /// A state that has nothing, and answers "wait" when told to; a gate that notes alarms.
  void SetUp() override {
    state_ = world_.caf().spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self](const AskHome& ask) -> caf::result<StateAnsweredMsg> {
                const auto view = ask.question.view();
                const std::string_view call = as_text(wire::bytes_of(view->getCall()));
                note(std::string(wire::text_of(view->getNameSpace())) + " " + std::string(call));
                if (call.find("/wait") == std::string_view::npos) return nothing();
                waiting_ = self->make_response_promise<StateAnsweredMsg>();
                return *waiting_;
              },
              [this](caf::ok_atom) {
                waiting_->deliver(nothing());
                waiting_.reset();
              },
              [this](caf::get_atom) { return waiting_.has_value(); }};
    });
    gate_ = world_.caf().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const NoteAlarm& alarm) -> caf::result<void> {
        note("alarm " + alarm.name_space + " " + std::to_string(alarm.at_ms));
        if (is_full_) return to_caf({Code::overloaded, "as many alarms as it may"});
        return caf::unit;
      }};
    });
    WorkerPoolOptions options = pool_options(2);
    options.state = state_;
    options.functions = gate_;
    pool_ = spawn_worker_pool(options);
  }
  void TearDown() override {
    PoolTest::TearDown();
    for (caf::actor* one : {&state_, &gate_}) {
      caf::anon_send_exit(*one, caf::exit_reason::user_shutdown);
      *one = nullptr;
    }
  }
  static StateAnsweredMsg nothing() {
    wire::Builder<schema::StateAnswered> answer(16);
    answer->setAnswer(wire::to_data(as_bytes(R"({"done":true,"value":null})")));
    return answer.finish();
  }
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(what));
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  static CallActor ask_for(const std::string& id, std::string_view what,
                           const std::string& version) {
    bundle::Bundle code;
    code.main = "f.js";
    code.modules = {{"f.js", bundle::ModuleKind::es,
                     to_bytes("const VERSION = '" + version + "';" + kCounter)}};
    code.settings.actors["ACTORS"] = "Counter";
    const Bytes source = bundle::encode(code).value();
    InstallFunction function{"f",
                             id_of(id),
                             std::make_shared<const Bytes>(source),
                             {},
                             actors_owner("f"),
                             {},
                             std::make_shared<const bundle::Settings>(code.settings)};
    function.actor = bundle::ActorName{"Counter", id};
    function.code = crypto::blake2b(source);
    return {std::make_shared<const InstallFunction>(std::move(function)), invoke(what)};
  }
  std::string ask(const std::string& id, std::string_view what = "",
                  const std::string& version = "v1-") {
    return text_of(world_.ask<wire::Msg<schema::Outcome>>(pool_, ask_for(id, what, version)));
  }

  caf::actor state_, gate_;
  std::optional<caf::typed_response_promise<StateAnsweredMsg>> waiting_;
  std::vector<std::string> seen_;
  std::atomic<bool> is_full_ = false;
};

TEST_F(Actors, LiveInOneProcessEachInAnIsolate) {
  EXPECT_EQ(ask("a"), "v1-a1");
  EXPECT_EQ(ask("a"), "v1-a2");
  EXPECT_EQ(ask("b"), "v1-b1");
  EXPECT_NE(ask("a", "run"), ask("b", "run"));
  const auto report = world_.ask<WorkersReport>(pool_, ReportWorkers{});
  ASSERT_TRUE(report);
  uint32_t loaded = 0;
  for (const WorkerReport& worker : report->workers) loaded = std::max(loaded, worker.functions);
  EXPECT_EQ(loaded, 2u) << "one process has both";
}

TEST_F(Actors, AnotherCodeIsLoadedWhenTheCallsOfTheOneBeforeAreOver) {
  EXPECT_EQ(ask("a"), "v1-a1");
  std::string old_answer, new_answer;
  std::thread old_call([&] { old_answer = ask("a", "wait"); });
  const auto waits = [&] { return world_.ask<bool>(state_, caf::get_atom::value).value(); };
  while (!waits()) std::this_thread::yield();
  std::thread new_call([&] { new_answer = ask("a", "", "v2-"); });
  while (world_.ask<WorkersReport>(pool_, ReportWorkers{})->workers.empty()) {
  }
  caf::anon_send(state_, caf::ok_atom::value);
  old_call.join();
  new_call.join();
  EXPECT_EQ(old_answer, "v1-a2") << "the object of before";
  EXPECT_EQ(new_answer, "v2-a1");
}

TEST_F(Actors, AnAlarmIsNotedBeforeItIsWritten) {
  const std::string space = bundle::actor_home("f", {"Counter", "a"}).name_space;
  EXPECT_EQ(ask("a", "alarm"), "v1-a1");
  ASSERT_EQ(seen().size(), 2u);
  EXPECT_EQ(seen()[0], "alarm " + space + " 5000");
  EXPECT_TRUE(seen()[1].starts_with(space + R"( {"op":"transaction")")) << seen()[1];
}

TEST_F(Actors, AnAlarmThatNobodyNotesIsNotWritten) {
  is_full_ = true;
  EXPECT_EQ(ask("a", "alarm"),
            "cancelled: the actor starts anew: its storage failed: STATE: overloaded: as many "
            "alarms as it may");
  EXPECT_EQ(seen().size(), 1u);
  is_full_ = false;
  EXPECT_EQ(ask("a", "alarm"), "v1-a1") << "anew";
}

TEST_F(Actors, AreThereAgainAfterTheirProcessWasKilled) {
  EXPECT_EQ(ask("a"), "v1-a1");
  const std::string run = ask("a", "run");
  const auto report = world_.ask<WorkersReport>(pool_, ReportWorkers{});
  for (const WorkerReport& worker : report->workers)
    if (worker.functions > 0) kill_process(worker.pid);
  std::string answer;
  while ((answer = ask("a")).starts_with("unavailable")) {
  }
  EXPECT_EQ(answer, "v1-a1");
  EXPECT_NE(ask("a", "run"), run);
}

}  // namespace
}  // namespace themis
