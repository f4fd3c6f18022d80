#include "wire/handshake.hpp"

#include <gtest/gtest.h>

namespace themis::wire {
namespace {

constexpr std::string_view kNetwork = "testnet";

/// Three nodes of one network; what happens between them is repeatable.
struct World {
  explicit World(uint64_t seed = 1)
      : rng(seed),
        alice(Identity::generate(kNetwork, rng)),
        bob(Identity::generate(kNetwork, rng)),
        mallory(Identity::generate(kNetwork, rng)) {}

  Handshake initiator() {
    return Handshake::initiator({.self = &alice, .expected = bob.id()}, rng);
  }
  Handshake responder() { return Handshake::responder({.self = &bob}, rng); }

  SeededRng rng;
  Identity alice, bob, mallory;
};

Code refusal(Handshake& handshake, ByteView frame) {
  const auto state = handshake.state();
  const auto result = handshake.step(frame);
  EXPECT_FALSE(result) << "it was accepted";
  EXPECT_EQ(handshake.state(), state) << "a refused message changed the state";
  return result ? Code::internal : result.error().code;
}

/// Sends a record each way: true when the two ends share keys.
bool converse(Established& a, Established& b) {
  for (auto [from, to] : {std::pair{&a, &b}, {&b, &a}}) {
    Bytes record;
    if (!from->session.seal(as_bytes("hello"), record)) return false;
    const auto opened = to->session.open(record);
    if (!opened || as_text(*opened) != "hello") return false;
  }
  return true;
}

/// Finishes a handshake whose initiator has sent `message_1`, and checks that it works.
void expect_completes(Handshake& a, Handshake& b, ByteView message_2) {
  const auto message_3 = a.step(message_2);
  ASSERT_TRUE(message_3) << message_3.error().text();
  const auto nothing = b.step(*message_3);
  ASSERT_TRUE(nothing) << nothing.error().text();
  EXPECT_TRUE(nothing->empty());
  Established at_a = a.take(), at_b = b.take();
  EXPECT_TRUE(converse(at_a, at_b));
}

TEST(Handshake, GivesBothEndsTheSameKeysAndEachOthersIdentity) {
  World world;
  Handshake a = world.initiator(), b = world.responder();
  EXPECT_EQ(a.state(), Handshake::State::ready);
  EXPECT_EQ(b.state(), Handshake::State::expects_1);
  const Bytes message_1 = a.start();
  EXPECT_EQ(a.state(), Handshake::State::expects_2);
  const Bytes message_2 = b.step(message_1).value();
  EXPECT_EQ(b.state(), Handshake::State::expects_3);
  const Bytes message_3 = a.step(message_2).value();
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.step(message_3).value().empty());
  EXPECT_TRUE(b.done());
  EXPECT_EQ(message_1.size(), kHandshake1Bytes);
  EXPECT_EQ(message_2.size(), kHandshake2Bytes);
  EXPECT_EQ(message_3.size(), kHandshake3Bytes);
  EXPECT_LE(message_1.size() + message_2.size() + message_3.size(), 450u);

  Established at_a = a.take(), at_b = b.take();
  EXPECT_EQ(a.state(), Handshake::State::taken);
  EXPECT_EQ(at_a.peer, world.bob.id());
  EXPECT_EQ(at_b.peer, world.alice.id());
  EXPECT_EQ(at_a.peer_key, world.bob.public_key());
  EXPECT_EQ(at_b.peer_key, world.alice.public_key());
  EXPECT_EQ(at_a.transcript, at_b.transcript);
  EXPECT_TRUE(at_a.exporter == at_b.exporter);
  EXPECT_TRUE(at_a.session.encryption());
  EXPECT_TRUE(converse(at_a, at_b));
}

// The bytes on the wire are the protocol: a change of any label, order or length shows here. The
// values are those that an independent implementation, tests/vectors/handshake.py, prints.
TEST(Handshake, GoldenTranscriptStaysTheSame) {
  World world(42);
  const auto config = [](const Identity& self) {
    return HandshakeConfig{.self = &self, .suites = kOfferChacha20Poly1305};
  };
  Handshake a = Handshake::initiator(config(world.alice), world.rng);
  Handshake b = Handshake::responder(config(world.bob), world.rng);
  const Bytes message_1 = a.start();
  const Bytes message_2 = b.step(message_1).value();
  const Bytes message_3 = a.step(message_2).value();
  ASSERT_TRUE(b.step(message_3));
  Established at_a = a.take();
  Bytes record;
  ASSERT_TRUE(at_a.session.seal(as_bytes("golden"), record));
  const auto digest = [](ByteView bytes) {
    return to_hex(ByteView(crypto::blake2b(bytes)).first(8));
  };
  EXPECT_EQ(digest(message_1), "d1720693d36279fe");
  EXPECT_EQ(digest(message_2), "efa5cc4a31008b3e");
  EXPECT_EQ(digest(message_3), "f9e8665ad066ff42");
  EXPECT_EQ(to_hex(ByteView(at_a.transcript).first(8)), "2110297991b08989");
  EXPECT_EQ(to_hex(at_a.exporter.view().first(8)), "6e522ef891f76a2a");
  EXPECT_EQ(to_hex(record), "1001160000000000c555a5dec644bab8eccd4450fd0d6238b4273c2246a2");
}

TEST(Handshake, FirstRecordRidesOnMessage3) {
  World world;
  Handshake a = world.initiator(), b = world.responder();
  Bytes stream = a.step(b.step(a.start()).value()).value();
  Established at_a = a.take();
  ASSERT_TRUE(at_a.session.seal(as_bytes("first command"), stream));
  ASSERT_TRUE(b.step(ByteView(stream).first(kHandshake3Bytes)));
  Established at_b = b.take();
  const auto opened = at_b.session.open(std::span(stream).subspan(kHandshake3Bytes));
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(as_text(*opened), "first command");
}

TEST(Handshake, AnyNodeOfTheNetworkWillDoWithoutAnExpectation) {
  World world;
  Handshake a = Handshake::initiator({.self = &world.alice}, world.rng), b = world.responder();
  expect_completes(a, b, b.step(a.start()).value());
}

TEST(Handshake, EveryRunHasItsOwnKeys) {
  World world;
  Handshake a = world.initiator(), b = world.responder();
  Handshake a2 = world.initiator(), b2 = world.responder();
  ASSERT_TRUE(b.step(a.step(b.step(a.start()).value()).value()));
  ASSERT_TRUE(b2.step(a2.step(b2.step(a2.start()).value()).value()));
  Established at_a = a.take(), at_b2 = b2.take();
  EXPECT_NE(at_a.transcript, at_b2.transcript);
  EXPECT_FALSE(at_a.exporter == at_b2.exporter);
  EXPECT_FALSE(converse(at_a, at_b2));
}

TEST(Handshake, TakesTheBestSuiteThatBothAllow) {
  World world;
  const uint8_t both = available_suites();
  const bool aes = (both & kOfferAes256Gcm) != 0;
  for (const auto& [ours, theirs, expected] :
       {std::tuple{both, both, aes ? crypto::Suite::aes256gcm : crypto::Suite::chacha20poly1305},
        {both, kOfferChacha20Poly1305, crypto::Suite::chacha20poly1305},
        {kOfferChacha20Poly1305, both, crypto::Suite::chacha20poly1305}}) {
    Handshake a = Handshake::initiator({.self = &world.alice, .suites = ours}, world.rng);
    Handshake b = Handshake::responder({.self = &world.bob, .suites = theirs}, world.rng);
    ASSERT_TRUE(b.step(a.step(b.step(a.start()).value()).value()));
    Established at_a = a.take(), at_b = b.take();
    EXPECT_EQ(at_a.session.suite(), expected);
    EXPECT_EQ(at_b.session.suite(), expected);
    EXPECT_TRUE(converse(at_a, at_b));
  }
  Handshake a = Handshake::initiator({.self = &world.alice, .suites = kOfferAes256Gcm}, world.rng);
  Handshake b =
      Handshake::responder({.self = &world.bob, .suites = kOfferChacha20Poly1305}, world.rng);
  EXPECT_EQ(refusal(b, a.start()), Code::denied);
}

TEST(Handshake, EncryptionIsOffOnlyWhenBothSaySo) {
  World world;
  for (const auto& [ours, theirs] : {std::pair{false, true}, {true, false}}) {
    Handshake a = Handshake::initiator({.self = &world.alice, .encryption = ours}, world.rng);
    Handshake b = Handshake::responder({.self = &world.bob, .encryption = theirs}, world.rng);
    EXPECT_EQ(refusal(b, a.start()), Code::denied);
  }
  Handshake a = Handshake::initiator({.self = &world.alice, .encryption = false}, world.rng);
  Handshake b = Handshake::responder({.self = &world.bob, .encryption = false}, world.rng);
  ASSERT_TRUE(b.step(a.step(b.step(a.start()).value()).value()));
  Established at_a = a.take(), at_b = b.take();
  EXPECT_FALSE(at_a.session.encryption());
  EXPECT_FALSE(at_b.session.encryption());
  EXPECT_TRUE(converse(at_a, at_b));
}

TEST(Handshake, RefusesANodeOfAnotherNetwork) {
  World world;
  const Identity stranger = Identity::generate("othernet", world.rng);
  Handshake a = world.initiator();
  Handshake b = Handshake::responder({.self = &stranger}, world.rng);
  const auto refused = b.step(a.start());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{Code::wrong_peer, "another network"}));
  EXPECT_EQ(b.state(), Handshake::State::expects_1);
}

TEST(Handshake, RefusesAnotherIdentityThanExpected) {
  World world;
  Handshake a =
      Handshake::initiator({.self = &world.alice, .expected = world.mallory.id()}, world.rng);
  Handshake b = world.responder();
  EXPECT_EQ(refusal(a, b.step(a.start()).value()), Code::wrong_peer);
  Handshake a2 = world.initiator();
  Handshake b2 =
      Handshake::responder({.self = &world.bob, .expected = world.mallory.id()}, world.rng);
  EXPECT_EQ(refusal(b2, a2.step(b2.step(a2.start()).value()).value()), Code::wrong_peer);
}

TEST(Handshake, RefusesToTalkToItself) {
  World world;
  Handshake a = Handshake::initiator({.self = &world.alice}, world.rng);
  Handshake b = Handshake::responder({.self = &world.alice}, world.rng);
  EXPECT_EQ(refusal(a, b.step(a.start()).value()), Code::invalid);
}

TEST(Handshake, RefusesMessage2ForAnotherInitiator) {
  World world;
  Handshake a = world.initiator(), other = world.initiator();
  Handshake b = world.responder(), b2 = world.responder();
  const Bytes message_2 = b.step(a.start()).value();
  const Bytes for_other = b2.step(other.start()).value();
  EXPECT_EQ(refusal(a, for_other), Code::forged);
  EXPECT_EQ(refusal(other, message_2), Code::forged);
  expect_completes(a, b, message_2);
}

TEST(Handshake, RefusesMessagesOutOfTurn) {
  World world;
  Handshake a = world.initiator(), b = world.responder();
  EXPECT_EQ(refusal(a, {}), Code::malformed);
  const Bytes message_1 = a.start();
  EXPECT_EQ(refusal(a, message_1), Code::malformed);
  const Bytes message_2 = b.step(message_1).value();
  EXPECT_EQ(refusal(b, message_1), Code::malformed);
  EXPECT_EQ(refusal(b, message_2), Code::malformed);
  const Bytes message_3 = a.step(message_2).value();
  EXPECT_EQ(refusal(a, message_2), Code::malformed);
  ASSERT_TRUE(b.step(message_3));
  EXPECT_EQ(refusal(b, message_3), Code::malformed);
  b.take();
  EXPECT_EQ(refusal(b, message_3), Code::malformed);
}

}  // namespace
}  // namespace themis::wire
