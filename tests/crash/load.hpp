#pragma once
// Puts with rising values and reads under commits, epochs and checkpoints; and what must be there
// afterwards.

#include <map>

#include "tests/unit/enclave/durable_world.hpp"

namespace themis::tests {

/// Of each key the value last written, and the last one that was acknowledged.
struct Load {
  DurableWorld& world;
  SeededRng rng;
  uint64_t keys = 100;
  std::map<uint64_t, uint64_t> written{}, acknowledged{};
  uint64_t value = 0;  // rises, so that an older one is known when it is read

  /// Some puts and what makes them durable, or some reads and what lets them be told. False when
  /// anything was refused: the store is lost.
  bool step() {
    if (rng.below(3) == 0) return read();
    for (uint64_t puts = 1 + rng.below(20); puts > 0; --puts) {
      const uint64_t key = rng.below(keys);
      written[key] = ++value;
      if (!world.put(key, value)) return false;
    }
    const uint64_t choice = rng.below(20);
    const bool kept = choice == 0  ? world.store->checkpoint().has_value()
                      : choice < 3 ? world.store->end_epoch().has_value()
                      : choice < 5 ? world.store->begin_end() && world.store->commit()
                                   : world.store->commit().has_value();
    if (kept) acknowledged = written;
    return kept;
  }
  /// Whoever was told a value finds it after a crash.
  bool read() {
    std::map<uint64_t, uint64_t> found;
    for (uint64_t gets = 1 + rng.below(5); gets > 0; --gets) {
      const uint64_t key = rng.below(keys);
      if (const auto got = world.get(key)) found[key] = *got;
    }
    if (!world.store->commit()) return false;
    for (const auto& [key, told] : found) acknowledged[key] = std::max(acknowledged[key], told);
    return true;
  }
};

/// "" when the store opens, has for each key what was acknowledged or something written later, and
/// certifies it.
inline std::string fault_of(DurableWorld& world, const std::map<uint64_t, uint64_t>& acknowledged,
                            const std::map<uint64_t, uint64_t>& written) {
  if (const Status opened = world.open(); !opened) return opened.error().text();
  for (const auto& [key, last] : written) {
    const uint64_t value = world.get(key).value_or(0);
    const auto least = acknowledged.find(key);
    if (value > last || (least != acknowledged.end() && value < least->second))
      return "key " + std::to_string(key) + " has " + std::to_string(value);
  }
  const auto ended = world.store->end_epoch();
  return ended ? "" : ended.error().text();
}

}  // namespace themis::tests
