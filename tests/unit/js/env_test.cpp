// What a manifest puts into env, and the events that it asks for.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

bundle::Bundle code_of(const std::string& source) {
  bundle::Bundle code;
  code.main = "f.js";
  code.modules = {{"f.js", bundle::ModuleKind::es, to_bytes(source)}};
  return code;
}

/// A worker of a bundle, and its calls.
struct Loaded {
  explicit Loaded(const bundle::Bundle& code) {
    auto made = engine().load(code, {}, host, {});
    if (made)
      worker = std::move(*made);
    else
      error = made.error();
  }
  std::string text(Request request = {.url = "http://f/"}) {
    std::optional<Result<Response>> out;
    worker->call(std::move(request), [&out](Result<Response> r) { out = std::move(r); });
    while (!out && host.step()) {
    }
    if (!out) return "(no answer)";
    return *out ? std::string(as_text((*out)->body)) : out->error().text();
  }
  TestHost host;
  std::unique_ptr<Worker> worker;
  Error error;
};

TEST(Env, HasWhatTheManifestNames) {
  bundle::Bundle code =
      code_of(handler("return new Response([env.TEXT, env.KEY, env.DATA.a[1], Object.keys(env)]"
                      ".join());"));
  code.settings.texts["TEXT"] = "gr\xC3\xBC\xC3\x9F";
  code.settings.secrets["KEY"] = "s3cret";
  code.settings.json["DATA"] = R"({"a": [1, 2]})";
  Loaded f(code);
  EXPECT_EQ(f.text(), "gr\xC3\xBC\xC3\x9F,s3cret,2,STATE,SERVICES,TEXT,KEY,DATA");
}

TEST(Env, JsonThatIsNoneDoesNotLoad) {
  bundle::Bundle code = code_of(handler(""));
  code.settings.json["DATA"] = "{";
  const Loaded f(code);
  EXPECT_EQ(f.error.code, Code::invalid);
  EXPECT_NE(f.error.detail.find("env.DATA is no JSON"), std::string::npos) << f.error.detail;
}

TEST(Env, BindingsAreGlobalsForAListener) {
  bundle::Bundle code = code_of(
      "addEventListener('fetch', (e) => e.respondWith(new Response(GREETING + typeof STATE)));");
  code.settings.texts["GREETING"] = "hi";
  EXPECT_EQ(Loaded(code).text(), "hiobject");
}

TEST(Env, AFunctionIsCalledByItsNameOneDeeper) {
  bundle::Bundle code = code_of(
      handler("const r = await env.OTHER.fetch('http://other/x', { method: 'PUT', body: 'b' });"
              "return new Response(await r.text());"));
  code.settings.functions["OTHER"] = "other";
  Loaded f(code);
  f.host.answer_service = [](const Request& request) -> Result<Response> {
    return Response{.status = 200, .headers = {}, .body = request.body};
  };
  EXPECT_EQ(f.text({.url = "http://f/", .depth = 3}), "b");
  ASSERT_EQ(f.host.requests.size(), 1u);
  EXPECT_EQ(f.host.requests[0].first, "fn/other");
  EXPECT_EQ(f.host.requests[0].second.depth, 4);
  EXPECT_EQ(f.host.requests[0].second.url, "http://other/x");
}

TEST(AdversaryEnv, ACircleOfFunctionsEnds) {
  bundle::Bundle code =
      code_of(handler("try { return await env.SELF.fetch(request); } catch (e) { return new "
                      "Response(e.message); }"));
  code.settings.functions["SELF"] = "f";
  Loaded f(code);
  f.host.answer_service = [](const Request&) -> Result<Response> { return Response{}; };
  EXPECT_EQ(f.text({.url = "http://f/", .depth = kDepthMax}), "functions call each other too deep");
  EXPECT_TRUE(f.host.requests.empty());
}

TEST(AdversaryEnv, SubrequestsOfACallAreCounted) {
  bundle::Bundle code =
      code_of(handler("let n = 0; try { for (;; n++) await env.SERVICES.fetch('s', 'http://s/'); }"
                      "catch (e) { return new Response(n + e.message); }"));
  Limits limits;
  limits.cpu = 10s;
  TestHost host;
  host.answer_service = [](const Request&) -> Result<Response> { return Response{}; };
  const auto encoded = bundle::encode(code);
  Function f(as_text(*encoded), limits, &host);
  EXPECT_EQ(f.text(), "1000over the subrequests that one call may make");
}

TEST(Scheduled, TheHandlerLearnsItsTimeAndLine) {
  bundle::Bundle code = code_of(
      "export default { async scheduled(controller, env, ctx) {"
      "  ctx.waitUntil(Promise.resolve()); console.log(controller.scheduledTime,"
      "  controller.cron, env.A); } };");
  code.settings.texts["A"] = "a";
  code.settings.crons = {"*/5 * * * *"};
  Loaded f(code);
  EXPECT_EQ(f.text({.url = "http://f/",
                    .body = to_bytes(R"({"scheduledTime": 60000, "cron": "*/5 * * * *"})"),
                    .event = Event::scheduled}),
            "");
  ASSERT_EQ(f.host.lines.size(), 1u);
  EXPECT_EQ(f.host.lines[0].second, "60000 */5 * * * * a");
  EXPECT_EQ(f.text(), "threw: the function has no fetch handler: it takes no requests");
  EXPECT_EQ(f.text({.url = "http://f/", .event = Event::queue}),
            "threw: the function has no queue handler");
}

TEST(Scheduled, AListenerHearsOfIt) {
  Loaded f(code_of("addEventListener('scheduled', (e) => console.log(e.cron, e.scheduledTime));"));
  f.text({.url = "http://f/",
          .body = to_bytes(R"({"scheduledTime": 1, "cron": "c"})"),
          .event = Event::scheduled});
  ASSERT_EQ(f.host.lines.size(), 1u);
  EXPECT_EQ(f.host.lines[0].second, "c 1");
}

TEST(Scheduled, AManifestWithoutItsHandlerDoesNotLoad) {
  bundle::Bundle code = code_of(handler(""));
  code.settings.crons = {"* * * * *"};
  EXPECT_NE(Loaded(code).error.detail.find("cron lines"), std::string::npos);
  code.settings.crons = {};
  code.settings.consumers["jobs"] = {};
  EXPECT_NE(Loaded(code).error.detail.find("consumes queues"), std::string::npos);
}

constexpr std::string_view kBatch =
    R"({"queue": "jobs", "messages": [
      {"id": "1", "timestamp": 1000, "attempts": 1, "type": "json", "body": "{\"n\":1}"},
      {"id": "2", "timestamp": 2000, "attempts": 2, "type": "text", "body": "two"},
      {"id": "3", "timestamp": 3000, "attempts": 1, "type": "bytes", "body": "00ff"}]})";

std::string run_queue(const std::string& body) {
  Loaded f(code_of("export default { async queue(batch, env, ctx) {" + body + "} };"));
  return f.text({.url = "http://f/", .body = to_bytes(kBatch), .event = Event::queue});
}

TEST(Queue, ABatchSaysWhatBecameOfEachMessage) {
  EXPECT_EQ(run_queue(""), R"([{"ack":true},{"ack":true},{"ack":true}])");
  EXPECT_EQ(run_queue("batch.messages[1].retry({ delaySeconds: 5 }); batch.messages[2].retry();"),
            R"([{"ack":true},{"delay":5},{"delay":null}])");
  EXPECT_EQ(run_queue("batch.retryAll({ delaySeconds: 9 }); batch.messages[0].ack();"),
            R"([{"ack":true},{"delay":9},{"delay":9}])");
  EXPECT_EQ(run_queue("batch.messages[0].ack(); throw new Error('x');"),
            R"([{"ack":true},{"delay":null},{"delay":null}])");
  EXPECT_EQ(run_queue("batch.ackAll(); throw new Error('x');"),
            R"([{"ack":true},{"ack":true},{"ack":true}])");
}

TEST(Queue, MessagesHaveTheirBodies) {
  EXPECT_EQ(run_queue("const [a, b, c] = batch.messages; if (batch.queue === 'jobs' &&"
                      "a.body.n === 1 && b.body === 'two' && c.body.byteLength === 2 &&"
                      "b.attempts === 2 && c.timestamp.getTime() === 3000 && a.id === '1')"
                      "batch.retryAll({ delaySeconds: 1 });"),
            R"([{"delay":1},{"delay":1},{"delay":1}])");
}

TEST(AdversaryQueue, AHandlerThatSpoilsItsBatchChangesNobodyElses) {
  EXPECT_EQ(run_queue("batch.messages.length = 0; batch.messages.push({ ack: 1 });"),
            R"([{"ack":true},{"ack":true},{"ack":true}])");
  EXPECT_EQ(run_queue("batch.messages[0].retry({ delaySeconds: -1 });"),
            R"([{"delay":null},{"delay":null},{"delay":null}])");
}

TEST(Queue, SendsWhatItIsGiven) {
  bundle::Bundle code =
      code_of(handler("await env.JOBS.send({ n: 1 });"
                      "await env.JOBS.send('t', { contentType: 'text', delaySeconds: 60 });"
                      "await env.JOBS.sendBatch([{ body: [1] }, { body: new Uint8Array([255]),"
                      "  contentType: 'bytes' }], { delaySeconds: 2 });"
                      "const bad = []; for (const make of [() => env.JOBS.send(undefined),"
                      "  () => env.JOBS.send(1, { contentType: 'v8' }),"
                      "  () => env.JOBS.send(1, { delaySeconds: 1e6 }),"
                      "  () => env.JOBS.sendBatch(Array(101).fill({ body: 1 }))])"
                      "  await make().catch((e) => bad.push(e.name));"
                      "return new Response(bad.join());"));
  code.settings.queues["JOBS"] = "jobs";
  Loaded f(code);
  f.host.answer_service = [](const Request&) -> Result<Response> { return Response{}; };
  EXPECT_EQ(f.text(), "TypeError,TypeError,RangeError,RangeError");
  ASSERT_EQ(f.host.requests.size(), 3u);
  EXPECT_EQ(f.host.requests[0].first, "queue/jobs");
  EXPECT_EQ(as_text(f.host.requests[0].second.body),
            R"([{"type":"json","body":"{\"n\":1}","delay":0}])");
  EXPECT_EQ(as_text(f.host.requests[1].second.body), R"([{"type":"text","body":"t","delay":60}])");
  EXPECT_EQ(as_text(f.host.requests[2].second.body),
            R"([{"type":"json","body":"[1]","delay":2},{"type":"bytes","body":"ff","delay":2}])");
}

TEST(Queue, ARefusedSendIsAnException) {
  bundle::Bundle code = code_of(
      handler("try { await env.JOBS.send(1); } catch (e) { return new Response(e.message); }"));
  code.settings.queues["JOBS"] = "jobs";
  Loaded f(code);
  f.host.answer_service = [](const Request&) { return fail(Code::overloaded, "full"); };
  EXPECT_EQ(f.text(), "queue/jobs: overloaded: full");
}

}  // namespace
}  // namespace themis::js
