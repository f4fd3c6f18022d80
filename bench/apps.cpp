#include "bench/apps.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "actors/placement/placement.hpp"
#include "apps/themis/output.hpp"
#include "bench/apps_mesh.hpp"
#include "bench/remote_calls.hpp"
#include "bench/traffic.hpp"

namespace themis::bench {
namespace {

namespace fs = std::filesystem;

/// A row of the paper's Table 2, with its security on.
struct PaperRow {
  const char* name;
  double startup_s, exec_s, throughput_per_s, latency_s, duration_s;
};
constexpr PaperRow kPaper[] = {
    {"decision_tree", 0.31, 176.25, 0.68, 57.59, 1.45},
    {"k_means", 0.31, 245.70, 0.49, 92.19, 2.02},
    {"knn", 1.05, 731.69, 0.16, 336.93, 6.03},
    {"linear_regression", 0.33, 169.10, 0.71, 53.48, 1.39},
    {"nlp", 0.45, 129.19, 0.93, 34.30, 1.06},
    {"naive_bayes", 0.30, 124.62, 0.96, 31.89, 1.02},
    {"random_forest", 0.26, 120.40, 1.00, 29.74, 0.99},
    {"shortest_path", 0.04, 165.46, 0.73, 52.23, 1.36},
};
/// Not in Table 2; its argument is the text.
constexpr const char* kEncryptSign = "encrypt_sign";
constexpr size_t kEncryptSignBytes = 10'000;

/// Sealed and plain requests take turns in so many blocks each: what else the machine does meets
/// both. They are compared by the median of what each block says.
constexpr size_t kBlocks = 10;
/// And so often their starts, each of code that no node has seen: two isolates of one function
/// differ by more (in what is compiled when, in where things lie) than their sessions' encryption
/// costs.
constexpr size_t kStarts = 5;
/// Of `--rate max`: one is computed while the next one is on its way.
constexpr size_t kInflightPerServer = 2;

/// One of the two that are compared: a mesh, and what was measured of one application on it.
struct Side {
  std::unique_ptr<AppsMesh> mesh;
  std::string mode;
  std::vector<double> starts_s;
  std::vector<double> blocks_s;     ///< From the first request of a block to its last answer.
  std::vector<double> latencies_s;  ///< The mean of each block.
  double cpu_s = 0;
  std::vector<Exchange> exchanges;
};

/// Neither is always the second: A B B A.
Side& in_turn(std::vector<Side>& sides, size_t round, size_t i) {
  return sides[round % 2 == 0 ? i : sides.size() - 1 - i];
}

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}
double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}
/// By how much the median of the ratios is over 1.
double over_percent(const std::vector<double>& values, const std::vector<double>& others) {
  std::vector<double> ratios;
  for (size_t i = 0; i < values.size(); ++i) ratios.push_back(values[i] / others[i]);
  return 100 * (median(std::move(ratios)) - 1);
}

/// Runs requests `from` to `to` of an application on one side.
cli::Outcome run_block(const Options& options, const http::Request& request, TimePoint origin,
                       size_t from, size_t to, Side& side) {
  Traffic traffic{.gateway = side.mesh->gateway(),
                  .request = request,
                  .first = from,
                  .requests = to - from,
                  .speed = options.speed,
                  .origin = origin};
  if (options.rate == "max") traffic.inflight = kInflightPerServer * options.servers;
  const double cpu_before = side.mesh->cpu_s();
  auto exchanges = run_traffic(traffic);
  if (!exchanges) return cli::failed(exchanges.error().text());
  side.cpu_s += side.mesh->cpu_s() - cpu_before;
  Duration last{};
  double latency_s = 0;
  for (const Exchange& exchange : *exchanges) {
    last = std::max(last, exchange.answered);
    latency_s += seconds(exchange.answered - exchange.issued);
  }
  side.blocks_s.push_back(seconds(last - exchanges->front().issued));
  side.latencies_s.push_back(latency_s / static_cast<double>(exchanges->size()));
  std::ranges::move(*exchanges, std::back_inserter(side.exchanges));
  return {};
}

Figures figures_of(const Side& side, const std::string& prefix) {
  const auto count = static_cast<double>(side.exchanges.size());
  double latency_s = 0;
  double duration_s = 0;
  for (const Exchange& exchange : side.exchanges) {
    latency_s += seconds(exchange.answered - exchange.issued) / count;
    duration_s += seconds(exchange.answered - exchange.sent) / count;
  }
  return {{prefix + "startup_s", median(side.starts_s)},
          {prefix + "starts_s", side.starts_s},
          {prefix + "exec_s", sum(side.blocks_s)},
          {prefix + "throughput_per_s", count / sum(side.blocks_s)},
          {prefix + "latency_s", latency_s},
          {prefix + "duration_s", duration_s},
          {prefix + "cpu_ms_per_request", 1e3 * side.cpu_s / count}};
}

Figures record_of(const std::vector<Side>& sides) {
  Figures record = Figures::array();
  for (const Side& side : sides)
    for (const Exchange& exchange : side.exchanges)
      record.push_back({{"mode", side.mode},
                        {"id", exchange.id},
                        {"issued_us", to_us(exchange.issued)},
                        {"sent_us", to_us(exchange.sent)},
                        {"answered_us", to_us(exchange.answered)},
                        {"interval_ms", exchange.interval_ms},
                        {"bytes", exchange.bytes},
                        {"status", exchange.status},
                        {"server", exchange.server}});
  return record;
}

void add_lines(const std::vector<Side>& sides, const std::string& function,
               std::vector<LogLine>& lines) {
  for (const Side& side : sides) {
    std::vector<std::string> servers;
    for (const Exchange& exchange : side.exchanges) {
      auto at = std::ranges::find(servers, exchange.server);
      if (at == servers.end()) at = servers.insert(at, exchange.server);
      const int thread = side.mode == "local" ? -1 : static_cast<int>(at - servers.begin());
      lines.push_back(log_line(exchange, {side.mode, function, thread}));
    }
  }
}

void compare(const std::string& name, const std::vector<Side>& sides, Figures& figures) {
  const double throughput = figures["throughput_per_s"];
  for (const PaperRow& row : kPaper) {
    if (name != row.name) continue;
    figures.update({{"paper_startup_s", row.startup_s},
                    {"paper_exec_s", row.exec_s},
                    {"paper_throughput_per_s", row.throughput_per_s},
                    {"paper_latency_s", row.latency_s},
                    {"paper_duration_s", row.duration_s},
                    {"times_paper", throughput / row.throughput_per_s},
                    {"times_paper_per_cpu_s",
                     1e3 / figures["cpu_ms_per_request"].get<double>() / row.throughput_per_s}});
  }
  if (sides.size() < 2) return;
  figures.update(figures_of(sides[1], "plain_"));
  const Side &sealed = sides[0], &plain = sides[1];
  figures["overhead_percent"] = over_percent(sealed.blocks_s, plain.blocks_s);
  figures["latency_overhead_percent"] = over_percent(sealed.latencies_s, plain.latencies_s);
  std::vector<double> later_s;
  for (size_t i = 0; i < sealed.starts_s.size(); ++i)
    later_s.push_back(sealed.starts_s[i] - plain.starts_s[i]);
  figures["startup_overhead_ms"] = 1e3 * median(std::move(later_s));
  figures["cpu_overhead_percent"] = 100 * (sealed.cpu_s / plain.cpu_s - 1);
}

/// One of its starts: the same code with another comment and name, so that no node has seen it.
cli::Package changed(const cli::Package& package, size_t round) {
  cli::Package other = package;
  other.name += fmt::format("-{}", round);
  other.body += fmt::format("\n// {}\n", round);
  return other;
}

cli::Outcome start(const cli::Package& package, size_t round, std::vector<Side>& sides) {
  for (size_t i = 0; i < sides.size(); ++i) {
    Side& side = in_turn(sides, round, i);
    const auto startup = side.mesh->deploy(package);
    if (!startup) return tl::unexpected<cli::Failure>(startup.error());
    side.starts_s.push_back(seconds(*startup));
  }
  return {};
}

http::Request request_of(const cli::Package& started, const std::string& application) {
  http::Request request;
  request.method = "POST";
  request.target = "/f/" + cli::escaped_segment(started.name);
  if (application == kEncryptSign) request.body = std::string(kEncryptSignBytes, 'a');
  return request;
}

/// A run: the figures of one application after the other, and the lines of their log.
struct Run {
  TimePoint origin = SystemClock{}.now();
  Figures apps = Figures::array();
  std::vector<LogLine> lines;
  size_t failures = 0;
};

/// Its starts, and after each one its part of the blocks.
cli::Outcome run_one(const Options& options, const cli::Package& package, TimePoint origin,
                     std::vector<Side>& sides) {
  // Only a source has room for a comment that makes it another one.
  const size_t starts = package.content_type == "text/javascript" ? kStarts : 1;
  const size_t blocks = options.rate == "max" ? std::min(kBlocks, options.requests) : 1;
  for (size_t round = 0; round < starts; ++round) {
    const bool is_last = round + 1 == starts;
    const cli::Package started = is_last ? package : changed(package, round);
    if (auto ok = start(started, round, sides); !ok) return ok;
    const http::Request request = request_of(started, package.name);
    for (size_t block = blocks * round / starts; block < blocks * (round + 1) / starts; ++block) {
      const size_t from = options.requests * block / blocks;
      const size_t to = options.requests * (block + 1) / blocks;
      for (size_t i = 0; i < sides.size(); ++i)
        if (auto ran = run_block(options, request, origin, from, to, in_turn(sides, block, i));
            !ran)
          return ran;
    }
    for (const Side& side : sides)
      if (!is_last)
        if (auto removed = side.mesh->remove(started.name); !removed) return removed;
  }
  return {};
}

cli::Outcome measure_one(const Options& options, const fs::path& file, std::vector<Side>& sides,
                         Run& run) {
  const auto package = cli::make_package({}, file.string());
  if (!package) return tl::unexpected<cli::Failure>(package.error());
  const std::string& name = package->name;
  for (Side& side : sides) side = {.mesh = std::move(side.mesh), .mode = std::move(side.mode)};
  if (auto ran = run_one(options, *package, run.origin, sides); !ran) return ran;
  Figures figures{{"name", name}};
  figures.update(figures_of(sides[0], ""));
  size_t failures = 0;
  for (const Side& side : sides)
    failures += static_cast<size_t>(std::ranges::count_if(
        side.exchanges, [](const Exchange& exchange) { return exchange.status > 399; }));
  figures["failures"] = failures;
  run.failures += failures;
  compare(name, sides, figures);
  if (!options.log.empty()) figures["record"] = record_of(sides);
  add_lines(sides, name, run.lines);
  run.apps.push_back(std::move(figures));
  return {};
}

std::vector<fs::path> files_of(const Options& options) {
  if (!options.file.empty()) return {options.file};
  const fs::path folder =
      fs::path(executable_directory()).parent_path().parent_path() / "apps/functions/paper";
  std::vector<fs::path> files;
  for (const PaperRow& row : kPaper) files.push_back(folder / (std::string(row.name) + ".js"));
  files.push_back(folder / (std::string(kEncryptSign) + ".js"));
  return files;
}

cli::Outcome measure_all(const Options& options, Run& run) {
  std::vector<Side> sides;
  const auto add_side = [&](const char* mode, bool encryption) -> cli::Outcome {
    auto mesh = AppsMesh::start({options.local ? 0 : options.servers, encryption});
    if (!mesh) return tl::unexpected<cli::Failure>(mesh.error());
    sides.push_back({.mesh = std::move(*mesh), .mode = mode});
    return {};
  };
  if (auto added = add_side(options.local ? "local" : "remote", true); !added) return added;
  if (options.plain)
    if (auto added = add_side("plain", false); !added) return added;
  for (const fs::path& file : files_of(options))
    if (auto measured = measure_one(options, file, sides, run); !measured) return measured;
  return {};
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "themis-bench: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace

Figures measure_apps(const Options& options) {
  std::ofstream log;
  if (!options.log.empty()) log.open(options.log);
  if (!options.log.empty() && !log) give_up(options.log + ": cannot be written");
  Run run;
  const auto measured = measure_all(options, run);
  if (log.is_open()) log << log_text(run.lines, SystemClock{}.now() - run.origin) << std::flush;
  if (!measured) give_up(measured.error().text);
  if (log.is_open() && !log) give_up(options.log + ": cannot be written");
  if (run.failures > 0) give_up(fmt::format("{} requests failed", run.failures));
  Figures figures{
      {"rate", options.rate}, {"requests", options.requests}, {"apps", std::move(run.apps)}};
  if (!options.file.empty() || options.local) return figures;
  const auto remote = measure_remote_calls();
  if (!remote) give_up(remote.error().text);
  figures.update(*remote);
  return figures;
}

void print_apps(const Figures& figures) {
  cli::Table table({"APPLICATION", "STARTUP s", "EXEC s", "PER s", "LATENCY s", "DURATION s",
                    "CPU ms", "TIMES PAPER (CPU)", "PLAIN PER s", "OVERHEAD (CPU)", "LATENCY +",
                    "STARTUP +"});
  for (const Figures& app : figures["apps"]) {
    const auto number = [&](const char* name, const char* form = "{:.2f}") {
      return app.contains(name) ? fmt::format(fmt::runtime(form), app[name].get<double>()) : "-";
    };
    const auto beside = [&](const std::string& name) {
      return number(name.c_str()) + " / " + number(("paper_" + name).c_str());
    };
    table.add(
        {app["name"], beside("startup_s"), beside("exec_s"), beside("throughput_per_s"),
         beside("latency_s"), beside("duration_s"), number("cpu_ms_per_request"),
         number("times_paper", "{:.1f}") + " (" + number("times_paper_per_cpu_s", "{:.1f}") + ")",
         number("plain_throughput_per_s"),
         number("overhead_percent", "{:.1f} %") + " (" +
             number("cpu_overhead_percent", "{:.1f} %") + ")",
         number("latency_overhead_percent", "{:.1f} %"),
         number("startup_overhead_ms", "{:.1f} ms")});
  }
  cli::print_line("ours / the paper's, its security on");
  table.print("no application");
  for (const auto& [name, value] : figures.items())
    if (value.is_number() && name.starts_with("remote_"))
      cli::print_line(fmt::format("{:<32} {:>14.1f}", name, value.get<double>()));
}

}  // namespace themis::bench
