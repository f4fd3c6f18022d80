// Verified state from a C++ program: from its own threads and from its services.
#include "enclave/receipts/receipt.hpp"
#include "tests/unit/api/api_fixture.hpp"
#include "tests/unit/monitor/state_node.hpp"

namespace themis {
namespace {

StateCall make(StateOp op, std::string key, std::string_view value = {}) {
  return {.op = op, .name_space = "notes", .key = std::move(key), .value = to_bytes(value)};
}

/// Counts its calls in the state.
class Counter : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask> in) {
    const std::string key(wire::text_of(in.view()->getText()));
    const auto old = co_await state(make(StateOp::get, key));
    if (!old) co_return old.error();
    const size_t count = old->value ? old->value->size() : 0;
    const auto put = co_await state(make(StateOp::put, key, std::string(count + 1, '+')), true);
    if (!put) co_return put.error();
    Out<calls::Told> out;
    out->setCount(count + 1);
    out->setText(put->certified ? "certified" : "provisional");
    co_return out;
  }
};

/// Puts as many keys as it is asked for, and reads them, in one message each.
class Batcher : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask> in) {
    const std::string name_space(wire::text_of(in.view()->getText()));
    StateBatch puts, gets;
    for (int i = 0; i < 1'000; ++i) {
      const std::string key = std::to_string(i);
      if (const Status added = puts.put(name_space, key, as_bytes(key)); !added)
        co_return added.error();
      if (const Status added = gets.get(name_space, key); !added) co_return added.error();
    }
    const auto put = co_await state(puts, true);
    if (!put) co_return put.error();
    const auto got = co_await state(std::move(gets));
    if (!got) co_return got.error();
    Out<calls::Told> out;
    size_t right = 0;
    for (const auto& answer : got->all())
      right += answer && answer->value == to_bytes(std::to_string(right));
    out->setCount(right);
    out->setText(put->front()->certified ? "certified" : "provisional");
    co_return out;
  }
};

class StateApi : public ::testing::Test {
 protected:
  StateApi() : nodes_(testing::start_mesh(system_, 1)), keeper_(system_, *nodes_[0]) {}
  NodeSettings settings() {
    NodeSettings settings;
    settings.network = "test";
    settings.join = nodes_[0]->address().text();
    return settings;
  }
  System system_;
  std::vector<std::unique_ptr<testing::MeshNode>> nodes_;
  testing::StateNode keeper_;
};

TEST_F(StateApi, AProgramReadsAndWrites) {
  Node node(settings());
  const auto put = node.ask_state(make(StateOp::put, "k", "v"), true);
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_TRUE(put->certified);
  const auto got = node.ask_state(make(StateOp::get, "k"));
  ASSERT_TRUE(got && got->value);
  EXPECT_EQ(as_text(*got->value), "v");
  EXPECT_EQ(node.ask_state(make(StateOp::put, "")).error().code, Code::invalid);
}

TEST_F(StateApi, ABatchIsAnsweredInItsOrder) {
  Node node(settings());
  StateBatch batch;
  ASSERT_TRUE(batch.put("notes", "b", as_bytes("1")));
  ASSERT_TRUE(batch.cas("notes", "b", as_bytes("1"), as_bytes("2")));
  ASSERT_TRUE(batch.get("notes", "b"));
  const auto answers = node.ask_state(batch, true);
  ASSERT_TRUE(answers) << answers.error().text();
  const auto all = answers->all();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(all[1]->done && all[1]->certified);
  EXPECT_EQ(all[2]->value, to_bytes("2"));
  EXPECT_EQ(node.ask_state(StateBatch()).error().code, Code::invalid);
  ASSERT_TRUE(batch.get("others", "b"));
  EXPECT_EQ(node.ask_state(batch).error().code, Code::invalid) << "of several namespaces";
}

TEST_F(StateApi, AServiceAsksManyKeysAtOnce) {
  Node node(settings());
  ASSERT_TRUE((node.serve<Batcher, &Batcher::hello>("batcher")));
  Out<calls::Ask> ask;
  ask->setText("many");
  const auto told = node.call<calls::Told>("batcher", ask);
  ASSERT_TRUE(told) << told.error().text();
  EXPECT_EQ(told->view()->getCount(), 1'000u);
  EXPECT_EQ(wire::text_of(told->view()->getText()), "certified");
  Out<calls::Ask> bad;
  bad->setText("Not a namespace");
  EXPECT_EQ(node.call<calls::Told>("batcher", bad).error().code, Code::invalid);
}

TEST_F(StateApi, AProgramGetsReceipts) {
  Node node(settings());
  StateCall put = make(StateOp::put, "k", "v");
  put.receipt = true;
  const auto at_once = node.ask_state(put);
  ASSERT_TRUE(at_once && at_once->receipt);
  EXPECT_TRUE(!at_once->receipt->operation.empty() && at_once->receipt->transferable.empty());
  const auto final = node.ask_state(put, true);
  ASSERT_TRUE(final && final->receipt);
  const auto store = node.ask_state(make(StateOp::describe, ""));
  ASSERT_TRUE(store && store->instance);
  EXPECT_TRUE(receipts::verify_text(final->receipt->transferable, store->instance->signing));
  EXPECT_FALSE(node.ask_state(make(StateOp::get, "k"))->receipt);
}

TEST_F(StateApi, AServiceWaitsForItsState) {
  Node node(settings());
  ASSERT_TRUE((node.serve<Counter, &Counter::hello>("counter")));
  for (uint64_t i = 1; i <= 3; ++i) {
    Out<calls::Ask> ask;
    ask->setText("k");
    const auto told = node.call<calls::Told>("counter", ask);
    ASSERT_TRUE(told) << told.error().text();
    EXPECT_EQ(told->view()->getCount(), i);
    EXPECT_EQ(wire::text_of(told->view()->getText()), "certified");
  }
  Out<calls::Ask> bad;
  bad->setText(std::string(200, 'k'));
  EXPECT_EQ(node.call<calls::Told>("counter", bad).error().code, Code::too_large);
}

}  // namespace
}  // namespace themis
