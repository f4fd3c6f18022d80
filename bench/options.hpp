#pragma once
// What every bench is given and gives back.

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"

namespace themis::bench {

struct Options {
  size_t bytes = 64;
  size_t inflight = 1;
  bool plain = false;
  double seconds = 2;
  std::string gateway = "127.0.0.1:8080";
  std::string function = "hello";
  size_t connections = 16;
  size_t nodes = 32;
  size_t hosts = 0;  ///< Among which the nodes are spread; 0: find has one a node, join has 16.
  size_t successors = 8;  ///< Of a ring's nodes.
  bool local = false;
  bool durable = false;
  size_t threads = 1;
  size_t records = 100'000;
  size_t value_bytes = 8;
  std::string mix = "a";
  double zipf = 0;
  size_t epoch_ms = 1'000;
  size_t cores = 0;  ///< That all processes may use; 0: any.
  size_t servers = 1;
  size_t requests = 121;
  std::string rate = "paper";  ///< Or "max".
  unsigned speed = 1;          ///< Of the paper's rate: its intervals are divided by it.
  std::string file;            ///< A function in place of the paper's applications; empty: those.
  std::string log;             ///< Where the requests are written to; empty: nowhere.
};

/// Field name to value, in the order it is printed. Names: see the README's table of benches.
using Figures = nlohmann::ordered_json;

/// The q-quantile (0..1) of unsorted samples; sorts them.
inline double quantile(std::vector<double>& samples, double q) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1,
                          static_cast<size_t>(q * static_cast<double>(samples.size())))];
}

/// CPU time of the whole process, all threads.
double process_cpu_s();

}  // namespace themis::bench
