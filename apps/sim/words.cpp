#include "apps/sim/words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace themis::sim {

const char* const kHelp =
    "Runs the real node, session and ring actors of a whole mesh in one thread, on virtual time\n"
    "and a simulated network, and checks every answer they give.\n\n"
    "A run alternates between storms (latency, stalled links, partitions one way and both ways,\n"
    "resets, refused connects, killed processes, vanished machines, nodes that leave and come\n"
    "back as themselves or as others, clocks that jump; a random subset of them, or of those\n"
    "that --faults names, each time; --churn replaces nodes besides) and\n"
    "calms in which the ring must become ideal and every lookup, find and call must be right.\n\n"
    "With --malicious a share of the nodes lies and colludes once the ring has formed (says "
    "nothing,\n"
    "names only each other, forges records, forgets what it is to keep), and the answers that the\n"
    "honest nodes get in calms are counted: no promise but that a forged record is never "
    "believed.\n"
    "With --kill a share dies at once after each calm and what the survivors find is counted.\n\n"
    "Everything is drawn from the seed: the same build prints the same hash for it, always.\n\n"
    "Prints one line a seed; the first broken promise ends its run. Exit codes: 0 all promises\n"
    "were kept, 1 one was broken (the command that replays it is printed), 2 wrong words.\n\n"
    "Examples:\n"
    "  themis-sim --nodes 8 --hours 1 --seed 7\n"
    "  themis-sim --nodes 32 --hours 1 --seed 1 --seeds 200 --json\n"
    "  themis-sim --nodes 32 --churn 0.3 --faults latency,partition\n"
    "  themis-sim --nodes 64 --malicious 0.2 --disjoint-paths 4 --faults latency\n"
    "  themis-sim --nodes 64 --kill 0.5 --successors 8 --faults latency\n"
    "  themis-sim --nodes 8 --hours 0.2 --seed 7 --trace run.txt\n";

namespace {

std::vector<std::string> fault_names() {
  std::vector<std::string> out;
  for (size_t fault = 0; fault < world::kFaults; ++fault)
    out.emplace_back(world::name(static_cast<world::Fault>(fault)));
  return out;
}

}  // namespace

std::vector<world::Fault> faults_of(const Words& words) {
  const std::vector<std::string> known = fault_names();
  std::vector<world::Fault> out;
  for (const std::string& fault : words.faults)
    out.push_back(static_cast<world::Fault>(std::ranges::find(known, fault) - known.begin()));
  return out;
}

std::string replay(const Words& words, uint64_t seed) {
  std::string out =
      fmt::format("themis-sim --nodes {} --hours {} --seed {}", words.run.nodes, words.hours, seed);
  if (words.run.faults.churn > 0) out += fmt::format(" --churn {}", words.run.faults.churn);
  const world::SimulationOptions usual;
  if (words.run.malicious > 0) out += fmt::format(" --malicious {}", words.run.malicious);
  if (words.run.kill > 0) out += fmt::format(" --kill {}", words.run.kill);
  if (words.run.ring.disjoint_paths != usual.ring.disjoint_paths)
    out += fmt::format(" --disjoint-paths {}", words.run.ring.disjoint_paths);
  if (words.run.ring.successors != usual.ring.successors)
    out += fmt::format(" --successors {}", words.run.ring.successors);
  if (!words.faults.empty()) out += fmt::format(" --faults {}", fmt::join(words.faults, ","));
  return out;
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
  app.add_option("--malicious", words.run.malicious, "Share of the nodes that lies and colludes")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--kill", words.run.kill, "Share of the nodes killed at once after each calm")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--disjoint-paths", words.run.ring.disjoint_paths,
                 "Paths of a lookup that share no node")
      ->check(CLI::Range(size_t{1}, ring::RingLimits::kDisjointPathsMax))
      ->capture_default_str();
  app.add_option("--successors", words.run.ring.successors,
                 "Length of the successor lists: so many nodes in a row, malicious or killed "
                 "at\nonce, cut the ring")
      ->check(CLI::Range(size_t{1}, ring::kSuccessorsMax))
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

}  // namespace themis::sim
