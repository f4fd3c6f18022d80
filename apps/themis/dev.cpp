#include "apps/themis/dev.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "apps/themis/file_watch.hpp"
#include "apps/themis/log_reader.hpp"
#include "apps/themis/output.hpp"
#include "apps/themis/package.hpp"
#include "runtime/base/clock.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;
using http::Json;

/// Saves that come so close together are one: editors write several files.
constexpr int kQuietMs = 4;
/// While the gateway does not answer.
constexpr int kPauseMs = 500;

void say(const Connection& to, const Json& event, const std::string& text) {
  print_line(to.json ? http::to_text(event) : text);
  fflush(stdout);
}

/// A file's folder, or the folder itself.
fs::path watched_folder(const std::string& file) {
  std::error_code error;
  const fs::path given(file);
  if (fs::is_directory(given, error)) return given;
  return given.parent_path().empty() ? fs::path(".") : given.parent_path();
}

/// Deploys what the files are by now, unless it is that already.
class Deployer {
 public:
  Deployer(const Connection& to, const Dev& what, Gateway gateway)
      : to_(to), what_(what), gateway_(std::move(gateway)) {}

  /// `saved`: when the files were written.
  void deploy(TimePoint saved) {
    auto package = make_package(what_.deploy, what_.deploy.files.front());
    if (!package) return refuse(package.error().text);
    if (package->body == body_ && !refused_) return;
    std::string target = "/v1/functions/" + escaped_segment(package->name) + "?instances=1";
    const auto answer = gateway_.manage("PUT", target, package->body, package->content_type);
    if (!answer) return refuse(answer.error().text);
    const auto json = http::parse_json(*answer);
    refused_ = false;
    body_ = std::move(package->body);
    name_ = package->name;
    version_ = json ? http::integer_or(*json, "version", 0) : 0;
    const int64_t took_ms = to_ms(SystemClock().now() - saved);
    const std::string url = fmt::format("http://{}/f/{}", gateway_.address().text(), name_);
    say(to_,
        {{"event", "live"}, {"name", name_}, {"version", version_}, {"ms", took_ms}, {"url", url}},
        fmt::format("{} version {} is live after {} ms: {}", printable(name_), version_, took_ms,
                    url));
  }
  /// Empty until the first deploy.
  const std::string& name() const { return name_; }

 private:
  void refuse(const std::string& why) {
    refused_ = true;
    std::string text = "not deployed: " + why;
    if (version_ > 0) text += fmt::format("\n  version {} goes on", version_);
    say(to_, {{"event", "refused"}, {"detail", why}, {"version", version_}}, text);
  }

  const Connection& to_;
  const Dev& what_;
  Gateway gateway_;
  std::string name_, body_;
  int64_t version_ = 0;
  bool refused_ = false;
};

/// On a thread of its own until the process ends; what it printed is whole lines.
void print_logs(Gateway gateway, const std::string& name, bool json, int64_t since_ms) {
  LogReader reader(name, "debug", since_ms);
  while (true)
    if (!reader.print_next(gateway, true, json)) poll(nullptr, 0, kPauseMs);
}

class Session {
 public:
  Session(const Connection& to, const Dev& what, const DevNode* node)
      : to_(to), what_(what), node_(node) {}

  Outcome run(const net::Descriptor& signals) {
    const fs::path folder = watched_folder(what_.deploy.files.front());
    auto watch = FileWatch::open(folder);
    if (!watch) return tl::unexpected<Failure>(watch.error());
    auto gateway = Gateway::open(to_);
    if (!gateway) return tl::unexpected<Failure>(gateway.error());
    Deployer deployer(to_, what_, *gateway);
    deployer.deploy(SystemClock().now());
    say(to_, {{"event", "watching"}, {"folder", folder.string()}},
        fmt::format("watching {}; Ctrl-C ends it", folder.string()));
    while (true) {
      if (!has_logs_ && !deployer.name().empty()) {
        has_logs_ = true;
        std::thread(print_logs, *gateway, deployer.name(), to_.json, begun_ms_).detach();
      }
      std::array<pollfd, 2> wait{pollfd{signals.get(), POLLIN, 0},
                                 pollfd{watch->descriptor(), POLLIN, 0}};
      if (poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR)
        return failed(std::string("poll: ") + std::strerror(errno));
      if (wait[0].revents != 0) {
        if (!is_child(signals)) return {};
        if (const auto why = node_ != nullptr ? node_->ended() : std::nullopt) return failed(*why);
      }
      if (wait[1].revents == 0) continue;
      const TimePoint saved = SystemClock().now();
      bool changed = watch->take();
      while (poll(&wait[1], 1, kQuietMs) > 0) changed = watch->take() || changed;
      if (changed) deployer.deploy(saved);
    }
  }

 private:
  /// Else it is to end.
  static bool is_child(const net::Descriptor& signals) {
    signalfd_siginfo info{};
    return read(signals.get(), &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD;
  }

  const Connection& to_;
  const Dev& what_;
  const DevNode* node_;
  const int64_t begun_ms_ = SystemClock().wall_ms();  ///< Older lines are not of this session.
  bool has_logs_ = false;
};

}  // namespace

Outcome dev(const Connection& to, const Dev& what) {
  // Before any thread, so that all have it.
  sigset_t ending;
  sigemptyset(&ending);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&ending, one);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  const net::Descriptor signals(signalfd(-1, &ending, SFD_CLOEXEC));
  if (!to.gateway.empty() || !to.config.empty()) return Session(to, what, nullptr).run(signals);
  const auto node = DevNode::start(what.node);
  if (!node) return tl::unexpected<Failure>(node.error());
  Connection own = node->connection();
  own.json = to.json;
  return Session(own, what, &*node).run(signals);
}

}  // namespace themis::cli
