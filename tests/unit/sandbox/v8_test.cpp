// The pinned node executable inside the sandbox, confined by the v8 profile: it works, and cannot
// get out.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <string>

#include "enclave/sandbox/launch.hpp"

namespace themis::sandbox {
namespace {

/// What the workload printed and how it ended.
std::string run_node(const std::string& last_step) {
  LaunchOptions options;
  options.argv = {THEMIS_NODE,     "--expose-gc", "--no-warnings",
                  THEMIS_WORKLOAD, THEMIS_ADDON,  last_step};
  options.readable = {THEMIS_WORKLOAD, THEMIS_ADDON};
  options.environment = {"OPENSSL_CONF=/dev/null"};  // the machine's own must not be read
  options.output = Output::pipe;
  options.limits = {.memory_bytes = 1u << 30, .processes = 64};
  auto process = launch(options);
  if (!process) return process.error().text();
  std::string said;
  for (char buffer[4096];;) {
    pollfd ready{process->output_fd(), POLLIN, 0};
    if (::poll(&ready, 1, 60'000) != 1) return said + "(no end in 60 s)";
    const ssize_t length = ::read(process->output_fd(), buffer, sizeof buffer);
    if (length <= 0) break;
    said.append(buffer, static_cast<size_t>(length));
  }
  return said + process->wait().text();
}

constexpr char kWorked[] =
    "25997 705082704 true\n"  // optimised code, WebAssembly, garbage collection
    "EPERM EPERM EPERM\n"     // files
    "ticks 5 true\n";         // timers, promises, WebAssembly compiled on another thread

TEST(V8Sandbox, RunsJavaScriptWebAssemblyAndTimersWithoutFiles) {
  EXPECT_EQ(run_node("exit"), std::string(kWorked) + "exit code 5");
}

TEST(V8Sandbox, AdversaryInJavaScriptDiesOnItsFirstSocket) {
  EXPECT_EQ(run_node("connect"), std::string(kWorked) + "killed by signal 31");
}

TEST(V8Sandbox, AdversaryInJavaScriptCannotStartAProcess) {
  const std::string said = run_node("spawn");
  EXPECT_TRUE(said.starts_with(kWorked)) << said;
  EXPECT_EQ(said.find("started"), std::string::npos) << said;
}

}  // namespace
}  // namespace themis::sandbox
