#pragma once
// What a responder asks before it computes: has this caller, have all, had their share of it? And
// while many handshakes are open, proof that the caller receives at its address, kept by the caller
// and not by us.

#include <array>
#include <optional>
#include <string_view>

#include "runtime/base/rate_limiter.hpp"
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
  /// Messages 2 for one site: a rack behind one address that starts anew is through at once.
  static constexpr RateLimiter::Rate kAnswersPerSite{.per_s = 100, .burst = 200};
  /// Messages 2 in all: at 0.2 ms each less than half of one core.
  static constexpr RateLimiter::Rate kAnswers{.per_s = 2000, .burst = 1000};

  struct Counters {
    uint64_t retries = 0;   ///< Callers asked for a cookie.
    uint64_t answered = 0;  ///< Messages 2 made: one agreement and one signature each.
    uint64_t limited = 0;   ///< Callers past a rate.
  };

  /// `rng` outlives the gate.
  CookieGate(Rng& rng, TimePoint now) : rng_(rng), current_(rng), since_(now), now_(now) {}

  /// Whether message 1 needs a cookie from now on.
  void set_required(bool required) { required_ = required; }
  bool required() const { return required_; }
  /// Changes the secret when its time has come, and lets the rates recover. Called for every
  /// connection that is taken.
  void tick(TimePoint now);

  Cookie make(std::string_view caller, ByteView message_1) const;
  /// In constant time for the cookie.
  bool check(std::string_view caller, ByteView message_1, ByteView cookie) const;
  /// Whether a message 2 may be made for a caller of `site`. Without one only the rate of all
  /// counts.
  bool admit(const std::string& site);

  Counters counters;

 private:
  using Secret = crypto::SecretBytes<32>;
  static Cookie make_with(const Secret& secret, std::string_view caller, ByteView message_1);

  Rng& rng_;
  Secret current_;
  std::optional<Secret> previous_;
  TimePoint since_;
  TimePoint now_;
  RateLimiter sites_, all_;
  bool required_ = false;
};

}  // namespace themis::wire
