// themis-sim: a mesh of real nodes on virtual time and a faulty network, drawn from a seed.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "actors/world/report_text.hpp"
#include "apps/sim/words.hpp"
#include "runtime/base/log.hpp"
#include "runtime/crypto/crypto.hpp"

using namespace themis;
using sim::Words;

namespace {

/// What an assert that fails in the middle of a run leaves on stderr.
std::string replay_text;

void on_abort(int) {
  const auto written = write(STDERR_FILENO, replay_text.data(), replay_text.size());
  (void)written;
}

/// True when every promise was kept.
bool run_seed(Words& words, uint64_t seed) {
  words.run.seed = seed;
  replay_text = "themis-sim: stopped in the middle; to replay: " + sim::replay(words, seed) + '\n';
  const world::SimulationReport report = world::simulate(words.run);
  std::cout << (words.json ? world::as_json(report) : world::as_line(report)) << std::endl;
  if (report.violation.empty()) return true;
  std::cerr << "themis-sim: seed " << seed << ": " << report.violation
            << "\nto replay: " << sim::replay(words, seed) << '\n';
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{sim::kHelp};
  Words words;
  sim::declare(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  log::setup(words.verbose ? log::Level::debug : log::Level::off, log::Format::text);
  crypto::init();
  signal(SIGABRT, on_abort);
  words.run.faults.only = sim::faults_of(words);
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
