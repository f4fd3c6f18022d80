#include "actors/gateway/paths.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

Result<Destination> to(const std::string& target, const std::string& method = "GET") {
  return find_destination({method, target, {}, {}, {}});
}

TEST(Paths, ACallKeepsPathAndQueryOfTheFunction) {
  const struct {
    const char* target;
    const char* rest;
  } cases[] = {{"/f/hello", "/"},
               {"/f/hello/", "/"},
               {"/f/hello?x=1", "/?x=1"},
               {"/f/hello/a/b?x=%2F&y", "/a/b?x=%2F&y"},
               {"/f/hello//x", "//x"}};
  for (const auto& [target, rest] : cases) {
    const auto found = to(target);
    ASSERT_TRUE(found) << target;
    EXPECT_EQ(found->path, Path::call);
    EXPECT_EQ(found->name, "hello");
    EXPECT_EQ(found->rest, rest) << target;
    EXPECT_TRUE(is_allowed(found->allow, "PATCH"));
  }
}

TEST(Paths, RefusesNamesThatAreNone) {
  for (const char* target :
       {"/f/", "/f/A", "/f/a.b", "/f/%2e%2e", "/v1/functions/", "/v1/functions/a/b", "/f/a%00"})
    EXPECT_FALSE(to(target)) << target;
  EXPECT_EQ(to("/f/" + std::string(65, 'a')).error().code, Code::invalid);
  EXPECT_EQ(to("/f/%zz").error().code, Code::malformed);
  EXPECT_EQ(to("/f/a%2").error().code, Code::malformed);
}

TEST(Paths, FindsEveryRoute) {
  EXPECT_EQ(to("/v1/functions")->path, Path::functions);
  EXPECT_EQ(to("/v1/functions/f?instances=3")->name, "f");
  EXPECT_EQ(to("/v1/functions/f/versions")->path, Path::versions);
  EXPECT_EQ(to("/v1/functions/f/rollback?to=3", "POST")->path, Path::rollback);
  EXPECT_EQ(to("/v1/functions/f/rollback?to=3", "POST")->name, "f");
  EXPECT_EQ(to("/v1/functions/f/other").error().code, Code::not_found);
  EXPECT_EQ(to("/v1/find/fn%2Ff")->name, "fn/f");
  EXPECT_EQ(to("/v1/find/fn/f")->name, "fn/f");
  EXPECT_EQ(to("/healthz?x")->path, Path::health);
  EXPECT_EQ(to("/v2/x").error().code, Code::not_found);
  EXPECT_EQ(to("/").error().code, Code::not_found);
  EXPECT_EQ(to("*").error().code, Code::not_found);
}

TEST(Paths, KnowsWhatNeedsTheToken) {
  for (const char* open : {"/f/a", "/api/serverless", "/metrics", "/healthz", "/readyz"})
    EXPECT_FALSE(needs_token(to(open)->path)) << open;
  for (const char* closed :
       {"/v1/functions", "/v1/functions/a", "/v1/functions/a/versions", "/v1/functions/a/rollback",
        "/v1/status", "/v1/ring", "/v1/nodes", "/v1/find/a", "/v1/store"})
    EXPECT_TRUE(needs_token(to(closed)->path)) << closed;
}

TEST(Paths, AllowsTheMethodsOfARoute) {
  EXPECT_TRUE(is_allowed("GET, PUT, DELETE", "PUT"));
  EXPECT_TRUE(is_allowed("GET, PUT, DELETE", "HEAD"));
  for (const char* method : {"POST", "UT", "PU", "ELETE", "GET,"})
    EXPECT_FALSE(is_allowed("GET, PUT, DELETE", method)) << method;
  EXPECT_FALSE(is_allowed("POST", "HEAD"));
}

TEST(Paths, ReadsAQuery) {
  EXPECT_EQ(query_value("a=1&b=2", "b"), "2");
  EXPECT_EQ(query_value("ab=1&b=", "b"), "");
  EXPECT_EQ(query_value("ab=1", "b"), "");
  EXPECT_EQ(query_value("&&a=1", "a"), "1");
}

}  // namespace
}  // namespace themis
