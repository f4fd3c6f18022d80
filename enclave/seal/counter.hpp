#pragma once
// Memory that the host cannot turn back: which sealed state is the last one.

#include <array>

#include "runtime/crypto/secret_bytes.hpp"

namespace themis::seal {

/// Known to the trusted side of one machine only; its store cannot be read with another.
using SealingKey = crypto::SecretBytes<32>;
using Tag = std::array<std::byte, 16>;

/// The last sealed state that was confirmed: its number, and its tag, because the same number may
/// have been sealed twice around a crash. 0 and zeros: none yet.
struct CounterValue {
  uint64_t counter = 0;
  Tag tag{};
  friend bool operator==(const CounterValue&, const CounterValue&) = default;
};

/// A counter that only rises. Called by the trusted side only, one thread.
class SealedCounter {
 public:
  virtual ~SealedCounter() = default;
  /// Errors: io; forged (not what this platform wrote).
  [[nodiscard]] virtual Result<CounterValue> value() = 0;
  /// `to.counter` is one higher than value()'s. Durable on return.
  /// Errors: io; it is not known then which of the two values is kept.
  [[nodiscard]] virtual Status raise(const CounterValue& to) = 0;
};

}  // namespace themis::seal
