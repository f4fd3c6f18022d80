// Headers, problem details, statuses and the JSON reader at the edge.

#include "runtime/http/message.hpp"

#include <gtest/gtest.h>

#include "runtime/http/json.hpp"

namespace themis::http {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("X", "1");
  headers.add("x", "2");
  EXPECT_EQ(*headers.find("content-TYPE"), "a");
  EXPECT_EQ(headers.count("x"), 2u);
  headers.set("X", "3");
  EXPECT_EQ(headers.count("x"), 1u);
  EXPECT_EQ(headers.find("y"), nullptr);
}

TEST(Problem, HasTheFieldsOfRfc9457AndTheTrace) {
  const Response response = problem({Code::not_found, "no function \"f\x01\""}, "abc");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/problem+json");
  const auto body = parse_json(response.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(string_or(*body, "type", ""), "about:blank");
  EXPECT_EQ(string_or(*body, "title", ""), "Not Found");
  EXPECT_EQ(integer_or(*body, "status", 0), 404);
  EXPECT_EQ(string_or(*body, "detail", ""), "no function \"f\x01\"");
  EXPECT_EQ(string_or(*body, "trace", ""), "abc");
}

TEST(Problem, TellsWhenToRetryAndHowToAuthenticate) {
  EXPECT_NE(problem({Code::overloaded, ""}, "").headers.find("Retry-After"), nullptr);
  EXPECT_NE(problem({Code::unauthenticated, ""}, "").headers.find("WWW-Authenticate"), nullptr);
  EXPECT_EQ(problem({Code::not_found, ""}, "").headers.find("Retry-After"), nullptr);
}

TEST(Problem, SurvivesADetailThatIsNotUtf8) {
  const auto body = parse_json(problem({Code::threw, "\xff\xfe"}, "").body);
  ASSERT_TRUE(body);
  EXPECT_EQ(string_or(*body, "detail", ""), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(StatusOf, FollowsTheTableOfTheInterfaces) {
  EXPECT_EQ(status_of(Code::malformed), 400);
  EXPECT_EQ(status_of(Code::syntax), 400);
  EXPECT_EQ(status_of(Code::unauthenticated), 401);
  EXPECT_EQ(status_of(Code::denied), 403);
  EXPECT_EQ(status_of(Code::not_found), 404);
  EXPECT_EQ(status_of(Code::too_large), 413);
  EXPECT_EQ(status_of(Code::threw), 500);
  EXPECT_EQ(status_of(Code::unavailable), 502);
  EXPECT_EQ(status_of(Code::overloaded), 503);
  EXPECT_EQ(status_of(Code::not_hosted), 503);
  EXPECT_EQ(status_of(Code::timeout), 504);
  EXPECT_EQ(status_of(Code::cpu_exceeded), 504);
  EXPECT_EQ(status_of(Code::memory_exceeded), 507);
  for (int code = 1; is_code(static_cast<uint8_t>(code)); ++code)
    EXPECT_NE(reason_phrase(status_of(static_cast<Code>(code))), "Unknown") << code;
}

TEST(Json, RefusesWhatIsNotJsonWithThePlace) {
  for (const char* text : {"", "{", "{\"a\":1,}", "nul", "[1] x", "\"\xff\"", "{'a':1}", "1e999"}) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::malformed) << text;
  }
  EXPECT_EQ(parse_json("[1,").error().detail, "not JSON at byte 4");
}

TEST(Json, AdversaryDeepNestingIsRefusedBeforeItIsBuilt) {
  EXPECT_EQ(parse_json(std::string(1'000'000, '[')).error().code, Code::too_large);
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\\\"[\""));
}

}  // namespace
}  // namespace themis::http
