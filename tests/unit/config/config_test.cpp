// mesh.toml: what is accepted, what each mistake is answered with, and that the files in configs/
// load.
#include "runtime/config/config.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <string>
#include <vector>

namespace themis {
namespace {

const std::string kIdHex(64, 'a');

std::string error_of(std::string_view text, std::vector<std::string> overrides = {}) {
  const auto config = parse_config(text, "mesh.toml", overrides);
  if (config) return "accepted";
  EXPECT_EQ(config.error().code, Code::invalid);
  EXPECT_EQ(config.error().detail.find('\n'), std::string::npos);
  return config.error().detail;
}

TEST(Config, HasSafeDefaultsWhenEmpty) {
  const auto config = parse_config("", "mesh.toml");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(*config, Config{});
  EXPECT_TRUE(config->node.encryption);
  EXPECT_EQ(config->node.advertised().text(), "127.0.0.1:7001");
  EXPECT_EQ(config->place.workers, Place::process);
}

TEST(Config, ReadsEveryKey) {
  const auto config = parse_config(fmt::format(R"(
[mesh]
network = "other"
bootstrap = ["127.0.0.1:7001", "{}@[::1]:7009"]
redundancy = 0
refresh_s = 7
successors = 6
replicas = 1
disjoint_paths = 4
invite = "invite.txt"
inviters = ["{}"]
[node]
listen = "127.0.0.1:7100"
advertise = "10.0.0.1:7100"
data = "elsewhere"
encryption = false
[gateway]
listen = ""
[workers]
count = 3
memory_mb = 64
cpu_ms = 10
wall_ms = 1000
max_requests = 8
isolation = "function"
profile = "trusted"
jitless = true
spare = 2
[monitors]
threads = 2
epoch_ms = 50
memory_mb = 64
[place]
workers = "process"
monitors = "local"
[log]
level = "debug"
format = "json"
)",
                                               kIdHex, kIdHex),
                                   "mesh.toml");
  ASSERT_TRUE(config) << config.error().detail;
  Config expected;
  std::array<std::byte, 32> id;
  id.fill(std::byte{0xaa});
  expected.mesh = {
      "other", {{{"127.0.0.1", 7001}, {}}, {{"::1", 7009}, id}}, 0, 7, 6, 1, 4, "invite.txt", {id}};
  expected.node = {{"127.0.0.1", 7100}, net::Address{"10.0.0.1", 7100}, "elsewhere", 1, false};
  expected.gateway = {std::nullopt};
  expected.workers = {3, 64, 10, 1000, 8, Isolation::function, WorkerProfile::trusted, true, 2};
  expected.monitors = {2, 50, 64};
  expected.place = {Place::process, Place::local};
  expected.log = {log::Level::debug, log::Format::json};
  EXPECT_EQ(*config, expected);
  // An invite is for one node, so this one stands by itself.
  EXPECT_EQ(parse_config("[node]\nvirtual = 5", "mesh.toml")->node.virtual_nodes, 5u);
  const auto again = parse_config(describe(*config), "described");
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, expected);
}

TEST(Config, SaysWhatIsWrongAboutAPrivateNetwork) {
  EXPECT_EQ(
      error_of("[mesh]\ninvite = \"invite\"\n[node]\nvirtual = 2"),
      "mesh.toml:4:11: node.virtual: an invite is for one node: a private network takes one a "
      "process");
  EXPECT_EQ(error_of("[mesh]\ninviters = [\"abc\"]"),
            "mesh.toml:2:12: mesh.inviters: \"abc\" is not a public key of 64 hexadecimal digits; "
            "`themis id --public-key` prints one");
  EXPECT_EQ(error_of("[mesh]\ninviters = 3"),
            "mesh.toml:2:12: mesh.inviters: must be a list of strings");
  EXPECT_EQ(error_of("[mesh]\ninvite = [\"a\"]"), "mesh.toml:2:10: mesh.invite: must be a string");
  EXPECT_EQ(error_of("[mesh]\ninviters = [\"" + kIdHex + "\"]"),
            "mesh.toml:2:12: mesh.inviters: this node needs an invite too, its peers ask for one: "
            "set mesh.invite to a file of `themis invite create`");
  std::string many = "[mesh]\ninvite = \"f\"\ninviters = [";
  for (int i = 0; i < 17; ++i) many += '"' + kIdHex + "\", ";
  EXPECT_EQ(error_of(many + "]"),
            "mesh.toml:3:12: mesh.inviters: has 17 entries; at most 16 are compared");
}

TEST(Config, DescribesTextThatNeedsEscapes) {
  Config config;
  config.node.data = R"(a "quoted" back\slash)";
  const auto again = parse_config(describe(config), "described");
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->node.data, config.node.data);
}

TEST(Config, PointsAtTheWrongValue) {
  EXPECT_EQ(error_of("[mesh]\n\n[node]\n  listen = \"127.0.0.1\"\n"),
            "mesh.toml:4:12: node.listen: \"127.0.0.1\" has no port");
  EXPECT_EQ(error_of("[workers]\ncount = \"two\""),
            "mesh.toml:2:9: workers.count: must be a whole number");
  EXPECT_EQ(error_of("[node]\nencryption = 1"),
            "mesh.toml:2:14: node.encryption: must be true or false");
  EXPECT_EQ(error_of("[mesh]\nbootstrap = [\"127.0.0.1:1\", 2]"),
            "mesh.toml:2:13: mesh.bootstrap: must be a list of strings");
  EXPECT_EQ(error_of("[node]\ndata = \"\""), "mesh.toml:2:8: node.data: must not be empty");
  EXPECT_EQ(error_of("[node]\ndata = \"a\\u0007b\""),
            "mesh.toml:2:8: node.data: holds a control character");
  EXPECT_EQ(error_of("node = 3"), "mesh.toml:1:1: node: must be a table, [node]");
}

TEST(Config, NamesTheNearestKnownKey) {
  EXPECT_EQ(error_of("[mesh]\n\n[node]\nlisen = \"127.0.0.1:1\""),
            "mesh.toml:4:1: node.lisen: unknown key; did you mean node.listen?");
  EXPECT_EQ(error_of("[gatway]\nlisten = \"127.0.0.1:1\""),
            "mesh.toml:1:2: gatway: unknown table; did you mean [gateway]?");
  EXPECT_EQ(error_of("listen = \"127.0.0.1:1\""),
            "mesh.toml:1:1: listen: unknown key; did you mean node.listen?");
  EXPECT_EQ(error_of("", {"workers.mem_mb=3"}),
            "--set: workers.mem_mb: unknown key; did you mean workers.memory_mb?");
}

TEST(Config, RefusesNumbersOutOfRangeWithTheReason) {
  EXPECT_EQ(error_of("[workers]\nmemory_mb = 8"),
            "mesh.toml:2:13: workers.memory_mb: 8 is outside 16 to 4096: V8 needs 16 MB to start, "
            "and caps a heap at 4096 MB");
  for (const char* wrong :
       {"mesh.redundancy=17", "mesh.redundancy=-1", "mesh.refresh_s=0", "mesh.disjoint_paths=0",
        "mesh.replicas=5", "mesh.successors=0", "mesh.successors=17", "mesh.disjoint_paths=17",
        "node.virtual=0", "node.virtual=4097", "workers.count=257", "workers.cpu_ms=0",
        "workers.wall_ms=900001", "workers.max_requests=0", "monitors.threads=0",
        "monitors.epoch_ms=9", "monitors.memory_mb=15", "monitors.memory_mb=1048577",
        "workers.count=99999999999999999999"})
    EXPECT_NE(error_of("", {wrong}), "accepted") << wrong;
}

TEST(Config, RegressRefusesWhatTheRingAndItsRecordsCannotHold) {
  EXPECT_EQ(error_of("[mesh]\nredundancy = 8"),
            "mesh.toml:2:14: mesh.redundancy: 8 is outside 0 to 7: each name is stored as k + 1 "
            "objects; a find asks them in random order");
  EXPECT_EQ(error_of("[mesh]\nrefresh_s = 1001"),
            "mesh.toml:2:13: mesh.refresh_s: 1001 is outside 1 to 1000: records live three times "
            "as long, and an hour at most");
  EXPECT_EQ(error_of("[mesh]\nredundancy = 7\nrefresh_s = 1000"), "accepted");
}

TEST(Config, RegressRefusesNetworkNamesThatIdentitiesRefuse) {
  EXPECT_EQ(error_of("[mesh]\nnetwork = \"a b\""),
            "mesh.toml:2:11: mesh.network: a network name is 1 to 64 letters, digits, '.', '-' or "
            "'_'");
  for (const std::string& wrong :
       {std::string(), std::string(65, 'a'), std::string("a/b"), std::string("\xc3\xa9")})
    EXPECT_NE(error_of("[mesh]\nnetwork = \"" + wrong + "\""), "accepted") << wrong;
  EXPECT_EQ(error_of("[mesh]\nnetwork = \"Twiitr-2.test_net\""), "accepted");
}

TEST(Config, RegressRefusesToAdvertiseWhatNobodyCanConnectTo) {
  EXPECT_EQ(error_of("[node]\nadvertise = \"0.0.0.0:7001\""),
            "mesh.toml:2:13: node.advertise: nobody can connect to 0.0.0.0; name the address that "
            "peers use");
  for (const char* any : {"[::]:7001", "[0:0::0]:7001", "[::ffff:0.0.0.0]:7001"})
    EXPECT_NE(error_of("", {std::string("node.advertise=") + any}), "accepted") << any;
}

TEST(Config, RefusesPlacesThisBuildDoesNotHave) {
  EXPECT_EQ(error_of("[place]\nworkers = \"snp\""),
            "mesh.toml:2:11: place.workers: \"snp\" is not available in this build; "
            "use \"process\"");
  EXPECT_EQ(error_of("[place]\nmonitors = \"moon\""),
            "mesh.toml:2:12: place.monitors: \"moon\" is not one of \"process\", \"local\"");
  EXPECT_NE(error_of("[place]\nworkers = \"local\""), "accepted");
  EXPECT_EQ(
      error_of("[monitors]\nthreads = 3"),
      "mesh.toml:2:11: monitors.threads: keys are shared out by their first bits: 1, 2, 4, 8, "
      "16, 32 or 64");
}

TEST(Config, RefusesValuesThatContradictEachOther) {
  EXPECT_EQ(error_of("[node]\nlisten = \"0.0.0.0:7001\""),
            "mesh.toml:2:10: node.listen: nobody can connect to 0.0.0.0; set node.advertise to "
            "the address that peers use");
  EXPECT_EQ(error_of("[node]\nvirtual = 3", {"gateway.listen=127.0.0.1:7001"}),
            "--set: gateway.listen: port 7001 is the node's own (node.listen)");
  EXPECT_EQ(error_of("[mesh]\ndisjoint_paths = 9"),
            "mesh.toml:2:18: mesh.disjoint_paths: 9 paths end at a list of 8 nodes: set "
            "mesh.successors to 9 or more");
  EXPECT_EQ(error_of("[mesh]\ndisjoint_paths = 16\nsuccessors = 16"), "accepted");
  EXPECT_EQ(error_of("[mesh]\nsuccessors = 1\nreplicas = 2"),
            "mesh.toml:3:12: mesh.replicas: 2 successors cannot keep each object: mesh.successors "
            "is 1");
  EXPECT_NE(error_of("[workers]\ncpu_ms = 100\nwall_ms = 99"), "accepted");
  EXPECT_EQ(error_of("[monitors]\nthreads = 4\nmemory_mb = 63"),
            "mesh.toml:3:13: monitors.memory_mb: 4 monitor threads need 64 MB or more, 16 each");
  EXPECT_EQ(error_of("[monitors]\nthreads = 64"), "accepted");
  EXPECT_EQ(error_of("", {"node.listen=127.0.0.1:0", "gateway.listen=127.0.0.1:0"}), "accepted");
}

TEST(Config, RefusesBootstrapPeersItCannotUse) {
  EXPECT_EQ(error_of("[mesh]\nbootstrap = [\"abcd@127.0.0.1:1\"]"),
            "mesh.toml:2:13: mesh.bootstrap: \"abcd@127.0.0.1:1\" does not start with a node id "
            "of 64 hexadecimal digits");
  EXPECT_NE(error_of("", {"mesh.bootstrap=127.0.0.1:0"}), "accepted");
  EXPECT_NE(error_of("", {"mesh.bootstrap=127.0.0.1"}), "accepted");
  std::string many = "mesh.bootstrap=";
  for (int i = 0; i < 65; ++i) many += "127.0.0.1:1,";
  EXPECT_NE(error_of("", {many}), "accepted");
}

TEST(Config, AppliesOverridesInOrder) {
  const std::vector<std::string> overrides{"node.listen=127.0.0.1:7002",
                                           "node.data = data/node-2",
                                           "gateway.listen=",
                                           "mesh.bootstrap=[\"127.0.0.1:7001\", 127.0.0.1:7003]",
                                           "node.encryption=false",
                                           "workers.count=1",
                                           "workers.count=4",
                                           "log.level='warn'"};
  const auto config = parse_config("[node]\nlisten = \"127.0.0.1:7001\"", "mesh.toml", overrides);
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->node.listen.port, 7002);
  EXPECT_EQ(config->node.data, "data/node-2");
  EXPECT_FALSE(config->gateway.listen);
  ASSERT_EQ(config->mesh.bootstrap.size(), 2u);
  EXPECT_EQ(config->mesh.bootstrap[1].text(), "127.0.0.1:7003");
  EXPECT_FALSE(config->node.encryption);
  EXPECT_EQ(config->workers.count, 4u);
  EXPECT_EQ(config->log.level, log::Level::warn);
  const auto alone = parse_config("[mesh]\nbootstrap = [\"127.0.0.1:1\"]", "mesh.toml",
                                  std::vector<std::string>{"mesh.bootstrap=[]"});
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone->mesh.bootstrap.empty());
}

TEST(Config, RefusesOverridesItCannotRead) {
  EXPECT_EQ(error_of("", {"node.listen"}), "--set node.listen: needs the form key=value");
  EXPECT_EQ(error_of("", {"node.encryption=yes"}), "--set: node.encryption: must be true or false");
  EXPECT_EQ(error_of("", {"workers.count=3x"}), "--set: workers.count: must be a whole number");
}

TEST(Config, ReportsTomlThatDoesNotParse) {
  EXPECT_EQ(error_of("[node]\nlisten = \"abc").substr(0, 12), "mesh.toml:2:");
  EXPECT_NE(error_of("[node]\n[node]"), "accepted");
  EXPECT_NE(error_of(std::string("a\0b", 3)), "accepted");
  EXPECT_NE(error_of(std::string(kConfigBytesMax + 1, '#')), "accepted");
}

TEST(Config, ReportsAFileThatCannotBeRead) {
  const auto missing = load_config("no-such-file.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), (Error{Code::io, "no-such-file.toml: No such file or directory"}));
  const auto directory = load_config(THEMIS_CONFIGS);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, Code::io);
}

TEST(Config, ReadsRoutesAndRules) {
  const auto config = parse_config(R"(
[[route]]
name = "check"
policy = "latency"
idempotent = true
retries = 1
retry_budget = {percent = 10, per_s = 1}
timeout_ms = 250
hedge = true
breaker = {failures = 3, open_ms = 100}
eject = {failures = 4, below_percent = 50, ms = 200}
health_check = {period_ms = 500, timeout_ms = 100, unhealthy_after = 4, healthy_after = 1}
rate = {per_s = 100, burst = 5}
canary = {version = "2", percent = 10}
mirror = {to = "shadow", percent = 1}
[[route]]
name = "fn/*"
canary.label = "track=canary"
canary.percent = 5
[[allow]]
service = "check"
[[allow]]
caller = "7d1f000000000000000000000000000000000000000000000000000000000000"
service = "fn/*"
methods = ["GET", "HEAD"]
)",
                                   "mesh.toml");
  ASSERT_TRUE(config) << config.error().detail;
  RouteConfig check{"check", Balance::latency, true, 1, 10, 1, 250, true, 3, 100};
  check.eject_failures = 4;
  check.eject_below_percent = 50;
  check.eject_ms = 200;
  check.health_period_ms = 500;
  check.health_timeout_ms = 100;
  check.health_unhealthy_after = 4;
  check.health_healthy_after = 1;
  check.rate_per_s = 100;
  check.rate_burst = 5;
  check.canary_version = "2";
  check.canary_percent = 10;
  check.mirror_to = "shadow";
  check.mirror_percent = 1;
  RouteConfig functions;
  functions.name = "fn/*";
  functions.canary_label = "track=canary";
  functions.canary_percent = 5;
  EXPECT_EQ(config->routes, (std::vector{check, functions}));
  EXPECT_EQ(config->allows,
            (std::vector<AllowConfig>{{"any", "check", {}},
                                      {"7d1f" + std::string(60, '0'), "fn/*", {"GET", "HEAD"}}}));
  const auto again = parse_config(describe(*config), "described");
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, *config);
}

TEST(Config, PointsAtTheWrongRouteOrRule) {
  const std::string route = "[[route]]\nname = \"a\"\n";
  EXPECT_EQ(error_of(route + "retrys = 1"),
            "mesh.toml:3:1: route.retrys: unknown key; did you mean route.retries?");
  EXPECT_EQ(error_of(route + "breaker = {failure = 1}"),
            "mesh.toml:3:12: route.breaker.failure: unknown key; did you mean "
            "route.breaker.failures?");
  EXPECT_EQ(error_of(route + "policy = \"fast\""),
            "mesh.toml:3:10: route.policy: \"fast\" is not one of \"random\", \"weighted\", "
            "\"least_loaded\", \"latency\"");
  EXPECT_EQ(error_of(route + "canary = {version = \"2\"}"),
            "mesh.toml:1:1: route.canary: needs a version or label, and a percent over 0");
  EXPECT_EQ(error_of(route + "mirror = {percent = 2}"),
            "mesh.toml:1:1: route.mirror: needs a name, and a percent over 0");
  EXPECT_EQ(error_of(route + "retries = 9"),
            "mesh.toml:3:11: route.retries: 9 is outside 0 to 8: each one makes the caller wait "
            "longer");
  EXPECT_EQ(error_of(route + "[[route]]\nretries = 1"), "mesh.toml:3:1: route.name: is missing");
  EXPECT_EQ(error_of("[[route]]\nname = \"a*b\""),
            "mesh.toml:2:8: route.name: \"a*b\" has a \"*\" that is not at its end");
  EXPECT_EQ(error_of("[route]\nname = \"a\""),
            "mesh.toml:1:1: route: must be a list of tables, [[route]]");
  EXPECT_EQ(error_of("[[rout]]\nname = \"a\""),
            "mesh.toml:1:3: rout: unknown table; did you mean [[route]]?");
  EXPECT_EQ(
      error_of("[[allow]]\nservice = \"a\"\ncaller = \"Bob\""),
      "mesh.toml:3:10: allow.caller: \"Bob\" is neither \"any\" nor the 64 digits of a node id "
      "(themis id prints them)");
  EXPECT_EQ(error_of("", {"route.retries=1"}),
            "--set: route.retries: [[route]] is a list: write it into the file");
}

/// Who makes keys finds one that begins like a given one; nobody finds a second one for all digits.
TEST(Config, RegressAdversaryACallerIsNamedByItsWholeId) {
  const auto rule = [](size_t digits) {
    return "[[allow]]\nservice = \"a\"\ncaller = \"" + std::string(digits, '7') + "\"";
  };
  for (const size_t digits : {0, 1, 12, 63, 65}) EXPECT_NE(error_of(rule(digits)), "accepted");
  EXPECT_EQ(error_of(rule(64)), "accepted");
}

TEST(Config, TakesABoundedNumberOfRoutesAndRules) {
  std::string routes, rules;
  for (size_t i = 0; i < kRoutesConfiguredMax; ++i) routes += "[[route]]\nname = \"a\"\n";
  for (size_t i = 0; i < kAllowRulesMax; ++i) rules += "[[allow]]\nservice = \"a\"\n";
  EXPECT_EQ(error_of(routes + rules), "accepted");
  EXPECT_NE(error_of(routes + "[[route]]\nname = \"a\""), "accepted");
  EXPECT_NE(error_of(rules + "[[allow]]\nservice = \"a\""), "accepted");
}

TEST(Config, LoadsTheFilesThatShip) {
  const std::string folder = THEMIS_CONFIGS;
  const auto mesh = load_config(folder + "/mesh.toml");
  ASSERT_TRUE(mesh) << mesh.error().detail;
  EXPECT_EQ(*mesh, Config{}) << "mesh.toml shows the defaults";
  const auto second =
      load_config(folder + "/mesh.toml",
                  std::vector<std::string>{"node.listen=127.0.0.1:7002", "node.data=data/node-2",
                                           "gateway.listen=", "mesh.bootstrap=127.0.0.1:7001"});
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_FALSE(second->gateway.listen);
  const auto single = load_config(folder + "/single.toml");
  ASSERT_TRUE(single) << single.error().detail;
  EXPECT_EQ(single->place.monitors, Place::local);
  const auto production = load_config(folder + "/production.toml");
  ASSERT_TRUE(production) << production.error().detail;
  ASSERT_EQ(production->mesh.bootstrap.size(), 2u);
  EXPECT_TRUE(production->mesh.bootstrap[0].node_id);
  EXPECT_EQ(production->node.advertised().host, "203.0.113.9");
}

}  // namespace
}  // namespace themis
