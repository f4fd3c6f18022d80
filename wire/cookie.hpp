#pragma once
// What a responder asks for before it computes, while many handshakes are open: proof that the
// caller receives at its address, kept by the caller and not by us.

#include <array>
#include <optional>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/crypto/hash.hpp"

namespace themis::wire {

constexpr size_t kCookieBytes = crypto::kMacBytes;
using Cookie = std::array<std::byte, kCookieBytes>;

/// Makes and checks cookies: MAC(secret, caller's address, message 1). Nothing is stored per
/// caller. The secret is new every kCookieSecretLife, and the one before is still good: a cookie
/// lives 120 to 240 s. One thread; outlives the handshakes that use it. Source: WireGuard
/// (Donenfeld, NDSS 2017), section 5.3; RFC 7296 section 2.6.
class CookieGate {
 public:
  static constexpr Duration kCookieSecretLife = 120s;

  struct Counters {
    uint64_t retries = 0;   ///< Callers asked for a cookie.
    uint64_t answered = 0;  ///< Messages 2 made: one agreement and one signature each.
  };

  /// `rng` outlives the gate.
  CookieGate(Rng& rng, TimePoint now) : rng_(rng), current_(rng), since_(now) {}

  /// Whether message 1 needs a cookie from now on.
  void set_required(bool required) { required_ = required; }
  bool required() const { return required_; }
  /// Changes the secret when its time has come. Called before handshakes are taken.
  void tick(TimePoint now);

  Cookie make(std::string_view caller, ByteView message_1) const;
  /// In constant time for the cookie.
  bool check(std::string_view caller, ByteView message_1, ByteView cookie) const;

  Counters counters;

 private:
  using Secret = crypto::SecretBytes<32>;
  static Cookie make_with(const Secret& secret, std::string_view caller, ByteView message_1);

  Rng& rng_;
  Secret current_;
  std::optional<Secret> previous_;
  TimePoint since_;
  bool required_ = false;
};

}  // namespace themis::wire
