// env.STATE: what it asks, what it makes of the answers, and what happens to those that come late.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

const Request kRequest = {.url = "http://f/", .name_space = "f"};

TEST(State, AsksInTheNamespaceOfItsCall) {
  TestHost host;
  host.answer_state = [](const std::string&) { return R"({"done":true,"value":"v"})"; };
  Function f(handler("return new Response(await env.STATE.get('k'));"), {}, &host);
  EXPECT_EQ(f.text(kRequest), "v");
  EXPECT_EQ(host.questions, std::vector<std::string>{R"(f {"op":"get","key":"k"})"});
}

TEST(State, OpensAnotherNamespace) {
  TestHost host;
  host.answer_state = [](const std::string&) { return R"({"done":true,"value":"v"})"; };
  Function f(handler("const s = env.STATE.namespace('orders');"
                     "await s.put('k', 'v');"
                     "try { s.namespace(''); } catch (e) { return new Response(e.message); }"),
             {}, &host);
  EXPECT_EQ(f.text(kRequest), "A namespace has a name");
  EXPECT_EQ(host.questions,
            std::vector<std::string>{R"(orders {"op":"put","key":"k","value":"v"})"});
}

TEST(State, EveryOperationHasItsQuestion) {
  TestHost host;
  host.answer_state = [](const std::string&) {
    return R"({"done":true,"value":{"hex":"00ff"},"more":true,)"
           R"("entries":[{"key":"a","value":"b"}]})";
  };
  Function f(handler("const s = env.STATE, out = [];"
                     "out.push(...await s.get('k'), await s.put('k', new Uint8Array([1, 255])),"
                     "await s.delete('k'), await s.cas('k', null, 'n'),"
                     "JSON.stringify(await s.list('a', 'b')));"
                     "return new Response(out.join());"),
             {}, &host);
  EXPECT_EQ(f.text(kRequest),
            R"(0,255,,true,true,{"entries":[{"key":"a","value":"b"}],"more":true})");
  EXPECT_EQ(host.questions[1], R"(f {"op":"put","key":"k","value":{"hex":"01ff"}})");
  EXPECT_EQ(host.questions[3], R"(f {"op":"cas","key":"k","expected":null,"value":"n"})");
  EXPECT_EQ(host.questions[4], R"(f {"op":"list","prefix":"a","after":"b"})");
}

TEST(State, AReceiptComesBesideTheAnswer) {
  TestHost host;
  host.answer_state = [](const std::string&) {
    return R"({"done":true,"value":"v","epoch":7,"certified":true,"receipt":{"thread":1}})";
  };
  Function f(handler("const s = env.STATE, out = [], ask = {receipt: true, wait: true};"
                     "out.push(await s.get('k', ask), await s.put('k', 'v', {receipt: true}),"
                     "await s.delete('k', ask), await s.cas('k', null, 'n', ask),"
                     "await s.get('k', {wait: true}));"
                     "return new Response(JSON.stringify(out));"),
             {}, &host);
  const std::string rest = R"("epoch":7,"certified":true,"receipt":{"thread":1}})";
  EXPECT_EQ(f.text(kRequest), R"([{"value":"v",)" + rest + ",{" + rest + R"(,{"done":true,)" +
                                  rest + R"(,{"done":true,)" + rest + R"(,"v"])");
  EXPECT_EQ(host.questions[0], R"(f {"op":"get","key":"k","receipt":true,"wait":true})");
  EXPECT_EQ(host.questions[1], R"(f {"op":"put","key":"k","value":"v","receipt":true})");
  EXPECT_EQ(host.questions[4], R"(f {"op":"get","key":"k","wait":true})");
}

TEST(State, ATransactionIsTriedAgainWhenAKeyChanged) {
  TestHost host;
  int transactions = 0;
  host.answer_state = [&](const std::string& question) -> Result<std::string> {
    if (question.find("transaction") == std::string::npos) return R"({"done":true,"value":"1"})";
    return ++transactions == 3 ? R"({"done":true})" : R"({"done":false})";
  };
  Function f(handler("const next = await env.STATE.transaction(['a', 'b', 'c'],"
                     "  ([a]) => [String(+a + 1), null]);"
                     "return new Response(next[0]);"),
             {}, &host);
  EXPECT_EQ(f.text(kRequest), "2");
  EXPECT_EQ(host.questions.back(),
            R"(f {"op":"transaction","changes":[{"key":"a","expected":"1","value":"2"},)"
            R"({"key":"b","expected":"1","value":null},{"key":"c","expected":"1"}]})");
  EXPECT_EQ(transactions, 3);
}

TEST(State, ARefusalIsAnExceptionThatAHandlerCanCatch) {
  TestHost host;
  host.answer_state = [](const std::string&) { return fail(Code::too_large, "a value is long"); };
  Function f(handler("try { await env.STATE.put('k', 'v'); } catch (e) {"
                     "  return new Response(e.message); }"),
             {}, &host);
  EXPECT_EQ(f.text(kRequest), "STATE: too_large: a value is long");
  Function g(handler("await env.STATE.put('k', 7);"), {}, &host);
  EXPECT_EQ(g.call(kRequest).error().code, Code::threw);
}

TEST(State, AnAnswerAfterTheWallLimitOrTheWorkerIsDropped) {
  TestHost host;
  {
    Function f(handler("await env.STATE.get('k'); return new Response('late');"), {.wall = 100ms},
               &host);
    EXPECT_EQ(f.call(kRequest).error().code, Code::timeout);
    ASSERT_EQ(host.asked.size(), 1u);
    host.asked[0](R"({"done":false})");
    EXPECT_EQ(f.worker().in_flight(), 0u);
    f.worker().call(kRequest, [](const Result<Response>&) {});
  }
  ASSERT_EQ(host.asked.size(), 2u);
  host.asked[1](R"({"done":false})");
}

TEST(State, QuestionsHaveALimit) {
  TestHost host;
  Function f(handler("for (let i = 0; i < 256; i++) env.STATE.get('k').catch(() => {});"
                     "return new Response(await env.STATE.get('k').catch((e) => e.message));"),
             {}, &host);
  EXPECT_EQ(f.text(kRequest), "too many questions wait");
  EXPECT_EQ(host.questions.size(), 256u);
}

}  // namespace
}  // namespace themis::js
