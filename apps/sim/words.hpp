#pragma once
// The words of themis-sim's command line.

#include <CLI/CLI.hpp>

#include "actors/world/simulation.hpp"

namespace themis::sim {

extern const char* const kHelp;

struct Words {
  world::SimulationOptions run;
  double hours = 1;
  uint64_t seeds = 1;
  bool json = false;
  bool verbose = false;
  std::string trace;
  std::vector<std::string> faults;
};

/// Makes `app` read into `words`, which outlives it.
void declare(CLI::App& app, Words& words);
/// The faults that are named, once the words have been read.
std::vector<world::Fault> faults_of(const Words& words);
/// The command that runs `seed` as these words would.
std::string replay(const Words& words, uint64_t seed);

}  // namespace themis::sim
