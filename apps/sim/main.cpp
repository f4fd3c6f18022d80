// themis-sim: a mesh of real nodes on virtual time and a faulty network, drawn from a seed.

#include <signal.h>
#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>

#include "actors/world/report_text.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

using namespace themis;

namespace {

constexpr const char* kHelp =
    "Runs the real node, session and ring actors of a whole mesh in one thread, on virtual time\n"
    "and a simulated network, and checks every answer they give.\n\n"
    "A run alternates between storms (latency, stalled links, partitions one way and both ways,\n"
    "resets, refused connects, killed processes, vanished machines, nodes that leave and come\n"
    "back as themselves or as others, clocks that jump; a random subset of them, or of those\n"
    "that --faults names, each time; --churn replaces nodes besides) and\n"
    "calms in which the ring must become ideal and every lookup, find and call must be right.\n\n"
    "Everything is drawn from the seed: the same build prints the same hash for it, always.\n\n"
    "Prints one line a seed; the first broken promise ends its run. Exit codes: 0 all promises\n"
    "were kept, 1 one was broken (the command that replays it is printed), 2 wrong words.\n\n"
    "Examples:\n"
    "  themis-sim --nodes 8 --hours 1 --seed 7\n"
    "  themis-sim --nodes 32 --hours 1 --seed 1 --seeds 200 --json\n"
    "  themis-sim --nodes 32 --churn 0.3 --faults latency,partition\n"
    "  themis-sim --nodes 8 --hours 0.2 --seed 7 --trace run.txt\n";

/// What an assert that fails in the middle of a run leaves on stderr.
std::string replay_text;

void on_abort(int) {
  const auto written = write(STDERR_FILENO, replay_text.data(), replay_text.size());
  (void)written;
}

struct Words {
  world::SimulationOptions run;
  double hours = 1;
  uint64_t seeds = 1;
  bool json = false;
  bool verbose = false;
  std::string trace;
  std::vector<std::string> faults;
};

std::vector<std::string> fault_names() {
  std::vector<std::string> out;
  for (size_t fault = 0; fault < world::kFaults; ++fault)
    out.emplace_back(world::name(static_cast<world::Fault>(fault)));
  return out;
}

std::string replay(const Words& words, uint64_t seed) {
  std::string out =
      fmt::format("themis-sim --nodes {} --hours {} --seed {}", words.run.nodes, words.hours, seed);
  if (words.run.faults.churn > 0) out += fmt::format(" --churn {}", words.run.faults.churn);
  if (!words.faults.empty()) out += fmt::format(" --faults {}", fmt::join(words.faults, ","));
  return out;
}

/// True when every promise was kept.
bool run_seed(Words& words, uint64_t seed) {
  words.run.seed = seed;
  replay_text = "themis-sim: stopped in the middle; to replay: " + replay(words, seed) + '\n';
  const world::SimulationReport report = world::simulate(words.run);
  std::cout << (words.json ? world::as_json(report) : world::as_line(report)) << std::endl;
  if (report.violation.empty()) return true;
  std::cerr << "themis-sim: seed " << seed << ": " << report.violation
            << "\nto replay: " << replay(words, seed) << '\n';
  return false;
}

void declare(CLI::App& app, Words& words) {
  app.add_option("--nodes", words.run.nodes, "Nodes of the mesh")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--hours", words.hours, "Virtual hours of each run")
      ->check(CLI::Range(0.05, 1000.0))
      ->capture_default_str();
  app.add_option("--seed", words.run.seed, "The first seed")->capture_default_str();
  app.add_option("--seeds", words.seeds, "How many seeds, one after the other")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--churn", words.run.faults.churn,
                 "Share of the nodes that are replaced by others a minute, in storms")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--faults", words.faults, "The faults of storms; all unless some are named")
      ->delimiter(',')
      ->check(CLI::IsMember(fault_names()));
  app.add_flag("--json", words.json, "One JSON object a seed instead of a line");
  app.add_option(
      "--trace", words.trace,
      "Write what happens to this file, a line each: virtual time, hash of the network's\n"
      "events so far, node, event, value");
  app.add_flag("--verbose", words.verbose, "The nodes' own log on stderr");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kHelp};
  Words words;
  declare(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  log::setup(words.verbose ? log::Level::debug : log::Level::off, log::Format::text);
  crypto::init();
  signal(SIGABRT, on_abort);
  const std::vector<std::string> known = fault_names();
  for (const std::string& fault : words.faults)
    words.run.faults.only.push_back(
        static_cast<world::Fault>(std::ranges::find(known, fault) - known.begin()));
  words.run.time = Duration(static_cast<int64_t>(words.hours * 3.6e12));
  std::ofstream trace;
  if (!words.trace.empty()) {
    trace.open(words.trace);
    if (!trace) {
      std::cerr << "themis-sim: cannot write " << words.trace << '\n';
      return 1;
    }
    words.run.sink = [&trace](std::string_view line) { trace << line << '\n'; };
  }
  bool kept = true;
  for (uint64_t n = 0, first = words.run.seed; n < words.seeds; ++n)
    kept = run_seed(words, first + n) && kept;
  return kept ? 0 : 1;
}
