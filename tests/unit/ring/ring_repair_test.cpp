// What a node and those that keep copies of its range tell each other about what they have.
#include "actors/ring/record_summary.hpp"
#include "tests/unit/ring/ring_step.hpp"

namespace themis::ring {
namespace {

constexpr int64_t kLong = 1'050'000;

RecordPtr record_at(unsigned place, unsigned provider, uint64_t sequence = 1) {
  return record_of(provider, sequence, kLong, name_at(place));
}
Summary summary_of(const RecordPtrs& records, Point until = id_at<Point>(200)) {
  ObjectTable table;
  for (const RecordPtr& record : records)
    EXPECT_TRUE(table.put(object_id(record->name, 0), {0, record}, 1'000'000));
  return summarize(table, id_at<Point>(50), until, 1'000'000);
}

TEST(Summary, ListsWhatLivesInARangeClockwiseAndByProvider) {
  const RecordPtr expired = record_of(5, 1, 1'000'000 - 1, name_at(70));
  ObjectTable table;
  ASSERT_TRUE(table.put(object_id(expired->name, 0), {0, expired}, 999'000));
  for (const RecordPtr& record :
       {record_at(20, 3), record_at(60, 4), record_at(60, 3), record_at(90, 3)})
    ASSERT_TRUE(table.put(object_id(record->name, 0), {0, record}, 999'000));
  const Summary found = summarize(table, id_at<Point>(55), id_at<Point>(30), 1'000'000);
  ASSERT_EQ(found.entries.size(), 4u);
  const unsigned providers[] = {3, 4, 3, 3}, places[] = {60, 60, 90, 20};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(found.entries[i].provider, member_at(providers[i]).id) << i;
    EXPECT_EQ(found.entries[i].object, object_id(name_at(places[i]), 0)) << i;
  }
  EXPECT_EQ(found.until, id_at<Point>(30));
  EXPECT_EQ(summarize(table, id_at<Point>(55), id_at<Point>(60), 1'000'000).entries.size(), 0u);
}

TEST(Summary, EndsWithAWholeObjectWhenItIsFull) {
  ObjectTable table;
  for (unsigned provider = 1; provider <= 200; ++provider)
    for (const unsigned place : {60u, 70u, 80u})
      ASSERT_TRUE(table.put(object_id(name_at(place), 0), {0, record_at(place, provider)}, 1'000));
  const Summary first = summarize(table, id_at<Point>(50), id_at<Point>(90), 1'000);
  EXPECT_EQ(first.entries.size(), 400u);
  EXPECT_EQ(first.until, point(object_id(name_at(70), 0)));
  const Summary rest = summarize(table, first.until, id_at<Point>(90), 1'000);
  EXPECT_EQ(rest.entries.size(), 200u);
  EXPECT_EQ(rest.until, id_at<Point>(90));
}

TEST(Summary, TellsWhoHasWhatTheOtherLacks) {
  const Summary ours = summary_of({record_at(60, 3, 2), record_at(70, 3, 1), record_at(80, 3, 5)});
  const Summary theirs = summary_of({record_at(60, 3, 1), record_at(70, 3, 4), record_at(90, 3)});
  EXPECT_EQ(digest_of(ours),
            digest_of(summary_of({record_at(80, 3, 5), record_at(70, 3, 1), record_at(60, 3, 2)})));
  EXPECT_NE(digest_of(ours), digest_of(theirs));
  const auto objects = [](std::vector<unsigned> places) {
    std::vector<ObjectId> out;
    for (const unsigned place : places) out.push_back(object_id(name_at(place), 0));
    return out;
  };
  const Difference whole = compare(ours, theirs, id_at<Point>(50), id_at<Point>(200));
  EXPECT_EQ(whole.ours, objects({60, 80}));
  EXPECT_EQ(whole.theirs, objects({70, 90}));
  const Difference part = compare(ours, theirs, id_at<Point>(50), id_at<Point>(75));
  EXPECT_EQ(part.ours, objects({60}));
  EXPECT_EQ(part.theirs, objects({70}));
}

class Repairs : public RingStep {
 protected:
  /// What this node's range is, and a ring of three around it.
  void SetUp() override { join_ring_of_three(); }
  Result<Reply> asked(const Contact& who, const Compare& question) {
    return ring.answer(who.id, question, at);
  }
  /// Rounds in which everybody is well, and `holder` says what it keeps.
  std::vector<Ask> rounds(int count, const std::function<Result<Reply>(const Ask&)>& holder) {
    std::vector<Ask> seen;
    for (int i = 0; i < count; ++i) {
      pass(600ms);
      ring.tick(at);
      for (auto asks = take<Ask>(ring); !asks.empty(); asks = take<Ask>(ring)) {
        for (const Ask& ask : asks) {
          seen.push_back(ask);
          Result<Reply> reply = Ack{};
          if (std::holds_alternative<Notify>(ask.question))
            reply = ask.to == after ? Neighbours{member_at(100), {before, member_at(100)}}
                                    : Neighbours{after, {member_at(100), after}};
          if (std::holds_alternative<FindNode>(ask.question)) reply = FindNodeReply{true, {after}};
          if (std::holds_alternative<Compare>(ask.question) ||
              std::holds_alternative<GetObject>(ask.question))
            reply = holder(ask);
          ring.answered(ask.token, ask.to.id, std::move(reply), at);
        }
      }
      EXPECT_TRUE(ring.answer(before.id, Notify{before}, at));
    }
    return seen;
  }
};

TEST_F(Repairs, ANeighbourLearnsWhetherItKeepsTheSameAndElseWhatIsKeptHere) {
  const RecordPtr record = record_at(60, 3);
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, record}, at));
  const Point from = id_at<Point>(50), until = id_at<Point>(90);
  const Summary same = summary_of({record}, until);
  const auto equal = asked(before, {from, until, digest_of(same)});
  ASSERT_TRUE(equal) << equal.error().text();
  EXPECT_TRUE(std::holds_alternative<Ack>(*equal));
  const auto other = asked(before, {from, until, digest_of(summary_of({}, until))});
  ASSERT_TRUE(other && std::holds_alternative<Summary>(*other));
  EXPECT_EQ(std::get<Summary>(*other).entries, same.entries);
  EXPECT_EQ(asked(contact_at(7), {from, until, {}}).error().code, Code::denied);
}

TEST_F(Repairs, SendsWhatAHolderLacksAndFetchesWhatItHasAlone) {
  const RecordPtr mine = record_at(60, 3), theirs = record_at(70, 4);
  ASSERT_TRUE(ring.answer(member_at(3).id, Store{0, mine}, at));
  rounds(4, [](const Ask&) { return Ack{}; });  // the first copies are made
  const auto seen = rounds(12, [&](const Ask& ask) -> Result<Reply> {
    if (std::holds_alternative<GetObject>(ask.question)) return GetObjectReply{{theirs}};
    Summary kept = summary_of({theirs});
    kept.until = std::get<Compare>(ask.question).until;
    return kept;
  });
  const bool sent = std::ranges::any_of(seen, [&](const Ask& ask) {
    const auto* chunk = std::get_if<HandOver>(&ask.question);
    return chunk != nullptr && chunk->entries.at(0).record == mine;
  });
  EXPECT_TRUE(sent);
  const auto kept = ring.objects().stores(object_id(theirs->name, 0));
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].record, theirs);
}

TEST_F(Repairs, AdversaryAHolderThatLacksAllOrHasItNewerCostsABoundedNumberOfQuestions) {
  const auto seen = rounds(12, [&](const Ask& ask) -> Result<Reply> {
    if (std::holds_alternative<GetObject>(ask.question)) return GetObjectReply{};
    const auto& question = std::get<Compare>(ask.question);
    Summary lie{question.from, {}};  // one step of the circle each
    for (size_t i = lie.until.bytes.size(); i-- > 0;)
      if (++reinterpret_cast<uint8_t&>(lie.until.bytes[i]) != 0) break;
    for (uint8_t n = 0; n < 200; ++n)
      lie.entries.push_back({ObjectId{lie.until.bytes}, id_at<NodeId>(n, 1), 1});
    return lie;
  });
  const auto of = [&](auto kind) {
    return std::ranges::count_if(
        seen, [&](const Ask& ask) { return std::holds_alternative<decltype(kind)>(ask.question); });
  };
  EXPECT_GT(of(Compare{}), 0);
  EXPECT_LE(of(Compare{}), 4 * 256) << "two holders, two comparisons at most";
  EXPECT_LE(of(GetObject{}), 4 * 64);
}

}  // namespace
}  // namespace themis::ring
