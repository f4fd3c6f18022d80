#include "apps/themis/esbuild.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "apps/themis/output.hpp"
#include "runtime/bundle/source_map.hpp"
#include "runtime/http/json.hpp"

extern char** environ;

namespace themis::cli {
namespace {

namespace fs = std::filesystem;

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

/// Something below the nearest node_modules that has it, from `folder` upwards; empty: none has.
fs::path find_installed(const fs::path& folder, const fs::path& name) {
  std::error_code error;
  for (fs::path at = fs::absolute(folder, error).lexically_normal();; at = at.parent_path()) {
    const fs::path found = at / "node_modules" / name;
    if (fs::exists(found, error)) return found;
    if (at == at.parent_path()) return {};
  }
}

/// Empty: there is none.
fs::path find_esbuild(const fs::path& folder) {
  if (const char* named = std::getenv("THEMIS_ESBUILD")) return named;
  const fs::path installed = find_installed(folder, fs::path(".bin") / "esbuild");
  if (is_program(installed)) return installed;
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const size_t end = std::min(left.find(':'), left.size());
    const fs::path found = fs::path(left.substr(0, end)) / "esbuild";
    if (end > 0 && is_program(found)) return found;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return {};
}

/// Modules of Node.js, which packages for browsers too ask for in branches that only Node.js runs.
/// Left as they are, unless a package of that name is installed: `require` of one throws where it
/// is called, an import is refused at the deploy.
constexpr std::string_view kNodeModules =
    "assert async_hooks buffer child_process crypto dns events fs http https module net os path "
    "perf_hooks process querystring stream string_decoder timers tls tty url util v8 vm "
    "worker_threads zlib";

void add_node_modules(const fs::path& folder, std::vector<std::string>& words) {
  words.emplace_back("--external:node:*");
  std::istringstream names{std::string(kNodeModules)};
  for (std::string name; names >> name;)
    if (find_installed(folder, name).empty()) words.push_back("--external:" + name);
}

/// Runs a program to its end; what it says goes to `log`. Its exit code, or -1 with errno.
int run(const std::vector<std::string>& words, const fs::path& log) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return errno = error, -1;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/// The first two lines with something on them: what is wrong, and where.
std::string first_lines(const std::string& text) {
  std::string out;
  int lines = 0;
  for (size_t at = 0; at < text.size() && lines < 2;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (!line.empty()) {
      out += (out.empty() ? "" : " at ") + std::string(line);
      ++lines;
    }
    at = end + 1;
  }
  return out;
}

}  // namespace

Maybe<std::string> run_esbuild(const fs::path& folder, const std::string& main,
                               const std::vector<std::string>& external,
                               const std::string& needed_by) {
  const fs::path program = find_esbuild(folder);
  if (program.empty())
    return failed(
        fmt::format("{} needs esbuild, which is not here: npm install --save-dev esbuild "
                    "(or name it in $THEMIS_ESBUILD)",
                    needed_by));
  const fs::path out = folder / ".themis";
  std::error_code error;
  fs::create_directories(out, error);
  if (error) return failed(fmt::format("{}: {}", out.string(), error.message()));
  std::vector<std::string> words = {program.string(),
                                    (folder / main).string(),
                                    "--bundle",
                                    "--format=esm",
                                    "--platform=neutral",
                                    "--main-fields=module,main",
                                    "--conditions=worker",
                                    "--target=es2024",
                                    "--charset=utf8",
                                    "--sourcemap=external",
                                    "--sources-content=false",
                                    "--log-level=error",
                                    "--color=false",
                                    "--outfile=" + (out / kEsbuildMain).string()};
  for (const std::string& name : external) words.push_back("--external:" + name);
  add_node_modules(folder, words);
  const fs::path log = out / "esbuild.log";
  const int code = run(words, log);
  if (code < 0) return failed(fmt::format("{}: {}", program.string(), std::strerror(errno)));
  if (code != 0) {
    const auto said = read_file(log.string());
    return failed("esbuild: " + printable(first_lines(said ? *said : "it failed")));
  }
  return read_file((out / kEsbuildMain).string());
}

std::optional<std::string> read_esbuild_map(const fs::path& folder) {
  const fs::path out = folder / ".themis";
  const auto text =
      read_file((out / kEsbuildMain).string() + std::string(bundle::kSourceMapEnding));
  if (!text) return std::nullopt;
  const auto json = http::parse_json(*text);
  if (!json) return std::nullopt;
  std::string map(bundle::kSourceMapHead);
  for (const http::Json& source : http::array_or_empty(*json, "sources")) {
    if (!source.is_string()) return std::nullopt;
    const fs::path path = (".themis" / fs::path(source.get<std::string>())).lexically_normal();
    std::string name = path.generic_string();
    std::ranges::replace_if(
        name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
    map += (name.empty() ? "?" : name) + "\n";
  }
  return map + "\n" + http::string_or(*json, "mappings", "");
}

}  // namespace themis::cli
