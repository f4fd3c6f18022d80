// Which library answers inside the node executable, which exports another OpenSSL than the
// system's.
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "runtime/js/node_flags.hpp"

namespace themis::js {
namespace {

TEST(Linking, UsesTheOpenSslItWasCompiledAgainst) {
  EXPECT_EQ(std::string_view(OpenSSL_version(OPENSSL_VERSION)), OPENSSL_VERSION_TEXT);
}

TEST(Linking, RegressTheBuildStartsNodeWithEveryFlagOfTheList) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  for (const char* flag : kNodeFlags)
    EXPECT_NE(line.find('\0' + std::string(flag) + '\0'), std::string::npos) << flag;
}

}  // namespace
}  // namespace themis::js
