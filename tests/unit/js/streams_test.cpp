// Bodies that come and go bit by bit.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

Result<Part> bytes(std::string_view text) { return Part{.data = to_bytes(text)}; }
Result<Part> end() { return Part{.kind = Part::Kind::end}; }
std::string text(const Result<Part>& part) {
  return part ? std::string(as_text(part->data)) : part.error().text();
}
/// A handler whose body is a stream with these methods.
std::string source(std::string_view methods) {
  return handler(
      "const e = new TextEncoder(); const wait = (ms) => new Promise((r) =>"
      "setTimeout(r, ms)); return new Response(new ReadableStream({" +
      std::string(methods) + "}));");
}
constexpr std::string_view kReading =
    "let all = ''; for await (const chunk of request.body)"
    "all += new TextDecoder().decode(chunk) + ';'; return new Response(all);";

/// The classes run when they are first needed, by whatever way.
TEST(Streams, AreOneSetOfClassesHoweverTheyAreReached) {
  EXPECT_EQ(evaluate("new Response('x').body instanceof ReadableStream"), "true");
  EXPECT_EQ(evaluate("new Blob(['x']).stream().constructor === ReadableStream"), "true");
  EXPECT_EQ(evaluate("new TextDecoderStream().readable instanceof ReadableStream"), "true");
  EXPECT_EQ(evaluate("new CompressionStream('gzip').writable instanceof WritableStream"), "true");
  EXPECT_EQ(evaluate("(get => get() === get() && get() === ReadableStream)("
                     "Object.getOwnPropertyDescriptor(globalThis, 'ReadableStream').get)"),
            "true");
}

TEST(Streams, RegressWhatAFunctionPutsInTheirPlaceStays) {
  const char* const cases[] = {
      "globalThis.TransformStream = 1; new ReadableStream(); return new Response(TransformStream);",
      "Object.defineProperty(globalThis, 'TransformStream', { value: 1 });"
      "new ReadableStream(); return new Response(TransformStream);",
      "globalThis.CloseEvent = 1; new WebSocketPair(); return new Response(CloseEvent);"};
  for (const char* const one : cases) EXPECT_EQ(Function(handler(one)).text(), "1") << one;
  EXPECT_EQ(Function(handler("delete globalThis.WritableStream; new ReadableStream();"
                             "return new Response(typeof WritableStream);"))
                .text(),
            "undefined");
}

TEST(Streams, AdversaryTheyRunAfterThePrototypesWerePoisoned) {
  Function f(
      handler("const seen = []; for (const name of ['defineProperty', 'create', 'assign'])"
              "  Object[name] = new Proxy(Object[name], { apply(to, self, values) {"
              "    seen.push(...values.map((one) => typeof one?.respond)); throw 1; } });"
              "let end = 'none'; try { new ReadableStream(); } catch (e) { end = String(e); }"
              "return new Response([end === '1' || end === 'none', seen.includes('function')]);"));
  EXPECT_EQ(f.text(), "true,false") << "its own streams are broken, and it saw nothing of ours";
  EXPECT_EQ(evaluate("new Response('x').body instanceof ReadableStream"), "true");
}

TEST(Streams, ARequestIsReadAsItComes) {
  Function f(handler(kReading));
  f.host().give_part = [left = 3](uint64_t flow) mutable {
    EXPECT_EQ(flow, 7u);
    return --left < 0 ? end() : bytes(left == 1 ? "" : "part " + std::to_string(left));
  };
  EXPECT_EQ(f.text({.url = "http://f/", .flow = 7}), "part 2;part 0;");
  EXPECT_TRUE(f.host().left.empty());
}

TEST(Streams, ARequestThatBreaksOffIsAnErrorOfItsReader) {
  Function f(
      handler("try { await request.text(); } catch (e) { return new Response(e.message); }"));
  f.host().give_part = [](uint64_t) -> Result<Part> {
    return fail(Code::unavailable, "the client left");
  };
  EXPECT_EQ(f.text({.url = "http://f/", .flow = 7}), "the body: unavailable: the client left");
}

TEST(Streams, NobodyReadsARequestBeforeItsHandlerDoes) {
  Function f(handler("request.body; return new Response('no');"));
  EXPECT_EQ(f.text({.url = "http://f/", .flow = 7}), "no");
  EXPECT_TRUE(f.host().waiting.empty());
  EXPECT_EQ(f.host().left, std::vector<uint64_t>{7});
}

TEST(Streams, ACancelledRequestIsLeftAtOnce) {
  Function f(
      handler("await request.body.cancel(); await new Promise((r) => setTimeout(r, 5));"
              "return new Response('x');"));
  EXPECT_EQ(f.text({.url = "http://f/", .flow = 7}), "x");
  EXPECT_EQ(f.host().left, std::vector<uint64_t>{7});
}

TEST(Streams, AnAnswerGoesOutAsItIsMade) {
  Function f(
      source("async start(c) { c.enqueue(e.encode('a')); await wait(10);"
             "c.enqueue(e.encode('b')); c.enqueue(e.encode('c')); await wait(10);"
             "c.close(); }"));
  const Result<Response> begun = f.begin();
  ASSERT_TRUE(begun && begun->flow != 0);
  EXPECT_EQ(as_text(begun->body), "a");
  EXPECT_EQ(f.worker().in_flight(), 1u);
  EXPECT_EQ(text(f.read(begun->flow)), "bc");
  EXPECT_EQ(f.read(begun->flow)->kind, Part::Kind::end);
  EXPECT_EQ(f.read(begun->flow).error().code, Code::not_found);
  EXPECT_EQ(f.worker().in_flight(), 0u);
}

TEST(Streams, AnAnswerThatIsWholeByTheEndOfItsTurnGoesOutWhole) {
  Function f(source("pull(c) { c.enqueue(e.encode('all')); c.close(); }"));
  const Result<Response> response = f.begin();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->flow, 0u);
  EXPECT_EQ(as_text(response->body), "all");
}

TEST(Streams, AReaderThatWaitsIsToldNowAndThen) {
  Function f(source("async start(c) { await wait(29000); c.close(); }"));
  const Result<Response> begun = f.begin();
  ASSERT_TRUE(begun && begun->flow != 0);
  const Result<Part> first = f.read(begun->flow);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->data.empty() && !first->is_last());
  EXPECT_TRUE(f.read(begun->flow)->is_last());
}

TEST(Streams, AdversaryAProducerWithoutReaderStops) {
  Function f(
      handler("let n = 0; globalThis.made = () => n; return new Response(new ReadableStream("
              "{ async pull(c) { await 0; n++; c.enqueue(new Uint8Array(10000)); } }));"));
  const Result<Response> begun = f.begin();
  ASSERT_TRUE(begun && begun->flow != 0);
  f.host().run(5s);
  // What waits, what is on its way, and what the stream itself holds.
  size_t bytes_read = begun->body.size();
  for (int i = 0; i < 20; ++i) bytes_read += f.read(begun->flow)->data.size();
  EXPECT_GE(bytes_read, 20 * 10'000u);
  EXPECT_LE(begun->body.size(), kStreamBytesMax + 10'000);
}

TEST(Streams, RegressAFirstChunkThatFillsTheQueueIsNotTheLast) {
  Function f(
      source("pull(c) { this.n = (this.n ?? 0) + 1; if (this.n > 9) c.close();"
             "else c.enqueue(new Uint8Array(1 << 16)); }"));
  EXPECT_EQ(f.call()->body.size(), size_t{9} << 16);
}

TEST(Streams, AnErrorOfTheProducerComesAfterWhatItMade) {
  Function f(
      source("async start(c) { await wait(1); c.enqueue(e.encode('some')); await wait(1);"
             "c.error(new Error('broken')); }"));
  const Result<Response> begun = f.begin();
  EXPECT_EQ(text(f.read(begun->flow)), "some");
  EXPECT_EQ(f.read(begun->flow).error().code, Code::threw);
  ASSERT_FALSE(f.host().lines.empty());
  EXPECT_NE(f.host().lines.back().second.find("broken"), std::string::npos);
}

TEST(Streams, AChunkThatIsNoBytesEndsTheStream) {
  Function f(
      source("async start(c) { await wait(1); c.enqueue('text'); }, cancel() {"
             "console.log('cancelled'); }"));
  const Result<Response> begun = f.begin();
  EXPECT_EQ(f.read(begun->flow).error().code, Code::threw);
  EXPECT_EQ(f.host().lines.back().second, "cancelled");
}

TEST(Streams, OneThatNobodyReadsAnyMoreIsCancelled) {
  Function f(
      handler("request.signal.onabort = () => console.log('aborted ' +"
              "request.signal.reason.name); return new Response(new ReadableStream({"
              "pull(c) { return new Promise((r) => setTimeout(() => { c.enqueue("
              "new Uint8Array(9)); r(); }, 10)); }, cancel(why) {"
              "console.log('cancelled ' + why.name); } }));"));
  const Result<Response> begun = f.begin();
  f.worker().leave(begun->flow);
  ASSERT_EQ(f.host().lines.size(), 2u);
  EXPECT_EQ(f.host().lines[0].second, "aborted AbortError");
  EXPECT_EQ(f.host().lines[1].second, "cancelled AbortError");
  EXPECT_EQ(f.worker().in_flight(), 0u);
  EXPECT_EQ(f.read(begun->flow).error().code, Code::not_found);
}

TEST(Streams, ACallThatIsGivenUpHearsOfIt) {
  Function f(
      handler("ctx.waitUntil(new Promise((r) => setTimeout(() => { console.log('done'); r();"
              "}, 10))); request.signal.onabort = () => console.log('aborted');"
              "await new Promise(() => {});"));
  std::optional<Result<Response>> answer;
  const uint32_t id =
      f.worker().call({.url = "http://f/"}, [&](Result<Response> r) { answer = std::move(r); });
  f.worker().cancel(id);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error().code, Code::cancelled);
  ASSERT_EQ(f.host().lines.size(), 1u);
  f.host().run(1s);
  EXPECT_EQ(f.host().lines.back().second, "done");
}

TEST(Streams, WaitUntilMayBeCalledAsLongAsTheyGoOn) {
  Function f(
      handler("const wait = (ms) => new Promise((r) => setTimeout(r, ms));"
              "return new Response(new ReadableStream({ async start(c) { await wait(1);"
              "ctx.waitUntil(wait(50).then(() => console.log('done'))); c.close(); } }));"));
  EXPECT_TRUE(f.call());
  f.host().run(1s);
  EXPECT_EQ(f.host().lines.back().second, "done");
}

TEST(Streams, AdversaryLimitsHoldWithinThem) {
  Function busy(source("async start(c) { await wait(1); for (;;) {} }"));
  EXPECT_EQ(busy.call().error().code, Code::cpu_exceeded);
  Function silent(source("start(c) { setInterval(() => {}, 1000); }"));
  const TimePoint start = silent.host().now();
  EXPECT_EQ(silent.call().error().code, Code::timeout);
  EXPECT_LE(silent.host().now() - start, 2 * Limits{}.wall);
  Function hungry(source("async start(c) { await wait(1); const a = []; for (;;) a.push({ a }); }"),
                  Limits{.heap_bytes = 32u << 20, .cpu = 20s});
  EXPECT_EQ(hungry.call().error().code, Code::memory_exceeded);
}

TEST(Streams, AdversaryOneThatCanNeverGoOnEndsAfterWhatThereIs) {
  Function f(source("async start(c) { await wait(1); c.enqueue(e.encode('x')); }"));
  const Result<Response> begun = f.begin();
  EXPECT_EQ(text(f.read(begun->flow)), "x");
  EXPECT_EQ(f.read(begun->flow).error().code, Code::threw);
}

TEST(Streams, OfAKnownLengthSayItAndKeepIt) {
  Function f(
      handler("const { readable, writable } = new FixedLengthStream(5);"
              "const w = writable.getWriter(); w.write(new Uint8Array([104, 101, 108, 108]));"
              "w.write(new Uint8Array([111])); w.close(); return new Response(readable);"));
  const Result<Response> answer = f.call();
  ASSERT_TRUE(answer);
  EXPECT_EQ(as_text(answer->body), "hello");
  EXPECT_EQ(answer->headers, (Headers{{"content-length", "5"}}));
  const auto read = [](const std::string& length) {
    return evaluate(
        "await (async () => { try { const s = new FixedLengthStream(" + length +
        "); const w = s.writable.getWriter(); const all = new Response(s.readable).text();"
        "w.write(new Uint8Array(2)).catch(() => {}); w.close().catch(() => {});"
        "return (await all).length; } catch (e) { return e.name; } })()");
  };
  EXPECT_EQ(read("2"), "2");
  EXPECT_EQ(read("2n"), "2");
  for (const char* wrong : {"1", "3", "-1", "1.5", "", "'x'"})
    EXPECT_EQ(read(wrong), "TypeError") << wrong;
}

TEST(Streams, OfIdentityTakeBytes) {
  EXPECT_EQ(evaluate("await (async () => { const s = new IdentityTransformStream();"
                     "const w = s.writable.getWriter(); w.write(new Uint16Array([1])); w.close();"
                     "return [...await new Response(s.readable).bytes()]; })()"),
            "1,0");
  EXPECT_EQ(evaluate("await (async () => { const s = new IdentityTransformStream(); s.readable"
                     ".getReader().read().catch(() => {}); try { await s.writable.getWriter()"
                     ".write('x'); } catch (e) { return e.name; } })()"),
            "TypeError");
  EXPECT_EQ(evaluate("new FixedLengthStream(1) instanceof IdentityTransformStream"), "true");
}

}  // namespace
}  // namespace themis::js
