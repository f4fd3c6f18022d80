// The HTTP server's limits: what each one answers, and what it costs.

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "tests/unit/http/served.hpp"

namespace {

/// Bytes that operator new gave and delete has not taken back, in this program.
size_t allocated = 0;

}  // namespace

void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  allocated += malloc_usable_size(memory);
  return memory;
}
void operator delete(void* memory) noexcept {
  allocated -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace themis::test {
namespace {

TEST(HttpLimits, RefusesBadRequestsWithAProblemAndCloses) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("GET / HTTP/1.1\r\nbroken\r\n\r\n" + get("/smuggled"));
  EXPECT_EQ(statuses(peer.received), "400");
  EXPECT_TRUE(contains(peer.received, "application/problem+json"));
  EXPECT_TRUE(contains(peer.received, "Connection: close"));
  EXPECT_TRUE(contains(peer.received, "\"trace\":\"c1-0\""));
  EXPECT_TRUE(s.handler.held.empty());
  EXPECT_EQ(s.server.counters().refused, 1u);
}

TEST(HttpLimits, AnswersEarlierRequestsBeforeTheRefusal) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/good") + "nonsense\r\n\r\n");
  EXPECT_EQ(peer.received, "");
  s.handler.answer(0, "good");
  s.loop.turn();
  EXPECT_EQ(statuses(peer.received), "200 400");
}

/// It was read on for as long as it sent, and cost the node what it sent.
TEST(HttpLimits, RegressAClosingConnectionIsReadOnUpToALimit) {
  http::ServerLimits limits;
  limits.thrown_away_bytes_max = 100'000;
  Served s(limits);
  Peer& waits = *s.loop.connect();
  waits.send(get("/last", "Connection: close\r\n"));
  waits.send(std::string(60'000, 'x'));
  EXPECT_TRUE(waits.open) << "its answer is still to come";
  waits.send(std::string(60'000, 'x'));
  EXPECT_FALSE(waits.open);
  Peer& refused = *s.loop.connect();
  refused.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_EQ(statuses(refused.received), "413");
  for (int i = 0; i < 2; ++i) refused.send(std::string(60'000, 'x'));
  EXPECT_FALSE(refused.open);
}

TEST(HttpLimits, ReadsOnAfterARefusalUntilTheClientLeavesOrLingerEnds) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_EQ(statuses(peer.received), "413");
  peer.send(std::string(60'000, 'x'));
  EXPECT_TRUE(peer.open);
  s.loop.advance(999ms);
  EXPECT_TRUE(peer.open);
  s.loop.advance(2ms);
  EXPECT_FALSE(peer.open);
  EXPECT_EQ(statuses(peer.received), "413");
}

TEST(HttpLimits, RefusesAChunkedBodyOnceItIsTooLong) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 16; ++i) peer.send(chunk);
  EXPECT_EQ(peer.received, "");
  peer.send("1\r\nx\r\n");
  EXPECT_EQ(statuses(peer.received), "413");
  EXPECT_TRUE(s.handler.held.empty());
}

TEST(HttpLimits, TakesABodyOfExactlyTheLimit) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(post("/", std::string(1024 * 1024, 'x')));
  ASSERT_EQ(s.handler.held.size(), 1u);
  EXPECT_TRUE(peer.reading);  // so that a client that leaves is noticed
  peer.leave();
  EXPECT_TRUE(s.handler.held[0].responder.gone());
}

TEST(HttpLimits, ClosesIdleConnections) {
  Served s;
  s.handler.echo = true;
  Peer& peer = *s.loop.connect();
  s.loop.advance(59s);
  peer.send(get("/"));
  s.loop.advance(59s);
  EXPECT_TRUE(peer.open);
  s.loop.advance(2s);
  EXPECT_FALSE(peer.open);
  EXPECT_EQ(statuses(peer.received), "200");
  EXPECT_EQ(s.server.counters().timed_out, 1u);
}

TEST(HttpLimits, AdversarySlowHeadGets408) {
  Served s;
  Peer& peer = *s.loop.connect();
  for (int second = 0; second < 12 && peer.received.empty(); ++second) {
    peer.send(second == 0 ? "GET / HTTP/1.1\r\n" : "X: y\r\n");
    s.loop.advance(1s);
  }
  EXPECT_EQ(statuses(peer.received), "408");
  s.loop.advance(1100ms);
  EXPECT_FALSE(peer.open);
}

TEST(HttpLimits, AdversarySlowBodyGets408) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int second = 0; second < 31 && peer.received.empty(); ++second) {
    peer.send("x");
    s.loop.advance(1s);
  }
  EXPECT_EQ(statuses(peer.received), "408");
  EXPECT_TRUE(s.handler.held.empty());
}

TEST(HttpLimits, WaitsForTheHandlerWithoutATimeout) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.send(get("/slow"));
  s.loop.advance(10min);
  ASSERT_TRUE(peer.open);
  s.handler.answer(0, "done");
  EXPECT_EQ(statuses(peer.received), "200");
  s.loop.advance(61s);
  EXPECT_FALSE(peer.open);
}

TEST(HttpLimits, AdversaryClientThatReadsNothingIsClosed) {
  Served s;
  s.handler.echo = true;
  Peer& peer = *s.loop.connect();
  peer.window = 10;
  peer.send(get("/"));
  s.loop.advance(20s);
  peer.send(get("/more"));  // new answers are no progress
  s.loop.advance(11s);
  EXPECT_FALSE(peer.open);
}

TEST(HttpLimits, StopsReadingWhileTooMuchIsUnsent) {
  http::ServerLimits limits;
  limits.output_bytes_max = 1000;
  Served s(limits);
  Peer& peer = *s.loop.connect();
  peer.window = 0;
  peer.send(get("/a"));
  s.handler.answer(0, std::string(2000, 'x'));
  EXPECT_FALSE(peer.reading);
  peer.open_window(SIZE_MAX);
  EXPECT_TRUE(peer.reading);
}

TEST(HttpLimits, RegressReadsOnWhenOneWriteDrainsAllThatWasUnsent) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.window = 0;
  std::string requests;
  for (int i = 0; i < 40; ++i) requests += get("/" + std::to_string(i));
  peer.send(requests);
  ASSERT_EQ(s.handler.held.size(), 32u);  // pipeline_max; eight stay unread
  for (size_t i = 0; i < 32; ++i) s.handler.answer(i, std::string(20'000, 'x'));
  s.loop.turn();
  EXPECT_FALSE(peer.reading);
  peer.open_window(SIZE_MAX);
  ASSERT_EQ(s.handler.held.size(), 40u);
  EXPECT_TRUE(peer.reading);
  for (size_t i = 32; i < 40; ++i) s.handler.answer(i, "y");
  s.loop.turn();
  EXPECT_EQ(statuses(peer.received).size(), 40 * 4 - 1u);
  s.loop.advance(61s);
  EXPECT_FALSE(peer.open);  // the idle timeout still watches it
}

TEST(HttpLimits, RegressHandsOverNoMoreAnswersThanMayBeUnsent) {
  Served s;
  Peer& peer = *s.loop.connect();
  peer.window = 0;
  std::string requests;
  for (int i = 0; i < 32; ++i) requests += get("/");
  peer.send(requests);
  for (size_t i = 0; i < 32; ++i) s.handler.answer(i, std::string(100'000, 'x'));
  s.loop.turn();
  EXPECT_LE(peer.offered_max, 256 * 1024 + 101'000u);
  while (peer.received.size() < 32 * 100'000u && peer.open) peer.open_window(50'000);
  peer.open_window(SIZE_MAX);
  EXPECT_EQ(statuses(peer.received).size(), 32 * 4 - 1u);
  EXPECT_LE(peer.offered_max, 256 * 1024 + 101'000u);
}

TEST(HttpLimits, RegressMovesUnsentBytesInStepsNotAtEachPartialWrite) {
  Served s;
  Peer& peer = *s.loop.connect();
  constexpr size_t kBodyBytes = 1'000'000;
  peer.window = 0;
  peer.send(get("/"));
  s.handler.answer(0, std::string(kBodyBytes, 'x'));
  while (peer.received.size() < kBodyBytes && peer.open) peer.open_window(1000);
  peer.open_window(SIZE_MAX);
  EXPECT_EQ(statuses(peer.received), "200");
  EXPECT_LE(peer.moved_bytes, 3 * kBodyBytes);
}

TEST(HttpLimits, RegressBoundsTheUnsentAnswersOfAllConnectionsTogether) {
  http::ServerLimits limits;
  limits.output_bytes_max = 4000;
  limits.responses_bytes_max = 5000;
  Served s(limits);
  Peer& first = *s.loop.connect();
  Peer& second = *s.loop.connect();
  Peer& third = *s.loop.connect();
  first.window = second.window = 0;
  first.send(get("/"));
  s.handler.answer(0, std::string(3000, 'x'));
  EXPECT_TRUE(first.reading);
  second.send(get("/"));
  s.handler.answer(1, std::string(3000, 'x'));
  EXPECT_FALSE(second.reading);  // 6000 bytes wait in all
  first.send(get("/"));
  EXPECT_EQ(s.handler.held.size(), 2u);  // not read: some of them are its own
  third.send(get("/") + get("/"));
  ASSERT_EQ(s.handler.held.size(), 3u);  // nothing of its own waits: one at a time
  s.handler.answer(2, "x");
  ASSERT_EQ(s.handler.held.size(), 4u);
  s.handler.answer(3, "x");
  EXPECT_EQ(statuses(third.received), "200 200");
  first.leave();  // gives its bytes back
  second.open_window(1);
  EXPECT_TRUE(second.reading);
  second.send(get("/"));
  EXPECT_EQ(s.handler.held.size(), 5u);
}

TEST(HttpLimits, RegressAnIdleConnectionKeepsNoLargeAnswerAllocated) {
  constexpr size_t kBodyBytes = 32 * 1024 * 1024;
  Served s;
  Peer& peer = *s.loop.connect();
  peer.received.reserve(2 * kBodyBytes);
  peer.send(get("/"));
  const size_t before = allocated;
  ASSERT_GE(before, 2 * kBodyBytes) << "the reserve above is counted";
  s.handler.answer(0, std::string(kBodyBytes, 'x'));
  EXPECT_GT(peer.received.size(), kBodyBytes);
  EXPECT_TRUE(peer.open);
  EXPECT_LT(allocated, before + kBodyBytes / 2);
}

TEST(HttpLimits, AnswersConnectionsOverTheLimitWith503) {
  http::ServerLimits limits;
  limits.connections_max = 2;
  Served s(limits);
  s.handler.echo = true;
  Peer& first = *s.loop.connect();
  s.loop.connect();
  Peer& third = *s.loop.connect();
  EXPECT_EQ(statuses(third.received), "503");
  EXPECT_TRUE(contains(third.received, "Retry-After"));
  third.send(get("/"));
  EXPECT_EQ(statuses(third.received), "503");
  third.leave();
  first.leave();
  Peer& fourth = *s.loop.connect();
  fourth.send(get("/"));
  EXPECT_EQ(statuses(fourth.received), "200");
}

TEST(HttpLimits, RefusesConnectionsUnansweredFarOverTheLimit) {
  http::ServerLimits limits;
  limits.connections_max = 1;
  Served s(limits);
  size_t accepted = 0;
  for (int i = 0; i < 200; ++i) accepted += s.loop.connect() != nullptr;
  EXPECT_EQ(accepted, 65u);
}

TEST(HttpLimits, BoundsTheBodiesOfAllConnectionsTogether) {
  http::ServerLimits limits;
  limits.bodies_bytes_max = 1000;
  Served s(limits);
  Peer& first = *s.loop.connect();
  first.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n");
  Peer& second = *s.loop.connect();
  second.send(post("/", std::string(200, 'x')));
  EXPECT_EQ(statuses(second.received), "503");
  first.leave();  // gives its bytes back
  Peer& third = *s.loop.connect();
  for (size_t i = 0; i < 3; ++i) {
    third.send(post("/", std::string(900, 'x')));
    ASSERT_EQ(s.handler.held.size(), i + 1);
    s.handler.answer(i, "ok");
  }
  EXPECT_EQ(statuses(third.received), "200 200 200");
}

}  // namespace
}  // namespace themis::test
