#pragma once
// Key rotation: an old identity names its successor, and both sign it.

#include <vector>

#include "runtime/crypto/sign.hpp"
#include "wire/ids.hpp"

namespace themis::wire {

/// "From `issued_s` until `expires_s` the holder of the new key is who the old one was." The new
/// key is not inside: it is the one that shows the statement, or the old one of the statement
/// before.
/// Wall clock, seconds since 1970. Source: mesh specification 2.6, item 16.
struct Succession {
  static constexpr size_t kBytes =
      crypto::PublicKey::kBytes + 2 * sizeof(uint32_t) + 2 * crypto::Signature::kBytes;

  crypto::PublicKey old_key;
  uint32_t issued_s = 0;
  uint32_t expires_s = 0;
  crypto::Signature by_old, by_new;

  /// `expires_s` is later than `issued_s` and at most kOverlapMaxS later.
  static Succession make(const crypto::SigningKey& old, const crypto::SigningKey& next,
                         std::string_view network, uint32_t issued_s, uint32_t expires_s);
  /// Errors: malformed (length, times).
  static Result<Succession> from_bytes(ByteView bytes);
  void append_to(Bytes& out) const;
  /// Errors: forged. Times are not looked at.
  [[nodiscard]] Status verify(const crypto::PublicKey& next, std::string_view network) const;
  friend bool operator==(const Succession&, const Succession&) = default;
};

/// The newest first: each one's new key is the old key of the one before.
using Successions = std::vector<Succession>;

/// Rotations within one overlap; each costs a peer two signature checks.
constexpr size_t kSuccessionsMax = 4;
/// Who steals an old key may name a successor: old names do not live on for ever.
constexpr uint32_t kOverlapMaxS = 30 * 24 * 3600;
/// A statement made by a clock that is ahead of ours by so much is believed.
constexpr int64_t kClockSkewS = 300;

/// Those from the front that hold at `wall_s`: one that does not cuts off those behind it.
Successions in_force(const Successions& chain, int64_t wall_s);

}  // namespace themis::wire
