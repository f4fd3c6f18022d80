// The host half and real monitors over a store on disk, without actors: answers are a map's, epochs
// are certified, and nothing that differs from what a monitor said gets through.

#include "actors/monitor/state_host.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <iostream>
#include <map>

#include "actors/monitor/state_keeper.hpp"
#include "enclave/host/verified_store.hpp"
#include "tests/unit/monitor/host_world.hpp"

namespace themis {
namespace {

/// Monitors that tell one wrong byte.
struct LyingMonitors final : tests::PassingHost {
  using PassingHost::PassingHost;
  Result<seal::Released> confirm() override {
    Result<seal::Released> released = side.confirm();
    if (released && lies) released->results[0].back() ^= std::byte{1};
    return released;
  }
  Result<seal::Released> release() override {
    Result<seal::Released> released = side.release();
    if (released && lies) released->results[0].back() ^= std::byte{1};
    return released;
  }
  bool lies = false;
};

struct World final : tests::WorldBetween<LyingMonitors> {
  explicit World(uint16_t threads) : WorldBetween({threads, 100, 16}) { open(); }
  void open() {
    const Status opened = HostWorld::open();
    ASSERT_TRUE(opened) << opened.error().text();
  }
  /// Provisional.
  Result<StateAnswer> run(const StateCall& call) {
    StateBatch batch;
    THEMIS_CHECK(batch.add(call));
    StateCallReader calls = batch.calls();
    StateAnswers answers;
    host->run(calls, answers);
    return answers.front();
  }
  /// The durable answer of a call that runs alone.
  StateAnswer call(const StateCall& call) {
    const Result<StateAnswer> answer = run(call);
    EXPECT_TRUE(answer) << answer.error().text();
    const Status committed = host->commit();
    EXPECT_TRUE(committed) << committed.error().text();
    return answer.value_or(StateAnswer{});
  }
  std::vector<std::string> keys(const StateCall& list) {
    std::vector<std::string> out;
    for (const StateEntry& entry : call(list).entries) out.push_back(entry.key);
    return out;
  }
};

StateCall make(StateOp op, std::string name_space, std::string key, std::string_view value = {}) {
  StateCall call;
  call.op = op;
  call.name_space = std::move(name_space);
  call.key = std::move(key);
  call.value = to_bytes(value);
  return call;
}
std::string text(const std::optional<Bytes>& value) {
  return value ? std::string(as_text(*value)) : "absent";
}

TEST(StateHost, AnswersReadsWithoutAWrite) {
  World world(4);
  for (const char* space : {"a", "b", "c"}) world.call(make(StateOp::put, space, "k", "v"));
  const seal::CounterValue stands = world.counter.stands;
  const uint64_t journal = world.host->journal_bytes();
  for (const char* space : {"a", "b", "c"}) {
    EXPECT_EQ(text(world.call(make(StateOp::get, space, "k")).value), "v");
    EXPECT_EQ(world.keys(make(StateOp::list, space, "")), std::vector<std::string>{"k"});
  }
  EXPECT_EQ(world.counter.stands, stands);
  EXPECT_EQ(world.host->journal_bytes(), journal);
  EXPECT_TRUE(world.host->end_epoch()) << "which is certified";
  EXPECT_EQ(world.counter.stands.counter, stands.counter + 1);
}

TEST(StateHost, AnswersWhatAMapDoesThroughRestartsAndEveryEpochIsCertified) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{4}}) {
    SCOPED_TRACE(threads);
    World world(threads);
    SeededRng rng(threads);
    std::map<std::pair<std::string, std::string>, std::string> model;
    for (int i = 0; i < 3'000; ++i) {
      const std::string space = "space-" + std::to_string(rng.below(6));
      const std::string key = "k" + std::to_string(rng.below(40));
      const std::string value(rng.below(1'025), static_cast<char>('a' + rng.below(26)));
      const auto found = model.find({space, key});
      const std::string before = found == model.end() ? "absent" : found->second;
      switch (rng.below(4)) {
        case 0:
          EXPECT_TRUE(world.call(make(StateOp::put, space, key, value)).done);
          model[{space, key}] = value;
          break;
        case 1: {
          const StateAnswer got = world.call(make(StateOp::get, space, key));
          EXPECT_EQ(text(got.value), before);
          EXPECT_EQ(got.done, before != "absent");
          break;
        }
        case 2:
          EXPECT_EQ(world.call(make(StateOp::remove, space, key)).done, before != "absent");
          model.erase({space, key});
          break;
        default: {
          StateCall cas = make(StateOp::cas, space, key, value);
          const bool matches = rng.below(2) == 0;
          if (matches ? before != "absent" : before == "absent") cas.expected = to_bytes(before);
          const StateAnswer got = world.call(cas);
          EXPECT_EQ(got.done, matches);
          EXPECT_EQ(text(got.value), before);
          if (matches) model[{space, key}] = value;
        }
      }
      if (i % 400 == 399) {
        EXPECT_TRUE(world.host->end_epoch());
      }
      if (i % 700 == 699) world.open();
      if (i == 1'500) {
        EXPECT_TRUE(world.host->checkpoint());
      }
    }
    EXPECT_TRUE(world.host->end_epoch());
    EXPECT_EQ(world.host->certified(), world.host->epoch() - 1);
    world.open();
    for (int space = 0; space < 6; ++space) {
      StateCall all = make(StateOp::list, "space-" + std::to_string(space), "k1");
      std::vector<std::string> expected;
      for (const auto& [name, value] : model)
        if (name.first == all.name_space && name.second.starts_with("k1"))
          expected.push_back(name.second);
      EXPECT_EQ(world.keys(all), expected);
    }
  }
}

TEST(StateHost, ATransactionHappensAsAWholeOrNotAtAll) {
  World world(2);
  world.call(make(StateOp::put, "bank", "ada", "100"));
  StateCall pay = make(StateOp::transaction, "bank", "");
  pay.changes = {{"ada", true, to_bytes("100"), true, to_bytes("70")},
                 {"bob", true, std::nullopt, true, to_bytes("30")}};
  EXPECT_TRUE(world.call(pay).done);
  EXPECT_FALSE(world.call(pay).done);  // ada has 70 by now
  EXPECT_EQ(text(world.call(make(StateOp::get, "bank", "ada")).value), "70");
  EXPECT_EQ(text(world.call(make(StateOp::get, "bank", "bob")).value), "30");
  pay.changes = {{"ada", false, {}, true, std::nullopt}, {"bob", true, to_bytes("30"), false, {}}};
  EXPECT_TRUE(world.call(pay).done);
  EXPECT_EQ(text(world.call(make(StateOp::get, "bank", "ada")).value), "absent");
  StateCall list = make(StateOp::list, "bank", "");
  EXPECT_EQ(world.keys(list), std::vector<std::string>{"bob"});
  // All eight keys, values as long as they may be together.
  pay.changes.clear();
  for (size_t i = 0; i < kTransactionKeysMax; ++i)
    pay.changes.push_back({"k" + std::to_string(i), true, std::nullopt, true,
                           Bytes(kTransactionBytesMax / kTransactionKeysMax)});
  ASSERT_TRUE(check_state_call(pay));
  EXPECT_TRUE(world.call(pay).done);
  EXPECT_TRUE(world.host->end_epoch());
  EXPECT_EQ(world.host->certified(), 0u);
}

TEST(StateHost, KeysOfOneNamespaceNeverReachAnother) {
  World world(1);
  world.call(make(StateOp::put, "a", "bc", "1"));
  EXPECT_FALSE(world.call(make(StateOp::get, "ab", "c")).done);
  EXPECT_TRUE(world.keys(make(StateOp::list, "ab", "")).empty());
  world.call(make(StateOp::put, "ab", "c", "1"));
  EXPECT_EQ(world.host->name_spaces(), (std::vector<std::string>{"a", "ab"}));
}

TEST(StateHost, ListsInPagesOfAHundred) {
  World world(1);
  for (int i = 0; i < 250; ++i)
    world.call(make(StateOp::put, "n", "k" + std::to_string(1'000 + i), "v"));
  StateCall list = make(StateOp::list, "n", "k");
  size_t seen = 0;
  bool more = true;
  while (more) {
    const StateAnswer page = world.call(list);
    seen += page.entries.size();
    list.after = page.entries.back().key;
    more = page.more;
  }
  EXPECT_EQ(seen, 250u);
}

/// Runs a batch with the commits that it needs, and answers how many; none after the last call.
size_t commits_of(World& world, const StateBatch& batch, StateAnswers& answers) {
  size_t commits = 0;
  StateCallReader calls = batch.calls();
  for (world.host->run(calls, answers); !calls.done(); world.host->run(calls, answers), ++commits)
    EXPECT_TRUE(world.host->commit());
  return commits;
}

TEST(StateHost, StopsABatchWhereTheResultsOfACommitAreLongEnough) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{4}}) {
    SCOPED_TRACE(threads);
    World world(threads);
    for (int space = 0; space < 3; ++space)
      world.call(make(StateOp::put, "n" + std::to_string(space), "k", std::string(1'000, 'v')));
    StateBatch batch;
    for (int i = 0; i < 1'500; ++i) ASSERT_TRUE(batch.get("n" + std::to_string(i % 3), "k"));
    EXPECT_FALSE(batch.has_one_name_space());
    size_t commits = 0;
    for (int round = 0; round < 6; ++round) {
      StateAnswers answers;
      commits += commits_of(world, batch, answers);
      ASSERT_EQ(answers.size(), batch.size());
      for (const auto& answer : answers.all())
        ASSERT_EQ(text(answer->value), std::string(1'000, 'v'));
    }
    EXPECT_GT(commits, 2u);
    EXPECT_LT(commits, 6u * 4u * threads);
    EXPECT_TRUE(world.host->commit());
  }
}

TEST(StateHost, OfManyThreadsEachTakesManyCallsInOneCommit) {
  World world(64);
  StateBatch batch;
  for (int i = 0; i < 2'000; ++i)
    ASSERT_TRUE(batch.put("space", std::to_string(i), as_bytes("value")));
  StateCallReader calls = batch.calls();
  StateAnswers answers;
  world.host->run(calls, answers);
  EXPECT_TRUE(calls.done()) << "two bytes of result each, and 32 KB for them";
  EXPECT_EQ(answers.size(), batch.size());
  EXPECT_TRUE(world.host->commit());
}

TEST(StateHost, ACommitTakesAQuarterMillionSmallCalls) {
  World world(1);
  StateBatch batch;
  for (uint32_t i = 0; i < kStateBatchCallsMax; ++i) {
    const std::string key = std::to_string(i % 100);
    ASSERT_TRUE(i % 2 == 0 ? batch.put("n", key, as_bytes("8 bytes.")) : batch.get("n", key));
  }
  for (int round = 0; round < 4; ++round) {
    StateAnswers answers;
    EXPECT_EQ(commits_of(world, batch, answers), 0u);
    for (const auto& answer : answers.all()) ASSERT_TRUE(answer) << answer.error().text();
  }
  EXPECT_TRUE(world.host->commit());
}

TEST(StateHost, ABatchWhoseAnswersAreTooLongRunsNoMoreOfItsCalls) {
  World world(1);
  world.call(make(StateOp::put, "n", "k", std::string(1'024, 'v')));
  StateBatch batch;
  for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(batch.get("n", "k"));
  ASSERT_TRUE(batch.put("n", "last", as_bytes("v")));
  StateAnswers answers;
  commits_of(world, batch, answers);
  const auto all = answers.all();
  ASSERT_EQ(all.size(), 2'001u);
  EXPECT_TRUE(all[1'000]);
  ASSERT_FALSE(all[1'999]);
  EXPECT_EQ(all[1'999].error().code, Code::too_large);
  EXPECT_LE(answers.bytes().size(), kStateBatchBytesMax);
  EXPECT_EQ(world.call(make(StateOp::get, "n", "last")).done, all.back().has_value());
}

TEST(StateHost, KeysAreListedWhateverMadeOrRemovedThem) {
  World world(1);
  StateCall cas = make(StateOp::cas, "n", "cas", "v");
  EXPECT_TRUE(world.call(cas).done);
  world.call(make(StateOp::put, "n", "put", "v"));
  world.call(make(StateOp::put, "n", "put", "w"));
  EXPECT_EQ(world.keys(make(StateOp::list, "n", "")), (std::vector<std::string>{"cas", "put"}));
  cas.expected = to_bytes("v");
  EXPECT_TRUE(world.call(cas).done);
  world.call(make(StateOp::remove, "n", "cas"));
  EXPECT_FALSE(world.call(make(StateOp::remove, "n", "cas")).done);
  EXPECT_EQ(world.keys(make(StateOp::list, "n", "")), std::vector<std::string>{"put"});
  world.call(make(StateOp::put, "n", "cas", "again"));
  world.open();
  EXPECT_EQ(world.keys(make(StateOp::list, "n", "")), (std::vector<std::string>{"cas", "put"}));
}

/// A batch of random gets and puts, in which 9 of 10 are all of one namespace.
StateBatch random_batch(SeededRng& rng, size_t calls) {
  StateBatch batch;
  const uint64_t own = rng.below(8);
  const bool is_mixed = rng.below(10) == 0;
  for (size_t i = 0; i < calls; ++i) {
    const std::string space = "space-" + std::to_string(is_mixed ? rng.below(8) : own);
    const std::string key = std::to_string(rng.below(50));
    const std::string value = std::to_string(rng.below(1'000'000)) + std::string(60, '.');
    EXPECT_TRUE(rng.below(2) == 0 ? batch.put(space, key, as_bytes(value)) : batch.get(space, key));
  }
  return batch;
}

/// What a map answers.
void expect_answers(std::map<std::string, Bytes>& model, const StateBatch& batch,
                    const StateAnswers& answers) {
  ASSERT_EQ(answers.size(), batch.size());
  StateCallReader calls = batch.calls();
  StateAnswerReader reader = answers.answers();
  StateAnswerView answer;
  for (StateCallView call; calls.next(call) && reader.next(answer);) {
    ASSERT_FALSE(answer.failed) << answer.detail;
    const auto found = model.find(std::string(as_text(call.name)));
    if (call.op == StateOp::put) {
      model[std::string(as_text(call.name))].assign(call.value.begin(), call.value.end());
    } else {
      ASSERT_EQ(answer.done, found != model.end());
      ASSERT_TRUE(!answer.done || std::ranges::equal(*answer.value, found->second));
    }
  }
}

TEST(BatchRunner, EveryNamespaceSeesItsCallsInTheirOrder) {
  for (const uint16_t threads : {uint16_t{1}, uint16_t{2}, uint16_t{4}}) {
    SCOPED_TRACE(threads);
    World world(threads);
    SeededRng rng(threads);
    std::map<std::string, Bytes> model;
    for (int round = 0; round < 6; ++round) {
      std::vector<StateBatch> batches(1);  // one is empty
      for (int i = 0; i < 30; ++i) batches.push_back(random_batch(rng, 1 + rng.below(1'000)));
      std::vector<StateAnswers> answers(batches.size());
      BatchRunner runner(*world.host, batches, answers, size_t{64} << 20);
      size_t commits = 0;
      for (; !runner.run(); ++commits) ASSERT_TRUE(world.host->commit());
      EXPECT_LE(commits, 4u * threads);
      const Status committed = round % 2 == 0 ? world.host->commit() : world.host->end_epoch();
      ASSERT_TRUE(committed) << committed.error().text();
      for (size_t i = 0; i < batches.size(); ++i) expect_answers(model, batches[i], answers[i]);
    }
  }
}

TEST(BatchRunner, LeavesOutWhatComesAfterAnswersThatAreTooLong) {
  World world(1);
  world.call(make(StateOp::put, "n", "k", std::string(1'000, 'v')));
  std::vector<StateBatch> batches(10);
  for (StateBatch& batch : batches)
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(batch.get("n", "k"));
  std::vector<StateAnswers> answers(batches.size());
  BatchRunner runner(*world.host, batches, answers, 50'000);
  EXPECT_TRUE(runner.run());
  EXPECT_TRUE(world.host->commit());
  EXPECT_EQ(answers[2].size(), 20u);
  EXPECT_EQ(answers[3].size(), 0u);
  EXPECT_EQ(answers[9].size(), 0u);
}

// The most that a checkpoint at a stop can have to write: each call of the journal has made a key,
// and calls are as short as they get.
TEST(StateHost, TheCheckpointAtAStopIsBounded) {
  World world(1);
  uint64_t keys = 0;
  while (world.host->journal_bytes() <= kStopJournalBytesMax) {
    for (int i = 0; i < 1'000; ++i)
      ASSERT_TRUE(world.run(make(StateOp::put, "n", std::to_string(keys++), "v")));
    ASSERT_TRUE(world.host->commit());
  }
  EXPECT_EQ(world.host->records(), keys);
  EXPECT_LE(keys, kStopJournalBytesMax / 12 + 1'000) << "a call has twelve bytes and more";
  const std::clock_t from = std::clock();
  ASSERT_TRUE(world.host->checkpoint());
  std::cout << keys << " records in " << 1'000 * (std::clock() - from) / CLOCKS_PER_SEC
            << " ms of CPU time\n";
  EXPECT_EQ(world.host->journal_bytes(), 0u);
  world.open();
  EXPECT_EQ(text(world.call(make(StateOp::get, "n", "0")).value), "v");
}

// Attack 42 of the specification: the host answers another thing than what was verified.
TEST(AdversaryStateHost, AnAnswerThatDiffersFromTheVerifiedOneIsForged) {
  World world(1);
  world.call(make(StateOp::put, "n", "k", "v"));
  ASSERT_TRUE(world.run(make(StateOp::get, "n", "k")));
  world.between->lies = true;
  const Status committed = world.host->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::forged);
}

}  // namespace
}  // namespace themis
