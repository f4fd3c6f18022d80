#pragma once
// How often a random test plays. The soak test has the same tests play more.

#include <cstdint>
#include <cstdlib>

namespace themis::tests {

/// `once`, multiplied by THEMIS_ROUNDS, 1 to 10,000.
inline uint64_t rounds(uint64_t once) {
  const char* text = std::getenv("THEMIS_ROUNDS");
  const uint64_t times = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  return once * (times < 1 ? 1 : times > 10'000 ? 10'000 : times);
}

}  // namespace themis::tests
