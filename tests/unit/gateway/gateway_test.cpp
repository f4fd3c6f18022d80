#include "runtime/js/limits.hpp"
#include "tests/unit/gateway/gateway_fixture.hpp"

namespace themis {
namespace {

using http::Json;
using testing::ask;
using testing::GatewayTest;

TEST_F(GatewayTest, DeploysListsCallsAndRemoves) {
  start(3);
  const auto put = deploy("hello", "hi");
  ASSERT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(json(put)["name"], "hello");
  EXPECT_EQ(json(put)["version"], 1);
  EXPECT_EQ(json(put)["function_id"], to_hex(crypto::blake2b(as_bytes("hi"))));

  const auto called = send("POST", "/f/hello/a?b=1", "payload", false, {{"X-Seen", "1"}});
  EXPECT_EQ(called.status, 200);
  EXPECT_EQ(called.body, "hi POST http://" + address_.text() + "/a?b=1 payload X-Seen");
  const std::string* by = called.headers.find("x-themis-node");
  ASSERT_NE(by, nullptr);
  EXPECT_NE(*by, nodes_[0]->id().brief()) << "computed by another node than the gateway's";
  EXPECT_TRUE(*by == nodes_[1]->id().brief() || *by == nodes_[2]->id().brief());

  const Json all = json(send("GET", "/v1/functions", {}, true));
  ASSERT_EQ(all["functions"].size(), 1u);
  EXPECT_EQ(all["functions"][0]["instances"].size(), 2u);
  const Json one = json(send("GET", "/v1/functions/hello", {}, true));
  EXPECT_EQ(one["instances"].size(), 2u);
  EXPECT_EQ(one["instances"][0]["node"].get<std::string>().size(), 64u);

  EXPECT_EQ(send("DELETE", "/v1/functions/hello", {}, true).status, 204);
  EXPECT_EQ(problem(send("GET", "/f/hello")), 404);
  EXPECT_EQ(problem(send("DELETE", "/v1/functions/hello", {}, true)), 404);
}

TEST_F(GatewayTest, ACachedRouteAsksNoRing) {
  start(2);
  ASSERT_EQ(deploy("hello", "hi").status, 201);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(send("GET", "/f/hello").status, 200);
  const std::string metrics = send("GET", "/metrics").body;
  EXPECT_NE(metrics.find("\nthemis_gateway_calls_total 20\n"), std::string::npos);
  for (const char* name : {"handshakes_answered_total", "session_rekeys_total",
                           "keyed_requests_run_total", "replies_kept", "handshakes_half_open"})
    EXPECT_NE(metrics.find("\nthemis_" + std::string(name) + " "), std::string::npos) << name;
  const size_t at = metrics.find("\nthemis_gateway_finds_total ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LE(std::stoi(metrics.substr(at + 28)), 2) << "a route lives for two seconds";
}

TEST_F(GatewayTest, ServerlessRunsACodeByItsId) {
  start(3);
  const Json put = json(deploy("hello", "hi"));
  const auto body = [&](const std::string& code) {
    return http::to_text({{"code_id", code}, {"input", {{"num", 10}}}});
  };
  const std::string expected = "hi POST http://" + address_.text() + "/ {\"num\":10}";
  for (const std::string& code : {put["function_id"].get<std::string>(), std::string("hello"),
                                  "0x" + put["function_id"].get<std::string>()}) {
    const auto answer = send("POST", "/api/serverless", body(code));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, expected);
  }
  EXPECT_EQ(problem(send("POST", "/api/serverless", body(std::string(64, '0')))), 404);
}

TEST_F(GatewayTest, ServerlessRefusesABodyThatIsNotItsForm) {
  start(1);
  for (const char* body :
       {"", "not json", "{", "[]", "{\"input\":{}}", "{\"code_id\":1,\"input\":{}}",
        "{\"code_id\":\"hello\"}", "{\"code_id\":\"hello\",\"input\":1}",
        "{\"code_id\":\"Not A Name\",\"input\":{}}", "{\"code_id\":\"\",\"input\":{}}"})
    EXPECT_EQ(problem(send("POST", "/api/serverless", body)), 400) << body;
  EXPECT_EQ(problem(send("GET", "/api/serverless")), 405);
}

TEST_F(GatewayTest, ManagementNeedsTheToken) {
  start(1);
  for (const char* target :
       {"/v1/functions", "/v1/functions/f", "/v1/status", "/v1/ring", "/v1/nodes", "/v1/find/f"}) {
    const auto refused = send("GET", target);
    EXPECT_EQ(problem(refused), 401) << target;
    EXPECT_NE(refused.headers.find("WWW-Authenticate"), nullptr);
  }
  EXPECT_EQ(problem(send("PUT", "/v1/functions/f", "hi")), 401);
  EXPECT_EQ(problem(send("DELETE", "/v1/functions/f")), 401);
  EXPECT_EQ(problem(send("POST", "/v1/store", "{}")), 401);
  EXPECT_EQ(problem(send("GET", "/v1/status", {}, false,
                         {{"Authorization", "Bearer " + std::string(64, '0')}})),
            401);
  EXPECT_EQ(send("GET", "/v1/status", {}, true).status, 200);
}

TEST_F(GatewayTest, ASyntaxErrorIsToldWithItsPlace) {
  start(2);
  const auto refused = deploy("f", "syntax");
  EXPECT_EQ(problem(refused), 400);
  EXPECT_EQ(json(refused)["detail"], "function:3:7: Unexpected token '}'");
  EXPECT_EQ(problem(send("GET", "/f/f")), 404);
}

TEST_F(GatewayTest, OnlyTheOwnerReadsWhatAFunctionThrew) {
  start(2);
  ASSERT_EQ(deploy("f", "throws").status, 201);
  const auto stranger = send("GET", "/f/f");
  EXPECT_EQ(problem(stranger), 500);
  EXPECT_EQ(stranger.body.find("secret"), std::string::npos);
  const auto owner = send("GET", "/f/f", {}, true);
  EXPECT_EQ(problem(owner), 500);
  EXPECT_EQ(json(owner)["detail"], "Error: secret\n    at fetch");
}

/// Its callers were told that it threw.
TEST_F(GatewayTest, RegressAFunctionThatHangsIsSaidToHang) {
  start(2);
  ASSERT_EQ(deploy("f", "hangs").status, 201);
  const auto answer = send("GET", "/f/f");
  EXPECT_EQ(problem(answer), 500);
  EXPECT_EQ(json(answer)["detail"], js::kHungDetail);
}

TEST_F(GatewayTest, LimitsOfAFunctionHaveTheirStatus) {
  start(2);
  ASSERT_EQ(deploy("loops", "loops").status, 201);
  ASSERT_EQ(deploy("fills", "fills").status, 201);
  EXPECT_EQ(problem(send("GET", "/f/loops")), 504);
  EXPECT_EQ(problem(send("GET", "/f/fills")), 507);
  ASSERT_EQ(deploy("pours", "pours").status, 201);
  EXPECT_EQ(problem(send("GET", "/f/pours")), 500) << "413 would blame the caller";
}

TEST_F(GatewayTest, AnAnswerThatIsNoneIsABadGateway) {
  start(2);
  ASSERT_EQ(deploy("f", "bad-header").status, 201);
  EXPECT_EQ(problem(send("GET", "/f/f")), 502);
}

TEST_F(GatewayTest, ALostWorkerIsTriedElsewhereOnlyWhenThatIsSafe) {
  start(3);
  ASSERT_EQ(deploy("f", "dies").status, 201);
  EXPECT_EQ(problem(send("POST", "/f/f", "x")), 502);
  const auto counter = [&](const std::string& name) {
    const std::string metrics = send("GET", "/metrics").body;
    const size_t at = metrics.find("\nthemis_" + name + " ");
    return std::stoi(metrics.substr(at + name.size() + 9));
  };
  EXPECT_EQ(counter("gateway_call_retries_total"), 0);
  EXPECT_EQ(problem(send("GET", "/f/f")), 502);
  EXPECT_GT(counter("gateway_call_retries_total"), 0);
}

TEST_F(GatewayTest, CallsAreAnsweredByWhatIsLeftWhenANodeDies) {
  start(4);
  ASSERT_EQ(deploy("f", "hi").status, 201);
  ASSERT_EQ(send("GET", "/f/f").status, 200);
  const Json before = json(send("GET", "/v1/functions/f", {}, true));
  const std::string victim = before["instances"][0]["node"];
  for (auto& node : nodes_)
    if (node->id().hex() == victim) node->crash();
  for (int i = 0; i < 20; ++i) {
    const auto answer = send("POST", "/f/f", "x");
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
}

TEST_F(GatewayTest, PlacesAnewWhenAllInstancesAreGone) {
  start(3);
  ASSERT_EQ(deploy("f", "hi").status, 201);
  ASSERT_EQ(send("GET", "/f/f").status, 200);
  nodes_[1]->crash();
  nodes_[2]->crash();
  const auto answer = send("POST", "/f/f", "x");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(*answer.headers.find("x-themis-node"), nodes_[0]->id().brief())
      << "nobody else is left";
}

TEST_F(GatewayTest, ANewVersionAnswersAfterItsDeployment) {
  start(3);
  for (int version = 1; version <= 5; ++version) {
    const std::string source = "v" + std::to_string(version);
    const auto put = deploy("f", source);
    ASSERT_EQ(put.status, 201) << put.body;
    EXPECT_EQ(json(put)["version"], version);
    for (int i = 0; i < 10; ++i) {
      const auto answer = send("GET", "/f/f");
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.body.starts_with(source + " GET ")) << answer.body;
    }
  }
}

TEST_F(GatewayTest, RefusesWhatItDoesNotRun) {
  start(1);
  const auto put = [&](const std::string& type, const std::string& body) {
    return problem(send("PUT", "/v1/functions/f", body, true, {{"Content-Type", type}}));
  };
  EXPECT_EQ(put("application/wasm", "x"), 415);
  EXPECT_EQ(put("text/javascript", std::string("\0asm\1\0\0\0", 8)), 415);
  EXPECT_EQ(put("application/x-www-form-urlencoded", "x"), 415);
  EXPECT_EQ(put("application/octet-stream", std::string("\0asm\1\0\0\0", 8)), 415);
  EXPECT_EQ(put("text/javascript; charset=utf-8", ""), 400);
  EXPECT_EQ(problem(send("PUT", "/v1/functions/f?instances=0", "x", true)), 400);
  EXPECT_EQ(problem(send("PUT", "/v1/functions/f?instances=2x", "x", true)), 400);
  EXPECT_EQ(problem(send("PUT", "/v1/functions/Bad", "x", true)), 400);
  EXPECT_EQ(problem(send("PATCH", "/v1/functions/f", "x", true)), 405);
  EXPECT_EQ(problem(send("GET", "/f/Bad")), 400);
  EXPECT_EQ(problem(send("GET", "/f/nobody")), 404);
  EXPECT_EQ(problem(send("GET", "/nowhere")), 404);
  EXPECT_EQ(problem(send("POST", "/api/serverless", std::string((1 << 20) + 1, 'x'))), 413);
  EXPECT_EQ(send("GET", "/healthz").status, 200) << "and goes on";
}

TEST_F(GatewayTest, ShowsItsNodeAndItsRing) {
  start(3);
  const Json status = json(send("GET", "/v1/status", {}, true));
  EXPECT_EQ(status["node"]["id"], nodes_[0]->id().hex());
  EXPECT_EQ(status["node"]["network"], "test");
  EXPECT_FALSE(status["node"]["version"].get<std::string>().empty());
  EXPECT_EQ(status["workers"][0]["pid"], 4242);
  EXPECT_EQ(status["workers"][0]["state"], "up");
  EXPECT_TRUE(status["enclave"].is_null());
  EXPECT_EQ(status["functions"], 0);
  EXPECT_TRUE(status["dead_letters"].is_number());
  const Json ring = json(send("GET", "/v1/ring", {}, true));
  EXPECT_EQ(ring["node"]["address"], nodes_[0]->address().text());
  EXPECT_EQ(ring["successors"].size(), 2u);
  EXPECT_TRUE(ring["predecessor"].is_object());
  for (const Json& finger : ring["fingers"]) EXPECT_GE(finger["index"].get<int>(), 0);
  const Json nodes = json(send("GET", "/v1/nodes", {}, true));
  EXPECT_EQ(nodes["nodes"].size(), 2u);
}

TEST_F(GatewayTest, StoresAndFindsNames) {
  start(2);
  const auto stored = send("POST", "/v1/store", "{\"name\":\"thing\",\"payload\":\"42\"}", true);
  ASSERT_EQ(stored.status, 201) << stored.body;
  const Json found = json(send("GET", "/v1/find/thing", {}, true));
  EXPECT_EQ(found["name"], "thing");
  EXPECT_EQ(found["records"][0]["payload_hex"], "3432");
  EXPECT_EQ(found["records"][0]["provider"], nodes_[0]->id().hex());
  EXPECT_EQ(problem(send("GET", "/v1/find/other", {}, true)), 404);
  ASSERT_EQ(deploy("f", "hi").status, 201);
  EXPECT_EQ(json(send("GET", "/v1/find/f", {}, true))["name"], "fn/f");
  EXPECT_EQ(json(send("GET", "/v1/find/fn%2Ff", {}, true))["name"], "fn/f");
  for (const char* body :
       {"x", "{}", "{\"name\":1,\"payload\":\"\"}", "{\"name\":\"a\"}",
        "{\"name\":\"fn/x\",\"payload\":\"\"}", "{\"name\":\"\",\"payload\":\"\"}"})
    EXPECT_EQ(problem(send("POST", "/v1/store", body, true)), 400) << body;
}

TEST_F(GatewayTest, IsReadyWhenItsRingAndWorkersAre) {
  start(1);
  EXPECT_EQ(send("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(send("GET", "/readyz").status, 200);
  caf::anon_send_exit(nodes_[0]->workers, caf::exit_reason::kill);
  EXPECT_EQ(problem(send("GET", "/readyz")), 503);
  EXPECT_EQ(send("GET", "/healthz").status, 200);
}

TEST_F(GatewayTest, MetricsAreInThePrometheusFormat) {
  start(2);
  const auto metrics = send("GET", "/metrics");
  EXPECT_EQ(*metrics.headers.find("Content-Type"), kMetricsContentType);
  std::istringstream lines(metrics.body);
  std::set<std::string> families;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with('#')) continue;
    const std::string name = line.substr(0, line.find_first_of(" {"));
    EXPECT_TRUE(families.contains(name)) << "a sample without a family: " << line;
    EXPECT_NO_THROW(static_cast<void>(std::stoull(line.substr(line.rfind(' ') + 1)))) << line;
  }
  for (const char* name :
       {"themis_sessions", "themis_ring_successors", "themis_workers", "themis_http_requests_total",
        "themis_dead_letters_total", "themis_reactor_turns_total"})
    EXPECT_TRUE(families.contains(name)) << name;
}

TEST_F(GatewayTest, TheTokenStaysHere) {
  start(2);
  ASSERT_EQ(deploy("f", "hi").status, 201);
  const auto owner = send("GET", "/f/f", {}, true);
  EXPECT_EQ(owner.body.find("Authorization"), std::string::npos);
  const auto other = send("GET", "/f/f", {}, false, {{"Authorization", "Bearer mine"}});
  EXPECT_NE(other.body.find("Authorization"), std::string::npos);
}

TEST_F(GatewayTest, DrainAnswersWhatRunsThenEnds) {
  start(1);
  ASSERT_EQ(deploy("f", "waits").status, 201);
  std::promise<http::Response> answered;
  std::thread caller([&] { answered.set_value(send("GET", "/f/f")); });
  caf::actor workers = nodes_[0]->workers;
  while (ask<size_t>(system_, workers, caf::get_atom::value).value() == 0)
    std::this_thread::yield();
  caf::scoped_actor self{system_.caf()};
  self->monitor(nodes_[0]->gateway);
  self->send_exit(nodes_[0]->gateway, caf::exit_reason::user_shutdown);
  // Asked after the exit message: it has begun to drain then.
  static_cast<void>(ask<net::Address>(system_, nodes_[0]->gateway, GatewayAddress{}));
  http::Client late(address_);
  EXPECT_FALSE(late.send({"GET", "/healthz", {}, {}, {}})) << "nothing new is accepted";
  caf::anon_send(workers, caf::ok_atom::value);
  EXPECT_EQ(answered.get_future().get().body, "waited");
  caller.join();
  self->receive(
      [](const caf::down_msg& down) { EXPECT_EQ(describe(down.reason), "user_shutdown"); });
  nodes_[0]->gateway = nullptr;
}

TEST_F(GatewayTest, AnAddressInUseIsAnError) {
  start(1);
  GatewayOptions options;
  options.listen = address_;
  options.data = nodes_[0]->data();
  options.node = nodes_[0]->node();
  options.functions = nodes_[0]->functions;
  nodes_[0]->in_loop([&] {
    const auto second = start_gateway_actor(nodes_[0]->reactor(), options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::io);
    EXPECT_NE(second.error().detail.find(address_.text()), std::string::npos);
  });
  EXPECT_EQ(send("GET", "/healthz").status, 200);
}

TEST_F(GatewayTest, SealsTheSecretsOfABundleBeforeAnybodyKeepsIt) {
  start(1);
  bundle::Bundle code;
  code.main = "f.js";
  code.modules = {{"f.js", bundle::ModuleKind::es, to_bytes("1")}};
  code.settings.secrets["KEY"] = "pssst";
  const Bytes plain = bundle::encode(code).value();
  const auto put = [&](std::string body) {
    return send("PUT", "/v1/functions/f", std::move(body), true,
                {{"Content-Type", "application/vnd.themis.bundle"}});
  };
  const auto first = put(std::string(as_text(plain)));
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string id = http::string_or(json(first), "function_id", "");
  EXPECT_NE(id, to_hex(crypto::blake2b(plain))) << "not the code that was sent";
  EXPECT_NE(http::string_or(json(put(std::string(as_text(plain)))), "function_id", ""), id)
      << "each deploy has a key of its own";
  code.settings.secrets.clear();
  const Bytes open = bundle::encode(code).value();
  EXPECT_EQ(http::string_or(json(put(std::string(as_text(open)))), "function_id", ""),
            to_hex(crypto::blake2b(open)));
  EXPECT_EQ(problem(put(std::string(as_text(open)).substr(0, 20))), 400);
  EXPECT_EQ(problem(put(std::string("\0THEMIS1", 8))), 400);
}

}  // namespace
}  // namespace themis
