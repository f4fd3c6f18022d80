// function.toml: what it says, and what is said when it is wrong.
#include "runtime/config/function_manifest.hpp"

#include <gtest/gtest.h>

namespace themis {
namespace {

TEST(FunctionManifest, SaysEverything) {
  const auto read = parse_function_manifest(R"(
name = "shop"
main = "src/index.ts"
include = ["page.html"]
secrets = ["API_KEY"]
fetch = ["*.example.org:8443", "api.example.org"]
instances = 3
remote = ["total", "add"]
[env]
GREETING = "hello"
OPTIONS = { max = 3, list = [1, "two"], on = true }
COUNT = 7
[functions]
CART = "cart"
[services]
GREETER = "greeter"
[queues]
JOBS = "jobs"
[actors]
CARTS = "Cart"
[limits]
memory_mb = 64
cpu_ms = 20
max_requests = 8
[[cron]]
at = "*/5 * * * *"
[[cron]]
at = "0 0 * * mon"
[[consume]]
queue = "jobs"
batch = 5
retries = 2
delay_s = 60
dead_letter = "jobs-dead"
)",
                                            "function.toml");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->name, "shop");
  EXPECT_EQ(read->main, "src/index.ts");
  EXPECT_EQ(read->include, std::vector<std::string>{"page.html"});
  EXPECT_EQ(read->secrets, std::vector<std::string>{"API_KEY"});
  EXPECT_EQ(read->instances, 3u);
  bundle::Settings expected;
  expected.texts["GREETING"] = "hello";
  expected.json["COUNT"] = "7";
  expected.functions["CART"] = "cart";
  expected.services["GREETER"] = "greeter";
  expected.queues["JOBS"] = "jobs";
  expected.actors["CARTS"] = "Cart";
  expected.limits = {.memory_mb = 64, .cpu_ms = 20, .max_requests = 8};
  expected.remote = {"add", "total"};
  expected.crons = {"*/5 * * * *", "0 0 * * mon"};
  expected.consumers["jobs"] = {5, 2, 60, "jobs-dead"};
  expected.fetch = {"*.example.org:8443", "api.example.org"};
  bundle::Settings got = read->settings;
  std::string options = got.json["OPTIONS"];
  std::erase_if(options, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(options, R"({"list":[1,"two"],"max":3,"on":true})");
  got.json.erase("OPTIONS");
  EXPECT_EQ(got, expected);
}

TEST(FunctionManifest, IsWrongInOneLineWithThePlace) {
  const auto why = [](std::string_view text) {
    const auto read = parse_function_manifest(text, "function.toml");
    return read ? std::string("(nothing)") : read.error().detail;
  };
  EXPECT_EQ(why(""), "(nothing)");
  EXPECT_EQ(why("nmae = \"x\""), "function.toml:1:1: nmae: unknown key; did you mean name?");
  EXPECT_EQ(why("name = 1"), "function.toml:1:8: name: must be a text");
  EXPECT_EQ(why("\nsecrets = [1]"), "function.toml:2:12: secrets: must be a text");
  EXPECT_EQ(why("[limits]\ncpu = 1"), "function.toml:2:1: cpu: unknown key; did you mean cpu_ms?");
  EXPECT_EQ(why("[limits]\ncpu_ms = 0"), "function.toml:2:10: cpu_ms: must be at least 1");
  EXPECT_EQ(why("[limits]\ncpu_ms = -1"),
            "function.toml:2:10: cpu_ms: must be a whole number, not negative");
  EXPECT_EQ(why("[cron]\nat = \"* * * * *\""),
            "function.toml:1:1: cron: must be a list of tables, [[cron]]");
  EXPECT_EQ(why("[[cron]]\n"), "function.toml:1:1: cron.at: is missing");
  EXPECT_EQ(why("[[cron]]\nat = \"* * *\""),
            "function.toml: cron: \"* * *\" is not five fields: minute hour day month weekday");
  EXPECT_EQ(why("[[consume]]\nbatch = 1"), "function.toml:1:1: consume.queue: is missing");
  EXPECT_EQ(why("[[consume]]\nqueue = \"a\"\n[[consume]]\nqueue = \"a\""),
            "function.toml:3:1: a: is consumed twice");
  EXPECT_EQ(why("[env]\nA = 2026-01-01"),
            "function.toml:2:5: A: dates have no form in JSON: write a text");
  EXPECT_EQ(why("[env]\nA = \"1\"\n[functions]\nA = \"b\""), "function.toml: env.A is there twice");
  EXPECT_EQ(why("env = 1"), "function.toml:1:7: env: must be a table, [env]");
  EXPECT_EQ(why("name = ").substr(0, 16), "function.toml:1:");
}

}  // namespace
}  // namespace themis
