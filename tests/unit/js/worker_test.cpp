// Loading and calling functions.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

TEST(Worker, AnswersHello) {
  Function f(handler("return new Response('hello');"));
  const auto response = f.call();
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(as_text(response->body), "hello");
  EXPECT_EQ(header(*response, "content-type"), "text/plain;charset=UTF-8");
  EXPECT_GT(response->cpu.count(), 0);
}

TEST(Worker, EchoesJson) {
  Function f(
      handler("const v = await request.json(); return Response.json({ twice: v.num * 2 });"));
  const auto response =
      f.call({.method = "POST", .url = "http://f/", .body = to_bytes(R"({"num": 21})")});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(as_text(response->body), R"({"twice":42})");
  EXPECT_EQ(header(*response, "content-type"), "application/json");
}

TEST(Worker, ShowsTheRequestToTheHandler) {
  Function f(
      handler("return new Response([request.method, request.url, request.headers.get('X-A'),"
              "await request.text()].join('|'));"));
  EXPECT_EQ(f.text({.method = "PUT",
                    .url = "http://F.example:80/a/../b?c#d",
                    .headers = {{"X-A", "1"}, {"x-a", "2"}},
                    .body = to_bytes("gr\xC3\xBC\xC3\x9F")}),
            "PUT|http://f.example/b?c#d|1, 2|gr\xC3\xBC\xC3\x9F");
}

TEST(Worker, SendsStatusHeadersAndBytes) {
  Function f(
      handler("const h = new Headers([['Set-Cookie', 'a=1'], ['set-cookie', 'b=2']]);"
              "h.set('X-Y', 'z'); return new Response(new Uint8Array([0, 255, 1]),"
              "{ status: 201, headers: h });"));
  const auto response = f.call();
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(to_hex(response->body), "00ff01");
  const Headers expected = {{"set-cookie", "a=1"}, {"set-cookie", "b=2"}, {"x-y", "z"}};
  EXPECT_EQ(response->headers, expected);
}

TEST(Worker, RefusesMalformedRequests) {
  Function f(handler("return new Response('x');"));
  EXPECT_EQ(f.call({.method = "GE T", .url = "http://f/"}).error().code, Code::malformed);
  EXPECT_EQ(f.call({.url = "/relative"}).error().code, Code::malformed);
  EXPECT_EQ(f.call({.url = "http://f/", .headers = {{"a b", "c"}}}).error().code, Code::malformed);
  EXPECT_EQ(f.call({.url = "http://f/", .headers = {{"a", "b\r\nc: d"}}}).error().code,
            Code::malformed);
  EXPECT_EQ(f.call({.url = "http://f/", .headers = {{"a", std::string("b\0c", 3)}}}).error().code,
            Code::malformed);
  EXPECT_EQ(f.text(), "x");
}

TEST(Worker, KeepsStateBetweenCallsAndNotBetweenWorkers) {
  const std::string source = "let n = 0;" + handler("return new Response(`${++n}`);");
  Function f(source);
  Function g(source);
  EXPECT_EQ(f.text(), "1");
  EXPECT_EQ(f.text(), "2");
  EXPECT_EQ(g.text(), "1");
}

TEST(Worker, RunsAnotherCallWhileOneWaits) {
  Function f(
      handler("if (request.url.endsWith('slow')) await new Promise((r) => setTimeout(r, 50));"
              "return new Response(request.url);"));
  std::vector<std::string> order;
  const auto note = [&order](Result<Response> r) { order.emplace_back(as_text(r.value().body)); };
  f.worker().call({.url = "http://f/slow"}, note);
  EXPECT_EQ(f.worker().in_flight(), 1u);
  f.worker().call({.url = "http://f/quick"}, note);
  EXPECT_EQ(order, std::vector<std::string>{"http://f/quick"});
  f.host().run(1s);
  EXPECT_EQ(order, (std::vector<std::string>{"http://f/quick", "http://f/slow"}));
  EXPECT_EQ(f.worker().in_flight(), 0u);
  EXPECT_EQ(f.host().timers(), 0u);
}

TEST(Worker, EndsACallThatWaitsWhenItIsCancelled) {
  Function f(
      handler("if (request.url.endsWith('slow')) {"
              "  await new Promise((r) => setTimeout(r, 50)); console.log('still here'); }"
              "return new Response('done');"));
  std::vector<Error> ended;
  const auto note = [&ended](Result<Response> r) { ended.push_back(r.error()); };
  const uint32_t slow = f.worker().call({.url = "http://f/slow"}, note);
  f.worker().cancel(slow + 1);
  EXPECT_TRUE(ended.empty()) << "no such call";
  f.worker().cancel(slow);
  f.worker().cancel(slow);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].code, Code::cancelled);
  EXPECT_EQ(f.worker().in_flight(), 0u);
  EXPECT_EQ(f.host().timers(), 0u) << "nothing of it runs on";
  EXPECT_EQ(f.text(), "done");
}

TEST(Worker, CallsFromTheAnswerOfACall) {
  Function f(handler("return new Response('x');"));
  int answers = 0;
  std::function<void(Result<Response>)> again = [&](Result<Response> r) {
    ASSERT_TRUE(r);
    if (++answers < 10) f.worker().call({.url = "http://f/"}, again);
  };
  f.worker().call({.url = "http://f/"}, again);
  EXPECT_EQ(answers, 10);
}

TEST(Worker, MayBeDestroyedByAnAnswer) {
  TestHost host;
  auto worker = engine().load(handler("return new Response('x');"), "f", {}, host);
  ASSERT_TRUE(worker);
  std::unique_ptr<Worker> owned = std::move(*worker);
  bool answered = false;
  owned->call({.url = "http://f/"}, [&](Result<Response>) {
    owned.reset();
    answered = true;
  });
  EXPECT_TRUE(answered);
}

TEST(Worker, CancelsItsCallsWhenDestroyed) {
  TestHost host;
  auto worker =
      engine().load(handler("await new Promise((r) => setTimeout(r, 1e6));"), "f", {}, host);
  ASSERT_TRUE(worker);
  std::optional<Result<Response>> out;
  (*worker)->call({.url = "http://f/"}, [&](Result<Response> r) { out = std::move(r); });
  EXPECT_FALSE(out);
  worker->reset();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->error().code, Code::cancelled);
  EXPECT_EQ(host.timers(), 0u);
}

TEST(Worker, ReportsWhatTheHandlerThrew) {
  Function f("function g() { throw new RangeError('no good'); }\n" + handler("g();"));
  const auto out = f.call();
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::threw);
  EXPECT_TRUE(out.error().detail.starts_with("RangeError: no good\n    at g (f.js:1:22)"))
      << out.error().detail;
  EXPECT_EQ(Function(handler("throw 'text';")).call().error(), (Error{Code::threw, "text"}));
  EXPECT_EQ(Function("export default { fetch() { throw null; } }").call().error(),
            (Error{Code::threw, "null"}));
  EXPECT_LE(Function(handler("throw new Error('x'.repeat(1e6));")).call().error().detail.size(),
            kErrorDetailMax);
}

TEST(Worker, SurvivesAnExceptionThatThrowsWhenRead) {
  Function f(handler("throw { get stack() { throw 1; }, toString() { throw 2; } };"));
  EXPECT_EQ(f.call().error().code, Code::threw);
  EXPECT_EQ(f.call().error().code, Code::threw);
}

TEST(Worker, WantsAResponse) {
  for (const char* body :
       {"return 'text';", "return null;", "", "return { status: 200 };", "return Response.error();",
        "const r = new Response('x'); await r.text(); return r;"}) {
    const auto out = Function(handler(body)).call();
    ASSERT_FALSE(out) << body;
    EXPECT_EQ(out.error().code, Code::threw) << body;
  }
}

TEST(Worker, SaysWhenAPromiseNeverSettles) {
  Function f(handler("await new Promise(() => {});"));
  const auto out = f.call();
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Code::threw);
  EXPECT_EQ(out.error().detail, kHungDetail);
  EXPECT_EQ(f.worker().in_flight(), 0u);
}

TEST(Worker, WaitsForThenables) {
  EXPECT_EQ(
      Function("export default { fetch() { return { then(ok) { ok(new Response('t')); } }; } }")
          .text(),
      "t");
  EXPECT_EQ(Function("export default { fetch() { return new Response('sync'); } }").text(), "sync");
}

TEST(Worker, CallsFetchOnItsObject) {
  EXPECT_EQ(Function("class F { x = 'this'; fetch() { return new Response(this.x); } }\n"
                     "export default new F();")
                .text(),
            "this");
}

TEST(Worker, KeepsWorkingAfterTheAnswerForWaitUntil) {
  Function f("let log = '';" +
             handler("if (request.url.endsWith('log')) return new Response(log);"
                     "ctx.waitUntil((async () => { await new Promise((r) => setTimeout(r, 100));"
                     "log += 'done'; })()); ctx.passThroughOnException();"
                     "return new Response('first');"));
  EXPECT_EQ(f.text(), "first");
  EXPECT_EQ(f.worker().in_flight(), 0u);
  f.host().run(1s);
  EXPECT_EQ(f.text({.url = "http://f/log"}), "done");
  EXPECT_EQ(f.host().timers(), 0u);
}

TEST(Worker, EndsTheTimersOfACallWithIt) {
  Function f(handler("setInterval(() => console.log('late'), 10); return new Response('x');"));
  EXPECT_EQ(f.text(), "x");
  EXPECT_EQ(f.host().timers(), 0u);
}

TEST(Load, PointsAtSyntaxErrors) {
  Function f("export default {\n  fetch() {\n    const = 1;\n  }\n};");
  EXPECT_EQ(f.load_error().code, Code::syntax);
  EXPECT_EQ(f.load_error().detail, "f.js:3:11: Unexpected token '='");
  EXPECT_EQ(Function("export default {").load_error().detail, "f.js:1:17: Unexpected end of input");
}

TEST(Load, RefusesImportsAtTheirPlace) {
  Function f("\n  import x from './other.js';\nexport default {};");
  EXPECT_EQ(f.load_error().code, Code::syntax);
  EXPECT_TRUE(f.load_error().detail.starts_with("f.js:2:")) << f.load_error().detail;
  EXPECT_NE(f.load_error().detail.find("'./other.js'"), std::string::npos);
  EXPECT_NE(Function(handler("await import('x');")).text().find("threw: "), std::string::npos);
}

TEST(Load, WantsADefaultExportWithFetch) {
  EXPECT_EQ(Function("export const x = 1;").load_error().code, Code::invalid);
  EXPECT_NE(Function("1;").load_error().detail.find("no default export"), std::string::npos);
  for (const char* source : {"export default {};", "export default 1;", "export default null;",
                             "export default { fetch: 1 };"})
    EXPECT_NE(Function(source).load_error().detail.find("no fetch function"), std::string::npos)
        << source;
}

TEST(Load, BoundsTheSource) {
  EXPECT_EQ(Function("//" + std::string(bundle::kCodeBytesMax, 'x')).load_error().code,
            Code::too_large);
  EXPECT_EQ(Function("// \xFF\n").load_error().code, Code::syntax);
}

TEST(Load, ReportsTheTopLevel) {
  EXPECT_EQ(Function("throw new Error('early');").load_error().code, Code::threw);
  EXPECT_EQ(Function("await new Promise(() => {});").load_error().code, Code::invalid);
  EXPECT_EQ(Function("for (;;);").load_error().code, Code::cpu_exceeded);
  EXPECT_EQ(Function("setTimeout(() => {}, 1);").load_error().code, Code::threw);
  EXPECT_EQ(
      Function("const x = await 5; export default { fetch() { return new Response(`${x}`); } }")
          .text(),
      "5");
}

TEST(Engine, BuildsTheSnapshotItself) {
  auto second = Engine::create({.snapshot_path = "/nonexistent/blob"});
  ASSERT_TRUE(second) << second.error().text();
  TestHost host;
  auto worker = (*second)->load(handler("return new Response('y');"), "g", {}, host);
  ASSERT_TRUE(worker) << worker.error().text();
  std::string body;
  (*worker)->call({.url = "http://g/"},
                  [&body](Result<Response> r) { body = as_text(r.value().body); });
  EXPECT_EQ(body, "y");
}

TEST(Engine, RebuildsADamagedSnapshot) {
  std::ifstream in(snapshot_path(), std::ios::binary);
  std::string blob((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(blob.size(), 100'000u);
  blob[blob.size() / 2] ^= 1;
  const std::string path = testing::TempDir() + "themis-damaged.snapshot";
  std::ofstream(path, std::ios::binary) << blob;
  auto second = Engine::create({.snapshot_path = path});
  std::remove(path.c_str());
  ASSERT_TRUE(second) << second.error().text();
  TestHost host;
  EXPECT_TRUE((*second)->load(handler("return new Response('y');"), "g", {}, host));
}

}  // namespace
}  // namespace themis::js
