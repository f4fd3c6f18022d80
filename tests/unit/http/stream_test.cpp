// Bodies that arrive and leave bit by bit.

#include <charconv>

#include "tests/unit/http/served.hpp"

namespace themis::test {
namespace {

using http::BodyBit;
using http::Response;

std::string chunk(const std::string& bytes) {
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  return std::string(size.data(), end) + "\r\n" + bytes + "\r\n";
}
std::string upload(const std::string& more = "") {
  return "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + more + "\r\n";
}

/// A server whose handler takes bodies bit by bit, and one request of it.
struct Streamed : Served {
  explicit Streamed(http::ServerLimits limits = {}) : Served(limits) { handler.streams = true; }
  http::Responder& responder(size_t index = 0) { return handler.held.at(index).responder; }
  /// What read() has brought: bytes, "(last)", an error's code; empty while it waits.
  void read(size_t index = 0) {
    responder(index).read([this](const Result<BodyBit>& bit) {
      got += bit ? bit->bytes + (bit->last ? "(last)" : "") : "error: " + bit.error().detail;
    });
  }
  std::string got;
};

TEST(HttpStream, GivesABodyWhileItArrives) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(upload());
  ASSERT_EQ(s.handler.held.size(), 1u);
  EXPECT_TRUE(s.handler.held[0].request.streams);
  s.read();
  EXPECT_EQ(s.got, "");
  peer.send(chunk("one"));
  EXPECT_EQ(s.got, "one");
  peer.send(chunk("two") + chunk("three"));
  s.read();
  EXPECT_EQ(s.got, "onetwothree");
  peer.send("0\r\n\r\n");
  s.read();
  EXPECT_EQ(s.got, "onetwothree(last)");
  s.handler.answer(0, "thanks");
  EXPECT_TRUE(peer.received.ends_with("thanks"));
  peer.send(get("/b"));
  EXPECT_EQ(s.handler.held.size(), 2u) << "the connection stays";
}

TEST(HttpStream, SmallAndWholeBodiesComeInOnePiece) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(post("/a", "body") + upload() + chunk("x") + "0\r\n\r\n");
  ASSERT_EQ(s.handler.held.size(), 2u);
  for (const auto& held : s.handler.held) EXPECT_FALSE(held.request.streams);
  EXPECT_EQ(s.handler.held[1].request.body, "x");
}

TEST(HttpStream, AdversaryABodyThatNobodyReadsIsNotTakenIn) {
  http::ServerLimits limits;
  limits.upload_bytes_max = 1000;
  Streamed s(limits);
  Peer& peer = *s.loop.connect();
  peer.send(upload() + chunk(std::string(700, 'a')));
  EXPECT_TRUE(peer.reading);
  peer.send(chunk(std::string(700, 'b')));
  EXPECT_FALSE(peer.reading);
  s.read();
  EXPECT_EQ(s.got.size(), 1400u);
  EXPECT_TRUE(peer.reading);
}

TEST(HttpStream, AdversaryABodyThatIsNoneIsRefusedBeforeItsAnswer) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  bool gone = false;
  peer.send(upload() + chunk("x"));
  s.responder().on_gone([&] { gone = true; });
  s.read();
  s.read();
  peer.send("zz\r\n");
  EXPECT_EQ(statuses(peer.received), "400");
  EXPECT_TRUE(gone);
  EXPECT_TRUE(contains(s.got, "error: "));
}

TEST(HttpStream, AdversaryABodyThatIsNoneEndsAnAnswerThatHasBegun) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(upload() + chunk("x"));
  s.responder().begin(Response::text(200, "begun"));
  peer.send("zz\r\n");
  s.loop.turn();
  EXPECT_FALSE(peer.open);
  EXPECT_FALSE(contains(peer.received, "0\r\n\r\n"));
}

TEST(HttpStream, AnAnswerBeforeTheEndOfTheBodyEndsTheConnection) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(upload() + chunk("x"));
  s.read();
  s.read();
  s.handler.answer(0, "early");
  EXPECT_TRUE(contains(peer.received, "Connection: close"));
  EXPECT_TRUE(contains(s.got, "error: "));
}

TEST(HttpStream, ContinuesWhenItWasAsked) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(upload("Expect: 100-continue\r\n"));
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(HttpStream, SendsAnAnswerInChunks) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b"));
  s.handler.answer(1, "second");
  http::Responder& first = s.handler.held[0].responder;
  first.begin(Response::text(200, ""));
  EXPECT_TRUE(contains(peer.received, "Transfer-Encoding: chunked\r\n\r\n"));
  EXPECT_FALSE(contains(peer.received, "Content-Length"));
  first.write("hello");
  first.write("");
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\n5\r\nhello\r\n"));
  first.finish();
  EXPECT_TRUE(contains(peer.received, "hello\r\n0\r\n\r\nHTTP/1.1 200"));
  EXPECT_TRUE(peer.received.ends_with("second"));
}

TEST(HttpStream, KeepsToTheLengthThatTheAnswerSays) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a") + get("/b") + get("/c"));
  Response head = Response::text(200, "12");
  head.headers.add("Content-Length", "4");
  s.handler.held[0].responder.begin(head);
  s.handler.held[0].responder.write("34");
  s.handler.held[0].responder.finish();
  EXPECT_TRUE(peer.received.ends_with("Content-Length: 4\r\n\r\n1234"));
  s.handler.held[1].responder.begin(head);
  s.handler.held[1].responder.write("345678");  // more than it said
  s.handler.held[1].responder.finish();
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\n1234"));
  s.loop.turn();
  EXPECT_FALSE(peer.open);
}

TEST(HttpStream, AdversaryAClientThatDoesNotReadStopsTheAnswer) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a"));
  http::Responder& responder = s.handler.held[0].responder;
  int asked = 0;
  responder.on_room([&] { ++asked; });
  responder.begin(Response::text(200, ""));
  EXPECT_TRUE(responder.has_room());
  peer.window = 100;
  responder.write(std::string(200'000, 'x'));
  EXPECT_FALSE(responder.has_room());
  asked = 0;
  peer.open_window(SIZE_MAX);
  EXPECT_TRUE(responder.has_room());
  EXPECT_EQ(asked, 1);
}

TEST(HttpStream, AnAbortedAnswerHasNoEnd) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/a"));
  s.handler.held[0].responder.begin(Response::text(200, "some"));
  s.handler.held[0].responder.abort("it broke");
  s.loop.turn();
  EXPECT_FALSE(peer.open);
  EXPECT_TRUE(peer.received.ends_with("4\r\nsome\r\n"));
  Peer& other = *s.loop.connect();
  other.send(get("/b"));
  s.handler.held[1].responder.abort("it broke");
  EXPECT_EQ(statuses(other.received), "502");
}

TEST(HttpStream, TellsWhoAnswersThatTheClientLeft) {
  Streamed s;
  Peer& peer = *s.loop.connect();
  peer.send(upload() + chunk("x"));
  bool gone = false;
  s.read();
  s.read();
  s.responder().on_gone([&] { gone = true; });
  s.responder().begin(Response::text(200, "some"));
  peer.leave();
  EXPECT_TRUE(gone);
  EXPECT_TRUE(contains(s.got, "error: "));
  EXPECT_TRUE(s.responder().gone());
}

TEST(HttpStream, AnOldClientGetsAnAnswerThatEndsWithTheConnection) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  s.handler.held[0].responder.begin(Response::text(200, "some"));
  s.handler.held[0].responder.finish();
  s.loop.turn();
  EXPECT_FALSE(contains(peer.received, "chunked"));
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\nsome"));
  EXPECT_FALSE(peer.open);
}

}  // namespace
}  // namespace themis::test
