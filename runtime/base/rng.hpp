#pragma once
// Randomness is passed in: the system's for real nodes, a seeded one for simulation and tests.

#include <cstdint>
#include <span>

#include "runtime/base/bytes.hpp"

namespace themis {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  uint64_t next();
  /// Uniform in [0, bound). `bound` > 0.
  uint64_t below(uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
};

/// getrandom(2): for keys, nonces and everything an attacker must not guess. Any thread.
class SystemRng final : public Rng {
 public:
  void fill(std::span<std::byte> out) override;
};

/// xoshiro256** (Blackman and Vigna, 2018), seeded with splitmix64: fast, repeatable, not for
/// secrets. One thread.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(uint64_t seed);
  void fill(std::span<std::byte> out) override;

 private:
  uint64_t step();
  uint64_t state_[4];
};

}  // namespace themis
