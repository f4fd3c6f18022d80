// Outward URLs, and the hosts that may be fetched from.
#include <gtest/gtest.h>

#include "runtime/http/url.hpp"

namespace themis::http {
namespace {

std::string parts(std::string_view text) {
  const Result<Url> url = parse_url(text);
  if (!url) return "refused";
  return std::string(url->secure ? "tls " : "") + url->host + " " + std::to_string(url->port) +
         " " + url->target + " " + url->authority();
}

TEST(Url, IsTakenApart) {
  EXPECT_EQ(parts("http://a.example/x?y=1#z"), "a.example 80 /x?y=1 a.example");
  EXPECT_EQ(parts("https://a.example"), "tls a.example 443 / a.example");
  EXPECT_EQ(parts("https://a.example:8443?q"), "tls a.example 8443 /?q a.example:8443");
  EXPECT_EQ(parts("http://[::1]:81/"), "::1 81 / [::1]:81");
  EXPECT_EQ(parts("http://[2606:4700::1111]/"), "2606:4700::1111 80 / [2606:4700::1111]");
}

TEST(Url, AdversaryWhatIsNoneIsRefused) {
  for (const char* text : {"",
                           "http://",
                           "http:///x",
                           "ftp://a/",
                           "file:///etc/passwd",
                           "HTTP://a/",
                           "http://a:0/",
                           "http://a:65536/",
                           "http://a:x/",
                           "http://a:/",
                           "http://user@a/",
                           "http://a@b/",
                           "http://a b/",
                           "http://a/x y",
                           "http://a/x\r\nHost: b",
                           "http://a\r\n/",
                           "http://.a/",
                           "http://a..b/",
                           "http://A.example/",
                           "http://a%2eb/",
                           "http://[::1/",
                           "http://[g]/",
                           "http://\xc3\xa4/",
                           "http://a/\xc3\xa4",
                           "http://a\\b/",
                           "//a/"})
    EXPECT_EQ(parts(text), "refused") << text;
  EXPECT_EQ(parts("http://a/" + std::string(kUrlBytesMax, 'x')), "refused");
}

bool allows(std::vector<std::string> patterns, std::string_view url) {
  return is_allowed_host(patterns, *parse_url(url));
}

TEST(AllowedHosts, AreNamedExactlyOrByTheirDomain) {
  EXPECT_TRUE(allows({"b.example", "a.example"}, "http://a.example/"));
  EXPECT_TRUE(allows({"a.example"}, "https://a.example/"));
  EXPECT_TRUE(allows({"*.example"}, "http://a.b.example/"));
  EXPECT_TRUE(allows({"a.example:81"}, "http://a.example:81/"));
  EXPECT_TRUE(allows({"*.example:8443"}, "https://a.example:8443/"));
  EXPECT_TRUE(allows({"*"}, "http://a.example/"));
  EXPECT_TRUE(allows({"[::1]:81"}, "http://[::1]:81/"));
}

TEST(AllowedHosts, AdversaryOthersAreNot) {
  EXPECT_FALSE(allows({}, "http://a.example/"));
  EXPECT_FALSE(allows({"a.example"}, "http://b.example/"));
  EXPECT_FALSE(allows({"a.example"}, "http://x.a.example/"));
  EXPECT_FALSE(allows({"a.example"}, "http://xa.example/"));
  EXPECT_FALSE(allows({"a.example"}, "http://a.example:81/"));
  EXPECT_FALSE(allows({"a.example:81"}, "http://a.example/"));
  EXPECT_FALSE(allows({"*.example"}, "http://example/"));
  EXPECT_FALSE(allows({"*.example.org"}, "http://badexample.org/"));
  EXPECT_FALSE(allows({"*.example.org"}, "http://a.example.org.evil/"));
  EXPECT_FALSE(allows({"*"}, "http://a.example:22/"));
}

}  // namespace
}  // namespace themis::http
