// What a ring stores, keeps, hands on, finds and watches.
#include <functional>
#include <set>

#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

/// A store of copy 0 of a name at `place`, by provider 3.
Store store_at(unsigned place, int64_t expires_ms = 1'050'000) {
  return {0, record_of(3, 1, expires_ms, name_at(place))};
}

TEST_F(RingStep, KeepsItsOwnRangeAndThatOfTheNodesBeforeIt) {
  join_ring_of_three();
  const NodeId provider = member_at(3).id;
  // Nodes at 50, 40, 30 and 20 come before it: with two replicas it keeps (30, 100], and takes
  // what lies in (20, 100].
  ASSERT_TRUE(
      ring.answer(before.id, Notify{before, {contact_at(40), contact_at(30), contact_at(20)}}, at));
  EXPECT_EQ(code(provider, store_at(120)), Code::not_found);
  EXPECT_EQ(code(provider, store_at(15)), Code::not_found);
  EXPECT_TRUE(ring.answer(provider, store_at(90), at));
  EXPECT_TRUE(ring.answer(provider, store_at(45), at));
  EXPECT_TRUE(ring.answer(provider, store_at(25), at));
  EXPECT_EQ(refused(after.id, HandOver{{store_at(120), store_at(80)}}).retry, 1u);
  EXPECT_TRUE(ring.answer(contact_at(30).id, HandOver{{store_at(70)}}, at));
  EXPECT_EQ(ring.objects().object_count(), 5u);
}

TEST_F(RingStep, HandsOverToANewPredecessorUntilItIsAcknowledged) {
  join_ring_of_three();
  const Store store = store_at(60);
  ASSERT_TRUE(ring.answer(member_at(3).id, store, at));
  ASSERT_TRUE(ring.answer(contact_at(70).id, Notify{contact_at(70)}, at));
  const Ask first = take<Ask>(ring).at(0);
  EXPECT_EQ(first.to, contact_at(70));
  EXPECT_EQ(std::get<HandOver>(first.question).entries.at(0).record, store.record);
  ring.answered(first.token, contact_at(70).id, fail(Code::overloaded, "full"), at);
  pass(1s);
  ring.tick(at);
  std::optional<Ask> again;
  for (const Ask& ask : take<Ask>(ring))
    if (std::holds_alternative<HandOver>(ask.question) && ask.to == contact_at(70)) again = ask;
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<HandOver>(again->question).entries.at(0).record, store.record);
  ring.answered(again->token, contact_at(70).id, Ack{}, at);
  pass(2s);
  ring.tick(at);
  for (const Ask& ask : take<Ask>(ring))
    EXPECT_FALSE(std::holds_alternative<HandOver>(ask.question) && ask.to == contact_at(70));
  // It follows the new owner now: the object stays, as a copy.
  EXPECT_EQ(ring.objects().object_count(), 1u);
}

TEST_F(RingStep, SuccessorsGetTheWholeRangeInAcknowledgedChunks) {
  join_ring_of_three();
  for (unsigned place = 60; place < 60 + 2 * kHandOverEntriesMax; ++place)
    ASSERT_TRUE(ring.answer(member_at(3).id, store_at(place), at));
  const Contact closer = contact_at(120);
  pass(2s);
  ring.tick(at);
  for (const Ask& ask : take<Ask>(ring)) {
    if (std::holds_alternative<Notify>(ask.question))
      ring.answered(ask.token, after.id, Neighbours{closer, {before}}, at);
    else
      ring.answered(ask.token, ask.to.id, Ack{}, at);
  }
  std::set<std::string> pushed;
  size_t chunks = 0;
  for (int round = 0; round < 20; ++round) {
    for (const Ask& ask : take<Ask>(ring)) {
      if (std::holds_alternative<Notify>(ask.question)) {
        ring.answered(ask.token, ask.to.id, Neighbours{member_at(100), {after, before}}, at);
        continue;
      }
      const auto* chunk = std::get_if<HandOver>(&ask.question);
      if (chunk == nullptr) continue;
      EXPECT_LE(chunk->entries.size(), kHandOverEntriesMax);
      // Every other chunk is lost on its way: it comes again.
      const bool lost = ask.to == closer && chunks++ % 2 == 0;
      if (lost) {
        ring.answered(ask.token, ask.to.id, fail(Code::overloaded, "busy"), at);
        continue;
      }
      if (ask.to == closer)
        for (const Store& entry : chunk->entries) pushed.insert(entry.record->name);
      ring.answered(ask.token, ask.to.id, Ack{}, at);
    }
    pass(1s);
    ASSERT_TRUE(ring.answer(before.id, Notify{before}, at));
    ring.tick(at);
  }
  ASSERT_EQ(ring.table().successor(), closer);
  EXPECT_EQ(pushed.size(), 2 * kHandOverEntriesMax);
}

/// Answers every GetObject of a find with `served`, and every lookup with node 50; what it ended
/// with.
Result<Records> found_with(Ring& ring, const std::vector<RecordPtrs>& served, Moment at) {
  ring.find("greeter", 5, at);
  size_t replies = 0;
  for (int guard = 0; guard < 40; ++guard) {
    for (Effect& effect : ring.take_effects()) {
      if (auto* found = std::get_if<FindDone>(&effect)) return std::move(found->records);
      auto* ask = std::get_if<Ask>(&effect);
      if (ask == nullptr) continue;
      if (std::holds_alternative<GetObject>(ask->question))
        ring.answered(ask->token, ask->to.id,
                      GetObjectReply{served[std::min(replies++, served.size() - 1)]}, at);
      else
        ring.answered(ask->token, ask->to.id, FindNodeReply{true, {contact_at(50)}}, at);
    }
  }
  return fail(Code::timeout, "the find never ended");
}

TEST_F(RingStep, FinderDropsForeignAndExpiredRecords) {
  join_ring_of_three();
  const RecordPtr good = record_of(9, 1, at.wall_ms + 1);
  const RecordPtr other = record_of(9, 2, at.wall_ms + 1, "another");
  const RecordPtr expired = record_of(8, 1, at.wall_ms);
  const auto found = found_with(ring, {{other, expired, good}}, at);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(*found, Records{*good});
}

TEST_F(RingStep, NewestRecordOfAProviderWinsAcrossReplies) {
  join_ring_of_three();
  Record back = unsigned_record(9);
  back.withdrawn = true;
  back.sequence = 6;
  back.expires_ms = at.wall_ms + 1'000;
  const RecordPtr stale = record_of(9, 5, at.wall_ms + 1'000);
  const auto gone = found_with(ring, {{sign_one(back, 9)}, {stale}}, at);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::not_found);
  const RecordPtr newer = record_of(9, 7, at.wall_ms + 1'000);
  const auto both = found_with(ring, {{stale, newer}}, at);
  ASSERT_TRUE(both);
  EXPECT_EQ(*both, Records{*newer});
}

/// A record of provider 9 under a signature that also covers one of another name, then changed.
struct Forgery {
  const char* what;
  std::function<void(Record&)> make;
};
std::vector<Forgery> forgeries(int64_t wall_ms) {
  return {{"signature", [](Record& r) { r.proof.signature.bytes[5] ^= std::byte{1}; }},
          {"path", [](Record& r) { r.proof.path[0][3] ^= std::byte{1}; }},
          {"longer path", [](Record& r) { r.proof.path.emplace_back(); }},
          {"shorter path", [](Record& r) { r.proof.path.pop_back(); }},
          {"index", [](Record& r) { r.proof.index = 1; }},
          {"count", [](Record& r) { r.proof.count = 3; }},
          {"issued", [](Record& r) { r.proof.issued_ms += 1; }},
          {"provider", [](Record& r) { r.provider.id = member_at(8).id; }},
          {"address", [](Record& r) { r.provider.address.port = 666; }},
          {"more addresses",
           [](Record& r) {
             r.more_addresses = {{"10.6.6.6", 666}};
           }},
          {"key", [](Record& r) { r.key = identity_at(8).public_key(); }},
          {"sequence", [](Record& r) { r.sequence += 1; }},
          {"expiry", [](Record& r) { r.expires_ms += 1; }},
          {"withdrawn", [](Record& r) { r.withdrawn = true; }},
          {"weight", [](Record& r) { r.weight = 65'535; }},
          {"version", [](Record& r) { r.version = "evil"; }},
          {"labels",
           [](Record& r) {
             r.labels = {{"zone", "a"}};
           }},
          {"payload", [](Record& r) { r.payload = to_bytes("v2"); }},
          {"a ghost that signs for another's identity",
           [](Record& r) {
             const NodeId victim = r.provider.id;
             r = *sign_one(r, 8);
             r.provider.id = victim;
           }},
          {"the wrong identity for its key",
           [](Record& r) {
             r.provider.id = member_at(8).id;
             r = *sign_one(r, 9);
           }},
          {"another network",
           [](Record& r) {
             r.provider.id = identity_at(9, "other").id();
             r = *sign_records(identity_at(9, "other"), {r}, kSignedMs).front();
           }},
          {"over an hour", [wall_ms](Record& r) {
             r.expires_ms = wall_ms + kRecordLifetimeMsMax + 1;
             r = *sign_records(identity_at(9), {r}, wall_ms).front();
           }}};
}

TEST_F(RingStep, AdversaryRecordsAreRefusedAtStoreAndDroppedAtFind) {
  join_ring_of_three();
  Records pair(2, unsigned_record(9));
  pair[0].expires_ms = pair[1].expires_ms = at.wall_ms + 1'000;
  pair[1].name = "another";
  const RecordPtrs genuine = sign_records(identity_at(9), pair, kSignedMs);
  // Without and with the genuine signature remembered.
  for (const bool remembered : {false, true}) {
    const auto is_refused = [&](const char* what, const RecordPtr& record) {
      for (uint8_t replica = 0; replica < 3; ++replica)
        EXPECT_FALSE(ring.answer(record->provider.id, Store{replica, record}, at)) << what;
      EXPECT_EQ(refused(before.id, HandOver{{{0, record}}}).invalid, 1u) << what;
      EXPECT_FALSE(found_with(ring, {{record}}, at)) << what;
    };
    for (const Forgery& forgery : forgeries(at.wall_ms)) {
      Record record = *genuine[0];
      forgery.make(record);
      is_refused(forgery.what, std::make_shared<const Record>(std::move(record)));
    }
    Record borrowed = *genuine[0];
    borrowed.proof = genuine[1]->proof;
    is_refused("the path of another record", std::make_shared<const Record>(borrowed));
    EXPECT_EQ(ring.objects().record_count(), 0u);
    if (remembered) break;
    ASSERT_TRUE(found_with(ring, {{genuine[0]}}, at));
  }
}

TEST_F(RingStep, AdversaryReplayOfAnOldSequenceChangesNothing) {
  join_ring_of_three();
  const NodeId provider = member_at(3).id;
  const std::string name = name_at(80);
  ASSERT_TRUE(ring.answer(provider, Store{0, record_of(3, 2, 1'050'000, name)}, at));
  ASSERT_TRUE(ring.answer(provider, Store{0, record_of(3, 1, 1'060'000, name)}, at));
  EXPECT_EQ(ring.objects().stores(object_id(name, 0)).at(0).record->sequence, 2u);
}

TEST_F(RingStep, AdversaryProviderStaysInItsQuotaWhoeverCarriesItsRecords) {
  RingOptions options;
  options.objects.records_per_provider = 2;
  Ring small(identity_at(100), member_at(100).address, options, rng);
  small.start({}, at);
  const NodeId provider = member_at(3).id;
  ASSERT_TRUE(small.answer(before.id, Notify{before}, at));
  ASSERT_TRUE(small.answer(provider, store_at(60), at));
  ASSERT_TRUE(small.answer(before.id, store_at(61), at));
  EXPECT_EQ(small.answer(provider, store_at(62), at).error().code, Code::overloaded);
  const auto chunk = small.answer(before.id, HandOver{{store_at(60), store_at(62)}}, at);
  ASSERT_TRUE(chunk && std::holds_alternative<Refused>(*chunk));
  EXPECT_EQ(std::get<Refused>(*chunk).retry, 2u);
  EXPECT_EQ(small.objects().record_count(), 2u);
}

TEST_F(RingStep, TellsWatchersOfChangesUntilTheyLoseInterest) {
  join_ring_of_three();
  const Contact watcher = contact_at(7);
  const std::string name = name_at(80);
  const ObjectId object = object_id(name, 0);
  ASSERT_TRUE(ring.answer(watcher.id, Watch{object, watcher}, at));
  EXPECT_EQ(code(contact_at(8).id, Watch{object, watcher}), Code::denied);
  const RecordPtr first = record_of(3, 1, 1'050'000, name);
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, first}, at));
  const auto told = take<Ask>(ring);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].to, watcher);
  EXPECT_EQ(std::get<Changed>(told[0].question).records, RecordPtrs{first});
  // A refresh is no change; what changes while a message is open is told after it.
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, record_of(3, 2, 1'060'000, name)}, at));
  ASSERT_TRUE(ring.answer(member_at(4).id, Store{0, record_of(4, 1, 1'050'000, name)}, at));
  EXPECT_TRUE(take<Ask>(ring).empty());
  ring.answered(told[0].token, watcher.id, Ack{}, at);
  const auto more = take<Ask>(ring);
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(std::get<Changed>(more[0].question).records.size(), 2u);
  ring.answered(more[0].token, watcher.id, fail(Code::not_found, "not watched"), at);
  ASSERT_TRUE(ring.answer(member_at(5).id, Store{0, record_of(5, 1, 1'050'000, name)}, at));
  EXPECT_TRUE(take<Ask>(ring).empty());
}

/// The holder has as many watchers as it may.
TEST_F(RingStep, RegressAWatchThatIsNotToldOfChangesIsAskedForOften) {
  join_ring_of_three();
  ASSERT_TRUE(ring.watch(name_of_others(), 1, at));
  size_t watches = 0;
  const auto run_for = [&](Duration time, bool watched) {
    watches = 0;
    for (const TimePoint end = at.now + time; at.now < end; pass(100ms)) {
      ring.tick(at);
      for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring)) {
        for (const Ask& ask : asks) {
          Reply reply = GetObjectReply{{}, watched};
          watches += std::holds_alternative<Watch>(ask.question) ? 1 : 0;
          if (std::holds_alternative<Notify>(ask.question))
            reply = Neighbours{member_at(100), {before, member_at(100)}};
          if (std::holds_alternative<FindNode>(ask.question))
            reply = ask.to == after ? FindNodeReply{true, {before}} : FindNodeReply{false, {after}};
          ring.answered(ask.token, ask.to.id, reply, at);
        }
      }
      EXPECT_TRUE(ring.answer(before.id, Notify{before}, at));
    }
  };
  run_for(10s, false);
  EXPECT_GE(watches, 3u);
  run_for(5s, true);
  run_for(10s, true);
  EXPECT_EQ(watches, 0u) << "it will be told";
}

/// A provider has stored some copies of its name and not yet the others.
TEST_F(RingStep, RegressACopyThatLacksAProviderHidesNoneThatIsKnown) {
  join_ring_of_three();
  const std::string name = name_of_others();
  const RecordPtr first = record_of(8, 1, at.wall_ms + 10'000, name);
  const RecordPtr second = record_of(9, 1, at.wall_ms + 10'000, name);
  std::vector<FindDone> found;
  std::vector<WatchEvent> told;
  const auto run = [&](const RecordPtrs& records) {
    for (int i = 0; i < 8; ++i) {
      std::vector<Ask> asks;
      for (Effect& effect : ring.take_effects()) {
        if (auto* ask = std::get_if<Ask>(&effect)) asks.push_back(std::move(*ask));
        if (auto* done = std::get_if<FindDone>(&effect)) found.push_back(std::move(*done));
        if (auto* event = std::get_if<WatchEvent>(&effect)) told.push_back(std::move(*event));
      }
      for (const Ask& ask : asks) {
        const auto* step = std::get_if<FindNode>(&ask.question);
        Reply reply = GetObjectReply{records};
        if (step != nullptr && !step->object)
          reply = ask.to == after ? FindNodeReply{true, {before}} : FindNodeReply{false, {after}};
        ring.answered(ask.token, ask.to.id, reply, at);
      }
    }
  };
  ASSERT_TRUE(ring.watch(name, 1, at));
  run({first});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].records, Records{*first});
  ring.find(name, 2, at);
  run({second});
  ASSERT_EQ(found.size(), 1u);
  ASSERT_TRUE(found[0].records);
  EXPECT_EQ(found[0].records->size(), 2u) << "one from each";
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].records.size(), 2u) << "who watches hears of what was found";
  ring.find(name, 3, at);
  run({withdrawal_of(8, 2, at.wall_ms + 10'000, name)});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(*found[1].records, Records{*second}) << "the other is still there";
  ring.find(name, 4, at);
  run({first});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(*found[2].records, Records{*second}) << "an older record is no news";
}

TEST_F(RingStep, AdversaryCannotMakeAWatcherBelieve) {
  join_ring_of_three();
  const std::string name = name_of_others();
  ASSERT_TRUE(ring.watch(name, 1, at));
  std::optional<ObjectId> object;
  NodeId holder;
  for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring))
    for (const Ask& ask : asks) {
      Reply reply = GetObjectReply{};
      if (const auto* watch = std::get_if<Watch>(&ask.question)) {
        object = watch->object;
        holder = ask.to.id;
      } else {
        reply = ask.to == after ? FindNodeReply{true, {before}} : FindNodeReply{false, {after}};
      }
      ring.answered(ask.token, ask.to.id, reply, at);
    }
  ASSERT_TRUE(object);
  const RecordPtr genuine = record_of(9, 1, at.wall_ms + 1'000, name);
  Record forged = *genuine;
  forged.weight = 1;
  EXPECT_EQ(code(contact_at(77).id, Changed{*object, {genuine}}), Code::not_found);
  EXPECT_EQ(code(holder, Changed{id_at<ObjectId>(1), {genuine}}), Code::not_found);
  EXPECT_TRUE(ring.answer(
      holder,
      Changed{*object, {std::make_shared<const Record>(forged), record_of(9, 1, 1'001'000)}}, at));
  EXPECT_TRUE(take<WatchEvent>(ring).empty());
  EXPECT_TRUE(ring.answer(holder, Changed{*object, {genuine}}, at));
  const auto events = take<WatchEvent>(ring);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].records, Records{*genuine});
  // It expires by this node's own clock.
  pass(2s);
  ring.tick(at);
  const auto expired = take<WatchEvent>(ring);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_TRUE(expired[0].records.empty());
}

TEST(WatchTable, AdversaryCannotFillItPastItsLimits) {
  WatchTable table;
  const TimePoint now{};
  const ObjectId object = id_at<ObjectId>(1);
  for (unsigned n = 0; n < WatchTable::kPerObjectMax; ++n)
    ASSERT_TRUE(table.add(object, contact_at(n + 1), now + 1s));
  EXPECT_EQ(table.add(object, contact_at(200), now + 1s).error().code, Code::overloaded);
  EXPECT_TRUE(table.add(object, contact_at(1), now + 9s));
  unsigned more = 0;
  for (ObjectId other = id_at<ObjectId>(2); table.add(other, contact_at(1), now + 1s); ++more)
    store(other.bytes.data() + 8, uint64_t{more} + 1);
  EXPECT_EQ(more, WatchTable::kPerPeerMax - 1);
  EXPECT_EQ(table.size(), WatchTable::kPerObjectMax + WatchTable::kPerPeerMax - 1);
  table.expire(now + 1s);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.changed(object), Contacts{contact_at(1)});
  table.expire(now + 9s);
  EXPECT_EQ(table.size(), 0u);
}

}  // namespace
}  // namespace themis::ring
