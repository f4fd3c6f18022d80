// The host half against real monitors, without actors: answers are a map's, epochs are certified,
// and nothing that differs from what a monitor said gets through.

#include "actors/monitor/state_host.hpp"

#include <gtest/gtest.h>

#include <map>

#include "enclave/applications/state_store.hpp"
#include "enclave/monitor/aggregator.hpp"
#include "enclave/monitor/monitor.hpp"
#include "runtime/crypto/crypto.hpp"

namespace themis {
namespace {

/// A host and its monitors in one thread.
struct World {
  explicit World(uint16_t threads) : aggregator(threads) {
    crypto::init();
    SeededRng rng(7);
    StateHostOptions options;
    rng.fill(options.instance);
    options.threads = threads;
    options.node_slots = 100;
    options.record_slots = 16;
    const monitor::MasterKey key(rng);
    for (uint16_t thread = 0; thread < threads; ++thread)
      monitors.push_back(std::make_unique<monitor::Monitor<monitor::StateStore>>(
          monitor::MonitorOptions{.instance = options.instance,
                                  .thread = thread,
                                  .node_slots = 100,
                                  .record_slots = 16,
                                  .calls_without_client = true},
          key));
    host.emplace(options, [this](uint16_t thread, ByteView batch) { deliver(thread, batch); });
  }
  void deliver(uint16_t thread, ByteView batch) {
    Bytes results(kResultsBytesMax);
    monitor::Output output{results};
    EXPECT_TRUE(monitors[thread]->apply(batch, output));
    while (const auto report = monitors[thread]->take_report()) aggregator.accept(*report);
    results.resize(output.used);
    answers.emplace_back(thread, std::move(results));
  }
  /// The verified result of a call that runs alone.
  VerifiedCall call(const StateCall& call) {
    const auto ticket = host->run(call);
    EXPECT_TRUE(ticket) << ticket.error().text();
    host->flush(host->thread_of(call.name_space));
    VerifiedCall last;
    for (auto& [thread, results] : std::exchange(answers, {}))
      EXPECT_TRUE(host->verify(thread, results, [&](const VerifiedCall& one) { last = one; }));
    EXPECT_EQ(last.ticket, *ticket);
    return last;
  }

  std::vector<std::unique_ptr<monitor::Monitor<monitor::StateStore>>> monitors;
  monitor::Aggregator<> aggregator;
  std::vector<std::pair<uint16_t, Bytes>> answers;
  std::optional<StateHost> host;
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

TEST(StateHost, AnswersWhatAMapDoesAndEveryEpochIsCertified) {
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
          const VerifiedCall got = world.call(make(StateOp::get, space, key));
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
          const VerifiedCall got = world.call(cas);
          EXPECT_EQ(got.done, matches);
          EXPECT_EQ(text(got.value), before);
          if (matches) model[{space, key}] = value;
        }
      }
      if (i % 400 == 399) {
        EXPECT_TRUE(world.host->end_epoch(world.aggregator.certified()));
      }
    }
    EXPECT_TRUE(world.host->end_epoch(world.aggregator.certified()));
    EXPECT_EQ(world.aggregator.certified(), world.host->epoch() - 1);
    for (int space = 0; space < 6; ++space) {
      StateCall all = make(StateOp::list, "space-" + std::to_string(space), "k1");
      std::vector<std::string> expected;
      for (const auto& [name, value] : model)
        if (name.first == all.name_space && name.second.starts_with("k1"))
          expected.push_back(name.second);
      EXPECT_EQ(world.host->list(all).first, expected);
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
  EXPECT_EQ(world.host->list(list).first, std::vector<std::string>{"bob"});
  // All eight keys, values as long as they may be together.
  pay.changes.clear();
  for (size_t i = 0; i < kTransactionKeysMax; ++i)
    pay.changes.push_back({"k" + std::to_string(i), true, std::nullopt, true,
                           Bytes(kTransactionBytesMax / kTransactionKeysMax)});
  ASSERT_TRUE(check_state_call(pay));
  EXPECT_TRUE(world.call(pay).done);
  EXPECT_TRUE(world.host->end_epoch(world.aggregator.certified()));
  EXPECT_EQ(world.aggregator.certified(), 0u);
}

TEST(StateHost, KeysOfOneNamespaceNeverReachAnother) {
  World world(1);
  world.call(make(StateOp::put, "a", "bc", "1"));
  EXPECT_FALSE(world.call(make(StateOp::get, "ab", "c")).done);
  EXPECT_TRUE(world.host->list(make(StateOp::list, "ab", "")).first.empty());
}

TEST(StateHost, ListsInPagesOfAHundred) {
  World world(1);
  for (int i = 0; i < 250; ++i)
    world.call(make(StateOp::put, "n", "k" + std::to_string(1'000 + i), "v"));
  StateCall list = make(StateOp::list, "n", "k");
  size_t seen = 0;
  bool more = true;
  while (more) {
    auto [keys, again] = world.host->list(list);
    seen += keys.size();
    list.after = keys.back();
    more = again;
  }
  EXPECT_EQ(seen, 250u);
}

TEST(StateHost, CutsBatchesBeforeTheirResultsAreTooLong) {
  World world(1);
  world.call(make(StateOp::put, "n", "k", std::string(1'000, 'v')));
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(world.host->run(make(StateOp::get, "n", "k")));
  world.host->flush(0);
  EXPECT_GE(world.answers.size(), 4u);
  size_t verified = 0;
  for (const auto& [thread, results] : world.answers)
    EXPECT_TRUE(world.host->verify(thread, results, [&](const VerifiedCall& one) {
      ++verified;
      EXPECT_TRUE(one.value);
    }));
  EXPECT_EQ(verified, 1'000u);
}

// Attack 42 of the specification: the host answers another thing than what was verified.
TEST(AdversaryStateHost, AnAnswerThatDiffersFromTheVerifiedOneIsForged) {
  World world(1);
  ASSERT_TRUE(world.host->run(make(StateOp::put, "n", "k", "v")));
  ASSERT_TRUE(world.host->run(make(StateOp::get, "n", "k")));
  world.host->flush(0);
  Bytes results = world.answers.front().second;
  results.back() ^= std::byte{1};
  size_t delivered = 0;
  const auto status = world.host->verify(0, results, [&](const VerifiedCall&) { ++delivered; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::forged);
  EXPECT_EQ(delivered, 1u);  // the put, whose answer was right
  EXPECT_FALSE(world.host->verify(0, Bytes(4'000), [](const VerifiedCall&) {}));
}

}  // namespace
}  // namespace themis
