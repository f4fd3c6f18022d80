#include "wire/cookie.hpp"

#include "runtime/crypto/declassify.hpp"

namespace themis::wire {

void CookieGate::tick(TimePoint now) {
  now_ = now;
  const Duration age = now - since_;
  if (age < kCookieSecretLife) return;
  previous_.reset();
  if (age < 2 * kCookieSecretLife) previous_.emplace(std::move(current_));
  current_ = Secret(rng_);
  since_ = now;
}

bool CookieGate::admit(const std::string& site) {
  const bool too_often = (!site.empty() && sites_.take(site, kAnswersPerSite, now_)) ||
                         all_.take("all", kAnswers, now_);
  if (too_often) ++counters.limited;
  return !too_often;
}

Cookie CookieGate::make_with(const Secret& secret, std::string_view caller, ByteView message_1) {
  const crypto::Digest text = crypto::Hasher("themis/cookie/v1")
                                  .add_framed(as_bytes(caller))
                                  .add_framed(message_1)
                                  .finish();
  return crypto::blake2b_mac(secret, text);
}

Cookie CookieGate::make(std::string_view caller, ByteView message_1) const {
  const Cookie cookie = make_with(current_, caller, message_1);
  crypto::declassify(cookie);
  return cookie;
}

bool CookieGate::check(std::string_view caller, ByteView message_1, ByteView cookie) const {
  if (crypto::equal(make_with(current_, caller, message_1), cookie)) return true;
  return previous_ && crypto::equal(make_with(*previous_, caller, message_1), cookie);
}

}  // namespace themis::wire
