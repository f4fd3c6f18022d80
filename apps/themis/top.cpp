// top: what the functions do now, as the gateway that is asked sees them.

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"

namespace themis::cli {
namespace {

using http::Json;

struct Totals {
  int64_t requests = 0, failures = 0, cpu_us = 0;
};

std::string milliseconds(int64_t us) {
  return us == 0       ? ""
         : us < 10'000 ? fmt::format("{:.2f} ms", static_cast<double>(us) / 1000)
                       : fmt::format("{} ms", us / 1000);
}

/// "5: 90 %, 6: 10 %": the calls of each version.
std::string shares_of(const Json& instances) {
  std::map<std::string, std::pair<int64_t, int64_t>> versions;
  int64_t all = 0;
  for (const Json& one : instances) {
    auto& [requests, failures] = versions[http::string_or(one, "version", "?")];
    requests += http::integer_or(one, "requests", 0);
    failures += http::integer_or(one, "failures", 0);
    all += http::integer_or(one, "requests", 0);
  }
  std::string text;
  for (const auto& [version, counts] : versions) {
    text += fmt::format("{}{}: {} %", text.empty() ? "" : ", ", version,
                        all == 0 ? 0 : counts.first * 100 / all);
    if (counts.second > 0) text += fmt::format(" ({} failed)", counts.second);
  }
  return text;
}

/// "12.3 MB" in all isolates, with a "+" when a node did not say; nothing: none did.
std::string memory_of(const Json& instances) {
  int64_t memory_kb = 0;
  size_t told = 0;
  for (const Json& one : instances) {
    memory_kb += http::integer_or(one, "memory_kb", 0);
    told += one.contains("memory_kb") ? 1 : 0;
  }
  if (told == 0) return "";
  return fmt::format("{:.1f} MB{}", static_cast<double>(memory_kb) / 1024,
                     told < instances.size() ? "+" : "");
}

/// One look after another: what happened between them, as rates.
class Screen {
 public:
  /// Adds to each function "requests_per_s", "failures_per_s" and "cpu_percent".
  void add_rates(Json& all) {
    const int64_t now_ms = http::integer_or(all, "uptime_ms", 0);
    const double seconds = static_cast<double>(std::max<int64_t>(now_ms - last_ms_, 1)) / 1000;
    std::map<std::string, Totals> totals;
    for (Json& one : all["functions"]) {
      const std::string name = http::string_or(one, "name", "?");
      Totals& now = totals[name];
      now = {http::integer_or(one, "requests", 0), http::integer_or(one, "failures", 0),
             http::integer_or(one, "cpu_us", 0)};
      const auto found = before_.find(name);
      // What is new was nothing before; at the first look nothing is.
      const Totals before = found != before_.end() ? found->second : is_first_ ? now : Totals{};
      const auto rate = [seconds](int64_t after, int64_t earlier) {
        return static_cast<double>(std::max<int64_t>(after - earlier, 0)) / seconds;
      };
      one["requests_per_s"] = rate(now.requests, before.requests);
      one["failures_per_s"] = rate(now.failures, before.failures);
      one["cpu_percent"] = rate(now.cpu_us, before.cpu_us) / 10'000;
    }
    before_ = std::move(totals);
    last_ms_ = now_ms;
    is_first_ = false;
  }

 private:
  std::map<std::string, Totals> before_;
  int64_t last_ms_ = 0;
  bool is_first_ = true;
};

double number_or_zero(const Json& object, const char* key) {
  return object.contains(key) && object.at(key).is_number() ? object.at(key).get<double>() : 0;
}

void print(const Json& all) {
  std::vector<Json> functions = http::array_or_empty(all, "functions");
  std::ranges::stable_sort(functions, std::greater(),
                           [](const Json& one) { return number_or_zero(one, "requests_per_s"); });
  Table table({"FUNCTION", "REQUESTS/S", "P50", "P99", "CPU", "FAILED/S", "FAILED", "INSTANCES",
               "ISOLATES", "MEM", "VERSIONS"});
  for (const Json& one : functions) {
    const Json& instances = http::array_or_empty(one, "instances");
    table.add({http::string_or(one, "name", "?"),
               fmt::format("{:.1f}", number_or_zero(one, "requests_per_s")),
               milliseconds(http::integer_or(one, "p50_us", 0)),
               milliseconds(http::integer_or(one, "p99_us", 0)),
               fmt::format("{:.1f} %", number_or_zero(one, "cpu_percent")),
               fmt::format("{:.1f}", number_or_zero(one, "failures_per_s")),
               std::to_string(http::integer_or(one, "failures", 0)),
               std::to_string(instances.size()),
               std::to_string(http::integer_or(one, "isolates", 0)), memory_of(instances),
               shares_of(instances)});
  }
  table.print("no function was called through this gateway yet");
  print_line("");
  Table processes({"PROCESS", "STATE", "ISOLATES", "RUNNING", "MEMORY"});
  for (const Json& one : http::array_or_empty(all, "processes"))
    processes.add({std::to_string(http::integer_or(one, "pid", 0)),
                   http::string_or(one, "state", "?"),
                   std::to_string(http::integer_or(one, "functions", 0)),
                   std::to_string(http::integer_or(one, "in_flight", 0)),
                   fmt::format("{} MB", http::integer_or(one, "memory_kb", 0) / 1024)});
  processes.print("no worker processes on this node");
}

}  // namespace

Outcome top(const Connection& to, bool once, int64_t every_s) {
  auto gateway = Gateway::open(to);
  if (!gateway) return tl::unexpected<Failure>(gateway.error());
  for (const int ending : {SIGINT, SIGTERM}) signal(ending, [](int) { _exit(0); });
  Screen screen;
  for (bool first = true;; first = false) {
    auto all = gateway->ask("GET", "/v1/top");
    if (!all) return tl::unexpected<Failure>(all.error());
    if (!all->is_object() || !all->contains("functions") || !all->at("functions").is_array())
      return failed("the gateway's answer is none; is it as new as this program?");
    screen.add_rates(*all);
    if (!first) {
      if (!once && !to.json && is_terminal()) print_raw("\x1b[H\x1b[J");
      to.json ? print_line(http::to_text(*all)) : print(*all);
      fflush(stdout);
      if (once) return {};
    }
    poll(nullptr, 0, static_cast<int>(every_s * 1000));
  }
}

}  // namespace themis::cli
