#include "wire/presence.hpp"

#include <gtest/gtest.h>

namespace themis::wire {
namespace {

struct Presence : testing::Test {
  Presence() { rng.fill(transcript); }
  SeededRng rng{7};
  Identity self = Identity::generate("net", rng);
  crypto::Digest transcript;
};

TEST_F(Presence, ProvesTheNodeToTheOtherEndOfTheSession) {
  for (const bool initiator : {true, false}) {
    const auto proof = make_presence(self, transcript, initiator);
    const auto node = check_presence(proof, "net", transcript, initiator);
    ASSERT_TRUE(node);
    EXPECT_EQ(*node, self.id());
  }
}

TEST_F(Presence, AdversaryReplayedFromAnotherSessionOrSentBackProvesNothing) {
  const auto proof = make_presence(self, transcript, true);
  crypto::Digest other = transcript;
  other[31] ^= std::byte{1};
  EXPECT_EQ(check_presence(proof, "net", other, true).error().code, Code::forged);
  EXPECT_EQ(check_presence(proof, "net", transcript, false).error().code, Code::forged);
}

TEST_F(Presence, AdversaryEveryFlippedBitProvesNothing) {
  const auto proof = make_presence(self, transcript, true);
  for (size_t bit = 0; bit < 8 * kPresenceBytes; ++bit) {
    auto flipped = proof;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(check_presence(flipped, "net", transcript, true)) << "bit " << bit;
  }
}

TEST_F(Presence, AdversaryAnotherNodesKeyOverOnesOwnSignatureProvesNothing) {
  const Identity victim = Identity::generate("net", rng);
  auto proof = make_presence(self, transcript, true);
  std::ranges::copy(victim.public_key().view(), proof.begin());
  EXPECT_EQ(check_presence(proof, "net", transcript, true).error().code, Code::forged);
}

TEST_F(Presence, RefusesAnotherLength) {
  const auto proof = make_presence(self, transcript, true);
  for (const size_t bytes : {size_t{0}, kPresenceBytes - 1})
    EXPECT_EQ(check_presence(ByteView(proof).first(bytes), "net", transcript, true).error().code,
              Code::malformed);
}

}  // namespace
}  // namespace themis::wire
