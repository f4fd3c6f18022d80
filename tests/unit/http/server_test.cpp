// The HTTP server's answers: their bytes, their order, and what happens when someone leaves.

#include "tests/unit/http/served.hpp"

namespace themis::test {
namespace {

using http::Response;

TEST(HttpServer, AnswersInOneWriteWithDateAndLength) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/f/hello"));
  ASSERT_EQ(s.handler.held.size(), 1u);
  EXPECT_EQ(s.handler.held[0].request.peer.host, "192.0.2.1");
  s.handler.answer(0, "hi");
  EXPECT_EQ(peer.received,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(peer.writes.size(), 1u);
  EXPECT_TRUE(peer.open);
}

TEST(HttpServer, ServesOneConnectionForEveryFragmentSize) {
  const std::string text = get("/a") + post("/b", "body") + get("/c");
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    Served s;
    s.handler.echo = true;
    Peer& peer = *s.loop.connect();
    for (size_t at = 0; at < text.size(); at += piece) peer.send(text.substr(at, piece));
    EXPECT_EQ(statuses(peer.received), "200 200 200") << "pieces of " << piece;
    EXPECT_TRUE(contains(peer.received, "\r\n\r\n/bbody")) << "pieces of " << piece;
  }
}

TEST(HttpServer, WritesPipelinedAnswersTogether) {
  Served s;
  s.handler.echo = true;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b") + get("/c"));
  EXPECT_EQ(statuses(peer.received), "200 200 200");
  EXPECT_EQ(peer.writes.size(), 1u);
}

TEST(HttpServer, KeepsTheOrderOfRequestsWhenAnswersComeInAnother) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b") + get("/c"));
  s.handler.answer(2, "third");
  s.handler.answer(1, "second");
  s.loop.turn();
  EXPECT_EQ(peer.received, "");
  s.handler.answer(0, "first");
  s.loop.turn();
  EXPECT_LT(peer.received.find("first"), peer.received.find("second"));
  EXPECT_LT(peer.received.find("second"), peer.received.find("third"));
  EXPECT_EQ(peer.writes.size(), 1u);
}

TEST(HttpServer, StopsReadingAtThePipelineLimitAndGoesOn) {
  http::ServerLimits limits;
  limits.pipeline_max = 2;
  Served s(limits);
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b") + get("/c") + get("/d") + get("/e"));
  EXPECT_EQ(s.handler.held.size(), 2u);
  EXPECT_FALSE(peer.reading);
  for (size_t i = 0; i < 5; ++i) {
    s.handler.answer(i, "x");
    s.loop.turn();
  }
  EXPECT_EQ(statuses(peer.received), "200 200 200 200 200");
  EXPECT_EQ(s.handler.held[4].request.target, "/e");
  EXPECT_TRUE(peer.reading);
}

TEST(HttpServer, AnswersHeadWithTheLengthAndNoBody) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  s.handler.answer(0, "four");
  EXPECT_TRUE(contains(peer.received, "Content-Length: 4\r\n"));
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\n"));
}

TEST(HttpServer, ClosesWhenTheClientOrItsVersionAsksForIt) {
  Served s;
  s.handler.echo = true;
  Peer& asked = *s.loop.connect();
  asked.send(get("/", "Connection: close\r\n") + get("/ignored"));
  EXPECT_EQ(statuses(asked.received), "200");
  EXPECT_TRUE(contains(asked.received, "Connection: close\r\n"));
  EXPECT_FALSE(asked.open);
  Peer& old = *s.loop.connect();
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(old.open);
  Peer& kept = *s.loop.connect();
  kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(contains(kept.received, "Connection: keep-alive\r\n"));
  EXPECT_TRUE(kept.open);
}

TEST(HttpServer, SendsContinueAfterTheAnswersBefore) {
  Served s;
  Peer& peer = *s.loop.connect();
  const std::string head =
      "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  peer.send(get("/a") + head);
  EXPECT_EQ(peer.received, "");
  s.handler.answer(0, "first");
  s.loop.turn();
  EXPECT_EQ(statuses(peer.received), "200 100");
  peer.send("body");
  ASSERT_EQ(s.handler.held.size(), 2u);
  EXPECT_EQ(s.handler.held[1].request.body, "body");
  s.handler.answer(1, "second");
  EXPECT_EQ(statuses(peer.received), "200 100 200");
}

TEST(HttpServer, AnswersALateExpectationOnlyOnce) {
  Served s;
  s.handler.echo = true;
  Peer& peer = *s.loop.connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx");
  EXPECT_EQ(statuses(peer.received), "200");
}

TEST(HttpServer, AnswersADroppedRequestWith500) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/"));
  s.handler.held.clear();
  EXPECT_EQ(statuses(peer.received), "500");
  EXPECT_TRUE(peer.open);
}

TEST(HttpServer, AdversaryResponseHeadersCannotSplitTheMessage) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/"));
  Response response = Response::text(200, "x");
  response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
  s.handler.held[0].responder.respond(std::move(response));
  EXPECT_EQ(statuses(peer.received), "500");
  EXPECT_FALSE(contains(peer.received, "Set-Cookie"));
  peer.take();
  peer.send(get("/"));
  s.handler.held[1].responder.respond(Response{101, {}, ""});
  EXPECT_EQ(statuses(peer.received), "500");
}

TEST(HttpServer, DropsFramingHeadersOfTheHandler) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/"));
  Response response = Response::text(200, "x");
  response.headers.add("content-length", "999");
  response.headers.add("Transfer-Encoding", "chunked");
  s.handler.held[0].responder.respond(std::move(response));
  EXPECT_FALSE(contains(peer.received, "999"));
  EXPECT_FALSE(contains(peer.received, "chunked"));
}

TEST(HttpServer, TellsTheHandlerThatTheClientLeft) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b"));
  int told = 0;
  // The callback drops both responders, its own included.
  s.handler.held[0].responder.on_gone([&] {
    ++told;
    s.handler.held.clear();
  });
  peer.leave();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(s.handler.held.empty());
  EXPECT_EQ(s.server.counters().abandoned, 2u);
  s.loop.turn();
  EXPECT_EQ(s.server.counters().open_connections, 0u);
  EXPECT_EQ(s.loop.timers(), 0u);
}

TEST(HttpServer, IgnoresAnAnswerAfterTheClientLeft) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/"));
  peer.leave();
  s.loop.turn();
  EXPECT_TRUE(s.handler.held[0].responder.gone());
  s.handler.answer(0, "late");
  EXPECT_EQ(peer.received, "");
}

TEST(HttpServer, LeavesHeldRespondersHarmlessWhenItIsDestroyed) {
  ManualLoop loop;
  HeldHandler handler;
  {
    http::Server server(loop, handler);
    ASSERT_TRUE(server.listen({"127.0.0.1", 80}));
    loop.connect()->send(get("/a") + get("/b"));
  }
  EXPECT_TRUE(handler.held[0].responder.gone());
  handler.answer(1, "late");
  EXPECT_EQ(loop.timers(), 0u);
}

TEST(HttpServer, WritesTheRestWhenTheSocketTakesIt) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/"));
  peer.window = 100;
  s.handler.answer(0, std::string(1000, 'x'));
  EXPECT_EQ(peer.received.size(), 100u);
  while (peer.open && !peer.received.ends_with(std::string(1000, 'x'))) {
    const size_t before = peer.received.size();
    peer.open_window(300);
    ASSERT_GT(peer.received.size(), before);
  }
  peer.window = SIZE_MAX;
  peer.take();
  peer.send(get("/again"));
  s.handler.answer(1, "again");
  EXPECT_EQ(statuses(peer.received), "200");
}

TEST(HttpServer, DrainAnswersWhatRunsAndClosesTheRest) {
  Served s;
  Peer& idle = *s.loop.connect();
  Peer& busy = *s.loop.connect();
  Peer& half = *s.loop.connect();
  busy.send(get("/a") + get("/b"));
  half.send("GET /half HT");
  bool done = false;
  s.server.drain([&] { done = true; });
  EXPECT_FALSE(s.loop.listening());
  EXPECT_FALSE(idle.open);
  s.handler.answer(0, "first");
  s.handler.answer(1, "second");
  s.loop.turn();
  EXPECT_EQ(statuses(busy.received), "200 200");
  EXPECT_EQ(busy.received.find("Connection: close"), busy.received.rfind("Connection: close"));
  EXPECT_FALSE(busy.open);
  EXPECT_FALSE(done);
  half.send("TP/1.1\r\nHost: a\r\n\r\n");
  s.handler.answer(2, "third");
  EXPECT_TRUE(contains(half.received, "Connection: close"));
  s.loop.turn();
  EXPECT_TRUE(done);
}

TEST(HttpServer, DrainGivesUpAfterItsTimeout) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/forever"));
  bool done = false;
  s.server.drain([&] { done = true; });
  s.loop.advance(1499ms);
  EXPECT_FALSE(done);
  s.loop.advance(2ms);
  EXPECT_TRUE(done);
  EXPECT_FALSE(peer.open);
  EXPECT_TRUE(s.handler.held[0].responder.gone());
}

TEST(HttpServer, DrainOfAnEmptyServerIsDoneInTheNextTurn) {
  Served s;
  bool done = false;
  s.server.drain([&] { done = true; });
  EXPECT_FALSE(done);
  s.loop.turn();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace themis::test
