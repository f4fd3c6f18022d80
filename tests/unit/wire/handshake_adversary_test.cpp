// The handshake against an adversary who owns the network: changes, cuts, replays, reflects and
// invents messages.

#include <gtest/gtest.h>

#include "runtime/crypto/kdf.hpp"
#include "wire/handshake.hpp"

namespace themis::wire {
namespace {

constexpr std::string_view kNetwork = "testnet";

class AdversaryHandshake : public testing::Test {
 protected:
  AdversaryHandshake()
      : rng_(7),
        alice_(Identity::generate(kNetwork, rng_)),
        bob_(Identity::generate(kNetwork, rng_)) {}

  Handshake initiator() {
    return Handshake::initiator({.self = &alice_, .expected = bob_.id()}, rng_);
  }
  Handshake responder() { return Handshake::responder({.self = &bob_}, rng_); }

  /// `frame` must be refused with the state as it was.
  static testing::AssertionResult refuses(Handshake& handshake, ByteView frame) {
    const auto before = handshake.state();
    if (handshake.step(frame)) return testing::AssertionFailure() << "it was accepted";
    if (handshake.state() != before) return testing::AssertionFailure() << "the state changed";
    return testing::AssertionSuccess();
  }
  static Bytes flipped(ByteView frame, size_t offset, std::byte mask = std::byte{1}) {
    Bytes changed(frame.begin(), frame.end());
    changed[offset] ^= mask;
    return changed;
  }

  SeededRng rng_;
  Identity alice_, bob_;
};

// The responder cannot tell that a share or nonce was changed under way; then its message 2 must
// not convince anyone.
TEST_F(AdversaryHandshake, ChangesAnyByteOfMessage1) {
  Handshake a = initiator();
  const Bytes message_1 = a.start();
  size_t refused_at_once = 0;
  for (size_t offset = 0; offset < message_1.size(); ++offset) {
    for (const std::byte mask : {std::byte{0x01}, std::byte{0x80}}) {
      Handshake b = responder();
      const Bytes changed = flipped(message_1, offset, mask);
      const auto message_2 = b.step(changed);
      if (message_2) {
        EXPECT_TRUE(refuses(a, *message_2)) << "offset " << offset;
        continue;
      }
      ++refused_at_once;
      EXPECT_EQ(b.state(), Handshake::State::expects_1) << "offset " << offset;
      EXPECT_TRUE(b.step(message_1)) << "the genuine message still works, offset " << offset;
    }
  }
  // Header, nonce and network tag; and both bits of the suites byte where a CPU offers one suite
  // only.
  EXPECT_GE(refused_at_once, 2 * (kFrameHeaderBytes + kHandshakeNonceBytes + kNetworkTagBytes));
  Handshake b = responder();
  ASSERT_TRUE(b.step(a.step(b.step(message_1).value()).value()));
  EXPECT_TRUE(b.done());
}

TEST_F(AdversaryHandshake, ChangesAnyByteOfMessage2) {
  Handshake a = initiator(), b = responder();
  const Bytes message_2 = b.step(a.start()).value();
  for (size_t offset = 0; offset < message_2.size(); ++offset)
    for (const std::byte mask : {std::byte{0x01}, std::byte{0x80}})
      EXPECT_TRUE(refuses(a, flipped(message_2, offset, mask))) << "offset " << offset;
  ASSERT_TRUE(b.step(a.step(message_2).value()));
  EXPECT_EQ(a.take().transcript, b.take().transcript);
}

TEST_F(AdversaryHandshake, ChangesAnyByteOfMessage3) {
  Handshake a = initiator(), b = responder();
  const Bytes message_3 = a.step(b.step(a.start()).value()).value();
  for (size_t offset = 0; offset < message_3.size(); ++offset)
    for (const std::byte mask : {std::byte{0x01}, std::byte{0x80}})
      EXPECT_TRUE(refuses(b, flipped(message_3, offset, mask))) << "offset " << offset;
  ASSERT_TRUE(b.step(message_3));
  EXPECT_EQ(a.take().transcript, b.take().transcript);
}

TEST_F(AdversaryHandshake, CutsOrExtendsAnyMessage) {
  Handshake a = initiator(), b = responder();
  const auto refuses_other_lengths = [](Handshake& handshake, const Bytes& message) {
    for (size_t size = 0; size <= message.size() + 32; ++size) {
      if (size == message.size()) continue;
      Bytes changed = message;
      changed.resize(size);
      EXPECT_TRUE(refuses(handshake, changed)) << size;
      if (size < kFrameHeaderBytes) continue;
      store(changed.data() + 2, static_cast<uint16_t>(size - kFrameHeaderBytes));
      EXPECT_TRUE(refuses(handshake, changed)) << size << " with a header that agrees";
    }
  };
  const Bytes message_1 = a.start();
  refuses_other_lengths(b, message_1);
  const Bytes message_2 = b.step(message_1).value();
  refuses_other_lengths(a, message_2);
  const Bytes message_3 = a.step(message_2).value();
  refuses_other_lengths(b, message_3);
  EXPECT_TRUE(b.step(message_3));
}

TEST_F(AdversaryHandshake, ReplaysARecordedRun) {
  Handshake a = initiator(), b = responder();
  const Bytes message_1 = a.start();
  const Bytes message_2 = b.step(message_1).value();
  const Bytes message_3 = a.step(message_2).value();
  ASSERT_TRUE(b.step(message_3));
  Handshake victim = responder();
  const Bytes fresh = victim.step(message_1).value();
  EXPECT_NE(fresh, message_2);
  EXPECT_TRUE(refuses(victim, message_3));
  EXPECT_FALSE(victim.done());
  Handshake caller = initiator();
  caller.start();
  EXPECT_TRUE(refuses(caller, message_2));
}

TEST_F(AdversaryHandshake, ReflectsMessages) {
  Handshake a = initiator();
  const Bytes message_1 = a.start();
  EXPECT_TRUE(refuses(a, message_1));
  // To Alice's own listening side: she must not be taken for her peer.
  Handshake own = Handshake::responder({.self = &alice_}, rng_);
  const auto result = a.step(own.step(message_1).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid);
  // A responder's sealed identity, sent back as if it were the initiator's.
  Handshake b = responder();
  const Bytes message_2 = b.step(message_1).value();
  Bytes message_3(kHandshake3Bytes);
  FrameHeader{.type = 3, .length = kHandshake3Bytes - kFrameHeaderBytes}.write(message_3.data());
  std::ranges::copy(ByteView(message_2).last(kSealedIdentityBytes),
                    message_3.begin() + kFrameHeaderBytes);
  EXPECT_TRUE(refuses(b, message_3));
}

// Eve runs the responder's side toward Alice and the initiator's side toward Bob, under her own
// identity.
TEST_F(AdversaryHandshake, StandsInTheMiddle) {
  const Identity eve = Identity::generate(kNetwork, rng_);
  Handshake a = initiator();
  Handshake toward_alice = Handshake::responder({.self = &eve}, rng_);
  const auto result = a.step(toward_alice.step(a.start()).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::wrong_peer);
  Handshake b = responder();
  Handshake toward_bob = Handshake::initiator({.self = &eve}, rng_);
  ASSERT_TRUE(b.step(toward_bob.step(b.step(toward_bob.start()).value()).value()));
  EXPECT_EQ(b.take().peer, eve.id()) << "Bob knows that it is Eve, not Alice";
}

TEST_F(AdversaryHandshake, SendsSharesOfSmallOrder) {
  const std::string zeros(64, '0');
  // Orders 1, 2, 4 and 8, and the same with values over the prime (cr.yp.to/ecdh.html, "validate").
  const std::string small[] = {zeros,
                               "01" + zeros.substr(2),
                               "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                               "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                               "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                               "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                               "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  Handshake a = initiator();
  const Bytes message_1 = a.start();
  Handshake genuine = responder();
  const Bytes message_2 = genuine.step(message_1).value();
  for (const std::string& text : small) {
    const Bytes share = from_hex(text).value();
    Bytes changed = message_1;
    std::ranges::copy(share, changed.begin() + kFrameHeaderBytes + 1);
    Handshake b = responder();
    EXPECT_TRUE(refuses(b, changed)) << text;
    changed = message_2;
    std::ranges::copy(share, changed.begin() + kFrameHeaderBytes + 1);
    EXPECT_TRUE(refuses(a, changed)) << text;
  }
  EXPECT_TRUE(a.step(message_2));
}

TEST_F(AdversaryHandshake, TurnsEncryptionOffUnderWay) {
  Handshake a = initiator();
  Bytes message_1 = a.start();
  message_1[kFrameHeaderBytes] |= std::byte{kOfferPlain};
  Handshake careful = responder();
  EXPECT_TRUE(refuses(careful, message_1));
  Handshake b = Handshake::responder({.self = &bob_, .encryption = false}, rng_);
  Bytes message_2 = b.step(message_1).value();
  EXPECT_TRUE(refuses(a, message_2));
  message_2[kFrameHeaderBytes] &= ~std::byte{kOfferPlain};
  EXPECT_TRUE(refuses(a, message_2));
}

// With two suites offered, the weaker one cannot be forced by striking the other from the offer.
TEST_F(AdversaryHandshake, StrikesASuiteFromTheOffer) {
  if (available_suites() == kOfferChacha20Poly1305) return;  // nothing can be struck on this CPU
  Handshake a = initiator(), b = responder();
  Bytes message_1 = a.start();
  message_1[kFrameHeaderBytes] = std::byte{kOfferChacha20Poly1305};
  const auto result = a.step(b.step(message_1).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::forged);
}

TEST_F(AdversaryHandshake, LooksForIdentitiesOnTheWire) {
  Handshake a = initiator(), b = responder();
  Bytes wire = a.start();
  const Bytes message_2 = b.step(wire).value();
  append(wire, message_2);
  append(wire, a.step(message_2).value());
  const std::string_view seen = as_text(wire);
  for (const ByteView hidden : {alice_.public_key().view(), bob_.public_key().view(),
                                alice_.id().view(), bob_.id().view(), as_bytes(kNetwork)})
    EXPECT_EQ(seen.find(as_text(hidden)), std::string_view::npos);
}

// Alice's key is stolen. Eve may speak as Alice, but still not as Bob toward Alice (no
// key-compromise impersonation).
TEST_F(AdversaryHandshake, KnowsAlicesKeyAndPlaysBobToHer) {
  const Identity stolen(crypto::SecretBytes<32>(alice_.key().seed()), kNetwork);
  Handshake a = initiator();
  const Bytes message_1 = a.start();
  Handshake b = responder();
  // Eve gets a genuine message 2 of Bob's for a share of her own, and gives Alice that.
  Handshake eve = Handshake::initiator({.self = &stolen, .expected = bob_.id()}, rng_);
  EXPECT_TRUE(refuses(a, b.step(eve.start()).value()));
  // Or she answers herself: with the only key she has, that is an identity Alice does not expect.
  Handshake played = Handshake::responder({.self = &stolen}, rng_);
  EXPECT_TRUE(refuses(a, played.step(message_1).value()));
}

TEST_F(AdversaryHandshake, SendsRandomFrames) {
  const uint64_t seed = SystemRng().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRng noise(seed);
  Handshake a = initiator(), b = responder(), waiting = responder();
  const Bytes message_1 = a.start();
  const Bytes message_2 = b.step(message_1).value();
  for (int i = 0; i < 2000; ++i) {
    Bytes frame(noise.below(300));
    noise.fill(frame);
    if (frame.size() >= kFrameHeaderBytes && i % 2 == 0)
      FrameHeader{.type = static_cast<uint8_t>(1 + noise.below(3)),
                  .length = static_cast<uint16_t>(frame.size() - kFrameHeaderBytes)}
          .write(frame.data());
    ASSERT_TRUE(refuses(a, frame));
    ASSERT_TRUE(refuses(b, frame));
    ASSERT_TRUE(refuses(waiting, frame));
  }
  EXPECT_TRUE(b.step(a.step(message_2).value()));
  EXPECT_TRUE(waiting.step(message_1));
}

}  // namespace
}  // namespace themis::wire
