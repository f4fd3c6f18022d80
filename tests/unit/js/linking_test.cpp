// Which library answers inside the node executable, which exports another OpenSSL than the
// system's.
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include <string_view>

namespace themis::js {
namespace {

TEST(Linking, UsesTheOpenSslItWasCompiledAgainst) {
  EXPECT_EQ(std::string_view(OpenSSL_version(OPENSSL_VERSION)), OPENSSL_VERSION_TEXT);
}

}  // namespace
}  // namespace themis::js
