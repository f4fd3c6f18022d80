// Verified state as actors: local and in an enclave process, its epochs, and what survives which
// end.

#include <signal.h>

#include <future>
#include <set>

#include "actors/system/secret_file.hpp"
#include "tests/unit/monitor/before_monitors.hpp"
#include "tests/unit/monitor/memory_search.hpp"
#include "tests/unit/monitor/state_world.hpp"

namespace themis {
namespace {

/// Stands before a real keeper, and may change or hold what that tells of calls.
class BeforeKeeper final : public caf::event_based_actor {
 public:
  using Change = std::function<void(const RunCalls& ask, StoreTold& told)>;
  BeforeKeeper(caf::actor_config& config, const StateKeeperOptions& options, Change change)
      : caf::event_based_actor(config),
        keeper_(caf::actor_cast<caf::actor>(system().spawn<StateKeeper, caf::detached>(options))),
        change_(std::move(change)) {}
  void on_exit() override {
    caf::anon_send_exit(keeper_, caf::exit_reason::user_shutdown);
    keeper_ = nullptr;
  }
  /// For StateOptions::start_keeper.
  static auto starting(Change change) {
    return [change](caf::actor_system& system, const StateKeeperOptions& keeper) {
      return caf::actor_cast<caf::actor>(system.spawn<BeforeKeeper, caf::detached>(keeper, change));
    };
  }

 private:
  caf::behavior make_behavior() override {
    return {
        [this](const OpenStore& ask) { return delegate(keeper_, ask); },
        [this](const CloseStore& ask) { return delegate(keeper_, ask); },
        [this](const RunCalls& ask) {
          auto promise = make_response_promise<StoreTold>();
          request(keeper_, caf::infinite, ask).await([this, ask, promise](StoreTold& told) mutable {
            change_(ask, told);
            promise.deliver(told);
          });
          return promise;
        }};
  }
  caf::actor keeper_;
  const Change change_;
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
    const std::string name_space = "space-" + std::to_string(i % 16);
    ASSERT_TRUE(many.calls.put(name_space, std::to_string(i), as_bytes("value")));
  }
  const auto answers = world_.ask<StateAnswers>(state_, many);
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->size(), many.calls.size());
  for (const auto& answer : answers->all()) ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_LE(report().batches - before, 16u);
  EXPECT_EQ(report().commits - commits, 1u);
  EXPECT_EQ(report().calls, 2'001u);
}

TEST_F(StateActorTest, HoldsAsManyRecordsAsItsMemoryIsFor) {
  for (const uint64_t megabytes : {1, 2}) {
    StateOptions small = options(Place::local, 1h);
    small.data = directory_.path() / std::to_string(megabytes);
    small.bytes_max = megabytes << 20;
    start(small);
    CallState many;
    for (int i = 0; i < 8'000; ++i)
      ASSERT_TRUE(many.calls.put("space", std::to_string(i), as_bytes("value")));
    const auto answers = world_.ask<StateAnswers>(state_, many);
    ASSERT_TRUE(answers) << answers.error().text();
    size_t done = 0, refused = 0;
    for (const auto& answer : answers->all())
      answer ? ++done : refused += answer.error().code == Code::overloaded;
    EXPECT_EQ(done + refused, answers->size());
    // 320 bytes each.
    EXPECT_GT(done, megabytes * 3'000);
    EXPECT_LT(done, megabytes * 3'400);
    EXPECT_EQ(report().records, done);
    CallState one;
    ASSERT_TRUE(one.calls.get("space", "0"));
    EXPECT_TRUE(world_.ask<StateAnswers>(state_, one)->front()) << "which needs no more memory";
    EXPECT_EQ(world_.stop(std::exchange(state_, nullptr)), "user_shutdown");
  }
}

TEST_F(StateActorTest, RefusesMoreCallsThanMayWait) {
  StateOptions never = options(Place::local);
  never.start_place = [home = world_.home()] {
    PlaceOptions missing;
    missing.program = "/nonexistent/themis-enclave";
    return spawn_place(home, missing);
  };
  log::setup(log::Level::off, log::Format::text);
  start(never);
  CallState many;
  while (many.calls.get("n", "k")) continue;
  ASSERT_EQ(many.calls.size(), kStateBatchCallsMax);
  caf::scoped_actor self{world_.caf()};
  std::vector<decltype(self->request(state_, kDeadline, many))> waiting;
  for (size_t i = 0; i <= kStateCallsMax / kStateBatchCallsMax; ++i)
    waiting.push_back(self->request(state_, kDeadline, many));
  size_t refused = 0;
  for (auto& each : waiting)
    each.receive(
        [&](const StateAnswers& all) {
          EXPECT_EQ(all.size(), kStateBatchCallsMax);
          const Result<StateAnswer> first = all.front();
          ASSERT_FALSE(first);
          EXPECT_LE(all.bytes().size(), kStateBatchBytesMax);
          refused +=
              first.error().code == Code::overloaded || first.error().code == Code::unavailable;
        },
        [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(refused, waiting.size());
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
  StateBatch calls;
  while (calls.size() < kStateBatchCallsMax) ASSERT_TRUE(calls.get("n", "k"));
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

TEST_F(StateActorTest, AProcessKilledInTheMiddleOfItsBatchesLosesNothingThatWasAnswered) {
  log::setup(log::Level::off, log::Format::text);
  start(options(Place::process, 1h));
  ASSERT_TRUE(call(StateOp::put, "first", "v"));
  caf::scoped_actor self{world_.caf()};
  std::set<std::string> answered;
  for (int round = 0; round < 4; ++round) {
    const uint32_t pid = report().pid;
    // More than the shared memory holds: the kill finds batches written, read and waiting.
    constexpr int kMessages = 8, kCalls = 250;
    const auto name = [&](int message, int i) {
      return std::to_string(round) + "-" + std::to_string(message) + "-" + std::to_string(i);
    };
    using Answer = decltype(self->request(state_, kDeadline, CallState()));
    std::deque<Answer> waiting;
    for (int message = 0; message < kMessages; ++message) {
      CallState many;
      for (int i = 0; i < kCalls; ++i) {
        StateCall put;
        put.op = StateOp::put;
        put.name_space = "n";
        put.key = name(message, i);
        put.value = Bytes(1'000, std::byte{7});
        ASSERT_TRUE(many.calls.add(put));
      }
      waiting.push_back(self->request(state_, kDeadline, std::move(many)));
    }
    // The first message is a commit of its own, the others one that follows it at once.
    for (int message = 0; message < kMessages; ++message) {
      if (message == round % 2) {
        ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
      }
      waiting[static_cast<size_t>(message)].receive(
          [&](const StateAnswers& all) {
            const auto each = all.all();
            for (int i = 0; i < kCalls; ++i)
              if (each.at(static_cast<size_t>(i))) answered.insert(name(message, i));
          },
          [](const caf::error& error) { ADD_FAILURE() << describe(error); });
    }
    ASSERT_EQ(text(get_when_up("first", pid)), "v");
    CallState gets;
    for (const std::string& key : answered) {
      StateCall get;
      get.name_space = "n";
      get.key = key;
      ASSERT_TRUE(gets.calls.add(get));
    }
    const auto kept = world_.ask<StateAnswers>(state_, gets);
    ASSERT_TRUE(kept) << kept.error().text();
    for (const auto& answer : kept->all())
      ASSERT_EQ(answer.value().value, Bytes(1'000, std::byte{7}));
  }
  EXPECT_GE(answered.size(), 500u) << "the first messages of the rounds that let them pass";
}

TEST_F(StateActorTest, AProcessThatStandsStillIsGivenUp) {
  log::setup(log::Level::off, log::Format::text);
  StateOptions made = options(Place::process, 1h);
  made.answer_max = 1s;
  start(made);
  ASSERT_TRUE(call(StateOp::put, "k", "v"));
  const uint32_t pid = report().pid;
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGSTOP), 0);
  // More than the shared memory takes: the host waits for room that does not come.
  CallState many;
  for (int i = 0; i < 1'700; ++i) {
    StateCall put;
    put.op = StateOp::put;
    put.name_space = "n";
    put.key = std::to_string(i);
    put.value = Bytes(1'000);
    ASSERT_TRUE(many.calls.add(put));
  }
  const auto answers = world_.ask<StateAnswers>(state_, many);
  ASSERT_TRUE(answers) << answers.error().text();
  for (const auto& answer : answers->all()) ASSERT_FALSE(answer);
  EXPECT_EQ(text(get_when_up("k", pid)), "v");
  EXPECT_EQ(text(call(StateOp::get, "1699")), "absent") << "it was never durable";
}

/// The node's half keeps one copy, the monitors another; a process has its own.
TEST_P(StateActorPlaces, RegressNoCopyOfTheKeyIsLeftOfItsWayToTheMonitors) {
  SystemRng rng;
  std::optional<Wanted> wanted;
  {
    const auto key = load_or_create_secret(directory_.path() / "state.key", "key", rng).value();
    wanted.emplace(key.view());
  }
  ASSERT_EQ(wanted->copies(), 0u);
  start(options(GetParam()));
  EXPECT_TRUE(call(StateOp::put, "k", "v", true));
  EXPECT_EQ(wanted->copies(), GetParam() == Place::local ? 2u : 1u);
  if (const uint32_t pid = report().pid; pid != 0) {
    EXPECT_EQ(wanted->copies_in_process(std::to_string(pid)).value_or(1), 1u);
  }
  EXPECT_EQ(world_.stop(state_), "user_shutdown");
  state_ = nullptr;
  EXPECT_EQ(wanted->copies(), 0u);
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

// The host did not hear that the journal's epochs were certified, and stopped 16 ahead for good.
TEST_F(StateActorTest, RegressAJournalOfManyEpochsIsRunAgain) {
  log::setup(log::Level::off, log::Format::text);
  start(options(Place::process, 1ms));
  for (int epoch = 0; epoch < 40; ++epoch)
    ASSERT_TRUE(call(StateOp::put, "k", std::to_string(epoch), true)->certified);
  EXPECT_GE(report().epoch, 40u);
  caf::anon_send_exit(state_, caf::exit_reason::kill);
  EXPECT_EQ(world_.end_of(state_), "kill");
  start(options(Place::process));
  EXPECT_EQ(text(get_when_up("k")), "39");
}

// The monitors end when they have answered and before anybody is told. A read is not run again, so
// what the next ones certify says nothing of it.
TEST_F(StateActorTest, RegressAReadOfMonitorsThatEndedIsNotCertifiedByTheNextOnes) {
  std::promise<void> answered, told;
  StateOptions made = options(Place::process);
  made.start_keeper =
      BeforeKeeper::starting([&answered, first = true, end = told.get_future().share()](
                                 const RunCalls&, StoreTold&) mutable {
        if (std::exchange(first, false)) answered.set_value();
        end.wait();
      });
  log::setup(log::Level::off, log::Format::text);
  start(made);
  caf::scoped_actor self{world_.caf()};
  CallState read{{}, true};
  ASSERT_TRUE(read.calls.get("n", "k"));
  auto waiting = self->request(state_, kDeadline, read);
  answered.get_future().wait();
  ASSERT_EQ(::kill(static_cast<pid_t>(report().pid), SIGKILL), 0);
  while (report().restarts == 0) continue;
  told.set_value();
  EXPECT_EQ(text(get_when_up("k")), "absent");
  EXPECT_TRUE(call(StateOp::put, "k", "v", true)->certified);
  waiting.receive(
      [](const StateAnswers& all) {
        ASSERT_FALSE(all.front()) << "certified: " << all.front()->certified;
        EXPECT_EQ(all.front().error().code, Code::unavailable);
      },
      [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(report().waiting, 0u);
}

// Calls end their epoch with a certificate, then comes the checkpoint.
TEST_F(StateActorTest, NoCertificateWaitsForACheckpoint) {
  std::promise<void> certified;
  StateOptions made = options(Place::local);
  made.start_keeper = BeforeKeeper::starting([due = true, end = certified.get_future().share()](
                                                 const RunCalls& ask, StoreTold& told) mutable {
    if (ask.end_epoch) told.checkpoint_due = std::exchange(due, false);
    if (!ask.checkpoint) return;
    EXPECT_TRUE(ask.batches.empty());
    end.wait();
  });
  start(made);
  EXPECT_TRUE(call(StateOp::put, "k", "v", true)->certified);
  certified.set_value();
  EXPECT_EQ(text(call(StateOp::get, "k")), "v");
  EXPECT_GT(report().saving, 0s);
  EXPECT_EQ(report().journal_bytes, 0u);
}

// Nobody calls any more, and the epoch has more records than one turn of the keeper carries.
TEST_F(StateActorTest, AnEpochThatIsEndingGoesOnWithoutCalls) {
  std::atomic<bool> ended = false;
  std::atomic<int> asked_on = 0;
  StateOptions made = options(Place::local);
  made.epoch = 300ms;
  made.start_keeper =
      BeforeKeeper::starting([&, was_ending = false](const RunCalls& ask, StoreTold& told) mutable {
        if (was_ending && ask.batches.empty()) ++asked_on;
        was_ending = told.ending;
        ended = ended || (asked_on > 0 && !told.ending);
      });
  start(made);
  constexpr size_t kRecords = kCarriedByRun + 1'000;
  for (size_t i = 0; i < kRecords;) {
    CallState many;
    for (; i < kRecords && many.calls.size() < kStateBatchCallsMax; ++i)
      ASSERT_TRUE(many.calls.put("n", std::to_string(i), as_bytes("v")));
    many.wait = i == kRecords;
    const auto told = world_.ask<StateAnswers>(state_, many);
    ASSERT_TRUE(told) << told.error().text();
    EXPECT_TRUE(!many.wait || told->certified);
  }
  EXPECT_GT(asked_on, 0);
  EXPECT_TRUE(ended);
}

TEST_F(StateActorTest, AnEpochOfManyRecordsLastsLonger) {
  StateOptions made = options(Place::local);
  made.start_keeper = BeforeKeeper::starting([](const RunCalls& ask, StoreTold& told) {
    if (ask.end_epoch) told.carried = 1'000'000'000;
  });
  start(made);
  EXPECT_EQ(text(call(StateOp::get, "k")), "absent");
  EXPECT_EQ(report().epoch_lasts, 20ms);
  EXPECT_TRUE(call(StateOp::put, "k", "v", true)->certified);
  EXPECT_EQ(report().epoch_lasts, 9min);
}

// A full disk: every open began the pauses anew, and the monitors were started ten times a second.
TEST_F(StateActorTest, RegressPausesGrowUntilAnEpochsEndIsOnDisk) {
  auto fails = std::make_shared<std::atomic<int>>(3);
  StateOptions made = options(Place::local);
  made.start_keeper = BeforeKeeper::starting([fails](const RunCalls&, StoreTold& told) {
    if (*fails == 0) return;
    --*fails;
    told = {};
    told.failure = Error{Code::io, "no space left on device"};
  });
  log::setup(log::Level::off, log::Format::text);
  start(made);
  std::vector<std::string> said;
  for (Result<StateAnswer> answer = fail(Code::unavailable, ""); !answer;) {
    answer = call(StateOp::put, "k", "v", true);
    const std::string why = report().why;
    if (!why.empty() && (said.empty() || said.back() != why)) said.push_back(why);
  }
  const std::string full = "no space left on device; trying again in ";
  EXPECT_EQ(said, (std::vector{full + "100 ms", full + "200 ms", full + "400 ms"}));
  *fails = 1;
  EXPECT_FALSE(call(StateOp::put, "k", "v"));
  EXPECT_EQ(report().why, full + "100 ms") << "one was";
}

TEST_F(StateActorTest, EveryCallIsAnsweredWhenItEnds) {
  start(options(Place::process, 1h));
  caf::scoped_actor self{world_.caf()};
  CallState put{{}, true};
  ASSERT_TRUE(put.calls.put("n", "k", {}));
  auto waiting = self->request(state_, kDeadline, put);
  report();
  self->send_exit(state_, caf::exit_reason::user_shutdown);
  waiting.receive(
      [](const StateAnswers& all) {
        ASSERT_FALSE(all.front());
        EXPECT_EQ(all.front().error().code, Code::unavailable);
      },
      [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(world_.end_of(state_), "user_shutdown");
  state_ = nullptr;
}

}  // namespace
}  // namespace themis
