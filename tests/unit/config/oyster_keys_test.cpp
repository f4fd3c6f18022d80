// [oyster] of mesh.toml: what is accepted, and what each mistake is answered with.

#include <gtest/gtest.h>

#include "runtime/config/config.hpp"

namespace themis {
namespace {

constexpr std::string_view kWhole = R"(
[oyster]
listen = "127.0.0.1:6001"
rpc = "http://127.0.0.1:8545"
storage = "https://storage.example.org/load"
contract = "0x44FE06D2940B8782A0A9A9FFD09C65852C0156B1"
signer = "id.sec"
operator_token = "token"
timeout_ms = 1000
cpu_ms = 100
fresh = true
strict_path = false
capacity = 7
spare = 2
fronts = ["any"]
runners = ["00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]
billing = "127.0.0.1:6002"
deposit_contract = "0x0784e2d4551905f66269b133aa4f43fe3d23b707"
deposit_min = 5
)";

std::string error_of(std::string_view keys) {
  const auto config =
      parse_config("[oyster]\nrpc = \"http://a\"\n" + std::string(keys), "mesh.toml");
  return config ? "accepted" : config.error().detail;
}

TEST(OysterConfig, ReadsEveryKeyAndShowsItAgain) {
  const auto config = parse_config(kWhole, "mesh.toml");
  ASSERT_TRUE(config) << config.error().detail;
  const OysterConfig& oyster = config->oyster;
  EXPECT_EQ(oyster.listen->text(), "127.0.0.1:6001");
  EXPECT_EQ(oyster.contract, "0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1");
  EXPECT_EQ(oyster.storage, "https://storage.example.org/load");
  EXPECT_TRUE(oyster.fresh);
  EXPECT_FALSE(oyster.strict_path);
  EXPECT_EQ(oyster.capacity, 7u);
  EXPECT_EQ(oyster.deposit_min, 5u);
  EXPECT_EQ(oyster.spare, 2u);
  EXPECT_EQ(oyster.fronts, std::vector<std::string>{"any"});
  EXPECT_TRUE(oyster.runners.at(0).starts_with("0011"));
  EXPECT_TRUE(Config{}.oyster.fronts.empty() && Config{}.oyster.runners.empty()) << "nobody's";
  const auto again = parse_config(describe(*config), "described");
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, *config);
  EXPECT_FALSE(Config{}.oyster.listen);
}

TEST(OysterConfig, SaysWhatIsWrong) {
  EXPECT_EQ(error_of("listen = \"127.0.0.1:6001\""), "accepted");
  EXPECT_EQ(
      error_of("contract = \"0x12\""),
      "mesh.toml:3:12: oyster.contract: \"0x12\" is no address: 0x and 40 hexadecimal digits");
  EXPECT_NE(error_of("contract = \"\""), "accepted");
  EXPECT_EQ(error_of("deposit_contract = \"\""), "accepted");
  EXPECT_TRUE(error_of("storage = \"localhost\"")
                  .starts_with("mesh.toml:3:11: oyster.storage: \"localhost\" is no URL: "));
  EXPECT_EQ(error_of("listen = \"127.0.0.1:1\"\ncapacity = 0"),
            "mesh.toml:4:12: oyster.capacity: no node may run a code: set oyster.runners");
  EXPECT_EQ(error_of("listen = \"127.0.0.1:1\"\ncapacity = 0\nrunners = [\"any\"]"), "accepted");
  EXPECT_NE(error_of("capacity = 0\nfronts = [\"any\"]"), "accepted");
  EXPECT_EQ(error_of("fronts = [\"all\"]"),
            "mesh.toml:3:10: oyster.fronts: \"all\" is neither \"any\" nor the 64 digits of a node "
            "id (themis id prints them)");
  EXPECT_NE(error_of("timeout_ms = 0"), "accepted");
  EXPECT_EQ(error_of("timeout_ms = 249"),
            "mesh.toml:3:14: oyster.timeout_ms: 249 ms end before the CPU time of 250 ms is used");
  EXPECT_NE(error_of("billing = \"127.0.0.1:6002\""), "accepted");
  EXPECT_EQ(error_of("listen = \"127.0.0.1:8080\""),
            "mesh.toml:3:10: oyster.listen: port 8080 is the gateway's or the node's own");
  EXPECT_NE(error_of("listen = \"127.0.0.1:1\"\nbilling = \"127.0.0.1:1\""), "accepted");
  EXPECT_EQ(parse_config("[oyster]\nlisten = \"127.0.0.1:1\"", "mesh.toml").error().detail,
            "mesh.toml:2:10: oyster.listen: code comes from somewhere: set oyster.rpc or "
            "oyster.storage");
  EXPECT_TRUE(parse_config("[oyster]\nlisten = \"127.0.0.1:1\"\nfronts = [\"any\"]", "mesh.toml"))
      << "a node that runs codes for others has an operator too";
  EXPECT_TRUE(error_of("freshh = true").ends_with("unknown key; did you mean oyster.fresh?"));
}

}  // namespace
}  // namespace themis
