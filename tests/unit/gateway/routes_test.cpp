// [[route]] and [[allow]] as a client of the gateway sees them.
#include "tests/unit/gateway/gateway_fixture.hpp"

namespace themis {
namespace {

using http::Json;
using testing::ask;

class GatewayRoutes : public testing::GatewayTest {
 protected:
  /// The sample of this name and labels in /metrics; -1: there is none.
  int metric(const std::string& name) {
    const std::string metrics = send("GET", "/metrics").body;
    const size_t at = metrics.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stoi(metrics.substr(at + name.size() + 2));
  }
};

TEST_F(GatewayRoutes, TheCalleeDecidesWhoMayCallWhat) {
  start(3, {.rules = {{.caller = "any", .service = "open", .methods = {"GET"}},
                      {.caller = std::string(64, '0'), .service = "closed", .methods = {}}}});
  for (const char* name : {"open", "closed", "other"}) ASSERT_EQ(deploy(name, name).status, 201);
  EXPECT_EQ(send("GET", "/f/open").status, 200);
  EXPECT_EQ(problem(send("POST", "/f/open", "x")), 403);
  EXPECT_EQ(problem(send("GET", "/f/closed")), 403);
  EXPECT_EQ(send("POST", "/f/other", "x").status, 200) << "no rule names it";
  const Json by_code = {{"code_id", to_hex(crypto::blake2b(as_bytes("closed")))},
                        {"input", Json::object()}};
  EXPECT_EQ(problem(send("POST", "/api/serverless", http::to_text(by_code))), 403)
      << "closed under its code's id too";
}

TEST_F(GatewayRoutes, ACallerOverItsRateIsToldWhenToComeBack) {
  start(2, {.routes = {{.name = "f", .rate_per_s = 1, .rate_burst = 3}}});
  ASSERT_EQ(deploy("f", "hi").status, 201);
  int limited = 0;
  for (int i = 0; i < 20; ++i) {
    const auto answer = send("GET", "/f/f");
    if (answer.status == 200) continue;
    EXPECT_EQ(problem(answer), 429);
    EXPECT_NE(answer.headers.find("Retry-After"), nullptr);
    ++limited;
  }
  EXPECT_GT(limited, 0) << "two instances with a burst of three each";
}

TEST_F(GatewayRoutes, AnOpenBreakerAnswersAtOnce) {
  start(3, {.routes = {{.name = "f", .breaker_failures = 2, .breaker_open_ms = 600'000}}});
  ASSERT_EQ(deploy("f", "throws").status, 201);
  std::map<int, int> seen;
  for (int i = 0; i < 20; ++i) ++seen[problem(send("POST", "/f/f", "x"))];
  EXPECT_EQ(seen[500], 4) << "two of each instance";
  EXPECT_EQ(seen[503], 16);
  EXPECT_NE(send("POST", "/f/f").headers.find("Retry-After"), nullptr);
  const Json status = json(send("GET", "/v1/status", {}, true));
  const Json route = status["routes"][0];
  EXPECT_EQ(route["name"], "fn/f");
  EXPECT_EQ(route["calls"], 21);
  EXPECT_EQ(route["failures"], 4);
  EXPECT_EQ(route["breaker_opens"], 2);
  for (const Json& instance : route["instances"]) {
    EXPECT_EQ(instance["breaker"], "open");
    EXPECT_EQ(instance["success_percent"], 0);
  }
  const std::string metrics = send("GET", "/metrics").body;
  for (const char* line : {"\nthemis_route_breaker_opens_total{route=\"fn/f\"} 2\n",
                           "\nthemis_route_instances{route=\"fn/f\",state=\"broken\"} 2\n"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line;
}

/// The copy asked for a request that had been answered already, and the node ended.
TEST_F(GatewayRoutes, RegressAMirroredCallMayBeRefusedAtOnce) {
  start(2, {.routes = {{.name = "f",
                        .breaker_failures = 1,
                        .breaker_open_ms = 600'000,
                        .mirror_to = "shadow",
                        .mirror_percent = 100}}});
  ASSERT_EQ(deploy("f", "throws", 1).status, 201);
  EXPECT_EQ(problem(send("POST", "/f/f", "x")), 500);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(problem(send("POST", "/f/f", "x")), 503);
  EXPECT_EQ(send("GET", "/healthz").status, 200);
}

TEST_F(GatewayRoutes, ARoutesTimeoutIsShorterThanTheWallLimit) {
  start(2, {.routes = {{.name = "f", .timeout_ms = 50}}});
  ASSERT_EQ(deploy("f", "waits", 1).status, 201);
  EXPECT_EQ(problem(send("GET", "/f/f")), 504);
  caf::anon_send(nodes_[1]->workers, caf::ok_atom::value);
}

TEST_F(GatewayRoutes, ALateCallIsAskedASecondTime) {
  start(3, {.routes = {{.name = "f", .hedge = true}}});
  ASSERT_EQ(deploy("f", "hi").status, 201);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(send("GET", "/f/f").status, 200);
  caf::actor& late = nodes_[1]->workers;
  ASSERT_TRUE(ask<size_t>(system_, late, caf::put_atom::value));
  size_t given_up = 0;
  for (int i = 0; i < 200 && given_up == 0; ++i) {
    EXPECT_EQ(send("GET", "/f/f").status, 200);
    given_up = ask<size_t>(system_, late, caf::delete_atom::value).value();
  }
  EXPECT_EQ(given_up, 1u) << "the late one was asked, another one answered, and it was told";
  const Json route = json(send("GET", "/v1/status", {}, true))["routes"][0];
  EXPECT_GE(route["hedges"].get<int>(), 1);
}

/// What changes something is known again by its key; what does not is not worth one.
TEST_F(GatewayRoutes, CallsThatMayBeSentAgainCarryAKeyUnlessTheyAreSafe) {
  start(2, {.routes = {{.name = "marked", .idempotent = true}}});
  for (const char* name : {"f", "marked"}) ASSERT_EQ(deploy(name, "hi", 1).status, 201);
  const auto keyed = [&] {
    uint64_t run = 0;
    for (const auto& node : nodes_)
      run += ask<NodeReport>(system_, node->node(), ReportNode{})->peers.keyed_run;
    return run;
  };
  const uint64_t before = keyed();
  for (const char* path : {"/f/f", "/f/marked"}) ASSERT_EQ(send("GET", path).status, 200);
  ASSERT_EQ(send("POST", "/f/f", "x").status, 200);
  EXPECT_EQ(keyed(), before);
  const int status = send("PUT", "/f/f", "x").status;
  ASSERT_EQ(send("POST", "/f/marked", "x").status, 200);
  EXPECT_EQ(status, 200);
  EXPECT_EQ(keyed(), before + 2) << "instances on the other node";
}

TEST_F(GatewayRoutes, ACallWithABodyThatStreamsIsSentOnce) {
  start(3, {.routes = {{.name = "f", .idempotent = true}}});
  ASSERT_EQ(deploy("f", "dies").status, 201);
  EXPECT_EQ(send("PUT", "/f/f", std::string(300'000, 'x')).status, 502);
  EXPECT_EQ(metric("themis_gateway_call_retries_total"), 0);
  EXPECT_EQ(send("PUT", "/f/f", "x").status, 502);
  EXPECT_GT(metric("themis_gateway_call_retries_total"), 0);
}

TEST_F(GatewayRoutes, AClientThatLeavesEndsItsCall) {
  start(2);
  ASSERT_EQ(deploy("f", "waits", 1).status, 201);
  const auto waiting = [&] {
    size_t count = 0;
    for (const auto& node : nodes_)
      count += ask<size_t>(system_, node->workers, caf::get_atom::value).value();
    return count;
  };
  {
    http::Client impatient(address_, {.request_timeout = 500ms});
    EXPECT_FALSE(impatient.send({"POST", "/f/f", {}, "x", {}}));
  }
  for (int asked = 0; asked < 10'000 && waiting() != 0; ++asked) {
  }
  EXPECT_EQ(waiting(), 0u) << "the instance was told";
  EXPECT_EQ(metric("themis_gateway_calls_cancelled_total"), 1);
  EXPECT_EQ(metric("themis_gateway_calls_open"), 0);
}

TEST_F(GatewayRoutes, MirrorsCallsWhoseAnswersNobodySees) {
  start(3, {.routes = {{.name = "f", .mirror_to = "shadow", .mirror_percent = 100}}});
  ASSERT_EQ(deploy("f", "hi").status, 201);
  ASSERT_EQ(deploy("shadow", "throws").status, 201);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send("POST", "/f/f", "x").status, 200);
  EXPECT_EQ(metric("themis_route_calls_total{route=\"fn/shadow\"}"), 10);
}

/// An error that is known at once ended the request before its copy was made from it.
TEST_F(GatewayRoutes, RegressAdversaryAnOpenBreakerWithAMirrorEndsNoNode) {
  start(3, {.routes = {{.name = "f",
                        .breaker_failures = 2,
                        .breaker_open_ms = 600'000,
                        .mirror_to = "shadow",
                        .mirror_percent = 100}}});
  ASSERT_EQ(deploy("f", "throws").status, 201);
  ASSERT_EQ(deploy("shadow", "hi").status, 201);
  std::map<int, int> seen;
  for (int i = 0; i < 12; ++i) ++seen[problem(send("POST", "/f/f", "x"))];
  EXPECT_EQ(seen[500], 4) << "two of each instance";
  EXPECT_EQ(seen[503], 8);
  EXPECT_EQ(metric("themis_route_calls_total{route=\"fn/shadow\"}"), 4)
      << "no copy of what is not sent";
}

TEST_F(GatewayRoutes, RegressACopyIsSentOnce) {
  start(3, {.routes = {{.name = "f", .mirror_to = "shadow", .mirror_percent = 100}}});
  ASSERT_EQ(deploy("f", "hi").status, 201);
  ASSERT_EQ(deploy("shadow", "dies").status, 201);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send("GET", "/f/f").status, 200);
  EXPECT_EQ(metric("themis_route_retries_total{route=\"fn/shadow\"}"), 0);
  EXPECT_EQ(metric("themis_route_calls_total{route=\"fn/shadow\"}"), 10);
}

TEST_F(GatewayRoutes, RegressASlowShadowTakesNoRoomOfRealCalls) {
  start(2, {.routes = {{.name = "f", .mirror_to = "shadow", .mirror_percent = 100}}});
  ASSERT_EQ(deploy("f", "hi").status, 201);
  ASSERT_EQ(deploy("shadow", "waits").status, 201);
  const auto copies = static_cast<int>(RouteCaller::kCopiesMax);
  for (int i = 0; i < copies + 10; ++i) ASSERT_EQ(send("GET", "/f/f").status, 200);
  EXPECT_EQ(metric("themis_gateway_copies_dropped_total"), 10);
  EXPECT_EQ(metric("themis_gateway_calls_open"), copies);
}

TEST_F(GatewayRoutes, RegressANameNobodyProvidesIsLookedForOnce) {
  start(2);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(problem(send("GET", "/f/later")), 404);
  EXPECT_LT(metric("themis_gateway_finds_total"), 50) << "one a second, not one a call";
  ASSERT_EQ(deploy("later", "hi").status, 201);
  EXPECT_EQ(send("GET", "/f/later").status, 200) << "a deploy here ends it";
}

/// The route is there before anybody calls: it was told.
TEST_F(GatewayRoutes, RegressANameDeployedThroughAnotherNodeIsToldAtOnce) {
  start(2);
  EXPECT_EQ(problem(send("GET", "/f/later")), 404);
  const int finds = metric("themis_gateway_finds_total");
  ASSERT_TRUE(
      ask<DeployedFunction>(system_, nodes_[1]->functions, testing::deployment("later", "hi")));
  const std::string calls = "themis_route_calls_total{route=\"fn/later\"}";
  const TimePoint end = SystemClock{}.now() + 20s;
  while (metric(calls) < 0 && SystemClock{}.now() < end) continue;
  ASSERT_EQ(metric(calls), 0);
  EXPECT_EQ(metric("themis_gateway_finds_total"), finds);
  EXPECT_EQ(send("GET", "/f/later").status, 200);
}

}  // namespace
}  // namespace themis
