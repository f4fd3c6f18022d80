#include "apps/themis/dev_node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/http/client.hpp"
#include "runtime/net/socket.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;

/// A first start on a busy machine takes some seconds.
constexpr Duration kReadyMax = 20s;
/// What an orderly end of temporary data is worth.
constexpr int kEndMs = 500;
constexpr int kPollMs = 5;

/// Its functions have the limits of every other node's.
constexpr const char* kConfig = R"([mesh]
network = "dev"
bootstrap = []
redundancy = 0
[node]
listen = "127.0.0.1:0"
data = "{0}/data"
[gateway]
listen = "{1}"
[workers]
count = 1
spare = 0
[place]
monitors = "local"
[log]
level = "warn"
)";

fs::path node_program() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / "themis-node";
}

/// Whether somebody may listen there; which port it is, of 0.
std::optional<uint16_t> free_port(uint16_t port) {
  const net::Descriptor probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(probe.get(), generic, length) != 0 || listen(probe.get(), 1) != 0 ||
      getsockname(probe.get(), generic, &length) != 0)
    return std::nullopt;
  return ntohs(address.sin_port);
}

/// Where the gateway is to listen.
Maybe<std::string> gateway_address(const DevNodeOptions& options) {
  std::optional<uint16_t> port = free_port(options.port.value_or(kDevPort));
  if (!port && options.port)
    return failed(fmt::format("port {} is in use; give another --port", *options.port));
  if (!port) port = free_port(0);
  if (!port) return failed("no port of 127.0.0.1 is free");
  return net::Address{"127.0.0.1", *port}.text();
}

[[noreturn]] void become_node(const fs::path& program, const std::vector<std::string>& words,
                              int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  setpgid(0, 0);  // Ctrl-C of the terminal is for whoever looks after it
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);
}

}  // namespace

DevNode::DevNode(DevNode&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      gateway_(std::move(other.gateway_)),
      pid_(std::exchange(other.pid_, -1)) {}

DevNode::~DevNode() {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    int waited = 0;
    while (waitpid(pid_, nullptr, WNOHANG) == 0 && waited < kEndMs) {
      poll(nullptr, 0, kPollMs);
      waited += kPollMs;
    }
    if (waited >= kEndMs) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  std::error_code error;
  if (!folder_.empty()) fs::remove_all(folder_, error);
}

Maybe<DevNode> DevNode::start(const DevNodeOptions& options) {
  DevNode node;
  if (auto launched = node.launch(options); !launched)
    return tl::unexpected<Failure>(launched.error());
  if (auto ready = node.wait_ready(); !ready) return tl::unexpected<Failure>(ready.error());
  return node;
}

Outcome DevNode::launch(const DevNodeOptions& options) {
  const fs::path program = node_program();
  std::error_code error;
  if (!fs::exists(program, error))
    return failed(fmt::format("{} is not there; build it, or give --gateway", program.string()));
  auto address = gateway_address(options);
  if (!address) return tl::unexpected<Failure>(address.error());
  gateway_ = *address;
  // mkdtemp(3) puts its own six characters in the place of the last six.
  std::string name =
      (fs::temp_directory_path(error) / ("themis-dev-" + std::string(6, 'X'))).string();
  if (mkdtemp(name.data()) == nullptr)
    return failed(fmt::format("{}: {}", name, std::strerror(errno)));
  folder_ = name;
  const fs::path config = folder_ / "mesh.toml";
  std::ofstream(config) << fmt::format(fmt::runtime(kConfig), folder_.string(), gateway_);
  std::vector<std::string> words{program.string(), "--config", config.string()};
  for (const std::string& setting : options.settings) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  const net::Descriptor log(
      open((folder_ / "node.log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  pid_ = fork();
  if (pid_ < 0) return failed(fmt::format("fork: {}", std::strerror(errno)));
  if (pid_ == 0) become_node(program, words, log.get());
  return {};
}

Outcome DevNode::wait_ready() {
  const auto address = net::Address::parse(gateway_);
  const TimePoint end = SystemClock().now() + kReadyMax;
  while (SystemClock().now() < end) {
    if (const auto why = ended()) return failed(*why);
    http::Client client(*address);
    const auto answer = client.send({"GET", "/readyz", {}, {}, {}});
    if (answer && answer->status == 200) return {};
    poll(nullptr, 0, kPollMs);
  }
  return failed("the node is not ready: " + last_words());
}

std::optional<std::string> DevNode::ended() const {
  siginfo_t info{};
  const int asked = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (asked == 0 && info.si_pid == 0) return std::nullopt;
  return "the node ended: " + last_words();
}

std::string DevNode::last_words() const {
  const auto log = read_file((folder_ / "node.log").string());
  if (!log || log->empty()) return "it said nothing";
  const size_t end = log->find_last_not_of('\n');
  const size_t start = log->rfind('\n', end);
  return printable(
      std::string_view(*log).substr(start == std::string::npos ? 0 : start + 1, end - start));
}

Connection DevNode::connection() const {
  Connection to;
  to.gateway = gateway_;
  to.token_file = (folder_ / "data/admin.token").string();
  return to;
}

}  // namespace themis::cli
