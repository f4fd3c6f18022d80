#include "bench/apps_mesh.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "actors/placement/placement.hpp"
#include "bench/gateway_load.hpp"
#include "runtime/http/json.hpp"

namespace themis::bench {
namespace {

namespace fs = std::filesystem;

constexpr auto kLook = std::chrono::milliseconds(20);
constexpr int kExecFailed = 127;

/// Some that are free now; all are taken before one is let go, so that no two are the same.
std::vector<uint16_t> free_ports(size_t count) {
  std::vector<uint16_t> ports;
  std::vector<int> sockets;
  for (size_t i = 0; i < count; ++i) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    THEMIS_ASSERT(
        ::bind(sockets.back(), any, size) == 0 && ::getsockname(sockets.back(), any, &size) == 0,
        "loopback has a free port");
    ports.push_back(ntohs(address.sin_port));
  }
  for (const int socket : sockets) ::close(socket);
  return ports;
}

/// Its CPU limits are the largest: a computation is measured, not ended.
std::string config_of(const fs::path& data, uint16_t port, uint16_t bootstrap, uint16_t gateway,
                      const AppsMesh::Options& options) {
  const auto address = [](uint16_t at) { return at == 0 ? "" : fmt::format("127.0.0.1:{}", at); };
  return fmt::format(
      "[mesh]\nbootstrap = [{}]\n[node]\nlisten = \"{}\"\ndata = \"{}\"\nencryption = {}\n"
      "[gateway]\nlisten = \"{}\"\n[workers]\ncount = 1\ncpu_ms = 300000\nwall_ms = 900000\n"
      "profile = \"{}\"\n[log]\nlevel = \"warn\"\n",
      bootstrap == 0 ? "" : "\"" + address(bootstrap) + "\"", address(port), data.string(),
      options.encryption, address(gateway), options.fine_clocks ? "trusted" : "multi-tenant");
}

/// The child ends with this process, whatever ends it. -1: no process.
pid_t start_program(const std::string& program, const std::string& config, const std::string& log) {
  const char* const words[] = {program.c_str(), "--config", config.c_str(), nullptr};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  // Only what is safe between fork and exec.
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (out >= 0) ::dup2(out, STDERR_FILENO), ::dup2(out, STDOUT_FILENO);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent)
    ::execv(words[0], const_cast<char* const*>(words));
  ::_exit(kExecFailed);
}

cli::Maybe<http::Response> get_from(cli::Gateway& gateway, const std::string& path) {
  http::Request request;
  request.method = "GET";
  request.target = path;
  auto answer = gateway.call(std::move(request));
  if (answer && answer->status > 399)
    return cli::failed(path + " answered: " + cli::explain(*answer));
  return answer;
}

std::vector<pid_t> with_children(const std::vector<pid_t>& parents) {
  std::vector<pid_t> all = parents;
  for (const pid_t parent : parents) {
    std::error_code error;
    for (const auto& thread : fs::directory_iterator(fmt::format("/proc/{}/task", parent), error)) {
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child;) all.push_back(child);
    }
  }
  return all;
}

}  // namespace

cli::Maybe<std::unique_ptr<AppsMesh>> AppsMesh::start(const Options& options) {
  std::unique_ptr<AppsMesh> mesh(new AppsMesh);
  mesh->servers_ = options.servers;
  mesh->ports_ = free_ports(options.servers + 2);
  for (size_t number = 0; number <= options.servers; ++number)
    if (auto started = mesh->start_node(number, options); !started)
      return tl::unexpected<cli::Failure>(started.error());
  if (auto whole = mesh->wait_until_whole(); !whole)
    return tl::unexpected<cli::Failure>(whole.error());
  return mesh;
}

AppsMesh::~AppsMesh() {
  for (const pid_t node : nodes_) ::kill(node, SIGINT);
  for (const pid_t node : nodes_)
    while (::waitpid(node, nullptr, 0) < 0 && errno == EINTR) {
    }
}

cli::Outcome AppsMesh::start_node(size_t number, const Options& options) {
  const fs::path folder = folder_.path();
  const std::string config = (folder / fmt::format("node-{}.toml", number)).string();
  std::ofstream(config) << config_of(folder / fmt::format("node-{}", number), ports_[number],
                                     number == 0 ? uint16_t{0} : ports_[0],
                                     number == 0 ? ports_.back() : uint16_t{0}, options);
  const fs::path programs = fs::path(executable_directory()).parent_path() / "apps";
  const pid_t pid = start_program((programs / "themis-node").string(), config,
                                  (folder / fmt::format("node-{}.log", number)).string());
  if (pid < 0) return cli::failed("a node cannot be started: no process is left");
  nodes_.push_back(pid);
  return {};
}

cli::Outcome AppsMesh::wait_until_whole() {
  const fs::path token = folder_.path() / "node-0" / "admin.token";
  cli::Connection to;
  to.gateway = fmt::format("127.0.0.1:{}", ports_.back());
  to.token_file = token.string();
  const TimePoint until = SystemClock{}.now() + kStartMax;
  for (; SystemClock{}.now() < until; std::this_thread::sleep_for(kLook)) {
    for (const pid_t node : nodes_)
      if (::waitpid(node, nullptr, WNOHANG) == node) {
        std::erase(nodes_, node);
        return failed_with_log("a node ended at its start");
      }
    std::error_code error;
    if (!fs::exists(token, error)) continue;
    auto gateway = cli::Gateway::open(to);
    if (!gateway || !get_from(*gateway, "/readyz")) continue;
    const auto ring = gateway->ask("GET", "/v1/ring");
    if (!ring || http::array_or_empty(*ring, "successors").size() != servers_) continue;
    gateway_ = std::move(*gateway);
    return {};
  }
  return failed_with_log("the nodes did not find each other in 30 s");
}

cli::Outcome AppsMesh::failed_with_log(const std::string& what) const {
  std::string last;
  for (size_t number = 0; number <= servers_; ++number) {
    std::ifstream log(folder_.path() / fmt::format("node-{}.log", number));
    for (std::string line; std::getline(log, line);)
      if (!line.empty()) last = line;
  }
  return cli::failed(what + (last.empty() ? "" : ": " + last));
}

cli::Maybe<Duration> AppsMesh::deploy(const cli::Package& package) {
  const std::string name = cli::escaped_segment(package.name);
  const TimePoint start = SystemClock{}.now();
  const auto deployed = gateway_->manage(
      "PUT",
      fmt::format("/v1/functions/{}?instances={}", name,
                  package.instances > 0 ? package.instances : std::max(servers_, size_t{1})),
      package.body, package.content_type);
  if (!deployed) return tl::unexpected<cli::Failure>(deployed.error());
  if (auto answered = get("/f/" + name); !answered)
    return tl::unexpected<cli::Failure>(answered.error());
  return SystemClock{}.now() - start;
}

cli::Outcome AppsMesh::remove(const std::string& function) {
  const auto removed =
      gateway_->manage("DELETE", "/v1/functions/" + cli::escaped_segment(function), {}, {});
  if (!removed) return tl::unexpected<cli::Failure>(removed.error());
  return {};
}

cli::Maybe<http::Response> AppsMesh::get(const std::string& path) {
  return get_from(*gateway_, path);
}

double AppsMesh::cpu_s() const { return cpu_seconds(with_children(nodes_)); }

}  // namespace themis::bench
