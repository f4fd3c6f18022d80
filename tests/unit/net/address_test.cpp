#include "runtime/net/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "runtime/net/socket.hpp"

namespace themis::net {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text : {"127.0.0.1:7001", "0.0.0.0:0", "[::1]:65535", "[2001:db8::7]:80"}) {
    const Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
}

TEST(Address, MeansLoopbackByLocalhost) {
  EXPECT_EQ(*Address::parse("localhost:7001"), (Address{"127.0.0.1", 7001}));
}

TEST(Address, HasOneTextForOneAddress) {
  EXPECT_EQ(*Address::parse("[0:0:0:0:0:0:0:1]:80"), *Address::parse("[::1]:80"));
  EXPECT_EQ(*Address::parse("[2001:DB8::7]:80"), *Address::parse("[2001:db8::7]:80"));
  EXPECT_EQ(*Address::from_host("2001:DB8:0::7", 80), *Address::parse("[2001:db8::7]:80"));
}

/// Two texts of one address compared unequal: a peer that a dual-stack socket accepted was nobody
/// that was known.
TEST(Address, RegressAnIpv4AddressInIpv6HasTheTextOfTheIpv4Address) {
  const Address plain{"127.0.0.1", 80};
  EXPECT_EQ(*Address::parse("[::ffff:127.0.0.1]:80"), plain);
  EXPECT_EQ(*Address::from_host("::FFFF:7f00:1", 80), plain);
  sockaddr_storage storage{};
  auto& six = reinterpret_cast<sockaddr_in6&>(storage);
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(80);
  ASSERT_EQ(inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr), 1);
  EXPECT_EQ(from_socket_address(storage), plain);
}

TEST(Address, BelongsToASite) {
  EXPECT_EQ((Address{"10.0.0.1", 80}).site(), "10.0.0.1");
  EXPECT_EQ((Address{"::ffff:10.0.0.1", 80}).site(), "10.0.0.1");
  EXPECT_EQ((Address{"2001:db8:1:2:3:4:5:6", 80}).site(), "2001:db8:1:2::/64");
  EXPECT_EQ((Address{"2001:db8:1:2::9", 1}).site(), "2001:db8:1:2::/64") << "one holder has it all";
  EXPECT_EQ((Address{"2001:db8:1:3::9", 1}).site(), "2001:db8:1:3::/64");
}

TEST(Address, KnowsLoopback) {
  EXPECT_TRUE((Address{"127.0.0.1", 80}).is_loopback());
  EXPECT_TRUE((Address{"127.200.3.4", 80}).is_loopback());
  EXPECT_TRUE((Address{"::1", 80}).is_loopback());
  EXPECT_TRUE((Address{"::ffff:127.0.0.1", 80}).is_loopback());
  EXPECT_FALSE((Address{"128.0.0.1", 80}).is_loopback());
  EXPECT_FALSE((Address{"::2", 80}).is_loopback());
}

TEST(Address, SaysWhatIsMissing) {
  const Result<Address> address = Address::parse("127.0.0.1");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error(), (Error{Code::malformed, "\"127.0.0.1\" has no port"}));
}

TEST(Address, RefusesWhatIsNoAddress) {
  const std::string_view wrong[] = {"",
                                    ":",
                                    ":80",
                                    "[",
                                    "[]:80",
                                    "[::1]",
                                    "[::1]x:80",
                                    "::1:80",
                                    "127.0.0.1:",
                                    "127.0.0.1:65536",
                                    "127.0.0.1:-1",
                                    "127.0.0.1:+1",
                                    "127.0.0.1:80x",
                                    "127.0.0.1: 80",
                                    "127.0.0.01:80",
                                    "127.1:80",
                                    "[127.0.0.1]:80",
                                    "example.org:80",
                                    "[fe80::1%lo]:80",
                                    std::string_view("127.0.0.1\0:80", 13),
                                    std::string_view("127.0.0.1\0evil:80", 17)};
  for (const std::string_view text : wrong) {
    const Result<Address> address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Code::malformed) << text;
  }
}

}  // namespace
}  // namespace themis::net
