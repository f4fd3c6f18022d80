// Cookies, and the handshake when the responder asks for one.

#include "wire/cookie.hpp"

#include <gtest/gtest.h>

#include "wire/handshake.hpp"

namespace themis::wire {
namespace {

const TimePoint kStart{1000s};

TEST(Cookie, IsGoodForItsCallerAndMessageOnly) {
  SeededRng rng(1);
  CookieGate gate(rng, kStart);
  const Bytes one = to_bytes("message one"), other = to_bytes("message two");
  Cookie cookie = gate.make("10.0.0.1:5", one);
  EXPECT_TRUE(gate.check("10.0.0.1:5", one, cookie));
  EXPECT_FALSE(gate.check("10.0.0.1:6", one, cookie));
  EXPECT_FALSE(gate.check("10.0.0.1:5", other, cookie));
  EXPECT_FALSE(gate.check("10.0.0.1:5", one, ByteView(cookie).first(15)));
  for (std::byte& byte : cookie) {
    byte ^= std::byte{1};
    EXPECT_FALSE(gate.check("10.0.0.1:5", one, cookie));
    byte ^= std::byte{1};
  }
  EXPECT_FALSE(CookieGate(rng, kStart).check("10.0.0.1:5", one, cookie)) << "another responder";
}

TEST(Cookie, LivesThroughOneChangeOfTheSecret) {
  SeededRng rng(1);
  CookieGate gate(rng, kStart);
  const Bytes one = to_bytes("message one");
  const Cookie cookie = gate.make("a", one);
  gate.tick(kStart + 119s);
  EXPECT_EQ(gate.make("a", one), cookie);
  gate.tick(kStart + 121s);
  EXPECT_NE(gate.make("a", one), cookie);
  EXPECT_TRUE(gate.check("a", one, cookie));
  const Cookie second = gate.make("a", one);
  gate.tick(kStart + 242s);
  EXPECT_FALSE(gate.check("a", one, cookie));
  EXPECT_TRUE(gate.check("a", one, second));
  gate.tick(kStart + 1000s);
  EXPECT_FALSE(gate.check("a", one, second)) << "a long pause makes both old";
}

TEST(Cookie, EverySiteHasARateAndAllTogetherHaveOne) {
  SeededRng rng(1);
  CookieGate gate(rng, kStart);
  const auto admitted = [&gate](const std::string& site, uint32_t tries) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; ++i) count += gate.admit(site) ? 1 : 0;
    return count;
  };
  const uint32_t burst = CookieGate::kAnswersPerSite.burst;
  EXPECT_EQ(admitted("10.0.0.1", burst + 50), burst);
  EXPECT_EQ(gate.counters.limited, 50u);
  EXPECT_EQ(admitted("10.0.0.2", 10), 10u) << "another site";
  gate.tick(kStart + 100ms);
  EXPECT_EQ(admitted("10.0.0.1", 50), CookieGate::kAnswersPerSite.per_s / 10);
  gate.tick(kStart + 60s);
  EXPECT_EQ(admitted("", 2 * CookieGate::kAnswers.burst), CookieGate::kAnswers.burst)
      << "without a site";
  EXPECT_EQ(admitted("10.0.0.3", 1), 0u) << "all had their share";
}

class HandshakeUnderLoad : public testing::Test {
 protected:
  HandshakeUnderLoad()
      : rng_(3),
        alice_(Identity::generate("testnet", rng_)),
        bob_(Identity::generate("testnet", rng_)),
        gate_(rng_, kStart) {
    gate_.set_required(true);
  }
  Handshake initiator() {
    return Handshake::initiator({.self = &alice_, .expected = bob_.id()}, rng_);
  }
  Handshake responder(std::string caller = "10.0.0.1:5") {
    Handshake made = Handshake::responder({.self = &bob_, .cookies = &gate_}, rng_);
    made.set_caller(std::move(caller));
    return made;
  }
  SeededRng rng_;
  Identity alice_, bob_;
  CookieGate gate_;
};

TEST_F(HandshakeUnderLoad, CompletesWithOneRetry) {
  Handshake a = initiator(), b = responder();
  const Bytes message_1 = a.start();
  const Bytes retry = b.step(message_1).value();
  EXPECT_EQ(retry.size(), kRetryBytes);
  EXPECT_LT(retry.size(), message_1.size()) << "nothing to amplify";
  EXPECT_EQ(b.state(), Handshake::State::expects_1);
  EXPECT_EQ(gate_.counters.answered, 0u) << "no agreement and no signature yet";
  const Bytes again = a.step(retry).value();
  EXPECT_EQ(again.size(), kHandshake1CookieBytes);
  EXPECT_TRUE(std::ranges::equal(ByteView(again).subspan(8, 73), ByteView(message_1).subspan(8)));
  ASSERT_TRUE(b.step(a.step(b.step(again).value()).value()));
  EXPECT_EQ(gate_.counters.answered, 1u);
  EXPECT_EQ(gate_.counters.retries, 1u);
  Established at_a = a.take(), at_b = b.take();
  EXPECT_EQ(at_a.transcript, at_b.transcript);
  EXPECT_TRUE(at_a.exporter == at_b.exporter);
}

TEST_F(HandshakeUnderLoad, RegressAnswersNobodyPastTheRate) {
  gate_.set_required(false);
  while (gate_.admit("10.0.0.1")) {
  }
  Handshake a = initiator(), b = responder(), c = responder();
  b.set_caller("10.0.0.1:5", "10.0.0.1");
  const Bytes message_1 = a.start();
  const auto refused = b.step(message_1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(b.state(), Handshake::State::expects_1);
  EXPECT_EQ(gate_.counters.answered, 0u) << "nothing was computed";
  c.set_caller("10.0.0.2:5", "10.0.0.2");
  EXPECT_TRUE(c.step(message_1));
}

TEST_F(HandshakeUnderLoad, ACookieIsNotNeededAnyMoreWhenTheLoadIsGone) {
  Handshake a = initiator(), b = responder();
  const Bytes again = a.step(b.step(a.start()).value()).value();
  gate_.set_required(false);
  ASSERT_TRUE(b.step(a.step(b.step(again).value()).value()));
  EXPECT_EQ(a.take().transcript, b.take().transcript);
}

TEST_F(HandshakeUnderLoad, TakesACookieOfTheSecretBefore) {
  Handshake a = initiator(), b = responder();
  const Bytes again = a.step(b.step(a.start()).value()).value();
  gate_.tick(kStart + 121s);
  EXPECT_EQ(b.step(again).value().size(), kHandshake2Bytes);
}

TEST_F(HandshakeUnderLoad, EachSideRetriesOnce) {
  Handshake a = initiator(), b = responder();
  const Bytes message_1 = a.start();
  const Bytes retry = b.step(message_1).value();
  EXPECT_EQ(b.step(message_1).error().code, Code::denied);
  const Bytes again = a.step(retry).value();
  EXPECT_EQ(a.step(retry).error().code, Code::malformed);
  ASSERT_TRUE(b.step(a.step(b.step(again).value()).value())) << "the genuine ones still work";
}

TEST_F(HandshakeUnderLoad, AdversaryChangesAnyByteOfMessage1WithItsCookie) {
  Handshake a = initiator(), b = responder();
  const Bytes again = a.step(b.step(a.start()).value()).value();
  for (size_t offset = 0; offset < again.size(); ++offset) {
    Bytes changed = again;
    changed[offset] ^= std::byte{1};
    EXPECT_FALSE(b.step(changed)) << "offset " << offset;
    EXPECT_EQ(b.state(), Handshake::State::expects_1);
  }
  EXPECT_EQ(gate_.counters.answered, 0u) << "the cookie covers the whole message";
  EXPECT_TRUE(b.step(again));
}

TEST_F(HandshakeUnderLoad, AdversaryUsesACookieAtAnotherAddressOrForAnotherMessage) {
  Handshake a = initiator(), b = responder();
  const Bytes message_1 = a.start();
  const Bytes again = a.step(b.step(message_1).value()).value();
  Handshake elsewhere = responder("10.0.0.2:5");
  EXPECT_EQ(elsewhere.step(again).error().code, Code::malformed) << "nobody asked there";
  ASSERT_TRUE(elsewhere.step(message_1));
  EXPECT_EQ(elsewhere.step(again).error().code, Code::denied);
  Handshake other = initiator(), same_place = responder();
  Bytes moved = other.start();
  ASSERT_TRUE(same_place.step(moved));
  append(moved, ByteView(again).last(kCookieBytes));
  store(moved.data() + 2, static_cast<uint16_t>(moved.size() - kFrameHeaderBytes));
  EXPECT_EQ(same_place.step(moved).error().code, Code::denied);
  EXPECT_EQ(gate_.counters.answered, 0u);
}

/// A cookie that was put in or taken out under way shows: message 1 is signed as it was answered.
TEST_F(HandshakeUnderLoad, AdversaryAddsOrTakesACookie) {
  gate_.set_required(false);
  Handshake a = initiator(), b = responder();
  Bytes forged_retry(kRetryBytes);
  FrameHeader{.type = static_cast<uint8_t>(FrameType::retry), .length = kCookieBytes}.write(
      forged_retry.data());
  const Bytes message_1 = a.start();
  const Bytes with_cookie = a.step(forged_retry).value();
  EXPECT_FALSE(a.step(b.step(message_1).value())) << "the responder has seen no cookie";
  Handshake unmoved = responder();
  EXPECT_EQ(unmoved.step(with_cookie).error().code, Code::malformed) << "it asked for none";
}

}  // namespace
}  // namespace themis::wire
