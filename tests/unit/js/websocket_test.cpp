// WebSocketPair, and the end of one that a client has.
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

Result<Part> message(std::string_view text) {
  return Part{.kind = Part::Kind::text, .data = to_bytes(text)};
}
Result<Part> close(uint16_t code, std::string_view reason = "") {
  return Part{.kind = Part::Kind::close, .data = to_bytes(reason), .code = code};
}
std::string run(std::string_view body) { return Function(handler(body)).text(); }

/// A handler that answers with one end, and does this with the other.
struct Socket : Function {
  explicit Socket(std::string_view body, const Limits& limits = {})
      : Function(handler("const [client, ws] = Object.values(new WebSocketPair()); ws.accept();" +
                         std::string(body) +
                         "return new Response(null, { status: 101, webSocket: client });"),
                 limits) {}
  uint64_t open() {
    const Result<Response> begun = begin({.url = "http://f/", .flow = 7, .socket = true});
    EXPECT_TRUE(begun && begun->status == 101) << (begun ? "" : begun.error().text());
    return begun ? begun->flow : 0;
  }
  /// The next part that goes to the client.
  std::string next(uint64_t flow) {
    const Result<Part> part = read(flow);
    if (!part) return part.error().text();
    return std::to_string(static_cast<int>(part->kind)) + " " + std::string(as_text(part->data)) +
           (part->kind == Part::Kind::close ? std::to_string(part->code) : "");
  }
};

TEST(WebSockets, AnswerTheClient) {
  Socket f("ws.addEventListener('message', (e) => ws.send(e.data + '!'));");
  f.host().give_part = [n = 0](uint64_t flow) mutable {
    EXPECT_EQ(flow, 7u);
    return n++ < 2 ? message("m" + std::to_string(n)) : close(1000, "bye");
  };
  const uint64_t flow = f.open();
  EXPECT_EQ(f.next(flow), "2 m1!");
  EXPECT_EQ(f.next(flow), "2 m2!");
  EXPECT_EQ(f.next(flow), "1 ");
  EXPECT_EQ(f.worker().in_flight(), 0u);
}

TEST(WebSockets, HearWhyTheClientLeft) {
  Socket f("ws.onclose = (e) => console.log(e.code + e.reason + e.wasClean + ws.readyState);");
  f.host().give_part = [](uint64_t) { return close(3000, "so"); };
  const uint64_t flow = f.open();
  f.next(flow);
  EXPECT_EQ(f.host().lines.at(0).second, "3000sotrue3");
}

TEST(WebSockets, CloseWithACode) {
  Socket f(
      "ws.onclose = (e) => console.log(e.code + e.reason + e.wasClean);"
      "ws.send('last'); ws.close(4000, 'done'); try { ws.send('x'); } catch (e) {"
      "console.log(e.name); }");
  const uint64_t flow = f.open();
  EXPECT_EQ(f.next(flow), "2 last");
  EXPECT_EQ(f.next(flow), "4 done4000");
  ASSERT_EQ(f.host().waiting.size(), 1u);
  f.host().waiting[0](fail(Code::unavailable, "the request is over"));
  EXPECT_EQ(f.host().lines.at(0).second, "TypeError");
  EXPECT_EQ(f.host().lines.at(1).second, "4000donetrue");
  EXPECT_EQ(f.worker().in_flight(), 0u);
}

TEST(WebSockets, MayBeIdleForLongerThanARequest) {
  Socket f("ws.onmessage = (e) => ws.send('late');");
  const uint64_t flow = f.open();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(f.next(flow), "0 ");  // 20 s each
  f.host().waiting.at(0)(message("x"));
  EXPECT_EQ(f.next(flow), "2 late");
}

TEST(WebSockets, EachMessageHasTheCpuTimeOfACall) {
  Socket f(
      "ws.onmessage = () => { let x = 0; const end = performance.now; for (let i = 0; i < 4e6;"
      "i++) x += i; ws.send(String(x > 0)); };",
      Limits{.cpu = 60ms});
  f.host().give_part = [n = 0](uint64_t) mutable { return n++ < 30 ? message("go") : close(1000); };
  const uint64_t flow = f.open();
  for (int i = 0; i < 30; ++i) ASSERT_EQ(f.next(flow), "2 true") << i;
}

TEST(WebSockets, AdversaryWhatTheClientDoesNotTakeIsBounded) {
  Socket f(
      "let n = 0; try { for (;;) { ws.send('x'.repeat(100000)); n++; } } catch (e) {"
      "console.log(e.name + (n <= 22)); } try { ws.send('x'.repeat(2000000)); } catch (e) {"
      "console.log(e.message); }");
  f.open();
  EXPECT_EQ(f.host().lines.at(0).second, "RangeErrortrue");
  EXPECT_EQ(f.host().lines.at(1).second, "a WebSocket message has at most 1 MB");
}

TEST(WebSockets, AFunctionHasSoManyOpenAtOnce) {
  Socket f("ws.onmessage = () => ws.close(1000);", {.sockets = 2});
  std::vector<uint64_t> flows;
  const auto begin = [&] { return f.begin({.url = "http://f/", .flow = 7, .socket = true}); };
  const Result<Response> first = begin();
  ASSERT_TRUE(first && begin());
  const Result<Response> refused = begin();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "overloaded: over 2 WebSockets of this function are open");
  EXPECT_EQ(f.worker().in_flight(), 2u);
  f.worker().leave(first->flow);
  EXPECT_TRUE(begin()) << "one was closed";
}

TEST(WebSockets, TalkToEachOtherWithinAFunction) {
  EXPECT_EQ(run("const [a, b] = Object.values(new WebSocketPair()); const got = [];"
                "a.accept(); a.send('early'); b.onmessage = (e) => got.push(e.data); b.accept();"
                "a.send(new Uint8Array([1, 2]).buffer); const closed = new Promise((r) => {"
                "b.onclose = (e) => r(e.code); }); a.close(1000); got.push(await closed);"
                "return new Response(got.map((x) => x.byteLength ?? x).join());"),
            "early,2,1000");
}

TEST(WebSockets, RefuseWhatMakesNoSense) {
  const auto error = [](std::string_view body) {
    return run("const pair = new WebSocketPair(); const [a, b] = [pair[0], pair[1]]; try {" +
               std::string(body) +
               "} catch (e) { return new Response(e.name); }"
               "return new Response('none');");
  };
  EXPECT_EQ(error("new WebSocket('ws://x/');"), "TypeError");
  EXPECT_EQ(error("a.send('x');"), "TypeError");
  EXPECT_EQ(error("a.accept(); a.accept();"), "TypeError");
  EXPECT_EQ(error("a.accept(); a.close(1005);"), "InvalidAccessError");
  EXPECT_EQ(error("a.accept(); a.close(1000, 'x'.repeat(124));"), "SyntaxError");
  EXPECT_EQ(error("new Response(null, { status: 101 });"), "RangeError");
  EXPECT_EQ(error("new Response(null, { webSocket: a });"), "TypeError");
  EXPECT_EQ(error("new Response(null, { status: 101, webSocket: {} });"), "TypeError");
  // The request asked for none.
  EXPECT_NE(run("return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });")
                .find("asks for no WebSocket"),
            std::string::npos);
}

}  // namespace
}  // namespace themis::js
