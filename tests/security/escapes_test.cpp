// What a function host cannot do once it was taken over: each escape in a process of its own,
// started and confined as hosts are. The system calls that are left are printed.
#include "tests/security/escapes.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "enclave/sandbox/filter.hpp"
#include "enclave/sandbox/launch.hpp"

namespace themis::security {
namespace {

std::string read_all(int fd) {
  std::string all;
  char buffer[256];
  pollfd ready{fd, POLLIN, 0};
  while (::poll(&ready, 1, 30'000) == 1) {
    const ssize_t length = ::read(fd, buffer, sizeof buffer);
    if (length <= 0) break;
    all.append(buffer, static_cast<size_t>(length));
  }
  return all;
}

/// "EPERM", or "killed by signal 31".
std::string outcome_of(size_t escape) {
  sandbox::LaunchOptions options;
  options.argv = {THEMIS_ESCAPER, std::to_string(escape)};
  auto process = sandbox::launch(options);
  if (!process) return process.error().text();
  const int channel = process->take_channel();
  const std::string said = read_all(channel);
  ::close(channel);
  const std::string end = process->wait().text();
  return said.empty() ? end : said;
}

TEST(Escapes, AdversaryNoneGetsOut) {
  static_assert(std::size(kEscapes) >= 25);
  size_t deaths = 0;
  for (size_t i = 0; i < std::size(kEscapes); ++i) {
    const std::string outcome = outcome_of(i);
    const bool died = outcome == "killed by signal 31";
    deaths += died ? 1 : 0;
    EXPECT_TRUE(died || outcome == "EPERM" || outcome == "ENOSYS")
        << kEscapes[i].name << ": " << outcome;
  }
  std::printf("%zu escapes: %zu end the process, %zu are refused\n", std::size(kEscapes), deaths,
              std::size(kEscapes) - deaths);
  EXPECT_GE(deaths, 20u);
}

TEST(Escapes, TheCallsThatAreLeftArePrinted) {
  const auto calls = sandbox::allowed_calls(sandbox::Profile::v8);
  std::printf("%zu system calls of a function host:", calls.size());
  for (const std::string& call : calls) std::printf(" %s", call.c_str());
  std::printf("\n");
  EXPECT_LE(calls.size(), 45u);
}

}  // namespace
}  // namespace themis::security
