// Bundles in real worker processes: modules, secrets, and whom a process may call.
#include <caf/all.hpp>
#include <future>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "runtime/bundle/secrets.hpp"
#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class Bindings : public PoolTest {
 protected:
  void SetUp() override {
    gate_ = world_.caf().spawn([](caf::event_based_actor*) -> caf::behavior {
      const auto seen = [](const wire::Msg<schema::Invoke>& invoke, const std::string& more) {
        const auto view = invoke.view();
        const std::string text = std::string(wire::text_of(view->getFunction())) + " event " +
                                 std::to_string(view->getEvent()) + " depth " +
                                 std::to_string(view->getDepth()) + more;
        wire::Builder<schema::Outcome> made(32);
        made->setStatus(view->getEvent() == 0 ? 200 : 201);
        made->setBody(wire::to_data(as_bytes(text)));
        return made.finish();
      };
      return {
          [seen](const wire::Msg<schema::Invoke>& invoke) { return seen(invoke, {}); },
          [seen](const CallByFunction& call) { return seen(call.invoke, " of " + call.deployer); }};
    });
  }
  void TearDown() override {
    PoolTest::TearDown();
    caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
  }
  WorkerPoolOptions with_gate() {
    WorkerPoolOptions options = pool_options(1);
    options.functions = options.queues = gate_;
    return options;
  }
  /// Installs a bundle whose main module has this fetch. Its source for text() is its bytes.
  Result<caf::unit_t> install_bundle(bundle::Bundle& code, const std::string& body,
                                     bundle::SharedKey key = {}) {
    code.main = "main.js";
    code.modules.push_back({"main.js", bundle::ModuleKind::es,
                            to_bytes("import { name } from './a.js';" + handler(body))});
    code.modules.insert(code.modules.begin(),
                        {"a.js", bundle::ModuleKind::es, to_bytes("export const name = 'a';")});
    source_ = std::string(as_text(bundle::encode(code).value()));
    InstallFunction order{
        "f",     id_of(source_), std::make_shared<const Bytes>(to_bytes(source_)),       {},
        "owner", std::move(key), std::make_shared<const bundle::Settings>(code.settings)};
    order.deployer = "ada";
    return world_.ask<caf::unit_t>(pool_, order);
  }

  caf::actor gate_;
  std::string source_;
};

/// Answers nothing until it is told that nobody waits any more; then says whether it was that.
class HoldingGate final : public caf::event_based_actor {
 public:
  HoldingGate(caf::actor_config& config, std::promise<bool>& told)
      : caf::event_based_actor(config), told_(told) {}

 private:
  using Outcome = wire::Msg<schema::Outcome>;
  caf::behavior make_behavior() override {
    return {[this](const CallByFunction& call) -> caf::result<Outcome> {
              held_ = call.invoke;
              promise_ = make_response_promise<Outcome>();
              return promise_;
            },
            [this](const CancelRequest& given_up) {
              told_.set_value(given_up.frame.writable() == held_.frame().writable());
              promise_.deliver(to_caf({Code::cancelled, "given up"}));
            }};
  }

  std::promise<bool>& told_;
  wire::Msg<schema::Invoke> held_;
  caf::typed_response_promise<Outcome> promise_;
};

/// It ran on, however early its caller had aborted or ended.
TEST_F(Bindings, RegressWhoServesARequestIsToldThatNobodyWaits) {
  const std::array bodies{
      "const c = new AbortController(); setTimeout(() => c.abort(), 10);"
      "try { await env.OTHER.fetch('http://o/', { signal: c.signal }); }"
      "catch (e) { return new Response(e.name); }",
      "env.OTHER.fetch('http://o/').catch(() => {}); return new Response('ended');"};
  const std::array answers{"AbortError", "ended"};
  for (size_t i = 0; i < bodies.size(); ++i) {
    std::promise<bool> told;
    const caf::actor gate = world_.caf().spawn<HoldingGate>(std::ref(told));
    WorkerPoolOptions options = pool_options(1);
    options.functions = gate;
    pool_ = spawn_worker_pool(options);
    bundle::Bundle code;
    code.settings.functions["OTHER"] = "other";
    ASSERT_TRUE(install_bundle(code, bodies[i]));
    EXPECT_EQ(text(source_), answers[i]);
    auto heard = told.get_future();
    ASSERT_EQ(heard.wait_for(kDeadline), std::future_status::ready) << bodies[i];
    EXPECT_TRUE(heard.get());
    EXPECT_EQ(world_.stop(pool_), "user_shutdown");
    pool_ = nullptr;
    caf::anon_send_exit(gate, caf::exit_reason::user_shutdown);
  }
}

TEST_F(Bindings, SecretsAreOpenInTheProcessOnly) {
  pool_ = spawn_worker_pool(with_gate());
  bundle::Bundle code;
  code.settings.secrets["KEY"] = "s3cret";
  const bundle::SharedKey key = *bundle::SharedKey::from(Bytes(32, std::byte{1}));
  bundle::seal_secrets(code.settings, *key.get());
  bundle::Bundle again = code;
  const auto refused = install_bundle(again, "return new Response(env.KEY);",
                                      *bundle::SharedKey::from(Bytes(32, std::byte{2})));
  ASSERT_FALSE(refused) << "another key";
  ASSERT_TRUE(install_bundle(code, "return new Response(env.KEY + name);", key));
  EXPECT_EQ(text(source_), "s3creta");
}

TEST_F(Bindings, AFunctionCallsWhatItsManifestNames) {
  pool_ = spawn_worker_pool(with_gate());
  bundle::Bundle code;
  code.settings.functions["OTHER"] = "other";
  code.settings.queues["JOBS"] = "jobs";
  ASSERT_TRUE(install_bundle(
      code,
      "await env.JOBS.send(1);"
      "const no = await env.SERVICES.fetch('fn/more', 'http://x/').catch((e) => e.message);"
      "return new Response(await (await env.OTHER.fetch('http://x/')).text() + '|' + no);"));
  EXPECT_EQ(text(source_),
            "fn/other event 0 depth 1 of ada|fn/more: denied: no manifest of a function here names "
            "fn/more");
}

/// What a gate answers that sees no function is no value of one.
TEST_F(Bindings, ARemoteCallIsForWhatTheManifestNamesAndSaysWhoseItIs) {
  pool_ = spawn_worker_pool(with_gate());
  bundle::Bundle code;
  code.settings.functions["OTHER"] = "other";
  ASSERT_TRUE(install_bundle(code,
                             "const no = await themis.remote('more').f().catch((e) => e.message);"
                             "const far = await themis.remote('other').f().catch((e) => e.message);"
                             "return new Response(no + '|' + far);"));
  EXPECT_EQ(text(source_),
            "fn/more: denied: no manifest of a function here names fn/more|"
            "what the other side of a remote call sent is no value");
}

TEST_F(Bindings, AdversaryAHostCallsWhatItsFunctionsMayAndMakesNoEvents) {
  WorkerPoolOptions hostile = with_gate();
  hostile.programs.node = THEMIS_HOSTILE_HOST;
  pool_ = spawn_worker_pool(hostile);
  bundle::Bundle code;
  code.settings.functions["OTHER"] = "other";
  ASSERT_TRUE(install_bundle(code, ""));
  EXPECT_EQ(text(source_, "fn/other"), "fn/other event 0 depth 0 of ada");
  EXPECT_EQ(text(source_, "fn/other~"), "fn/other event 4 depth 0 of ada");
  EXPECT_EQ(text(source_, "fn/other!"), "denied: functions make requests, no events");
  EXPECT_EQ(text(source_, "queue/jobs~"), "denied: functions make requests, no events");
  for (const char* name : {"fn/other@", "actor/other@"})
    EXPECT_EQ(text(source_, name), "denied: these are another function's actors") << name;
  for (const char* name : {"fn/more", "queue/jobs", "fn/"})
    EXPECT_EQ(text(source_, name),
              std::string("denied: no manifest of a function here names ") + name);
}

}  // namespace
}  // namespace themis
