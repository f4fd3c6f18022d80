// Runs Web Platform Tests that run.py made into functions: argv is the addon, the snapshot, a
// folder. Each N.js in it is a function, N.json the body of its one request, N.out what it answers.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/js/addon.hpp"
#include "tests/unit/js/test_host.hpp"

namespace themis::js {
namespace {

std::unique_ptr<Engine> the_engine;

/// Far above what any test needs: here a limit is a failure, not the subject.
Limits wide_limits() {
  Limits limits;
  limits.profile = Profile::trusted;  // for WebAssembly from bytes
  limits.heap_bytes = 1u << 30;
  limits.buffer_bytes = 512u << 20;
  limits.cpu = 60s;
  limits.wall = 600s;  // of virtual time
  limits.response_bytes = 64u << 20;
  return limits;
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(content).str();
}

/// The answer's body, or `{"error": ...}`.
std::string run(const std::filesystem::path& source) {
  std::filesystem::path body = source;
  body.replace_extension(".json");
  Function function(read(source), wide_limits());
  function.host().run(5ms);  // the clock of a real function is not at 0 either
  Result<Response> answer = function.call(
      {.method = "POST", .url = "http://web-platform.test/", .body = to_bytes(read(body))});
  if (answer) return std::string(as_text(answer->body));
  std::string quoted;
  for (const char c : answer.error().text())
    quoted += c == '"' || c == '\\' ? '\'' : static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return "{\"error\": \"" + quoted + "\"}";
}

}  // namespace

Engine& engine() { return *the_engine; }
std::string snapshot_path() { return {}; }

}  // namespace themis::js

int themis_worker_main(int argc, char** argv) {
  using namespace themis::js;
  if (argc != 3) return 2;
  auto created = Engine::create({.snapshot_path = argv[1]});
  if (!created) {
    std::fprintf(stderr, "%s\n", created.error().text().c_str());
    return 1;
  }
  the_engine = std::move(*created);
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    if (entry.path().extension() != ".js") continue;
    std::filesystem::path out = entry.path();
    std::ofstream(out.replace_extension(".out"), std::ios::binary) << run(entry.path());
  }
  the_engine.reset();
  return 0;
}
