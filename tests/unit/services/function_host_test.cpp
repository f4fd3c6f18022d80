// The instances of a node on virtual time: what is unloaded, and when.
#include "actors/services/function_host.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>

#include "actors/system/dead_letters.hpp"
#include "actors/system/system.hpp"
#include "runtime/sim/world.hpp"
#include "tests/unit/services/scripted_workers.hpp"

namespace themis {
namespace {

const std::string kSource = "code";
const std::string kSealed = "sealed";
const CodeId kSealedId = crypto::blake2b(as_bytes(kSealed));
const std::string kSlow = "slow";
const CodeId kSlowId = crypto::blake2b(as_bytes(kSlow));
const CodeId kId = crypto::blake2b(as_bytes(kSource));
/// Its owner is the node itself, whose id is all zeros here.
const CodeId kAtWorkers = id_at_workers(kId, std::string(64, '0'));

/// Has the code; saves at once, or after a put_atom when it is told to by an ok_atom.
class ScriptedStore final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  caf::behavior make_behavior() override {
    return {[](const LoadFunction& ask) {
              const std::string& code = ask.id == kSealedId ? kSealed
                                        : ask.id == kSlowId ? kSlow
                                                            : kSource;
              return FunctionCode{std::make_shared<const Bytes>(to_bytes(code)), nullptr};
            },
            [this](const SaveHosted&) -> caf::result<caf::unit_t> {
              if (!is_slow_) return caf::unit;
              saving_ = make_response_promise<caf::unit_t>();
              return saving_;
            },
            [](const EraseHosted&) { return caf::unit; },
            [this](caf::put_atom) { is_slow_ = true; },
            [this](caf::ok_atom) { saving_.deliver(caf::unit); }};
  }

 private:
  bool is_slow_ = false;
  caf::typed_response_promise<caf::unit_t> saving_;
};

class ScriptedRing final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  caf::behavior make_behavior() override {
    return {[](const ProvideName&) { return caf::unit; }, [](const WithdrawName&) {},
            [](const ListNames&) { return caf::unit; }, [](const UnlistName&) {}};
  }
};

/// The actor around a FunctionHost. A tick_atom is its tick.
class Holder final : public PinnedActor {
 public:
  Holder(caf::actor_config& config, caf::actor workers, caf::actor store, bool alone = false)
      : PinnedActor(config),
        context_{*this,
                 reactor_.loop(),
                 spawn_pinned<ScriptedRing>(reactor_),
                 std::move(workers),
                 std::move(store),
                 {},
                 {},
                 alone} {}
  caf::behavior make_behavior() override {
    return {[this](const HostedRow& row) -> caf::result<AckMsg> {
              auto promise = make_response_promise<AckMsg>();
              host_.host(row, std::nullopt, promise);
              return promise;
            },
            [this](const std::string& name) -> caf::result<AckMsg> {
              auto promise = make_response_promise<AckMsg>();
              host_.unhost(name, promise);
              return promise;
            },
            [this](caf::add_atom, const HostedRow& row) { host_.restore({row}); },
            [this](caf::add_atom, const HostedRow& row, const HostedRow& other) {
              host_.restore({row, other});
            },
            // As a call does.
            [this](caf::get_atom, const std::string& name) {
              const auto place = host_.find({.function = name});
              if (place && !place->is_installed)
                host_.wake(name, [](const Result<CodeId>& woken) { EXPECT_TRUE(woken); });
            },
            [this](caf::tick_atom) { host_.tick(); }};
  }
  void on_exit() override {
    host_.stop();
    for (caf::actor* handle : {&context_.node, &context_.workers, &context_.store})
      *handle = nullptr;
  }

 private:
  FunctionContext context_;
  FunctionHost host_{context_};
};

/// Calls the function once, counts an answer, and ends.
class Caller final : public PinnedActor {
 public:
  Caller(caf::actor_config& config, caf::actor workers, CodeId id, uint64_t* answers)
      : PinnedActor(config), workers_(std::move(workers)), id_(id), answers_(answers) {}
  caf::behavior make_behavior() override {
    return {[this](caf::get_atom) {
      wire::Builder<schema::Invoke> call;
      call->setMethod("GET");
      request(workers_, caf::infinite, CallFunction{id_, call.finish()})
          .then(
              [this](const OutcomeMsg&) {
                ++*answers_;
                quit();
              },
              [this](const caf::error&) { quit(); });
    }};
  }
  void on_exit() override { workers_ = nullptr; }

 private:
  caf::actor workers_;
  const CodeId id_;
  uint64_t* answers_;
};

class FunctionHostTest : public ::testing::Test {
 protected:
  FunctionHostTest() : reactor_(system_.caf(), machine_) {
    reactor_.bind_to_this_thread();
    workers_ = spawn_pinned<testing::ScriptedWorkers>(reactor_);
    store_ = spawn_pinned<ScriptedStore>(reactor_);
    host_ = spawn_pinned<Holder>(reactor_, workers_, store_);
  }
  ~FunctionHostTest() override {
    for (caf::actor* actor : {&host_, &store_, &workers_}) {
      caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
    }
    turn();
  }
  template <class... Words>
  void tell(const caf::actor& whom, Words... words) {
    caf::anon_send(whom, std::move(words)...);
    turn();
  }
  /// The reactor runs its actors when its loop had something to do.
  void turn() {
    machine_.post([] {});
    world_.run_for(1ms);
  }
  /// Whether the workers have the code.
  bool is_installed(CodeId id = kAtWorkers) {
    const uint64_t before = answers_;
    tell(spawn_pinned<Caller>(reactor_, workers_, id, &answers_), caf::get_atom::value);
    return answers_ > before;
  }
  void pass(Duration time) {
    world_.run_for(time);
    tell(host_, caf::tick_atom::value);
  }

  System system_{System::Scheduling::virtual_time};
  sim::World world_{1};
  sim::Host& machine_{world_.add_host("10.0.0.1")};
  Reactor reactor_;
  caf::actor workers_, store_, host_;
  uint64_t answers_ = 0;
};

TEST_F(FunctionHostTest, CodeThatNobodyRunsGoesAfterItsGrace) {
  tell(host_, HostedRow{"f", {1, kId}});
  EXPECT_TRUE(is_installed());
  tell(host_, std::string("f"));
  pass(FunctionHost::kGrace - 1s);
  EXPECT_TRUE(is_installed());
  pass(2s);
  EXPECT_FALSE(is_installed());
}

TEST_F(FunctionHostTest, TheSameCodeIsAnotherFunctionForWhoeverSharesNoProcess) {
  caf::anon_send_exit(host_, caf::exit_reason::user_shutdown);
  host_ = spawn_pinned<Holder>(reactor_, workers_, store_, true);
  tell(host_, HostedRow{"f", {1, kId}});
  tell(host_, HostedRow{"g", {1, kId}});
  EXPECT_FALSE(is_installed()) << "as the owner's";
  for (const char* alone : {"fn/f", "fn/g"})
    EXPECT_TRUE(is_installed(id_at_workers(kId, alone))) << alone;
  tell(host_, std::string("f"));
  tell(host_, std::string("g"));
  pass(FunctionHost::kGrace + 1s);
  for (const char* alone : {"fn/f", "fn/g"})
    EXPECT_FALSE(is_installed(id_at_workers(kId, alone))) << alone;
}

/// The key was left behind: a function with secrets did not come up after a restart.
TEST_F(FunctionHostTest, RegressARestoredFunctionHasTheKeyOfItsSecrets) {
  const CodeId id = crypto::blake2b(as_bytes(kSealed));
  const crypto::Digest owner = crypto::blake2b(as_bytes("ada"));
  const auto key = *bundle::SharedKey::from(Bytes(32, std::byte{1}));
  tell(host_, caf::add_atom::value, HostedRow{"f", {1, id}, owner, key, true});
  EXPECT_TRUE(is_installed(id_at_workers(id, to_hex(owner)))) << "its events need it";
}

TEST_F(FunctionHostTest, ARestoredFunctionIsInstalledWhenItIsCalled) {
  const CodeId at_workers = id_at_workers(kId, to_hex(kId));
  tell(host_, caf::add_atom::value, HostedRow{"a", {1, kSlowId}, kId},
       HostedRow{"f", {1, kId}, kId});
  EXPECT_FALSE(is_installed(at_workers)) << "the first one shows that the workers are up";
  tell(host_, caf::get_atom::value, std::string("f"));
  EXPECT_TRUE(is_installed(at_workers));
}

/// A node without workers said that it runs what it had run before.
TEST_F(FunctionHostTest, RegressRestoredFunctionsWaitForTheWorkers) {
  const CodeId at_workers = id_at_workers(kId, to_hex(kId));
  tell(workers_, caf::add_atom::value);  // "slow" waits from now on
  tell(host_, caf::add_atom::value, HostedRow{"a", {1, kSlowId}, kId},
       HostedRow{"b", {1, kId}, kId});
  tell(host_, caf::get_atom::value, std::string("b"));
  EXPECT_FALSE(is_installed(at_workers)) << "it is not hosted yet";
  tell(workers_, caf::ok_atom::value);
  tell(host_, caf::get_atom::value, std::string("b"));
  EXPECT_TRUE(is_installed(at_workers));
}

TEST_F(FunctionHostTest, TheCodeThatWasCalledLeastRecentlyMakesRoom) {
  std::vector<CodeId> codes;
  for (size_t i = 0; i <= FunctionHost::kInstalledMax; ++i) {
    codes.push_back(crypto::blake2b(as_bytes(std::to_string(i))));
    tell(host_, HostedRow{"f" + std::to_string(i), {1, codes.back()}});
    if (i == 1) tell(host_, caf::get_atom::value, std::string("f0"));
  }
  const auto at_workers = [&](size_t i) { return id_at_workers(codes[i], std::string(64, '0')); };
  EXPECT_TRUE(is_installed(at_workers(0))) << "it was called after the next one came";
  EXPECT_FALSE(is_installed(at_workers(1)));
  tell(host_, caf::get_atom::value, std::string("f1"));
  EXPECT_TRUE(is_installed(at_workers(1)));
}

/// It was announced and not installed: the grace of its first use ended while its row was saved.
TEST_F(FunctionHostTest, RegressAVersionOnItsWayInKeepsItsCodeInstalled) {
  tell(host_, HostedRow{"f", {1, kId}});
  tell(host_, std::string("f"));
  tell(store_, caf::put_atom::value);
  tell(host_, HostedRow{"g", {1, kId}});
  pass(FunctionHost::kGrace + 1s);
  tell(store_, caf::ok_atom::value);
  EXPECT_TRUE(is_installed());
  pass(FunctionHost::kGrace + 1s);
  EXPECT_TRUE(is_installed()) << "g runs it";
  tell(host_, std::string("g"));
  pass(FunctionHost::kGrace + 1s);
  EXPECT_FALSE(is_installed());
}

/// The grace of an earlier use ended that of the last one.
TEST_F(FunctionHostTest, RegressEachUseGivesTheWholeGrace) {
  tell(host_, HostedRow{"f", {1, kId}});
  tell(host_, std::string("f"));
  pass(FunctionHost::kGrace - 2s);
  tell(host_, HostedRow{"f", {2, kId}});
  tell(host_, std::string("f"));
  pass(4s);
  EXPECT_TRUE(is_installed());
  pass(FunctionHost::kGrace);
  EXPECT_FALSE(is_installed());
}

}  // namespace
}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::HostedRow)
