// Which library answers inside the node executable, which exports another OpenSSL than the
// system's.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/js/node_flags.hpp"

namespace themis::js {
namespace {

/// What this addon takes from other libraries, by its table of dynamic symbols.
std::vector<std::string> imported_names() {
  Dl_info here{};
  void* map = nullptr;
  static const int anything = 0;
  if (dladdr1(&anything, &here, &map, RTLD_DL_LINKMAP) == 0) return {};
  const ElfW(Sym)* symbol = nullptr;
  const char* names = nullptr;
  for (const ElfW(Dyn)* entry = static_cast<link_map*>(map)->l_ld; entry->d_tag != DT_NULL;
       ++entry) {
    if (entry->d_tag == DT_SYMTAB) symbol = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(entry->d_un.d_ptr);
  }
  std::vector<std::string> imported;  // the names follow the symbols
  for (; reinterpret_cast<const char*>(symbol) < names; ++symbol)
    if (symbol->st_shndx == SHN_UNDEF) imported.emplace_back(names + symbol->st_name);
  return imported;
}

TEST(Linking, UsesTheExecutablesOpenSslWhichIsNewerThanTheHeaders) {
  EXPECT_NE(std::string_view(OpenSSL_version(OPENSSL_VERSION)), OPENSSL_VERSION_TEXT);
  EXPECT_EQ(OPENSSL_version_major(), unsigned{OPENSSL_VERSION_MAJOR}) << "its ABI is another";
  EXPECT_GE(OpenSSL_version_num(), static_cast<unsigned long>(OPENSSL_VERSION_NUMBER));
}

/// Two copies that pass each other's objects would end in their corruption.
TEST(Linking, TakesNoFunctionFromTheSystemsOpenSsl) {
  void* const system = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NOLOAD);
  void* const executable = dlopen(nullptr, RTLD_LAZY);
  ASSERT_TRUE(system != nullptr && executable != nullptr);
  size_t of_openssl = 0;
  for (const std::string& name : imported_names()) {
    void* const theirs = dlsym(system, name.c_str());
    Dl_info info{};
    if (theirs == nullptr || dladdr(theirs, &info) == 0) continue;
    if (std::string_view(info.dli_fname).find("libcrypto") == std::string_view::npos) continue;
    ++of_openssl;
    EXPECT_NE(dlsym(executable, name.c_str()), theirs) << name << ": node does not export it";
  }
  EXPECT_GT(of_openssl, 50u);
}

TEST(Linking, RegressTheBuildStartsNodeWithEveryFlagOfTheList) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  for (const char* flag : kNodeFlags)
    EXPECT_NE(line.find('\0' + std::string(flag) + '\0'), std::string::npos) << flag;
}

}  // namespace
}  // namespace themis::js
