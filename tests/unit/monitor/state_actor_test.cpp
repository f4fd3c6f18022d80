// Verified state as actors: local and in an enclave process, its epochs, what survives which end,
// and what is refused.

#include "actors/monitor/state_actor.hpp"

#include <signal.h>

#include "actors/monitor/monitors_actor.hpp"
#include "actors/placement/placement.hpp"
#include "tests/unit/store/temporary_directory.hpp"
#include "tests/unit/worker/reactor_thread.hpp"

namespace themis {
namespace {

/// What a hostile host does to the batches that pass.
enum class Tampering { none, breaks_a_command, changes_a_value, forgets_the_epoch };

/// Stands before real monitors.
class Tamperer final : public PinnedActor {
 public:
  Tamperer(caf::actor_config& config, const std::atomic<Tampering>& how)
      : PinnedActor(config),
        how_(how),
        monitors_(caf::actor_cast<caf::actor>(system().spawn<MonitorsActor>())) {}
  const char* name() const override { return "tamperer"; }
  void on_exit() override {
    caf::anon_send_exit(monitors_, caf::exit_reason::user_shutdown);
    monitors_ = nullptr;
  }

 private:
  caf::behavior make_behavior() override {
    return {[this](const StartMonitorsMsg& message) { return delegate(monitors_, message); },
            [this](const FinishReplayMsg& message) { return delegate(monitors_, message); },
            [this](const CertifyEpochsMsg& message) { return delegate(monitors_, message); },
            [this](const SealStateMsg& message) { return delegate(monitors_, message); },
            [this](const ConfirmStateMsg& message) { return delegate(monitors_, message); },
            [this](const MonitorBatchMsg& message) {
              const auto view = message.view();
              const ByteView batch = wire::bytes_of(view->getBatch());
              Bytes changed(batch.begin(), batch.end());
              change(changed);
              return delegate(monitors_, encode_batch(view->getThread(), changed));
            }};
  }
  void change(Bytes& batch) {
    const Tampering how = how_;
    const bool ends_epoch = batch.back() == static_cast<std::byte>(monitor::Command::verify_epoch);
    if (how == Tampering::breaks_a_command) batch[monitor::kBatchHeaderBytes] ^= std::byte{0x40};
    if (how == Tampering::changes_a_value && !ends_epoch) batch.back() ^= std::byte{1};
    if (how == Tampering::forgets_the_epoch && ends_epoch)
      batch.back() = static_cast<std::byte>(monitor::Command::next_epoch);
  }
  const std::atomic<Tampering>& how_;
  caf::actor monitors_;
};

class StateActorTest : public testing::Test {
 protected:
  void TearDown() override {
    if (state_) {
      EXPECT_EQ(world_.stop(state_), "user_shutdown");
    }
    state_ = nullptr;
  }
  StateOptions options(Place where, Duration epoch = 20ms) {
    PlaceOptions place;
    place.place = where;
    place.program = THEMIS_ENCLAVE;
    place.kinds.merge(state_kinds());
    StateOptions made;
    made.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    made.data = directory_.path();
    made.epoch = epoch;
    made.history = &history_;
    return made;
  }
  void start(const StateOptions& options) {
    state_ = caf::actor_cast<caf::actor>(world_.caf().spawn<StateActor>(options));
  }
  Result<StateAnswer> call(StateOp op, const std::string& key, std::string_view value = {},
                           bool wait = false) {
    StateCall one;
    one.op = op;
    one.name_space = "n";
    one.key = key;
    one.value = to_bytes(value);
    const auto all = world_.ask<StateAnswers>(state_, CallState{{one}, wait});
    if (!all) return fail(all.error());
    return all->answers.at(0);
  }
  /// Asks until the state is up again, in another process than `pid`.
  Result<StateAnswer> get_when_up(const std::string& key, uint32_t pid = 0) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < end) {
      const bool is_other = pid == 0 || (report().pid != pid && report().pid != 0);
      const auto answer = call(StateOp::get, key);
      if (is_other && (answer || answer.error().code != Code::unavailable)) return answer;
    }
    return fail(Code::timeout, "the state does not come up again");
  }
  StateReport report() { return world_.ask<StateReport>(state_, ReportState{}).value(); }
  static std::string text(const Result<StateAnswer>& answer) {
    if (!answer) return answer.error().text();
    return answer->value ? std::string(as_text(*answer->value)) : "absent";
  }

  storage::TemporaryDirectory directory_;
  StateHistory history_;
  ReactorThread world_;
  caf::actor state_;
};

class StateActorPlaces : public StateActorTest, public testing::WithParamInterface<Place> {};

TEST_P(StateActorPlaces, KeepsWhatIsPutAndCertifiesIt) {
  start(options(GetParam()));
  EXPECT_EQ(text(call(StateOp::get, "k")), "absent");
  EXPECT_TRUE(call(StateOp::put, "k", "v"));
  EXPECT_EQ(text(call(StateOp::get, "k")), "v");
  const auto final = call(StateOp::put, "k2", "v2", true);
  ASSERT_TRUE(final) << final.error().text();
  EXPECT_TRUE(final->certified);
  EXPECT_GE(report().certified, final->epoch);
  const auto list = call(StateOp::list, "k");
  ASSERT_TRUE(list) << list.error().text();
  ASSERT_EQ(list->entries.size(), 2u);
  EXPECT_EQ(list->entries[1].key + "=" + std::string(as_text(list->entries[1].value)), "k2=v2");
  EXPECT_EQ(report().state, "up");
  EXPECT_EQ(report().pid != 0, GetParam() == Place::process);
}
INSTANTIATE_TEST_SUITE_P(All, StateActorPlaces, testing::Values(Place::local, Place::process));

TEST_F(StateActorTest, RegressMonitorsThatFailToStartTwiceAreStartedAgain) {
  StateOptions made = options(Place::local);
  int starts = 0;
  made.start_place = [home = world_.home(), good = made.start_place, &starts] {
    PlaceOptions missing;
    missing.program = "/nonexistent/themis-enclave";
    return ++starts <= 2 ? spawn_place(home, missing) : good();
  };
  start(made);
  EXPECT_EQ(text(get_when_up("k")), "absent");
  EXPECT_EQ(starts, 3);
}

TEST_F(StateActorTest, ManyCallsShareFewBatchesAndALoneOneDoesNotWait) {
  StateOptions four = options(Place::local, 1h);
  four.shape.threads = 4;
  start(four);
  ASSERT_TRUE(call(StateOp::put, "k", "v"));
  EXPECT_EQ(report().waiting, 0u);
  const uint64_t before = report().batches, commits = report().commits;
  CallState many;
  for (int i = 0; i < 2'000; ++i) {
    StateCall put;
    put.op = StateOp::put;
    put.name_space = "space-" + std::to_string(i % 16);
    put.key = std::to_string(i);
    put.value = to_bytes("value");
    many.calls.push_back(put);
  }
  const auto answers = world_.ask<StateAnswers>(state_, many);
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->answers.size(), many.calls.size());
  for (const auto& answer : answers->answers) ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_LE(report().batches - before, 16u);
  EXPECT_EQ(report().commits - commits, 1u);
  EXPECT_EQ(report().calls, 2'001u);
}

TEST_F(StateActorTest, RefusesOneBadCallAmongGoodOnes) {
  start(options(Place::local));
  StateCall good, bad;
  good.name_space = "n";
  good.key = "k";
  bad.name_space = "N";
  bad.key = "k";
  const auto answers = world_.ask<StateAnswers>(state_, CallState{{good, bad, good}});
  ASSERT_TRUE(answers) << answers.error().text();
  EXPECT_TRUE(answers->answers[0] && answers->answers[2]);
  ASSERT_FALSE(answers->answers[1]);
  EXPECT_EQ(answers->answers[1].error().code, Code::invalid);
}

/// Asks as another node would, and goes away.
void ask_and_leave(caf::actor_system& system, const caf::actor& state, int number) {
  const std::string json =
      R"({"op": "put", "key": "k)" + std::to_string(number) + R"(", "value": "v", "wait": true})";
  caf::scoped_actor asker(system);
  (void)asker->request(state, 1us, encode_ask("n", json));
}

// Whoever asks may go away before the answer, when its deadline has passed or it has ended: the
// calls are run, their answers go nowhere, and nothing of them stays.
TEST_F(StateActorTest, AnswersForWhoHasLeftAreDropped) {
  start(options(Place::local));
  constexpr int kAskers = 500;
  for (int i = 0; i < kAskers; ++i) ask_and_leave(world_.caf(), state_, i);
  // Its epoch is not before theirs: they are certified together or earlier.
  ASSERT_TRUE(call(StateOp::put, "last", "v", true));
  for (int i = 0; i < kAskers; i += 99)
    EXPECT_EQ(text(call(StateOp::get, "k" + std::to_string(i))), "v");
  EXPECT_EQ(report().waiting, 0u);
  EXPECT_GE(report().calls, uint64_t{kAskers});
}

// No more than a named number waits, whether anybody still wants the answers or not.
TEST_F(StateActorTest, CallsOfWhoHasLeftAreBounded) {
  start(options(Place::local, 1h));  // no epoch ends
  std::vector<StateCall> calls(1'024);
  for (StateCall& each : calls) {
    each.op = StateOp::get;
    each.name_space = "n";
    each.key = "k";
  }
  {
    caf::scoped_actor asker(world_.caf());
    for (size_t i = 0; i < 2 * kStateCallsMax / calls.size(); ++i)
      (void)asker->request(state_, 1us, CallState{calls, true});
  }
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::overloaded);
  EXPECT_EQ(report().waiting, kStateCallsMax);
}

TEST_F(StateActorTest, AKilledProcessLosesNothingThatWasAnswered) {
  log::setup(log::Level::off, log::Format::text);
  start(options(Place::process, 1h));
  for (int round = 0; round < 3; ++round) {
    const std::string key = "k" + std::to_string(round);
    ASSERT_TRUE(call(StateOp::put, key, "v"));
    const uint32_t pid = report().pid;
    ASSERT_GT(pid, 1u);
    ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
    EXPECT_EQ(text(get_when_up(key, pid)), "v");
    EXPECT_NE(report().pid, pid);
  }
  EXPECT_EQ(call(StateOp::list, "k")->entries.size(), 3u);
  EXPECT_GE(report().restarts, 3u);
}

TEST_F(StateActorTest, AnotherActorFindsWhatWasKept) {
  for (const Place place : {Place::local, Place::process}) {
    for (int round = 0; round < 3; ++round) {
      start(options(place));
      for (int i = 0; i < round; ++i)
        EXPECT_EQ(text(call(StateOp::get, "k" + std::to_string(i))), "v" + std::to_string(i));
      ASSERT_TRUE(call(StateOp::put, "k" + std::to_string(round), "v" + std::to_string(round)));
      EXPECT_EQ(world_.stop(state_), "user_shutdown");
    }
  }
  start(options(Place::local));
  EXPECT_EQ(call(StateOp::list, "k")->entries.size(), 3u);
  EXPECT_LT(report().journal_bytes, 1'000u) << "it left a checkpoint";
  const auto names = world_.ask<StateNames>(state_, NameStates{});
  ASSERT_TRUE(names) << names.error().text();
  EXPECT_EQ(names->names, std::vector<std::string>{"n"});
}

TEST_F(StateActorTest, AnActorThatCrashesLosesNothingThatWasAnswered) {
  log::setup(log::Level::off, log::Format::text);
  start(options(Place::process));
  ASSERT_TRUE(call(StateOp::put, "k", "v"));
  caf::anon_send_exit(state_, caf::exit_reason::kill);
  EXPECT_EQ(world_.end_of(state_), "kill");
  start(options(Place::process));
  EXPECT_EQ(text(get_when_up("k")), "v");
}

class AdversaryStore : public StateActorTest {
 protected:
  AdversaryStore() {
    log::setup(log::Level::off, log::Format::text);
    start(options(Place::local));
    EXPECT_TRUE(call(StateOp::put, "k", "old"));
    stop();
    std::filesystem::copy(path("state"), path("before"), std::filesystem::copy_options::recursive);
    start(options(Place::local));
    EXPECT_TRUE(call(StateOp::put, "k", "new"));
    stop();
  }
  void stop() {
    EXPECT_EQ(world_.stop(state_), "user_shutdown");
    state_ = nullptr;
  }
  std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
  /// What the state says of its store.
  void expect_down(Code code, const std::string& why) {
    start(options(Place::local));
    Result<StateAnswer> answer = call(StateOp::get, "k");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code) << answer.error().text();
    EXPECT_NE(answer.error().detail.find(why), std::string::npos) << answer.error().text();
    EXPECT_EQ(report().state, "down");
    EXPECT_EQ(report().why, answer.error().detail);
  }
};

TEST_F(AdversaryStore, AStoreThatWasPutBackIsRefused) {
  std::filesystem::remove_all(path("state"));
  std::filesystem::rename(path("before"), path("state"));
  expect_down(Code::replayed, "the store was rolled back");
}

TEST_F(AdversaryStore, AnEmptyStoreInItsPlaceIsRefused) {
  std::filesystem::remove_all(path("state"));
  expect_down(Code::replayed, "the store is empty, but its counter stands at");
}

TEST_F(AdversaryStore, AStoreOfAnotherKeyIsRefused) {
  std::filesystem::remove(path("state.key"));
  expect_down(Code::forged, "is not a sealed counter of this key");
  stop();
  std::filesystem::remove(path("state.counter"));
  expect_down(Code::forged, "sealed");
}

TEST_F(AdversaryStore, AStoreOfAnotherShapeIsRefused) {
  StateOptions two = options(Place::local);
  two.shape.threads = 2;
  start(two);
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::invalid);
  stop();
  start(options(Place::local));
  EXPECT_EQ(text(call(StateOp::get, "k")), "new") << "the refusal changed nothing";
}

/// Monitors behind a host that tampers.
class AdversaryState : public StateActorTest {
 protected:
  AdversaryState() {
    log::setup(log::Level::off, log::Format::text);
    PlaceOptions place;
    place.place = Place::local;
    place.kinds.emplace("monitors",
                        [this](Reactor& reactor, const std::string&) -> Result<caf::actor> {
                          return spawn_pinned<Tamperer>(reactor, std::cref(how_));
                        });
    options_ = options(Place::local);
    options_.start_place = [home = world_.home(), place] { return spawn_place(home, place); };
    start(options_);
    EXPECT_TRUE(call(StateOp::put, "k", "v", true));
  }
  std::atomic<Tampering> how_ = Tampering::none;
  StateOptions options_;
};

TEST_F(AdversaryState, ABrokenCommandEndsTheStateForGood) {
  const auto certified = report().certified;
  how_ = Tampering::breaks_a_command;
  EXPECT_EQ(call(StateOp::put, "k", "w").error().code, Code::forged);
  how_ = Tampering::none;
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  EXPECT_NE(report().why.find("monitor thread 0 refused batch"), std::string::npos) << report().why;
  EXPECT_EQ(report().certified, certified);
  // Neither a new actor nor new monitors make it fine again.
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  start(options(Place::local));
  EXPECT_EQ(call(StateOp::get, "k").error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  // A new process finds what was answered before.
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  history_.violation.reset();
  start(options(Place::local));
  EXPECT_EQ(text(call(StateOp::get, "k")), "v");
}

TEST_F(AdversaryState, AChangedValueIsCaughtInItsEpoch) {
  how_ = Tampering::changes_a_value;
  EXPECT_EQ(call(StateOp::put, "k", "w", true).error().code, Code::forged);
  EXPECT_EQ(report().state, "violated");
  EXPECT_NE(report().why.find("multiset_mismatch"), std::string::npos) << report().why;
}

TEST_F(AdversaryState, AnEpochThatIsNotVerifiedIsNotWaitedFor) {
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  options_.answer_max = 200ms;
  start(options_);
  how_ = Tampering::forgets_the_epoch;
  EXPECT_EQ(call(StateOp::put, "k", "w", true).error().code, Code::unavailable);
  how_ = Tampering::none;
  // What was sealed then is not what the journal has.
  EXPECT_EQ(get_when_up("k").error().code, Code::forged);
  EXPECT_EQ(report().state, "down");
}

TEST_F(StateActorTest, EveryCallIsAnsweredWhenItEnds) {
  start(options(Place::process, 1h));
  caf::scoped_actor self{world_.caf()};
  StateCall put;
  put.op = StateOp::put;
  put.name_space = "n";
  put.key = "k";
  auto waiting = self->request(state_, kDeadline, CallState{{put}, true});
  report();
  self->send_exit(state_, caf::exit_reason::user_shutdown);
  waiting.receive(
      [](const StateAnswers& all) {
        ASSERT_FALSE(all.answers[0]);
        EXPECT_EQ(all.answers[0].error().code, Code::unavailable);
      },
      [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(world_.end_of(state_), "user_shutdown");
  state_ = nullptr;
}

}  // namespace
}  // namespace themis
