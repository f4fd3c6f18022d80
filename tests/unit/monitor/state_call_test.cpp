// What is asked of verified state, as JSON and as values.

#include "actors/monitor/state_call.hpp"

#include <gtest/gtest.h>

#include "enclave/receipts/keys.hpp"

namespace themis {
namespace {

Code code_of(std::string_view json, std::string_view name_space = "n") {
  const auto ask = parse_state_ask(name_space, json);
  return ask ? Code{} : ask.error().code;
}

TEST(StateCall, ReadsEveryOperation) {
  const auto put = parse_state_ask("n", R"({"op":"put","key":"k","value":{"hex":"00ff"}})");
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(to_hex(put->call.value), "00ff");
  const auto cas =
      parse_state_ask("n", R"({"op":"cas","key":"k","expected":null,"value":"v","wait":true})");
  ASSERT_TRUE(cas) << cas.error().text();
  EXPECT_FALSE(cas->call.expected);
  EXPECT_TRUE(cas->wait);
  const auto list = parse_state_ask("n", R"({"op":"list","prefix":"a","after":"ab"})");
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->call.key + "|" + list->call.after, "a|ab");
  const auto many = parse_state_ask(
      "n", R"({"op":"transaction","changes":[{"key":"a","expected":null},{"key":"b","value":null},
             {"key":"c","expected":"x","value":"y"}]})");
  ASSERT_TRUE(many) << many.error().text();
  const std::vector<StateChange>& changes = many->call.changes;
  EXPECT_TRUE(changes[0].checks && !changes[0].expected && !changes[0].writes);
  EXPECT_TRUE(!changes[1].checks && changes[1].writes && !changes[1].value);
  EXPECT_TRUE(changes[2].checks && changes[2].expected && changes[2].value);
}

TEST(StateCall, RefusesWhatIsNoCall) {
  EXPECT_EQ(code_of("{"), Code::malformed);
  EXPECT_EQ(code_of("[]"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"drop","key":"k"})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"put","key":"k"})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"put","key":"k","value":7})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"put","key":"k","value":{"hex":"0"}})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"cas","key":"k","value":"v"})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"get","key":""})"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"get","key":"k"})", "Two Words"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"get","key":"k"})", ""), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"get","key":")" + std::string(128, 'k') + "\"}"), Code::too_large);
  EXPECT_EQ(code_of(R"({"op":"put","key":"k","value":")" + std::string(1025, 'v') + "\"}"),
            Code::too_large);
  EXPECT_EQ(code_of(std::string(20'000, ' ')), Code::too_large);
  EXPECT_EQ(code_of(R"({"op":"transaction","changes":[]})"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"transaction","changes":[{"key":"a"},{"key":"a"}]})"), Code::invalid);
  const std::string value(1'000, 'v');
  EXPECT_EQ(code_of(R"({"op":"transaction","changes":[{"key":"a","value":")" + value +
                    R"("},{"key":"b","value":")" + value + "\"}]}"),
            Code::too_large);
}

TEST(StateCall, RefusesACallerThatIsNone) {
  const auto called = [](std::string_view rest) {
    return code_of(R"({"op":"get","key":"k","caller":)" + std::string(rest) + "}");
  };
  const std::string id = R"("instance":")" + std::string(32, '0') + "\"";
  const std::string tag = R"("tag":")" + std::string(32, '0') + "\"";
  EXPECT_EQ(called("{" + id + "," + tag + R"(,"client":1,"nonce":18446744073709551615})"), Code{});
  EXPECT_EQ(called("7"), Code::malformed);
  EXPECT_EQ(called("{}"), Code::malformed);
  EXPECT_EQ(called("{" + id + "," + tag + R"(,"client":65535,"nonce":1})"), Code::malformed);
  EXPECT_EQ(called("{" + id + "," + tag + R"(,"client":-1,"nonce":1})"), Code::malformed);
  EXPECT_EQ(called("{" + id + "," + tag + R"(,"client":1,"nonce":"1"})"), Code::malformed);
  EXPECT_EQ(called("{" + id + "," + tag + R"(,"client":1})"), Code::malformed);
  EXPECT_EQ(called("{" + id + R"(,"tag":"00","client":1,"nonce":1})"), Code::malformed);
  EXPECT_EQ(code_of(R"({"op":"list","receipt":true})"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"register"})"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"register","share":"00"})"), Code::invalid);
  EXPECT_EQ(code_of(R"({"op":"describe"})"), Code{});
  for (const char* answer :
       {R"({"receipt":7})", R"({"receipt":{"thread":65536,"position":0,"operation":""}})",
        R"({"receipt":{"thread":0,"position":0,"operation":"0"}})", R"({"instance":{}})",
        R"({"client":70000})"})
    EXPECT_FALSE(parse_state_answer(answer)) << answer;
}

TEST(StateCall, AReceiptToShowIsOfCallsThatWait) {
  const auto transferable = [](const std::string& rest) {
    const auto ask = parse_state_ask("n", R"({"op":"get","key":"k")" + rest + "}");
    return ask && ask->call.transferable;
  };
  EXPECT_TRUE(transferable(R"(,"receipt":true,"wait":true)"));
  EXPECT_FALSE(transferable(R"(,"receipt":true)"));
  EXPECT_FALSE(transferable(R"(,"wait":true)"));
}

TEST(StateCall, GoesThroughJsonUnchanged) {
  for (const StateOp op : {StateOp::get, StateOp::put, StateOp::remove, StateOp::cas, StateOp::list,
                           StateOp::transaction, StateOp::describe, StateOp::join}) {
    StateAsk ask;
    ask.call.op = op;
    ask.call.name_space = "n";
    const bool has_receipt = op == StateOp::put || op == StateOp::transaction;
    ask.call.key = op == StateOp::transaction ? "" : "k";
    ask.call.receipt = ask.call.transferable = has_receipt;
    if (has_receipt)
      ask.call.caller = std::make_shared<const StateCaller>(
          StateCaller{{std::byte{1}}, 65'534, UINT64_MAX, {std::byte{2}}});
    if (op == StateOp::join) ask.call.value = Bytes(32, std::byte{3});
    if (op == StateOp::put || op == StateOp::cas) ask.call.value = Bytes{std::byte{0xff}};
    if (op == StateOp::cas) ask.call.expected = to_bytes("old");
    if (op == StateOp::list) ask.call.after = "ka";
    if (op == StateOp::transaction)
      ask.call.changes = {{"a", true, std::nullopt, true, to_bytes("v")},
                          {"b", true, to_bytes("w"), false, {}},
                          {"c", false, {}, true, std::nullopt}};
    ask.wait = true;
    const std::string json = state_ask_json(ask);
    const auto again = parse_state_ask("n", json);
    ASSERT_TRUE(again) << json << again.error().text();
    EXPECT_EQ(state_ask_json(*again), json);
    EXPECT_EQ(again->call.expected, ask.call.expected);
  }
  StateCall list;
  list.op = StateOp::list;
  StateAnswer answer;
  answer.done = answer.more = answer.certified = true;
  answer.epoch = 7;
  answer.entries = {{"k", to_bytes("v")}, {"l", Bytes{std::byte{0xff}}}};
  const auto read = parse_state_answer(state_answer_json(list, answer));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_TRUE(read->done && read->more && read->certified);
  EXPECT_EQ(read->epoch, 7u);
  EXPECT_EQ(to_hex(read->entries.at(1).value), "ff");
  EXPECT_FALSE(parse_state_answer("[]"));
}

TEST(StateCall, ReceiptsAndRunsGoThroughJsonUnchanged) {
  StateAnswer answer;
  answer.receipt = std::make_shared<const StateReceipt>(
      StateReceipt{3, uint64_t{1} << 60, to_bytes("operation"), "text\n"});
  receipts::Instance run;
  run.id.fill(std::byte{1});
  run.threads = 4;
  run.prf = crypto::PrfKind::siphash;
  run.agreement.bytes.fill(std::byte{2});
  run.signing.bytes.fill(std::byte{3});
  answer.instance = std::make_shared<const receipts::Instance>(run);
  answer.client = 7;
  const std::string json = state_answer_json({}, answer);
  const auto read = parse_state_answer(json);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(state_answer_json({}, *read), json);
  EXPECT_EQ(read->receipt->position, uint64_t{1} << 60);
  EXPECT_EQ(read->receipt->transferable, "text\n");
  EXPECT_EQ(read->instance->threads, 4);
  EXPECT_EQ(read->client, 7);
}

TEST(StateCall, WritesTextAsTextAndBytesAsHexadecimal) {
  StateCall call;
  StateAnswer answer;
  answer.done = true;
  answer.value = to_bytes("hé");
  EXPECT_EQ(state_answer_json(call, answer),
            R"({"certified":false,"done":true,"epoch":0,"value":"hé"})");
  answer.value = Bytes{std::byte{0xff}};
  EXPECT_EQ(state_answer_json(call, answer),
            R"({"certified":false,"done":true,"epoch":0,"value":{"hex":"ff"}})");
}

}  // namespace
}  // namespace themis
