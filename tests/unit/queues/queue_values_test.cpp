// Queues without actors: what is sent and answered, who consumes, what waits in which order.
#include <gtest/gtest.h>

#include "actors/queues/queue_book.hpp"
#include "actors/queues/queue_store.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

using Ids = std::vector<uint64_t>;

TEST(QueueTypes, ASendIsReadStrictly) {
  const auto sent = parse_send(R"([{"type":"json","body":"1","delay":0},
                                   {"type":"bytes","body":"00ff","delay":60}])");
  ASSERT_TRUE(sent) << sent.error().text();
  EXPECT_EQ(*sent,
            (std::vector<NewMessage>{{BodyKind::json, "1", 0}, {BodyKind::bytes, "00ff", 60}}));
  for (const char* bad :
       {"", "[]", "{}", "[1]", R"([{"type":"v8","body":"1","delay":0}])",
        R"([{"type":"json","body":1,"delay":0}])", R"([{"type":"json","body":"1"}])",
        R"([{"type":"json","body":"1","delay":-1}])",
        R"([{"type":"json","body":"1","delay":43201}])"})
    EXPECT_EQ(parse_send(bad).error().code, Code::malformed) << bad;
  const std::string one = R"({"type":"json","body":")" + std::string(kQueueMessageBytesMax, 'x');
  EXPECT_TRUE(parse_send("[" + one + R"(","delay":0}])"));
  EXPECT_EQ(parse_send("[" + one + R"(x","delay":0}])").error().code, Code::too_large);
  const std::string three = one + R"(","delay":0})";
  EXPECT_EQ(parse_send("[" + three + "," + three + "," + three + "]").error().code,
            Code::too_large);
}

TEST(QueueTypes, ABatchIsJson) {
  EXPECT_EQ(
      batch_json("jobs", "abc",
                 {{.id = 255,
                   .due_ms = 0,
                   .sent_ms = 5,
                   .deliveries = 2,
                   .kind = BodyKind::text,
                   .body = "\"t\""}}),
      R"({"messages":[{"attempts":3,"body":"\"t\"","id":"00000000000000ff-abc","timestamp":5,)"
      R"("type":"text"}],"queue":"jobs"})");
}

TEST(QueueTypes, AnswersSaySomethingOfEachMessage) {
  const auto said =
      parse_verdicts(R"([{"ack":true},{"delay":5},{"delay":null},{"delay":-1},7])", 5);
  ASSERT_TRUE(said);
  EXPECT_FALSE((*said)[0]);
  EXPECT_EQ((*said)[1]->delay_s, 5u);
  for (size_t i = 2; i < 5; ++i) EXPECT_TRUE((*said)[i] && !(*said)[i]->delay_s) << i;
  EXPECT_FALSE(parse_verdicts("[]", 1));
  EXPECT_FALSE(parse_verdicts("", 1));
  EXPECT_FALSE(parse_verdicts(R"({"ack":true})", 1));
}

TEST(QueueTypes, AConsumerComesBackFromItsRecordAndNothingElseDoes) {
  const ConsumerRecord record{"f", 7, {.batch = 5, .retries = 0, .delay_s = 9, .dead_queue = "d"}};
  const Bytes bytes = encode_consumer(record);
  EXPECT_EQ(*decode_consumer(bytes), record);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_consumer(ByteView(bytes).first(cut))) << cut;
  Bytes wrong = bytes;
  wrong[5] = std::byte{200};  // batch
  EXPECT_FALSE(decode_consumer(wrong));
  wrong = bytes;
  wrong.back() = std::byte{'/'};
  EXPECT_FALSE(decode_consumer(wrong));
  EXPECT_EQ(queue_of_ring_name("queue/jobs"), "jobs");
  EXPECT_FALSE(queue_of_ring_name("queue/Jobs/x"));
  EXPECT_FALSE(queue_of_ring_name("fn/jobs"));
}

TEST(QueueBook, GivesOutWhatIsDueOnce) {
  QueueBook book;
  book.add("a", 1, 100, 10);
  book.add("a", 2, 50, 10);
  book.add("a", 3, 500, 10);
  book.add("b", 4, 600, 10);
  EXPECT_EQ(book.due(99), std::vector<std::string>{"a"});
  EXPECT_TRUE(book.due(49).empty());
  EXPECT_EQ(book.take("a", 100, 10, 1000), (Ids{2, 1}));
  EXPECT_TRUE(book.take("a", 100, 10, 1000).empty());
  EXPECT_TRUE(book.take("c", 100, 10, 1000).empty());
  book.put_back("a", 2, 700);
  book.drop("a", 1);
  EXPECT_EQ(book.messages(), 3u);
  EXPECT_EQ(book.take("a", 1000, 10, 1000), (Ids{3, 2}));
  book.drop("a", 2);
  book.drop("a", 3);
  EXPECT_FALSE(book.contains("a"));
  book.drop("a", 3);
  EXPECT_EQ(book.messages(), 1u);
}

TEST(QueueBook, BoundsABatchAndWhatWaits) {
  QueueBook book;
  for (uint64_t id = 1; id <= 5; ++id) book.add("a", id, 0, 100);
  EXPECT_EQ(book.take("a", 0, 2, 1000).size(), 2u);
  EXPECT_EQ(book.take("a", 0, 10, 250).size(), 2u);
  EXPECT_EQ(book.take("a", 0, 10, 1).size(), 1u) << "one alone goes whatever its size";
  EXPECT_TRUE(book.check_room(kQueuedMax - 5, 0));
  EXPECT_EQ(book.check_room(kQueuedMax - 4, 0).error().code, Code::overloaded);
  EXPECT_EQ(book.check_room(1, kQueuedBytesMax).error().code, Code::overloaded);
}

TEST(QueueStore, KeepsMessagesOverARestart) {
  const storage::TemporaryDirectory directory;
  const QueuedMessage one{1, 10, 5, 0, BodyKind::json, "1"};
  const QueuedMessage two{1u << 30, 20, 6, 3, BodyKind::bytes, std::string("\0\1", 2)};
  std::string origin;
  {
    const auto environment = storage::Environment::open(directory.path(), {.durable = false});
    QueueStore store = QueueStore::open(**environment).value();
    origin = store.origin();
    ASSERT_TRUE(store.add({{"a", {one}}, {"ab", {two}}}));
  }
  const auto environment = storage::Environment::open(directory.path(), {.durable = false});
  QueueStore store = QueueStore::open(**environment).value();
  const auto all = store.load();
  ASSERT_TRUE(all && all->size() == 2);
  EXPECT_EQ((*all)[0].queue, "a");
  EXPECT_EQ((*all)[1].id, two.id);
  EXPECT_EQ((*all)[1].due_ms, 20);
  EXPECT_EQ(*store.read("ab", {two.id, 7}), std::vector{two}) << "what is not there is left out";
  QueueStore::Fates fates;
  fates.gone = {1};
  fates.dead_queue = "dead";
  fates.dead = {{9, 0, 5, 0, BodyKind::json, "1"}};
  EXPECT_EQ(store.origin(), origin);
  EXPECT_EQ(store.origin().size(), 16u);
  ASSERT_TRUE(store.settle("a", fates));
  EXPECT_EQ(store.load()->size(), 2u);
  EXPECT_EQ(*store.read("dead", {9}), fates.dead);
  EXPECT_TRUE(store.read("a", {1})->empty());
}

// Two nodes that started in the same millisecond gave their messages the same ids: who keeps
// messages by id lost one.
TEST(QueueStore, RegressTwoNodesHaveDifferentOrigins) {
  const storage::TemporaryDirectory one, two;
  const auto first = storage::Environment::open(one.path(), {.durable = false});
  const auto second = storage::Environment::open(two.path(), {.durable = false});
  EXPECT_NE(QueueStore::open(**first)->origin(), QueueStore::open(**second)->origin());
}

}  // namespace
}  // namespace themis
