// escaper N: confines itself as a function host does, then tries escape number N, and prints what
// came of it.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "enclave/sandbox/filter.hpp"
#include "enclave/sandbox/launch.hpp"
#include "tests/security/escapes.hpp"

int main(int count, char** words) {
  using namespace themis;
  const size_t chosen =
      count == 2 ? std::strtoul(words[1], nullptr, 10) : std::size(security::kEscapes);
  if (chosen >= std::size(security::kEscapes)) return 2;
  if (!sandbox::confine_self(sandbox::Profile::v8)) return 3;
  const security::Escape& escape = security::kEscapes[chosen];
  const long* a = escape.arguments;
  const long result = ::syscall(escape.call, a[0], a[1], a[2], a[3], a[4], a[5]);
  const std::string said = result < 0 ? ::strerrorname_np(errno) : "escaped";
  return ::write(sandbox::kChannelFd, said.data(), said.size()) > 0 ? 0 : 4;
}
