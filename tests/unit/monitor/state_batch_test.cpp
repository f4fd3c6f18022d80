// Packed calls and answers: nothing is lost, and of foreign bytes only what this code would write
// is read.

#include "actors/monitor/state_batch.hpp"

#include <gtest/gtest.h>

#include "actors/monitor/state_answers.hpp"
#include "runtime/base/rng.hpp"

namespace themis {
namespace {

std::vector<StateCall> every_kind() {
  std::vector<StateCall> calls(7);
  calls[0] = {.op = StateOp::get, .name_space = "n", .key = "k"};
  calls[1] = {
      .op = StateOp::put, .name_space = "n", .key = std::string("\0\xff", 2), .value = Bytes(9)};
  calls[2] = {
      .op = StateOp::remove, .name_space = std::string(64, 'n'), .key = std::string(127, 'k')};
  calls[3] = {.op = StateOp::cas, .name_space = "a_-9", .key = "k", .value = to_bytes("new")};
  calls[4] = calls[3];
  calls[4].expected = to_bytes("old");
  calls[5] = {.op = StateOp::list, .name_space = "n", .key = "", .after = "k7"};
  calls[6] = {.op = StateOp::transaction, .name_space = "bank"};
  calls[6].changes = {{"ada", true, to_bytes("100"), true, to_bytes("70")},
                      {"bob", true, std::nullopt, true, std::nullopt},
                      {"eve", false, {}, false, {}}};
  return calls;
}

/// As a reader has it.
StateCall call_of(const StateCallView& view) {
  StateCall call{.op = view.op,
                 .name_space = std::string(view.name_space()),
                 .key = std::string(view.key()),
                 .value = {view.value.begin(), view.value.end()},
                 .after = std::string(as_text(view.after))};
  if (view.has_expected) call.expected.emplace(view.expected.begin(), view.expected.end());
  if (view.op == StateOp::transaction) call.changes = view.read_changes().value();
  return call;
}

StateBatch batch_of(const std::vector<StateCall>& calls) {
  StateBatch batch;
  for (const StateCall& call : calls) {
    const Status added = batch.add(call);
    EXPECT_TRUE(added) << added.error().text();
  }
  return batch;
}

bool equal(const Bytes& a, ByteView b) { return std::ranges::equal(a, b); }
Bytes copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

TEST(StateBatch, HasItsCallsInTheirOrder) {
  const std::vector<StateCall> calls = every_kind();
  const StateBatch batch = StateBatch::parse(batch_of(calls).bytes()).value();
  EXPECT_EQ(batch.size(), calls.size());
  StateCallReader reader = batch.calls();
  StateCallView view;
  for (const StateCall& wanted : calls) {
    ASSERT_TRUE(reader.next(view));
    const StateCall got = call_of(view);
    EXPECT_EQ(state_ask_json({got}), state_ask_json({wanted}));
    EXPECT_EQ(got.name_space, wanted.name_space);
  }
  EXPECT_TRUE(reader.done());
  EXPECT_FALSE(reader.next(view));
}

TEST(StateBatch, KnowsWhetherAllCallsHaveOneNamespace) {
  StateBatch batch;
  EXPECT_EQ(batch.name_space(), "");
  ASSERT_TRUE(batch.get("one", "a"));
  ASSERT_TRUE(batch.get("one", "b"));
  EXPECT_TRUE(batch.has_one_name_space());
  EXPECT_TRUE(StateBatch::parse(batch.bytes())->has_one_name_space());
  ASSERT_TRUE(batch.get("two", "a"));
  ASSERT_TRUE(batch.get("one", "c"));
  EXPECT_FALSE(batch.has_one_name_space());
  EXPECT_FALSE(StateBatch::parse(batch.bytes())->has_one_name_space());
  EXPECT_EQ(batch.name_space(), "one");
}

TEST(StateBatch, TakesNothingThatIsNoCall) {
  StateBatch batch;
  const Bytes long_value(kStateValueBytesMax + 1);
  EXPECT_EQ(batch.get("", "k").error().code, Code::invalid);
  EXPECT_EQ(batch.get("N", "k").error().code, Code::invalid);
  EXPECT_EQ(batch.remove("n", "").error().code, Code::invalid);
  EXPECT_EQ(batch.get("n", std::string(kStateKeyBytesMax + 1, 'k')).error().code, Code::too_large);
  EXPECT_EQ(batch.put("n", "k", long_value).error().code, Code::too_large);
  EXPECT_EQ(batch.cas("n", "k", ByteView(long_value), {}).error().code, Code::too_large);
  EXPECT_EQ(batch.cas("n", "k", {}, long_value).error().code, Code::too_large);
  EXPECT_EQ(batch.add({.op = StateOp::transaction, .name_space = "n"}).error().code, Code::invalid);
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(batch.bytes().empty());
}

TEST(StateBatch, TakesAsManyCallsAsItMayAndKeepsThem) {
  StateBatch many;
  size_t calls = 0;
  while (many.get("n", "k")) ++calls;
  EXPECT_EQ(calls, kStateBatchCallsMax);
  StateBatch large;
  const Bytes value(kStateValueBytesMax);
  while (large.put("n", "k", value)) continue;
  EXPECT_LE(large.bytes().size(), kStateBatchBytesMax);
  EXPECT_GT(large.bytes().size(), kStateBatchBytesMax - 2 * kStateValueBytesMax);
  EXPECT_EQ(StateBatch::parse(large.bytes())->size(), large.size());
  EXPECT_EQ(StateBatch::parse(Bytes(kStateBatchBytesMax + 1)).error().code, Code::too_large);
  Bytes one_more = copy(many.bytes());
  append(one_more, many.bytes().first(7));
  EXPECT_EQ(StateBatch::parse(one_more).error().code, Code::malformed);
}

// Whoever cuts or changes the bytes gets other calls or none, and these have one form.
TEST(AdversaryStateBatch, EveryTruncationAndMutationIsRefusedOrAnotherBatch) {
  const Bytes bytes = copy(batch_of(every_kind()).bytes());
  const auto look = [&](ByteView changed) {
    const Result<StateBatch> parsed = StateBatch::parse(changed);
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, Code::malformed) << parsed.error().text();
      return;
    }
    std::vector<StateCall> calls;
    StateCallReader reader = parsed->calls();
    for (StateCallView view; reader.next(view);) calls.push_back(call_of(view));
    EXPECT_TRUE(reader.done());
    EXPECT_TRUE(equal(copy(changed), batch_of(calls).bytes())) << "not the form that is written";
  };
  for (size_t size = 0; size < bytes.size(); ++size) look(ByteView(bytes).first(size));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::byte>(value);
      look(changed);
    }
}

StateAnswers every_answer() {
  StateAnswers answers;
  answers.add(true, std::nullopt, 7);
  answers.add(true, ByteView(as_bytes("value")), 9);
  answers.add(false, ByteView(), 8);
  answers.add(Error{Code::overloaded, "the epoch is full"});
  StateAnswer list{.done = true, .epoch = 8};
  answers.add(list);
  list.more = true;
  list.entries = {{"a", to_bytes("1")}, {"b", {}}};
  answers.add(list);
  return answers;
}

std::string text(const Result<StateAnswer>& answer) {
  static const StateCall kList{.op = StateOp::list}, kGet{.op = StateOp::get};
  if (!answer) return answer.error().text();
  return state_answer_json(kGet, *answer) + state_answer_json(kList, *answer);
}

TEST(StateAnswers, HasItsAnswersInTheirOrder) {
  const StateAnswers made = every_answer();
  const StateAnswers answers = StateAnswers::parse(made.bytes(), 8).value();
  EXPECT_EQ(answers.size(), 6u);
  EXPECT_EQ(answers.epoch(), 9u);
  const auto all = answers.all();
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(text(all[0]), text(StateAnswer{.done = true, .epoch = 7, .certified = true}));
  EXPECT_EQ(text(all[1]), text(StateAnswer{.done = true, .value = to_bytes("value"), .epoch = 9}));
  EXPECT_EQ(text(all[2]), text(StateAnswer{.value = Bytes(), .epoch = 8, .certified = true}));
  EXPECT_EQ(text(all[3]), "overloaded: the epoch is full");
  EXPECT_EQ(text(all[4]), text(StateAnswer{.done = true, .epoch = 8, .certified = true}));
  ASSERT_EQ(all[5]->entries.size(), 2u);
  EXPECT_TRUE(all[5]->more);
  EXPECT_EQ(all[5]->entries[0].key + std::string(as_text(all[5]->entries[0].value)), "a1");
  EXPECT_EQ(text(answers.front()), text(all[0]));
  EXPECT_FALSE(StateAnswers().front());
}

TEST(StateAnswers, ForgetsTheLastOnes) {
  StateAnswers answers;
  answers.add(true, std::nullopt, 1);
  const size_t size = answers.size(), bytes = answers.bytes().size();
  answers.add(true, std::nullopt, 1);
  answers.cut(size, bytes);
  answers.add(Error{Code::io, "the disk"});
  const auto all = answers.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0]);
  EXPECT_EQ(text(all[1]), "io: the disk");
}

TEST(StateAnswers, FailuresOfAWholeBatchFitAMessage) {
  StateAnswers answers;
  const Error long_error{Code::unavailable, std::string(2 * StateAnswers::kErrorBytesMax, 'e')};
  for (size_t i = 0; i < kStateBatchCallsMax; ++i) answers.add(long_error);
  EXPECT_LE(answers.bytes().size(), kStateBatchBytesMax);
  const auto parsed = StateAnswers::parse(answers.bytes(), {});
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->front().error().detail.size(), StateAnswers::kErrorBytesMax);
  EXPECT_EQ(parsed->all().back().error(), (Error{Code::unavailable, ""}));
}

TEST(AdversaryStateAnswers, EveryTruncationAndMutationIsRefusedOrOtherAnswers) {
  const Bytes bytes = copy(every_answer().bytes());
  const auto look = [&](ByteView changed) {
    const Result<StateAnswers> parsed = StateAnswers::parse(changed, {});
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, Code::malformed) << parsed.error().text();
      return;
    }
    StateAnswers again;
    for (const auto& answer : parsed->all())
      answer ? again.add(*answer) : again.add(answer.error());
    EXPECT_TRUE(equal(copy(changed), again.bytes())) << "not the form that is written";
  };
  for (size_t size = 0; size < bytes.size(); ++size) look(ByteView(bytes).first(size));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::byte>(value);
      look(changed);
    }
}

// A transaction whose expected value is longer than any ended the process that kept the namespace.
TEST(RegressStateCall, AnExpectedValueOfATransactionIsNoLongerThanAValue) {
  StateCall call{.op = StateOp::transaction, .name_space = "n"};
  call.changes = {{"k", true, Bytes(kStateValueBytesMax + 1), false, {}}};
  EXPECT_EQ(check_state_call(call).error().code, Code::too_large);
  call.changes[0].expected->pop_back();
  EXPECT_TRUE(check_state_call(call));
}

}  // namespace
}  // namespace themis
