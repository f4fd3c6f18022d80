// What a ring provides, takes back and watches for its own process.
#include <algorithm>
#include <functional>
#include <set>

#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

/// Plays all other nodes: `answer` decides on stores and watches, lookups end at node 50.
class Provides : public RingStep {
 protected:
  using Answer = std::function<Result<Reply>(const Ask&)>;

  /// All that is asked now, and what follows from the answers; `by` nobody: silence.
  void serve(const Answer& answer) {
    for (auto effects = ring.take_effects(); !effects.empty(); effects = ring.take_effects())
      for (Effect& effect : effects) {
        if (auto* event = std::get_if<WatchEvent>(&effect)) events.push_back(std::move(*event));
        if (const auto* ask = std::get_if<Ask>(&effect)) serve_one(*ask, answer);
      }
  }
  void serve_one(const Ask& ask, const Answer& answer) {
    Result<Reply> reply = Ack{};
    if (std::holds_alternative<Notify>(ask.question)) {
      reply = of_notify;
    } else if (std::holds_alternative<GetNeighbours>(ask.question)) {
      reply = Neighbours{after, {member_at(100), after}};
    } else if (std::holds_alternative<FindNode>(ask.question)) {
      reply = FindNodeReply{true, {ask.to == after ? before : after}};
    } else {
      reply = answer(ask);
    }
    ring.answered(ask.token, reply || reply.error().code != Code::timeout ? ask.to.id : NodeId{},
                  std::move(reply), at);
  }
  void rounds(int count, const Answer& answer) {
    for (int round = 0; round < count; ++round) {
      pass(500ms);
      EXPECT_TRUE(ring.answer(before.id, Notify{before}, at));
      ring.tick(at);
      serve(answer);
    }
  }
  const Answer acknowledge = [](const Ask&) { return Reply(Ack{}); };

  std::vector<WatchEvent> events;
  Neighbours of_notify{member_at(100), {before}};
};

TEST_F(Provides, RegressAWithdrawalIsSentUntilItIsStored) {
  join_ring_of_three();
  ring.provide("greeter", {}, 1, at);
  serve(acknowledge);
  ring.withdraw("greeter", at);
  EXPECT_EQ(ring.provided_count(), 0u);
  std::set<NodeId> told;
  size_t sent = 0;
  bool deaf = true;
  const Answer answer = [&](const Ask& ask) -> Result<Reply> {
    const auto* store = std::get_if<Store>(&ask.question);
    if (store == nullptr) return Ack{};
    EXPECT_TRUE(store->record->withdrawn);
    ++sent;
    if (deaf) return fail(Code::overloaded, "busy");
    told.insert(ask.to.id);
    return Ack{};
  };
  serve(answer);
  EXPECT_GT(sent, 0u);
  deaf = false;
  rounds(20, answer);
  EXPECT_EQ(told, (std::set<NodeId>{before.id, after.id}));
  const size_t enough = sent;
  rounds(200, answer);
  EXPECT_EQ(sent, enough) << "stored once, it is not sent again";
}

TEST_F(Provides, AWithdrawalThatNobodyTakesEndsWithTheRecordsItIsMeantFor) {
  join_ring_of_three();
  ring.provide("greeter", {}, 1, at);
  serve(acknowledge);
  ring.withdraw("greeter", at);
  size_t sent = 0;
  const Answer refuse = [&](const Ask& ask) -> Result<Reply> {
    sent += std::holds_alternative<Store>(ask.question);
    return fail(Code::overloaded, "busy");
  };
  rounds(200, refuse);
  EXPECT_GT(sent, 0u);
  const size_t enough = sent;
  rounds(100, refuse);
  EXPECT_EQ(sent, enough);
}

TEST_F(Provides, RegressAProviderWhoseClockWasAheadPassesWhatItSignedThen) {
  join_ring_of_three();
  Record old = unsigned_record(100);
  old.sequence = static_cast<uint64_t>(at.wall_ms) + 900'000;
  old.expires_ms = at.wall_ms + 990'000;
  ObjectTable table;
  const ObjectId object = object_id(old.name, 0);
  ASSERT_TRUE(table.put(object, {0, sign_one(old, 100)}, at.wall_ms));
  // Another node's record says nothing of this node's sequences.
  const RecordPtr foreign = record_of(9, UINT64_MAX / 2);
  const Answer holder = [&](const Ask& ask) -> Result<Reply> {
    const auto* store = std::get_if<Store>(&ask.question);
    if (store == nullptr) return Ack{};
    const Result<Change> change = table.put(object, *store, at.wall_ms);
    if (change && *change == Change::outdated)
      return GetObjectReply{{foreign, table.stores(object).front().record}};
    return Ack{};
  };
  ring.provide(old.name, to_bytes("v2"), 1, at);
  rounds(20, holder);
  const RecordPtr kept = table.stores(object).front().record;
  EXPECT_EQ(kept->payload, to_bytes("v2"));
  EXPECT_LT(kept->sequence, old.sequence + 100);
}

TEST_F(Provides, RegressAStoreThatIsOlderThanOtherContentIsNotAcknowledged) {
  join_ring_of_three();
  const NodeId provider = member_at(3).id;
  const std::string name = name_at(80);
  const RecordPtr newest = record_of(3, 7, 1'050'000, name);
  ASSERT_TRUE(ring.answer(provider, Store{0, newest}, at));
  Record restarted = unsigned_record(3, name);
  restarted.expires_ms = 1'050'000;
  restarted.payload = to_bytes("v2");
  const auto reply = ring.answer(provider, Store{0, sign_one(restarted, 3)}, at);
  ASSERT_TRUE(reply && std::holds_alternative<GetObjectReply>(*reply));
  EXPECT_EQ(std::get<GetObjectReply>(*reply).records, RecordPtrs{newest});
}

TEST_F(Provides, RegressALostPeerThatHeldNothingCostsNoStores) {
  join_ring_of_three();
  for (unsigned n = 0; n < 20; ++n) ring.provide("name-" + std::to_string(n), {}, n, at);
  size_t stores = 0;
  const Answer count = [&](const Ask& ask) -> Result<Reply> {
    stores += std::holds_alternative<Store>(ask.question);
    return Ack{};
  };
  serve(count);
  rounds(4, count);
  const Contact stranger = contact_at(200);
  for (int time = 0; time < 4; ++time) {
    of_notify.successors = {stranger, before};
    rounds(4, count);
    ASSERT_NE(ring.table().find(stranger.id), nullptr);
    of_notify.successors = {before};
    stores = 0;
    ring.unreachable(stranger.id, at);
    rounds(4, count);
    EXPECT_EQ(stores, 0u);
  }
}

TEST_F(Provides, RegressLeavingTakesItsNamesBackAFewAtATime) {
  join_ring_of_three();
  constexpr unsigned kNames = 200;
  for (unsigned n = 0; n < kNames; ++n) ring.provide("name-" + std::to_string(n), {}, n, at);
  serve(acknowledge);
  ring.leave(at);
  std::set<std::string> taken_back;
  size_t open_max = 0;
  for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring)) {
    open_max = std::max(open_max, asks.size());
    for (const Ask& ask : asks)
      serve_one(ask, [&](const Ask& question) -> Result<Reply> {
        if (const auto* store = std::get_if<Store>(&question.question))
          if (store->record->withdrawn) taken_back.insert(store->record->name);
        return Ack{};
      });
  }
  EXPECT_EQ(taken_back.size(), kNames);
  EXPECT_LE(open_max, Ring::kStoresInFlightMax * 3);
  EXPECT_TRUE(ring.state() == Ring::State::left);
}

TEST_F(Provides, WhatOutlivesItsProviderIsNotTakenBackWhenItLeaves) {
  join_ring_of_three();
  Offer only_here;
  only_here.outlives = true;
  ring.provide("state/notes", only_here, 1, at);
  ring.provide("greeter", {}, 2, at);
  std::map<std::string, bool> withdrawn;
  std::map<std::string, int64_t> lives_ms;
  const Answer answer = [&](const Ask& ask) -> Result<Reply> {
    if (const auto* store = std::get_if<Store>(&ask.question)) {
      withdrawn[store->record->name] = store->record->withdrawn;
      lives_ms[store->record->name] = store->record->expires_ms - at.wall_ms;
    }
    return Ack{};
  };
  serve(answer);
  EXPECT_EQ(lives_ms["state/notes"], kRecordLifetimeMsMax);
  EXPECT_LT(lives_ms["greeter"], kRecordLifetimeMsMax);
  ring.leave(at);
  serve(answer);
  EXPECT_TRUE(withdrawn["greeter"]);
  EXPECT_FALSE(withdrawn["state/notes"]);
  EXPECT_TRUE(ring.state() == Ring::State::left);
}

TEST_F(Provides, RegressFindsAreLimitedInARingTooSmallForLookups) {
  join_ring_of_three();
  // None of the copies is this node's own: every find waits for an answer.
  const std::string name = name_of_others();
  for (size_t n = 0; n < Ring::kFindsMax; ++n) ring.find(name, n, at);
  EXPECT_TRUE(take<FindDone>(ring).empty());
  ring.find(name, 7, at);
  const auto refused = take<FindDone>(ring);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].records.error().code, Code::overloaded);
}

TEST_F(Provides, RegressAWatchBeyondTheLimitIsAnsweredEachTimeItIsAsked) {
  join_ring_of_three();
  const std::string name = name_at(80);
  const ObjectId object = object_id(name, 0);
  const RecordPtr record = record_of(3, 1, 1'050'000, name);
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, record}, at));
  for (unsigned n = 0; n < WatchTable::kPerObjectMax; ++n)
    ASSERT_TRUE(ring.answer(contact_at(n + 1).id, Watch{object, contact_at(n + 1)}, at));
  const auto reply = ring.answer(contact_at(200).id, Watch{object, contact_at(200)}, at);
  ASSERT_TRUE(reply) << reply.error().text();
  EXPECT_EQ(std::get<GetObjectReply>(*reply).records, RecordPtrs{record});
  EXPECT_FALSE(std::get<GetObjectReply>(*reply).watched);
}

TEST_F(Provides, RegressALostMessageDoesNotEndAWatch) {
  join_ring_of_three();
  const Contact watcher = contact_at(7);
  const std::string name = name_at(80);
  ASSERT_TRUE(ring.answer(watcher.id, Watch{object_id(name, 0), watcher}, at));
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, record_of(3, 1, 1'050'000, name)}, at));
  const auto first = take<Ask>(ring);
  ASSERT_EQ(first.size(), 1u);
  ring.answered(first[0].token, {}, fail(Code::timeout, "lost"), at);
  const auto again = take<Ask>(ring);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].to, watcher);
  ring.answered(again[0].token, {}, fail(Code::timeout, "lost"), at);
  EXPECT_TRUE(take<Ask>(ring).empty());
  ASSERT_TRUE(ring.answer(member_at(4).id, Store{0, record_of(4, 1, 1'050'000, name)}, at));
  EXPECT_TRUE(take<Ask>(ring).empty()) << "one that stays silent is forgotten";
}

TEST_F(Provides, AWatcherIsToldOfAProviderWhoseSessionBroke) {
  join_ring_of_three();
  const Contact watcher = contact_at(7);
  const std::string name = name_at(80);
  const ObjectId object = object_id(name, 0);
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, record_of(3, 1, 1'050'000, name)}, at));
  ASSERT_TRUE(ring.answer(watcher.id, Watch{object, watcher}, at));
  ring.session_lost(member_at(4).id, at);
  EXPECT_TRUE(take<Ask>(ring).empty()) << "it provides nothing here";
  ring.session_lost(member_at(3).id, at);
  const auto told = take<Ask>(ring);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].to, watcher);
  const auto& changed = std::get<Changed>(told[0].question);
  EXPECT_EQ(changed.lost, std::vector{member_at(3).id});
  EXPECT_EQ(changed.records.size(), 1u) << "it is for the watcher to see whether it is gone";
}

TEST_F(Provides, RegressAWatcherIsToldOfTheOneThatChangedAmongManyProviders) {
  join_ring_of_three();
  const Contact watcher = contact_at(7);
  const std::string name = name_at(80);
  ASSERT_TRUE(ring.answer(watcher.id, Watch{object_id(name, 0), watcher}, at));
  for (unsigned p = 1; p <= 99; ++p) {
    const RecordPtr record = record_of(p, 1, 1'050'000, name);
    ASSERT_TRUE(ring.answer(record->provider.id, Store{0, record}, at));
    const auto told = take<Ask>(ring);
    ASSERT_EQ(told.size(), 1u);
    const RecordPtrs& records = std::get<Changed>(told[0].question).records;
    EXPECT_LE(records.size(), kRecordsPerReplyMax);
    EXPECT_TRUE(std::ranges::find(records, record) != records.end()) << p;
    ring.answered(told[0].token, watcher.id, Ack{}, at);
  }
}

}  // namespace
}  // namespace themis::ring
