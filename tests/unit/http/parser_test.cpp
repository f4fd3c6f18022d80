// The HTTP parser: what it accepts, what it refuses and with which status, and that fragments
// change nothing.

#include "runtime/http/parser.hpp"

#include <gtest/gtest.h>

#include <random>

#include "runtime/base/rng.hpp"

namespace themis::http {
namespace {

struct Outcome {
  int status = 0;  // 0: accepted
  std::vector<Request> requests;
  bool pending = false;
};

/// Feeds `text` in pieces of at most `piece` bytes.
Outcome parse(std::string_view text, size_t piece = SIZE_MAX, ParserLimits limits = {}) {
  Parser parser(Parser::Role::request, limits);
  Outcome outcome;
  while (!text.empty()) {
    std::string_view input = text.substr(0, piece);
    text.remove_prefix(input.size());
    while (!input.empty()) {
      const auto used = parser.feed(input);
      if (!used) {
        outcome.status = used.error().status;
        EXPECT_FALSE(used.error().detail.empty());
        return outcome;
      }
      input.remove_prefix(*used);
      if (parser.complete()) outcome.requests.push_back(parser.take_request());
    }
  }
  outcome.pending = !parser.idle();
  return outcome;
}

std::string describe(const Outcome& outcome) {
  std::string text = std::to_string(outcome.status) + (outcome.pending ? " pending" : "");
  for (const Request& request : outcome.requests) {
    text += "|" + request.method + " " + request.target + " " + request.body;
    for (const Header& header : request.headers) text += "," + header.name + "=" + header.value;
  }
  return text;
}

const std::string kGet = "GET /f/hello?x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST /f/x HTTP/1.1\r\nhost: a\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked =
    "POST /f/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\nA;name=\"v\"\r\n, the mesh\r\n0\r\nTrailer: dropped\r\n\r\n";

TEST(Parser, ReadsARequestWithItsParts) {
  const Outcome outcome = parse(kGet);
  ASSERT_EQ(outcome.requests.size(), 1u);
  const Request& request = outcome.requests[0];
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path(), "/f/hello");
  EXPECT_EQ(request.query(), "x=1");
  ASSERT_NE(request.headers.find("HOST"), nullptr);
  EXPECT_EQ(*request.headers.find("HOST"), "a");
}

TEST(Parser, GivesTheSameForEveryFragmentSize) {
  const std::string text = kGet + "\r\n" + kPost + kChunked + kGet;
  const std::string whole = describe(parse(text));
  EXPECT_EQ(parse(text).requests.size(), 4u);
  EXPECT_EQ(parse(text).requests[2].body, "hello, the mesh");
  for (size_t piece = 1; piece <= text.size(); ++piece)
    EXPECT_EQ(describe(parse(text, piece)), whole) << "pieces of " << piece;
}

TEST(Parser, RegressEmptyChunkedBodyInPieces) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (size_t piece = 1; piece <= 8; ++piece) {
    const Outcome outcome = parse(text, piece);
    ASSERT_EQ(outcome.requests.size(), 1u);
    EXPECT_TRUE(outcome.requests[0].body.empty());
  }
}

TEST(BodyReader, ABodyOfKnownLengthIsNotMovedWhileItArrives) {
  const std::string half(BodyReader::kReservedBytesMax / 2, 'h');
  BodyReader reader(Framing::length, 2 * half.size(), 1 << 20);
  std::string body;
  ASSERT_TRUE(reader.feed(half, body));
  const char* const before = body.data();
  ASSERT_TRUE(reader.feed(half, body));
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(body.data(), before);
}

TEST(BodyReader, AdversaryAnAnnouncedLengthReservesLittle) {
  BodyReader reader(Framing::length, 1 << 30, 1 << 30);
  std::string body;
  ASSERT_TRUE(reader.feed("x", body));
  EXPECT_LT(body.capacity(), 100u);
}

TEST(Parser, TakesTheAbsoluteFormAsItsPath) {
  EXPECT_EQ(parse("GET http://a:80/f/x HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).target, "/f/x");
  EXPECT_EQ(parse("GET HTTP://a?q HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).target, "/?q");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests.at(0).target, "*");
}

struct Bad {
  const char* name;
  std::string text;
  int status;
};

std::string with(const std::string& headers, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

std::vector<Bad> bad_requests() {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  return {
      {"BareLineFeed", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"BareLineFeedInField", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"BareCarriageReturn", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400},
      {"FoldedLine", with("X: a\r\n b\r\n"), 400},
      {"FoldedEmptyLine", with("X:\r\n \r\n"), 400},
      {"FoldAfterStartLine", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"SpaceBeforeColon", with("Content-Length : 3\r\n", "abc"), 400},
      {"LengthAndEncoding", with("Content-Length: 5\r\n" + te, "0\r\n\r\n"), 400},
      {"EncodingAndLength", with(te + "Content-Length: 5\r\n", "0\r\n\r\n"), 400},
      {"TwoEqualLengths", with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
      {"TwoLengths", with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
      {"ListedLength", with("Content-Length: 5, 5\r\n", "hello"), 400},
      {"SignedLength", with("Content-Length: +5\r\n", "hello"), 400},
      {"NegativeLength", with("Content-Length: -5\r\n", "hello"), 400},
      {"HexLength", with("Content-Length: 0x5\r\n", "hello"), 400},
      {"EmptyLength", with("Content-Length: \r\n"), 400},
      {"HugeLength", with("Content-Length: 99999999999999999999\r\n"), 400},
      {"LengthOverTheLimit", with("Content-Length: 1048577\r\n"), 413},
      {"GzipEncoding", with("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {"ChunkedNotLast", with("Transfer-Encoding: chunked, identity\r\n"), 400},
      {"TwoEncodings", with(te + te), 400},
      {"DisguisedEncoding", with("Transfer-Encoding: xchunked\r\n"), 400},
      {"EncodingInHttp10", "POST / HTTP/1.0\r\n" + te + "\r\n", 400},
      {"ChunkSizeNotHex", with(te, "5x\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkSizeWithPrefix", with(te, "0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkSizeNegative", with(te, "-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkSizeEmpty", with(te, "\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkSizeSpaced", with(te, "5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkLineFeedOnly", with(te, "5\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkLongerThanItsSize", with(te, "3\r\nhello\r\n0\r\n\r\n"), 400},
      {"ChunkOverTheLimit", with(te, "100001\r\n"), 413},
      {"ChunkSizeOver64Bits", with(te, "fffffffffffffffff\r\n"), 413},
      {"ChunkExtensionTooLong", with(te, "5;" + std::string(300, 'e') + "\r\n"), 413},
      {"TrailersTooLong", with(te, "0\r\n" + std::string(5000, 't') + "\r\n\r\n"), 413},
      {"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
      {"TwoHosts", with("Host: b\r\n"), 400},
      {"NoPath", "GET f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"Connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"Fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"RawByteInPath", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"SpaceInPath", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"NulInField", with(std::string("X: a\0b\r\n", 8)), 400},
      {"NoVersion", "GET /\r\n\r\n", 400},
      {"OtherVersion", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"OtherProtocol", "GET / FTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OtherExpectation", with("Expect: a-pony\r\n"), 417},
      {"LongTarget", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"LongHead", with("X: " + std::string(17000, 'a') + "\r\n"), 431},
      {"ManyFields", with(many), 431},
      {"TlsHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 12), 400},
  };
}

TEST(Parser, AdversaryBadRequestsAreRefusedWithTheirStatusInEveryFragmentation) {
  for (const Bad& bad : bad_requests()) {
    for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{7}}) {
      const Outcome outcome = parse(bad.text, piece);
      EXPECT_EQ(outcome.status, bad.status) << bad.name << " in pieces of " << piece;
      EXPECT_TRUE(outcome.requests.empty()) << bad.name;
    }
  }
}

TEST(Parser, LeavesAMissingHostToWhoeverWantsToSaySoItself) {
  ParserLimits limits;
  limits.needs_host = false;
  EXPECT_EQ(parse("GET / HTTP/1.1\r\n\r\n", SIZE_MAX, limits).requests.size(), 1u);
  EXPECT_EQ(parse(with("Host: b\r\n"), SIZE_MAX, limits).status, 400);
}

TEST(Parser, AcceptsWhatIsJustWithinTheLimits) {
  ParserLimits limits;
  limits.body_bytes_max = 5;
  EXPECT_EQ(parse(kPost, SIZE_MAX, limits).requests.size(), 1u);
  limits.body_bytes_max = 4;
  EXPECT_EQ(parse(kPost, SIZE_MAX, limits).status, 413);
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "X: y\r\n";
  EXPECT_EQ(parse(with(fields)).requests.size(), 1u);  // and Host: 100
  EXPECT_EQ(parse(with(fields + "X: y\r\n")).status, 431);
}

/// Random damage to good requests: never a crash, and one piece or many give the same.
TEST(Parser, AdversaryDamagedRequestsParseTheSameInPieces) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng rng(seed);
  size_t refused = 0;
  const std::string marks = "\r\n\t :;0159aAfF,\"/?%-\x01\x80";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = (rng.below(2) != 0 ? kChunked : kPost) + kGet;
    for (uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
      const size_t at = static_cast<size_t>(rng.below(text.size()));
      const char mark = marks[static_cast<size_t>(rng.below(marks.size()))];
      switch (rng.below(3)) {
        case 0:
          text[at] = mark;
          break;
        case 1:
          text.insert(at, 1, mark);
          break;
        default:
          text.erase(at, 1 + static_cast<size_t>(rng.below(4)));
          break;
      }
    }
    const Outcome outcome = parse(text);
    if (outcome.status != 0) ++refused;
    const std::string whole = describe(outcome);
    ASSERT_EQ(describe(parse(text, 1 + static_cast<size_t>(rng.below(9)))), whole) << text;
  }
  EXPECT_GT(refused, 5'000u);
  EXPECT_LT(refused, 19'000u);
}

TEST(Parser, ReadsResponsesByLengthChunksAndUntilClose) {
  Parser parser(Parser::Role::response, {});
  const auto feed = [&](std::string_view text) {
    while (!text.empty() && !parser.complete()) {
      const auto used = parser.feed(text);
      ASSERT_TRUE(used) << used.error().detail;
      text.remove_prefix(*used);
    }
  };
  feed("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(parser.keep_alive());
  const Response created = parser.take_response();
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, "ok");
  feed("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(parser.take_response().status, 204);
  feed("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  EXPECT_FALSE(parser.complete());
  EXPECT_TRUE(parser.finish());
  EXPECT_EQ(parser.take_response().body, "until the end");
}

}  // namespace
}  // namespace themis::http
