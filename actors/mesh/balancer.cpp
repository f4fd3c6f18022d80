#include "actors/mesh/balancer.hpp"

#include <algorithm>

namespace themis::mesh {
namespace {

/// The time a call would take, with those before it. An instance that nobody measured yet is tried
/// once; its second call waits for what the first one tells.
double expected_ms(const Load& load, TimePoint now) {
  constexpr double kUnmeasuredMs = 1e6;
  const double ewma = load.latency.ms(now);
  const auto in_flight = static_cast<double>(load.in_flight);
  if (ewma == 0 && load.in_flight > 0) return kUnmeasuredMs + in_flight;
  return ewma * (in_flight + 1);
}

double crowding_of(const Load& load, TimePoint now) {
  return crowding(load.running(now), load.memory_percent);
}

}  // namespace

double crowding(size_t running, uint8_t memory_percent) {
  constexpr uint8_t kQuarter = 25;
  const int room = 4 - std::min<int>(memory_percent / kQuarter, 3);
  return static_cast<double>(running + 1) / room;
}

void Load::tell(const ToldLoad& told, TimePoint now) {
  others = told.running - std::min<size_t>(told.running, in_flight);
  memory_percent = told.memory_percent;
  told_at = now;
}

size_t Load::running(TimePoint now) const {
  return in_flight + (now - told_at < kToldFor ? others : 0);
}

size_t Balancer::choose(Balance policy, std::span<const Candidate> candidates, TimePoint now) {
  THEMIS_ASSERT(!candidates.empty(), "somebody must take the call");
  if (candidates.size() == 1) return 0;  // chance costs a system call
  switch (policy) {
    case Balance::random:
      return static_cast<size_t>(rng_.below(candidates.size()));
    case Balance::weighted:
      return by_weight(candidates);
    case Balance::least_loaded:
      return better_of_two(candidates.size(),
                           [&](size_t i) { return crowding_of(*candidates[i].load, now); });
    case Balance::latency:
      return better_of_two(candidates.size(),
                           [&](size_t i) { return expected_ms(*candidates[i].load, now); });
  }
  return 0;
}

size_t Balancer::by_weight(std::span<const Candidate> candidates) {
  uint64_t total = 0;
  for (const Candidate& candidate : candidates) total += candidate.instance->weight;
  if (total == 0) return static_cast<size_t>(rng_.below(candidates.size()));
  uint64_t at = rng_.below(total);
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (at < candidates[i].instance->weight) return i;
    at -= candidates[i].instance->weight;
  }
  return candidates.size() - 1;
}

template <class Cost>
size_t Balancer::better_of_two(size_t count, Cost cost) {
  const size_t first = static_cast<size_t>(rng_.below(count));
  // The second of the two is another one.
  const size_t second = (first + 1 + static_cast<size_t>(rng_.below(count - 1))) % count;
  return cost(second) < cost(first) ? second : first;
}

}  // namespace themis::mesh
