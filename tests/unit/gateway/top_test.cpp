// What "top" shows: functions, their instances on all nodes and what these take; and canaries,
// whose callers it counts.
#include "actors/gateway/top_poll.hpp"
#include "tests/unit/gateway/gateway_fixture.hpp"

namespace themis {
namespace {

using http::Json;
using testing::GatewayTest;

class TopTest : public GatewayTest {
 protected:
  Json top() { return json(send("GET", "/v1/top", "", true)); }
  Json function(const std::string& name) {
    const Json all = top();
    for (const Json& one : http::array_or_empty(all, "functions"))
      if (http::string_or(one, "name", "") == name) return one;
    return {};
  }
  http::Response deploy_canary(const std::string& source, const std::string& query) {
    return send("PUT", "/v1/functions/f?instances=1&" + query, source, true,
                {{"Content-Type", "text/javascript"}});
  }
  /// The version that a user gets.
  std::string version_for(const std::string& user) {
    const auto answer = send("GET", "/f/f", "", false, {{"Cookie", "a=1; id=" + user}});
    return answer.body.substr(0, 3);
  }
};

TEST_F(TopTest, CountsInstancesIsolatesAndMemoryOfAllNodesAlsoRightAfterADeployment) {
  start(3);
  ASSERT_EQ(deploy("f", "one").status, 201);
  ASSERT_EQ(send("GET", "/f/f").status, 200);
  for (const char* next : {"two", "three"}) {
    ASSERT_EQ(deploy("f", next).status, 201);
    const Json f = function("f");
    const std::vector<Json> instances = http::array_or_empty(f, "instances");
    ASSERT_EQ(instances.size(), 2u) << f << " nobody has called the new version yet";
    EXPECT_EQ(http::integer_or(f, "isolates", 0) % 2, 0) << f;
    for (const Json& one : instances) {
      EXPECT_GE(http::integer_or(one, "memory_kb", 0), 1024) << f;
      EXPECT_EQ(http::string_or(one, "version", ""), std::string(next) == "two" ? "2" : "3") << f;
    }
  }
}

TEST_F(TopTest, AFunctionThatIsGoneHasNone) {
  start(1);
  ASSERT_EQ(deploy("f", "one", 1).status, 201);
  ASSERT_EQ(send("GET", "/f/f").status, 200);
  ASSERT_EQ(send("DELETE", "/v1/functions/f", "", true).status, 204);
  const Json f = function("f");
  EXPECT_EQ(http::integer_or(f, "requests", 0), 1);
  EXPECT_TRUE(http::array_or_empty(f, "instances").empty()) << f;
}

TEST_F(TopTest, ACanaryOfASingleNodeKeepsItsCallers) {
  start(1);
  ASSERT_EQ(deploy("f", "one", 1).status, 201);
  EXPECT_EQ(problem(deploy_canary("two", "canary=50&sticky=x-user")), 400);
  EXPECT_EQ(problem(deploy_canary("two", "sticky=cookie:id")), 400) << "of no canary";
  const auto deployed = deploy_canary("two", "canary=50&sticky=cookie:id");
  ASSERT_EQ(deployed.status, 201) << deployed.body;
  EXPECT_EQ(http::string_or(json(deployed), "sticky", ""), "cookie:id");
  std::map<std::string, int> users;
  for (int user = 0; user < 100; ++user) {
    const std::string name = "user" + std::to_string(user);
    const std::string version = version_for(name);
    ++users[version];
    for (int i = 0; i < 3; ++i) EXPECT_EQ(version_for(name), version) << name;
  }
  EXPECT_EQ(users["one"] + users["two"], 100);
  EXPECT_GT(users["two"], 25) << "half of them, five standard deviations";
  EXPECT_GT(users["one"], 25);
  std::map<std::string, int> chance;
  for (int i = 0; i < 100; ++i) ++chance[send("GET", "/f/f").body.substr(0, 3)];
  EXPECT_GT(chance["two"], 25) << "who says nothing is split by chance";
  const Json f = function("f");
  std::map<std::string, int64_t> requests;
  for (const Json& one : http::array_or_empty(f, "instances"))
    requests[http::string_or(one, "version", "")] = http::integer_or(one, "requests", 0);
  EXPECT_EQ(requests["2"], 4 * users["two"] + chance["two"]) << f;
  EXPECT_EQ(http::integer_or(f, "isolates", 0), 2) << f;
  const Json versions = json(send("GET", "/v1/functions/f/versions", "", true));
  EXPECT_EQ(http::string_or(versions.at("canary"), "sticky", ""), "cookie:id");
  ASSERT_EQ(send("POST", "/v1/functions/f/promote", "", true).status, 201);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send("GET", "/f/f").body.substr(0, 3), "two");
}

TEST_F(TopTest, ACanaryThatIsFullOrGoneLeavesItsCallsToTheVersionBefore) {
  start(1);
  ASSERT_EQ(deploy("f", "one", 1).status, 201);
  ASSERT_EQ(deploy_canary("dies", "canary=50").status, 201);
  for (int i = 0; i < 40; ++i) {
    const auto answer = send("GET", "/f/f");
    EXPECT_EQ(answer.body.substr(0, 3), "one") << i << ": a GET is asked again";
  }
}

ring::Contact node(uint8_t number) {
  ring::Contact contact;
  contact.id.bytes[0] = std::byte{number};
  contact.address = {"127.0.0.1", number};
  return contact;
}

TEST(TopPollTest, AdversaryANodeSpeaksOfItselfAndOfWhatItWasAskedOnly) {
  TopPoll poll({{"f"}, {"g"}}, {});
  EXPECT_EQ(poll.without_instances(), (std::vector<std::string>{"f", "g"}));
  poll.found("f", {node(1), node(2)});
  poll.found("g", {node(2)});
  const auto questions = poll.questions();
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[0].names, std::vector<std::string>{"f"});
  EXPECT_EQ(questions[1].names, (std::vector<std::string>{"f", "g"}));
  poll.measured(questions[0], {{"f", 1, 1, 5}, {"f", 2, 1, 6}, {"f", 3, 1, 7}, {"g", 1, 9, 9}});
  EXPECT_EQ(poll.functions().at("f").instances.size(), 3u) << "two of its own, and the other node";
  EXPECT_EQ(poll.functions().at("g").instances.size(), 1u);
  EXPECT_FALSE(poll.functions().at("g").instances[0].use) << "it was not asked";
  poll.measured(questions[1], {});
  EXPECT_EQ(poll.functions().at("f").instances.size(), 2u) << "it says that it runs none";
  EXPECT_TRUE(poll.functions().at("g").instances.empty());
}

}  // namespace
}  // namespace themis
