// A function host asked directly, as the node's WorkerProcess asks it.
#include "actors/system/dead_letters.hpp"
#include "actors/worker/function_codec.hpp"
#include "actors/worker/worker_host.hpp"
#include "runtime/crypto/hash.hpp"
#include "runtime/js/node_flags.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

/// Owns a host process and passes Load on to it.
class HostOwner final : public PinnedActor {
 public:
  HostOwner(caf::actor_config& config, ProcessHome home) : PinnedActor(config), home_(home) {}
  const char* name() const override { return "host-owner"; }
  void on_exit() override {
    host_ = nullptr;
    process_.reset();
  }

 private:
  caf::behavior make_behavior() override {
    set_default_handlers(*this);
    const std::string folder = THEMIS_WORKER_FOLDER;
    sandbox::LaunchOptions launch;
    launch.argv = {folder + "/node"};
    launch.argv.insert(launch.argv.end(), std::begin(js::kNodeFlags), std::end(js::kNodeFlags));
    launch.readable = {folder + "/launcher.cjs", folder + "/themis-worker.node",
                       folder + "/themis-worker.snapshot"};
    launch.argv.insert(launch.argv.end(), launch.readable.begin(), launch.readable.end());
    launch.argv.push_back(kMultiTenantWord);
    launch.environment = {"OPENSSL_CONF=/dev/null"};
    auto process = ChildProcess::start(home_, "host", std::move(launch), this);
    EXPECT_TRUE(process) << process.error().text();
    process_ = std::move(*process);
    host_ = process_->proxy(Exports::target_of(kHostActorName));
    return {[](ProcessUp) {}, [](const ProcessEnded&) {},
            [this](const wire::Msg<schema::Load>& load) { return delegate(host_, load); }};
  }

  const ProcessHome home_;
  std::unique_ptr<ChildProcess> process_;
  caf::actor host_;
};

TEST(FunctionHost, RegressALoadWhoseAnswerWasMissedCanBeAskedForAgain) {
  ReactorThread world;
  const caf::actor host = spawn_pinned<HostOwner>(world.reactor(), world.home());
  InstallFunction function;
  function.name = "f";
  function.source = std::make_shared<const Bytes>(to_bytes("export default { fetch() {} };"));
  function.id = crypto::blake2b(*function.source);
  const auto load = [&] {
    return world.ask<wire::Msg<schema::Loaded>>(host, encode_load(function, TimePoint::max()));
  };
  const auto first = load();
  ASSERT_TRUE(first) << first.error().text();
  const auto again = load();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->view()->getActor(), first->view()->getActor());
  EXPECT_EQ(world.stop(host), "user_shutdown");
}

}  // namespace
}  // namespace themis
