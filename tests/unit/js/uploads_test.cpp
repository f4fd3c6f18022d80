// Requests to others whose bodies go out bit by bit, with a node that the test plays.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

constexpr std::string_view kTools =
    "const e = new TextEncoder(); const wait = (ms) => new Promise((r) => setTimeout(r, ms));"
    "const seen = []; const say = (r) => new Response(JSON.stringify(r));"
    "const post = (body, init) => fetch('http://a.example/', { method: 'POST', body,"
    "  duplex: 'half', ...init });"
    "const failure = async (promise) => { try { await promise; } catch (e) {"
    "  return [e.name, e.message, e.cause?.message]; } };";

/// A handler that sends, its call in flight, and what is read of what it sends.
struct Sending : Function {
  explicit Sending(std::string_view body, const Limits& limits = {}, std::string_view top = "")
      : Function(std::string(top) + handler(std::string(kTools) + std::string(body)), limits) {}
  void start(Request request = {.url = "http://f/"}) {
    worker().call(std::move(request), [this](Result<Response> r) { answer_ = std::move(r); });
    while (host().requests.empty() && !answer_ && host().step()) {
    }
  }
  const Request& sent(size_t i = 0) { return host().requests.at(i).second; }
  /// The next bits of the i-th request, "(end)", or why they end.
  std::string bits(size_t i = 0) {
    const Result<Part> part = read(sent(i).flow);
    if (!part) return part.error().text();
    return part->is_last() ? "(end)" : std::string(as_text(part->data));
  }
  void answer(Response response = {}, size_t i = 0) { host().called.at(i)(std::move(response)); }
  std::string end() {
    while (!answer_ && host().step()) {
    }
    if (!answer_) return "no answer";
    return *answer_ ? std::string(as_text((*answer_)->body)) : answer_->error().text();
  }
  bool is_answered() const { return answer_.has_value(); }

 private:
  std::optional<Result<Response>> answer_;
};

TEST(Uploads, GoOutAsTheyAreMade) {
  Sending f(
      "const r = await post(new ReadableStream({ async start(c) { c.enqueue(e.encode('a'));"
      "  await wait(10); c.enqueue(e.encode('b')); c.enqueue(e.encode('c')); c.close(); } }));"
      "return say(r.status);");
  f.start();
  ASSERT_NE(f.sent().flow, 0u);
  EXPECT_TRUE(f.sent().body.empty());
  EXPECT_EQ(header({.headers = f.sent().headers}, "content-length"), "(none)");
  EXPECT_EQ(f.bits(), "a");
  EXPECT_EQ(f.bits(), "bc");
  EXPECT_EQ(f.bits(), "(end)");
  EXPECT_EQ(f.bits(), "not_found: this stream is over, or there is none");
  EXPECT_FALSE(f.is_answered());
  f.answer({.status = 201});
  EXPECT_EQ(f.end(), "201");
}

TEST(Uploads, AdversaryAProducerWhoseServerTakesNothingStops) {
  Sending f(
      "let made = 0; const r = await post(new ReadableStream({ async pull(c) { await 0;"
      "  made += 10000; c.enqueue(new Uint8Array(10000)); console.log(String(made)); } }));"
      "return say(r.status);",
      Limits{.log_bytes = 1 << 20});
  f.start();
  const auto made = [&] { return std::stoul(f.host().lines.back().second); };
  f.host().run(5s);
  // What waits, what is on its way, and what the stream itself holds.
  EXPECT_LE(made(), kStreamBytesMax + 30'000);
  size_t taken = 0;
  for (int i = 0; i < 20; ++i) {
    taken += f.bits().size();
    f.host().run(1s);
    EXPECT_LE(made(), taken + kStreamBytesMax + 30'000);
  }
  EXPECT_GE(taken, size_t{20} * 10'000);
}

TEST(Uploads, OfAKnownLengthSayIt) {
  const auto length_of = [](std::string_view body, Request request = {.url = "http://f/"}) {
    Sending f("post(" + std::string(body) +
              ", { headers: { 'content-length': '77' } });"
              "await wait(5); return say(0);");
    f.start(std::move(request));
    return header({.headers = f.sent().headers}, "content-length");
  };
  EXPECT_EQ(length_of("(() => { const { readable, writable } = new FixedLengthStream(5);"
                      "  const w = writable.getWriter(); w.write(e.encode('hello')); w.close();"
                      "  return readable; })()"),
            "5");
  const Request sized{
      .method = "POST", .url = "http://f/", .headers = {{"content-length", "300000"}}, .flow = 7};
  EXPECT_EQ(length_of("request.body", sized), "300000");
  EXPECT_EQ(length_of("request.body.pipeThrough(new TransformStream())", sized), "(none)");
  EXPECT_EQ(length_of("request.body", {.method = "POST", .url = "http://f/", .flow = 7}), "(none)");
  EXPECT_EQ(length_of("new Response(new Uint8Array(9 << 20)).body"), "9437184");
}

TEST(Uploads, OfWhatIsThereAlreadyAreNone) {
  Sending f(
      "const body = request.body; const first = post(body); const used = [body.locked,"
      "  request.bodyUsed]; await first; return say([used, await failure(post(body))]);");
  f.start({.method = "POST", .url = "http://f/", .body = to_bytes("small")});
  EXPECT_EQ(f.sent().flow, 0u);
  EXPECT_EQ(as_text(f.sent().body), "small");
  f.answer();
  EXPECT_TRUE(f.end().starts_with("[[true,true],[\"TypeError\"")) << f.end();
}

TEST(Uploads, OfAWrongLengthFailTheRequest) {
  Sending f(
      "const { readable, writable } = new FixedLengthStream(5); const w = writable.getWriter();"
      "w.write(e.encode('hell')).catch(() => {}); w.close().catch(() => {});"
      "return say(await failure(post(readable)));");
  f.start();
  EXPECT_EQ(f.end(),
            "[\"TypeError\",\"fetch: the stream of the body failed\","
            "\"Fewer than the 5 bytes of a FixedLengthStream\"]");
}

TEST(Uploads, AnErrorOfTheStreamEndsTheRequest) {
  Sending f(
      "const body = new ReadableStream({ async start(c) { c.enqueue(e.encode('some'));"
      "  await wait(1); c.error(new Error('broken')); } });"
      "return say([await failure(post(body)), await wait(50)]);");
  f.start();
  EXPECT_EQ(f.bits(), "some");
  EXPECT_TRUE(f.bits().starts_with("threw: Error: broken"));
  EXPECT_EQ(f.host().given_up, std::vector<size_t>{0});
  EXPECT_EQ(f.end(), "[[\"TypeError\",\"fetch: the stream of the body failed\",\"broken\"],null]");
}

TEST(Uploads, AChunkThatIsNoBytesEndsTheRequest) {
  Sending f(
      "const body = new ReadableStream({ start(c) { c.enqueue('text'); },"
      "  cancel(why) { seen.push(why.name); } });"
      "return say([(await failure(post(body)))[2], seen]);");
  f.start();
  EXPECT_EQ(f.end(), "[\"A chunk of a body is a Uint8Array\",[\"TypeError\"]]");
}

TEST(Uploads, AnAbortCancelsTheStream) {
  const std::string_view body =
      "const c = new AbortController(); const stream = new ReadableStream({"
      "  pull(s) { s.enqueue(e.encode('x')); return wait(20000); }, cancel(why) {"
      "  seen.push(why.message); } }); const sent = failure(post(stream, { signal: c.signal }));"
      "if (request.method === 'PUT') await wait(5); c.abort(new RangeError('enough'));"
      "return say([await sent, seen]);";
  Sending late(body);
  late.start({.method = "PUT", .url = "http://f/"});
  EXPECT_EQ(late.bits(), "x");
  EXPECT_EQ(late.end(), "[[\"RangeError\",\"enough\",null],[\"enough\"]]");
  EXPECT_EQ(late.host().given_up, std::vector<size_t>{0});
  Sending early(std::string(kTools).substr(0, 0) +
                "const stream = new ReadableStream({ cancel(why) { seen.push(why.message); } });"
                "const sent = await failure(post(stream, { signal: AbortSignal.abort("
                "  new RangeError('early')) })); return say([sent, seen]);");
  early.start();
  EXPECT_EQ(early.end(), "[[\"RangeError\",\"early\",null],[\"early\"]]");
  EXPECT_TRUE(early.host().requests.empty());
}

TEST(Uploads, GoOnAfterAnEarlyAnswer) {
  Sending f(
      "const { readable, writable } = new TransformStream(); const w = writable.getWriter();"
      "const r = await post(readable); await w.write(e.encode('after ' + r.status));"
      "await w.close(); return say(await r.text());");
  f.start();
  f.host().give_part = [](uint64_t) { return Part{.kind = Part::Kind::end}; };
  f.answer({.status = 202, .body = to_bytes("early"), .flow = 9});
  EXPECT_EQ(f.bits(), "after 202");
  EXPECT_EQ(f.bits(), "(end)");
  EXPECT_EQ(f.end(), "\"early\"");
}

TEST(Uploads, AdversaryOneThatIsCutDoesNotLookWhole) {
  Sending f(
      "const c = new AbortController(); const sent = failure(post(new ReadableStream({ pull(s) {"
      "  s.enqueue(e.encode('x')); return wait(20000); } }), { signal: c.signal }));"
      "await wait(5); c.abort(); await sent; await wait(5000); return say(0);");
  f.start();
  EXPECT_EQ(f.bits(), "x");
  f.host().run(10ms);
  EXPECT_EQ(f.host().given_up, std::vector<size_t>{0});
  EXPECT_TRUE(f.bits().starts_with("threw: AbortError"));
}

TEST(Uploads, AWriterThatWaitsForItsServerIsNotStuck) {
  Sending f(
      "const { readable, writable } = new TransformStream(); const w = writable.getWriter();"
      "await post(readable); for (let i = 0; i < 4; i++) await w.write(new Uint8Array(65536));"
      "await w.close(); await wait(1); return say('all');");
  f.start();
  f.answer();
  f.host().run(1s);
  EXPECT_FALSE(f.is_answered()) << f.end();
  size_t taken = 0;
  for (std::string bits; bits != "(end)"; bits = f.bits()) {
    taken += bits.size();
    ASSERT_LE(taken, size_t{4} * 65536) << bits;
  }
  EXPECT_EQ(f.end(), "\"all\"");
}

TEST(Uploads, AReaderThatLeavesCancelsTheStreamOnly) {
  Sending f(
      "const body = new ReadableStream({ pull(c) { c.enqueue(e.encode('x')); return wait(5); },"
      "  cancel(why) { seen.push(why.name); } }); const r = await post(body); await wait(50);"
      "return say([r.status, seen]);");
  f.start();
  EXPECT_EQ(f.bits(), "x");
  f.worker().leave(f.sent().flow);
  f.answer({.status = 413});
  EXPECT_EQ(f.end(), "[413,[\"TypeError\"]]");
  EXPECT_EQ(f.bits(), "not_found: this stream is over, or there is none");
}

TEST(Uploads, AWriterThatWaitsHearsThatItsReaderLeft) {
  Sending f(
      "const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); },"
      "  cancel(why) { seen.push(why.name); } }); const r = await post(body);"
      "await wait(5); return say([r.status, seen]);");
  f.start();
  f.host().run(1s);
  f.worker().leave(f.sent().flow);
  f.answer({.status = 413});
  EXPECT_EQ(f.end(), "[413,[\"TypeError\"]]");
}

TEST(Uploads, EndWithTheirCall) {
  for (const bool waits : {false, true}) {
    Sending f(
        "const sent = post(new ReadableStream({ pull(c) { c.enqueue(e.encode('x'));"
        "  return wait(100); } })).catch(() => {});" +
        std::string(waits ? "ctx.waitUntil(sent);" : "") + "await wait(5); return say(1);");
    f.start();
    const uint64_t flow = f.sent().flow;
    EXPECT_EQ(f.bits(), "x");
    std::optional<Result<Part>> next;
    f.worker().read(flow, [&](Result<Part> part) { next = std::move(part); });
    EXPECT_EQ(f.end(), "1");
    f.host().run(200ms);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->has_value(), waits);
    if (!waits) {
      EXPECT_EQ(next->error().code, Code::cancelled);
    }
    EXPECT_EQ(f.host().given_up.size(), waits ? 0u : 1u);
  }
}

TEST(Uploads, ThatAreAllThereOutliveTheirCall) {
  Sending f(
      "const { readable, writable } = new TransformStream(); const w = writable.getWriter();"
      "await post(readable); await w.write(e.encode('last words')); await w.close();"
      "return say('over');");
  f.start();
  f.answer();
  EXPECT_EQ(f.end(), "\"over\"");
  EXPECT_EQ(f.bits(), "last words");
  EXPECT_EQ(f.bits(), "(end)");
  Sending left(
      "const { readable, writable } = new TransformStream(); await post(readable);"
      "await writable.close(); return say('over');");
  left.start();
  left.answer();
  EXPECT_EQ(left.end(), "\"over\"");
  left.worker().leave(left.sent().flow);
  EXPECT_EQ(left.bits(), "not_found: this stream is over, or there is none");
}

TEST(Uploads, OfAFailedRequestAreCancelled) {
  Sending f(
      "const body = new ReadableStream({ pull(c) { c.enqueue(e.encode('x')); return wait(9); },"
      "  cancel(why) { seen.push(why.name); } }); const sent = await failure(post(body));"
      "return say([sent, seen]);");
  f.start();
  EXPECT_EQ(f.bits(), "x");
  f.host().called.at(0)(fail(Code::unavailable, "the server is gone"));
  EXPECT_EQ(f.end(),
            "[[\"TypeError\",\"fetch: unavailable: the server is gone\",null],[\"TypeError\"]]");
  EXPECT_EQ(f.bits(), "not_found: this stream is over, or there is none");
}

TEST(Uploads, AreNotSentASecondTime) {
  const auto redirected = [](std::string_view method, int status) {
    Sending f(
        "const body = new ReadableStream({ pull(c) { c.enqueue(e.encode('x'));"
        "  return wait(1000); }, cancel() { seen.push('cancelled'); } });"
        "try { const r = await post(body, { method: '" +
        std::string(method) +
        "' }); return say([r.status, r.redirected, seen]);"
        "} catch (e) { return say([e.name, seen]); }");
    f.start();
    f.answer({.status = static_cast<uint16_t>(status), .headers = {{"location", "/2"}}});
    if (f.host().requests.size() == 2) {
      EXPECT_EQ(f.sent(1).method, "GET");
      EXPECT_EQ(f.sent(1).flow, 0u);
      f.answer({}, 1);
    }
    return f.end();
  };
  for (const char* method : {"POST", "PUT"})
    for (const int status : {301, 302, 307, 308})
      EXPECT_EQ(redirected(method, status), "[\"TypeError\",[\"cancelled\"]]") << status;
  EXPECT_EQ(redirected("POST", 303), "[200,true,[\"cancelled\"]]");
  EXPECT_EQ(redirected("PUT", 303), "[200,true,[\"cancelled\"]]");
}

TEST(Uploads, ToFunctionsGoOutAsTheyAreMadeToServicesWhole) {
  constexpr std::string_view kStream =
      "const body = () => new ReadableStream({ async start(c) { c.enqueue(e.encode('a'));"
      "  await wait(5); c.enqueue(e.encode('b')); c.close(); } });"
      "const init = { method: 'POST', body: body(), duplex: 'half' };";
  Sending to_function(std::string(kStream) +
                      "return await env.SERVICES.fetch('fn/cart', 'http://s/', init);");
  to_function.start();
  EXPECT_EQ(to_function.bits(), "a");
  EXPECT_EQ(to_function.bits(), "b");
  EXPECT_EQ(to_function.bits(), "(end)");
  Sending to_service(std::string(kStream) +
                     "return await env.SERVICES.fetch('greeter', 'http://s/', init);");
  to_service.start();
  EXPECT_EQ(to_service.sent().flow, 0u);
  EXPECT_EQ(as_text(to_service.sent().body), "ab");
}

TEST(Uploads, AdversaryOneWithoutEndMeetsItsLimit) {
  Sending f(
      "return say(await failure(post(new ReadableStream({ pull(c) {"
      "  c.enqueue(new Uint8Array(30000)); }, cancel() { console.log('cancelled'); } }))));",
      Limits{.cpu = 5s, .stream_bytes = 1'000'000});
  f.start();
  size_t taken = 0;
  std::string last;
  while (!last.starts_with("too_large")) {
    last = f.bits();
    taken += last.size();
    ASSERT_LE(taken, 1'100'000u);
  }
  EXPECT_EQ(f.host().lines.back().second, "cancelled");
}

TEST(Uploads, AdversaryThereAreSoManyAtOnce) {
  Sending f(
      "const one = () => failure(post(new ReadableStream({})));"
      "for (let i = 0; i < " +
      std::to_string(kUploadsMax) +
      "; i++) one(); const refused = await one(); return say(refused);");
  f.start();
  EXPECT_EQ(f.end(),
            "[\"Error\",\"too many requests of this function send their bodies bit by bit\",null]");
  EXPECT_EQ(f.host().requests.size(), kUploadsMax);
}

TEST(Uploads, AdversaryTheyDoNotKeepACallThatHungAlive) {
  Sending f(
      "const { readable } = new TransformStream(); const r = await post(readable);"
      "await new Promise(() => {});");
  f.start();
  f.answer({.status = 200});
  EXPECT_EQ(f.end(), "threw: " + std::string(kHungDetail));
}

}  // namespace
}  // namespace themis::js
