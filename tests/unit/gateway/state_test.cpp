// POST /v1/state/NAMESPACE, and what a node says of its state.
#include "actors/monitor/monitors_actor.hpp"
#include "actors/monitor/state_actor.hpp"
#include "actors/placement/placement.hpp"
#include "enclave/receipts/receipt.hpp"
#include "tests/unit/gateway/gateway_fixture.hpp"

namespace themis {
namespace {

using http::Json;

class GatewayState : public testing::GatewayTest {
 protected:
  void SetUp() override {
    make_state_ = [this](testing::MeshNode& node) {
      PlaceOptions place;
      place.place = Place::local;
      place.kinds.merge(state_kinds());
      StateOptions options;
      options.data = state_directory_.path();
      options.start_place = [&reactor = node.reactor(), place] {
        return spawn_place({.reactor = &reactor}, place);
      };
      options.epoch = 20ms;
      return state_ = caf::actor_cast<caf::actor>(system_.caf().spawn<StateActor>(options));
    };
    start(1);
  }
  void TearDown() override { nodes_.front()->end(state_); }
  http::Response ask(const std::string& body, const std::string& name_space = "n") {
    return send("POST", "/v1/state/" + name_space, body, true);
  }
  storage::TemporaryDirectory state_directory_;
  caf::actor state_;
};

TEST_F(GatewayState, KeepsValuesForItsOwnerOnly) {
  EXPECT_EQ(problem(send("POST", "/v1/state/n", R"({"op":"get","key":"k"})")), 401);
  EXPECT_EQ(json(ask(R"({"op":"get","key":"k"})"))["value"], Json());
  const Json put = json(ask(R"({"op":"put","key":"k","value":"v","wait":true})"));
  EXPECT_EQ(put["certified"], true) << put;
  EXPECT_EQ(json(ask(R"({"op":"get","key":"k"})"))["value"], "v");
  EXPECT_EQ(json(ask(R"({"op":"get","key":"k"})", "m"))["done"], false);
  EXPECT_EQ(json(ask(R"({"op":"cas","key":"k","expected":"x","value":"y"})"))["done"], false);
  EXPECT_EQ(json(ask(R"({"op":"list"})"))["entries"][0]["key"], "k");
}

TEST_F(GatewayState, GivesReceiptsToWhoAsks) {
  const Json at_once = json(ask(R"({"op":"put","key":"k","value":"v","receipt":true})"));
  EXPECT_TRUE(at_once["receipt"]["operation"].is_string()) << at_once;
  EXPECT_FALSE(at_once["receipt"].contains("transferable"));
  const Json final = json(ask(R"({"op":"get","key":"k","receipt":true,"wait":true})"));
  const Json store = json(ask(R"({"op":"describe"})"))["instance"];
  const std::string hex = store["key"];
  const auto key = crypto::PublicKey::from_bytes(from_hex(hex).value()).value();
  EXPECT_TRUE(receipts::verify_text(final["receipt"]["transferable"].get<std::string>(), key));
  EXPECT_EQ(json(send("GET", "/v1/status", {}, true))["state"]["key"], hex);
  EXPECT_FALSE(json(ask(R"({"op":"get","key":"k"})")).contains("receipt"));
}

TEST_F(GatewayState, RefusesWhatIsNoCall) {
  EXPECT_EQ(problem(ask("{")), 400);
  EXPECT_EQ(problem(ask(R"({"op":"get"})")), 400);
  EXPECT_EQ(problem(ask(R"({"op":"get","key":"k"})", "No%20name")), 400);
  const std::string caller = R"({"instance":")" + std::string(32, '0') + R"(","tag":")" +
                             std::string(32, '0') + R"(","client":0,"nonce":1})";
  EXPECT_EQ(problem(ask(R"({"op":"get","key":"k","caller":)" + caller + "}")), 404);
  EXPECT_EQ(problem(ask(R"({"op":"get","key":"k","caller":{}})")), 400);
  EXPECT_EQ(problem(ask(std::string(20'000, ' '))), 413);
  EXPECT_EQ(problem(send("GET", "/v1/state/n", {}, true)), 405);
}

TEST_F(GatewayState, StatusAndMetricsTellOfIt) {
  ASSERT_EQ(ask(R"({"op":"put","key":"k","value":"v","wait":true})").status, 200);
  const Json status = json(send("GET", "/v1/status", {}, true));
  EXPECT_EQ(status["state"]["state"], "up");
  EXPECT_EQ(status["state"]["calls"], 1);
  EXPECT_TRUE(status["state"]["certified"].is_number());
  const std::string metrics = send("GET", "/metrics").body;
  EXPECT_NE(metrics.find("\nthemis_state_violated 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nthemis_state_calls_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace themis
