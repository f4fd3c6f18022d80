#include "bench/gateway_load.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "runtime/http/parser.hpp"
#include "runtime/net/epoll_loop.hpp"

namespace themis::bench {

double cpu_seconds(const std::vector<pid_t>& processes) {
  double seconds = 0;
  for (const pid_t process : processes) {
    clockid_t clock{};
    timespec used{};
    // 0 would be this process.
    if (process == 0 || ::clock_getcpuclockid(process, &clock) != 0 ||
        ::clock_gettime(clock, &used) != 0)
      continue;
    seconds += static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  }
  return seconds;
}

std::string serialize(const http::Request& request, const net::Address& gateway) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, gateway.text());
  for (const http::Header& header : request.headers)
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  if (!request.body.empty()) text += fmt::format("Content-Length: {}\r\n", request.body.size());
  return text + "\r\n" + request.body;
}

namespace {

struct Load {
  net::EpollLoop loop;
  std::string request;
  std::vector<double> latencies_ms;
  size_t failures = 0;
  Error error;  // the first one; its detail is empty while all is well

  void fail(Error why) {
    if (error.detail.empty()) error = std::move(why);
    loop.stop();
  }
};

/// One connection in a closed loop: the next request leaves when the answer is in.
class Caller final : public net::StreamHandler {
 public:
  explicit Caller(Load& load) : load_(load), parser_(http::Parser::Role::response, {}) {}

  Status start(const net::Address& gateway) {
    THEMIS_TRY(stream_, load_.loop.connect(gateway, *this));
    return {};
  }
  void on_connected() override { send(); }
  void on_writable() override { write_rest(); }
  void on_closed(const Error& why) override { load_.fail(why); }
  void on_data(std::span<std::byte> data) override {
    std::string_view input = as_text(data);
    while (!input.empty()) {
      const auto used = parser_.feed(input);
      if (!used) return load_.fail({Code::malformed, used.error().detail});
      input.remove_prefix(*used);
      if (!parser_.complete()) continue;
      const Duration took = load_.loop.now() - sent_at_;
      load_.latencies_ms.push_back(to_us(took) / 1000);
      if (parser_.take_response().status > 399) ++load_.failures;
      send();
    }
  }

 private:
  void send() {
    sent_at_ = load_.loop.now();
    unsent_ = load_.request;
    write_rest();
  }
  void write_rest() { unsent_.remove_prefix(stream_->write(as_bytes(unsent_))); }

  Load& load_;
  http::Parser parser_;
  std::unique_ptr<net::Stream> stream_;
  std::string_view unsent_;
  TimePoint sent_at_{};
};

}  // namespace

Result<Figures> measure_gateway(const GatewayLoad& given) {
  Load load;
  load.request = serialize(given.request, given.gateway);
  std::vector<std::unique_ptr<Caller>> callers;
  for (size_t i = 0; i < given.connections; ++i) {
    callers.push_back(std::make_unique<Caller>(load));
    THEMIS_CHECK(callers.back()->start(given.gateway));
  }
  const auto length =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(given.seconds));
  // The first tenth warms up: connections, caches, isolates.
  double cpu_before = 0;
  TimePoint from;
  load.loop.after(length / 10, [&] {
    load.latencies_ms.clear();
    load.failures = 0;
    cpu_before = cpu_seconds(given.servers);
    from = load.loop.now();
    load.loop.after(length, [&] { load.loop.stop(); });
  });
  load.loop.run();
  if (!load.error.detail.empty()) return fail(load.error);
  const double seconds = to_us(load.loop.now() - from) / 1e6;
  const double cpu = cpu_seconds(given.servers) - cpu_before;
  const auto count = static_cast<double>(load.latencies_ms.size());
  return Figures{{"requests_per_s", count / seconds},
                 {"p50_ms", quantile(load.latencies_ms, 0.5)},
                 {"p99_ms", quantile(load.latencies_ms, 0.99)},
                 {"cpu_us_per_request", count > 0 ? cpu * 1e6 / count : 0},
                 {"requests", load.latencies_ms.size()},
                 {"failures", load.failures}};
}

namespace {

/// Every process of a mesh on this machine, by its command line.
std::vector<pid_t> mesh_processes() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string words((std::istreambuf_iterator<char>(file)), {});
    const bool ours = words.find("themis-node") != std::string::npos ||
                      words.find("themis-worker.node") != std::string::npos ||
                      words.find("themis-enclave") != std::string::npos;
    if (ours) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

}  // namespace

Figures measure_running_gateway(const Options& options) {
  GatewayLoad load;
  const Result<net::Address> gateway = net::Address::parse(options.gateway);
  load.request.target = "/f/" + options.function;
  load.request.method = "GET";
  load.connections = options.connections;
  load.seconds = options.seconds;
  load.servers = mesh_processes();
  if (gateway) load.gateway = *gateway;
  Result<Figures> figures = gateway ? measure_gateway(load) : fail(gateway.error());
  if (!figures) {
    std::fprintf(stderr, "themis-bench: %s: %s; ./run starts a mesh\n", options.gateway.c_str(),
                 figures.error().text().c_str());
    std::exit(1);
  }
  return *figures;
}

}  // namespace themis::bench
