// Which addresses are public.
#include <gtest/gtest.h>

#include "runtime/net/public_address.hpp"

namespace themis::net {
namespace {

bool is_public_host(const char* host) {
  const Result<Address> address = Address::from_host(host, 80);
  EXPECT_TRUE(address) << host;
  return address && is_public(*address);
}

TEST(PublicAddress, KnowsTheInternet) {
  for (const char* host :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
        "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111",
        "2a00:1450:4001::1", "2002:0808:0808::1", "64:ff9b::8.8.8.8"})
    EXPECT_TRUE(is_public_host(host)) << host;
}

TEST(PublicAddress, AdversaryWhatIsNotPublicIsNot) {
  for (const char* host : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::127.0.0.1",
                           "fe80::1",
                           "fec0::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "2001:10::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b:1::1",
                           "100::1",
                           "3fff::1",
                           "4000::1"})
    EXPECT_FALSE(is_public_host(host)) << host;
  EXPECT_FALSE(is_public({"example.org", 80}));
  EXPECT_FALSE(is_public({"", 80}));
}

}  // namespace
}  // namespace themis::net
