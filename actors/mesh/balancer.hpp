#pragma once
// Which of several instances takes the next call.

#include <span>

#include "actors/mesh/instance.hpp"
#include "actors/mesh/latency.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// What this process knows of an instance's load: its own calls only.
struct Load {
  size_t in_flight = 0;
  PeakEwma latency;
};

struct Candidate {
  const Instance* instance = nullptr;
  const Load* load = nullptr;
};

/// Pure but for the randomness that is passed in. "Of two at random" is Mitzenmacher's "The Power
/// of Two Choices in Randomized Load Balancing", 2001.
class Balancer {
 public:
  explicit Balancer(Rng& rng) : rng_(rng) {}

  /// An index into `candidates`, which holds at least one.
  size_t choose(Balance policy, std::span<const Candidate> candidates, TimePoint now);

 private:
  size_t by_weight(std::span<const Candidate> candidates);
  template <class Cost>
  size_t better_of_two(size_t count, Cost cost);

  Rng& rng_;
};

}  // namespace themis::mesh
