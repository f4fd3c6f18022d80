#pragma once
// A report of a simulated run for people and for programs.

#include <string>

#include "actors/world/simulation.hpp"

namespace themis::world {

/// One line: the seed, whether it went well, what was done, the hash, the speed.
std::string as_line(const SimulationReport& report);
/// One JSON object in one line; every field of the report, times in seconds.
std::string as_json(const SimulationReport& report);

}  // namespace themis::world
