// The queues of a node with its real store, on a clock of the test's own; the mesh is scripted.
#include "actors/queues/queue_actor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <caf/all.hpp>
#include <deque>

#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"
#include "actors/system/system.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

using InvokeMsg = wire::Msg<schema::Invoke>;
using OutcomeMsg = wire::Msg<schema::Outcome>;

class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::milliseconds(ms_)); }
  int64_t wall_ms() const override { return ms_; }
  void advance(int64_t ms) { ms_ += ms; }

 private:
  std::atomic<int64_t> ms_{1'000'000};
};

/// What the consumer answers to each call, in order; then it accepts everything.
using Answer = std::variant<std::string, Error>;

class QueueActorTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

  void start() {
    environment_ = storage::Environment::open(directory_.path(), {.durable = false}).value();
    caf::actor_system& system = system_.caf();
    const auto node = [this](caf::event_based_actor*) -> caf::behavior {
      return {[](caf::ok_atom) {},
              [this](const FindName& find) -> caf::result<ring::Records> {
                if (!consumer_ || find.name != "queue/jobs")
                  return to_caf({Code::not_found, find.name});
                ring::Record record;
                record.payload = encode_consumer(*consumer_);
                return ring::Records{record};
              }};
    };
    const auto gate = [this](caf::event_based_actor*) -> caf::behavior {
      return {[](caf::ok_atom) {},
              [this](const InvokeMsg& invoke) -> caf::result<OutcomeMsg> {
                calls_.emplace_back(as_text(wire::bytes_of(invoke.view()->getBody())));
                functions_.emplace_back(wire::text_of(invoke.view()->getFunction()));
                Answer answer = std::string();
                if (!answers_.empty()) {
                  answer = answers_.front();
                  answers_.pop_front();
                }
                if (const auto* error = std::get_if<Error>(&answer)) return to_caf(*error);
                std::string text = std::get<std::string>(answer);
                for (size_t i = 0; text.empty() && i < count(calls_.back(), "\"id\""); ++i)
                  text += R"(,{"ack":true})";
                if (text.starts_with(',')) text = "[" + text.substr(1) + "]";
                wire::Builder<schema::Outcome> outcome(64);
                outcome->setStatus(200);
                outcome->setBody(wire::to_data(as_bytes(text)));
                return outcome.finish();
              }};
    };
    node_ = system.spawn(node);
    gate_ = system.spawn(gate);
    queues_ = spawn_queues(system, {environment_.get(), gate_, &clock_, Duration::zero()}).value();
    caf::anon_send(queues_, UseNode{node_, {}});
  }
  void stop() {
    for (caf::actor* actor : {&queues_, &gate_, &node_}) {
      caf::scoped_actor self{system_.caf()};
      self->monitor(*actor);
      self->send_exit(*actor, caf::exit_reason::user_shutdown);
      self->receive([](const caf::down_msg&) {});
      *actor = nullptr;
    }
    environment_.reset();
  }
  static size_t count(std::string_view text, std::string_view what) {
    size_t found = 0;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
      ++found;
    return found;
  }

  Status send(const std::string& body, const std::string& queue = "jobs", uint32_t delay = 0) {
    wire::Builder<schema::Invoke> invoke(body.size() / 8 + 64);
    invoke->setFunction(wire::to_text("queue/" + queue));
    const std::string json =
        R"([{"type":"text","body":")" + body + R"(","delay":)" + std::to_string(delay) + "}]";
    invoke->setBody(wire::to_data(as_bytes(json)));
    caf::scoped_actor self{system_.caf()};
    Status out;
    self->request(queues_, caf::infinite, invoke.finish())
        .receive([](const OutcomeMsg&) {},
                 [&out](const caf::error& error) { out = fail(from_caf(error)); });
    return out;
  }
  /// Lets the actors do all they have to do: each answers something after what it was sent before.
  void settle() {
    for (int round = 0; round < 4; ++round) {
      caf::anon_send(queues_, caf::tick_atom::value);
      for (const caf::actor& actor : {queues_, node_, gate_, queues_}) {
        caf::scoped_actor self{system_.caf()};
        self->request(actor, caf::infinite, caf::ok_atom::value)
            .receive([] {}, [](const caf::error&) {});
      }
    }
  }
  void pass(int64_t ms) {
    clock_.advance(ms);
    settle();
  }

  System system_;
  ManualClock clock_;
  storage::TemporaryDirectory directory_;
  std::unique_ptr<storage::Environment> environment_;
  std::optional<ConsumerRecord> consumer_{
      ConsumerRecord{"worker", 1, {.batch = 2, .retries = 2, .delay_s = 10, .dead_queue = ""}}};
  std::deque<Answer> answers_;
  std::vector<std::string> calls_, functions_;
  caf::actor node_, gate_, queues_;
};

TEST_F(QueueActorTest, DeliversWhatWasSentAndForgetsWhatWasAccepted) {
  ASSERT_TRUE(send("one"));
  settle();
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_EQ(functions_[0], "fn/worker");
  EXPECT_NE(calls_[0].find("one"), std::string::npos);
  pass(60'000);
  stop();
  start();
  pass(60'000);
  EXPECT_EQ(calls_.size(), 1u) << "accepted is accepted, also after a restart";
}

TEST_F(QueueActorTest, WaitsForAConsumerAlsoOverARestart) {
  const auto consumer = std::exchange(consumer_, std::nullopt);
  ASSERT_TRUE(send("one"));
  ASSERT_TRUE(send("two"));
  pass(6'000);
  EXPECT_TRUE(calls_.empty());
  stop();
  start();
  consumer_ = consumer;
  pass(6'000);
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_NE(calls_[0].find("one"), std::string::npos);
  EXPECT_NE(calls_[0].find("two"), std::string::npos);
}

TEST_F(QueueActorTest, ADelayedMessageWaits) {
  ASSERT_TRUE(send("later", "jobs", 30));
  pass(29'000);
  EXPECT_TRUE(calls_.empty());
  pass(1'000);
  EXPECT_EQ(calls_.size(), 1u);
}

TEST_F(QueueActorTest, ARefusedMessageComesAgainAndThenIsDropped) {
  answers_ = {R"([{"delay":null}])", R"([{"delay":1}])", R"([{"delay":1}])"};
  ASSERT_TRUE(send("one"));
  settle();
  EXPECT_EQ(calls_.size(), 1u);
  pass(9'000);
  EXPECT_EQ(calls_.size(), 1u) << "the consumer's delay";
  pass(1'000);
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_NE(calls_[1].find(R"("attempts":2)"), std::string::npos);
  pass(1'000);
  EXPECT_EQ(calls_.size(), 3u) << "the handler's delay";
  pass(600'000);
  EXPECT_EQ(calls_.size(), 3u) << "retries = 2";
  EXPECT_TRUE(QueueStore::open(*environment_)->load()->empty());
}

TEST_F(QueueActorTest, AfterItsRetriesAMessageIsADeadLetter) {
  consumer_->consumer.dead_queue = "dead";
  consumer_->consumer.retries = 0;
  answers_ = {Error{Code::threw, "Error: no"}};
  ASSERT_TRUE(send("one"));
  settle();
  const auto left = QueueStore::open(*environment_)->load();
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ((*left)[0].queue, "dead");
}

TEST_F(QueueActorTest, WhatLiesWithTheWayIsNoDelivery) {
  answers_ = {Error{Code::unavailable, "gone"}, Error{Code::overloaded, "busy"},
              Error{Code::not_found, "nobody"}, Error{Code::unavailable, "gone"}};
  ASSERT_TRUE(send("one"));
  settle();
  for (int i = 0; i < 3; ++i) pass(5'000);
  pass(5'000);
  ASSERT_EQ(calls_.size(), 5u);
  EXPECT_NE(calls_.back().find(R"("attempts":1)"), std::string::npos);
}

TEST_F(QueueActorTest, ABatchHasAsManyAsTheConsumerTakes) {
  const auto consumer = std::exchange(consumer_, std::nullopt);
  for (const char* body : {"a", "b", "c"}) ASSERT_TRUE(send(body));
  consumer_ = consumer;
  pass(6'000);
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(count(calls_[0], "\"id\""), 2u);
  EXPECT_EQ(count(calls_[1], "\"id\""), 1u);
}

TEST_F(QueueActorTest, WhatIsNoSendIsRefused) {
  EXPECT_EQ(send("x", "No Name").error().code, Code::malformed);
  EXPECT_EQ(send(std::string(kQueueMessageBytesMax + 1, 'x')).error().code, Code::too_large);
  EXPECT_EQ(send("\"").error().code, Code::malformed);
}

TEST_F(QueueActorTest, AnAnswerThatIsNoneCountsAsRefused) {
  answers_ = {"nonsense"};
  ASSERT_TRUE(send("one"));
  settle();
  pass(10'000);
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_NE(calls_[1].find(R"("attempts":2)"), std::string::npos);
}

}  // namespace
}  // namespace themis
