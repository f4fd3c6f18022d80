// When a function's isolate gives its memory back: a real isolate, inside the node executable, and
// the timers of its actor on virtual time.
#include <caf/all.hpp>

#include "actors/worker/function_worker.hpp"
#include "runtime/sim/world.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis {
namespace {

/// What there is of a function host but for its parent.
class Inside final : public EnclaveSystem {
 public:
  explicit Inside(Reactor& reactor) : reactor_(reactor) {}
  Reactor& reactor() override { return reactor_; }
  Exports& exports() override { return exports_; }
  Rng& rng() override { return rng_; }
  caf::actor parent(std::string_view) override { return {}; }

 private:
  Reactor& reactor_;
  Exports exports_;
  SeededRng rng_{1};
};

/// Each call leaves some 8 MB of garbage; one to /wait has no answer for a minute.
constexpr const char* kWasteful =
    "export default { async fetch(request) {"
    "  if (request.url.endsWith('/wait')) await new Promise((r) => setTimeout(r, 60000));"
    "  const all = []; for (let i = 0; i < 100000; i++) all.push({ i, text: 'x' + i });"
    "  return new Response(String(all.length)); } };";

class Resting : public testing::Test {
 protected:
  static constexpr Duration kAfter = FunctionWorker::kRestAfter;

  Resting() : reactor_(system_.caf(), loop_) {
    reactor_.bind_to_this_thread();
    auto loaded = js::engine().load(kWasteful, "f", {.cpu = 20s, .wall = 120s}, needs_);
    EXPECT_TRUE(loaded) << loaded.error().text();
    worker_ = loaded->get();
    LoadRequest request;
    request.name = "f";
    auto host = std::make_unique<FunctionHost>(inside_, request, caf::actor{});
    function_ =
        spawn_hosted<FunctionWorker>(reactor_, budget_, std::move(host), std::move(*loaded));
  }
  ~Resting() override {
    caf::anon_send_exit(function_.handle(), caf::exit_reason::user_shutdown);
    function_.reset();
    world_.run_for(1s);
  }
  void call(const char* url = "http://f/") {
    wire::Builder<schema::Invoke> invoke(16);
    invoke->setMethod("GET");
    invoke->setUrl(url);
    caf::anon_send(function_.handle(), invoke.finish());
  }
  size_t used() { return worker_->heap().used_bytes; }

  System system_{System::Scheduling::virtual_time};
  sim::World world_{1};
  sim::Host& loop_{world_.add_host("10.0.0.1")};
  Reactor reactor_;
  TurnBudget budget_{reactor_};
  Inside inside_{reactor_};
  js::TestHost needs_;  ///< The isolate's own: V8's threads post to it.
  js::Worker* worker_ = nullptr;
  HostedPtr<FunctionWorker> function_;
};

TEST_F(Resting, AnIsolateThatWasIdleGivesItsGarbageBack) {
  call();
  const size_t after_call = used();
  world_.run_for(kAfter - 1ms);
  EXPECT_EQ(used(), after_call) << "not before its time";
  world_.run_for(2ms);
  EXPECT_LT(used() + (2 << 20), after_call);
  const size_t rested = used();
  world_.run_for(10 * kAfter);
  EXPECT_EQ(used(), rested) << "once";
  call();
  EXPECT_GT(used(), rested + (2 << 20));
  world_.run_for(kAfter + 1ms);
  EXPECT_LT(used(), rested + (1 << 20)) << "and again after the next call";
}

TEST_F(Resting, ACallMeanwhilePutsItOff) {
  call();
  world_.run_for(kAfter - 1ms);
  call();
  const size_t after_call = used();
  world_.run_for(kAfter - 1ms);
  EXPECT_GE(used(), after_call) << "a call came in between";
  world_.run_for(2ms);
  EXPECT_LT(used() + (2 << 20), after_call);
}

TEST_F(Resting, NotWhileACallIsInFlight) {
  call();
  call("http://f/wait");
  const size_t waits = used();
  world_.run_for(3 * kAfter);
  EXPECT_GE(used(), waits);
  needs_.run(61s);  // it is answered
  world_.run_for(2 * kAfter);
  EXPECT_LT(used() + (2 << 20), waits);
}

}  // namespace
}  // namespace themis
