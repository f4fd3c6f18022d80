#pragma once
// Which of several instances takes the next call.

#include <optional>
#include <span>

#include "actors/mesh/instance.hpp"
#include "actors/mesh/latency.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// What an instance says with each answer.
struct ToldLoad {
  uint32_t running = 0;  ///< Calls of everybody that it had left.
  uint8_t memory_percent = 0;
};
/// What this process knows of an instance's load.
struct Load {
  /// So long counts what an instance said: longer, and it may have become idle without a word.
  static constexpr Duration kToldFor = 1s;

  size_t in_flight = 0;  ///< Calls of this process.
  PeakEwma latency;
  size_t others = 0;  ///< Those of others, when it last said how many there were.
  uint8_t memory_percent = 0;
  TimePoint told_at{};

  void tell(const ToldLoad& told, TimePoint now);
  /// Calls under way there, as far as is known.
  size_t running(TimePoint now) const;
};

/// What somebody who compares an instance with something else is told of it.
struct KnownLoad {
  size_t running = 0;
  std::optional<uint8_t> memory_percent;  ///< Nothing: it never said.
};

/// What one call more would add to, over the room there is: as least_conn with the free memory as
/// weight. Memory counts in quarters, because garbage counts as memory until it is collected.
double crowding(size_t running, uint8_t memory_percent);

struct Candidate {
  const Instance* instance = nullptr;
  const Load* load = nullptr;
};

/// Pure but for the randomness that is passed in. "Of two at random" is Mitzenmacher's "The Power
/// of Two Choices in Randomized Load Balancing", 2001: with loads that are known late, the least
/// loaded of all would be everybody's choice until it is the most loaded.
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
