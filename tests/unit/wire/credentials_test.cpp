#include "wire/credentials.hpp"

#include <gtest/gtest.h>

#include "wire/handshake.hpp"

namespace themis::wire {
namespace {

constexpr std::string_view kNetwork = "testnet";
constexpr uint32_t kFromS = 1000, kNowS = 2000, kUntilS = 3000;

/// Two nodes, an issuer of invites, and one that nobody named.
struct World {
  explicit World(std::string_view network = kNetwork)
      : alice(Identity::generate(network, rng)),
        bob(Identity::generate(network, rng)),
        issuer(Identity::generate(network, rng)),
        other_issuer(Identity::generate(network, rng)) {}

  Invite invite(const Identity& node) const { return invite(issuer, node); }
  static Invite invite(const Identity& by, const Identity& node) {
    return Invite::issue(by.key(), node.network(), node.id(), kFromS, kUntilS);
  }
  /// What `self` shows in a network that asks for invites of the issuer.
  Admission with(std::optional<Invite> shown) const { return {shown, {issuer.public_key()}}; }

  SeededRng rng{3};
  Identity alice, bob, issuer, other_issuer;
};

/// One handshake; its ends and what the first to refuse said.
struct Dialogue {
  Dialogue(Rng& rng, HandshakeConfig of_a, HandshakeConfig of_b)
      : a(Handshake::initiator(of_a, rng)), b(Handshake::responder(of_b, rng)) {
    Bytes message = a.start();
    for (Handshake* taker : {&b, &a, &b}) {
      bytes += message.size();
      auto answer = taker->step(message);
      if (!answer) {
        refused = answer.error();
        by_responder = taker == &b;
        return;
      }
      message = std::move(*answer);
    }
  }
  Handshake a, b;
  size_t bytes = 0;
  std::optional<Error> refused;
  bool by_responder = false;
};

HandshakeConfig config(const Identity& self, const Admission* admission, uint32_t now_s = kNowS) {
  return {.self = &self, .admission = admission, .wall_ms = int64_t{now_s} * 1000};
}

TEST(Invite, LetsTwoNodesIntoAPrivateNetworkWithinSixHundredBytes) {
  World w;
  const Admission of_a = w.with(w.invite(w.alice)), of_b = w.with(w.invite(w.bob));
  Dialogue run(w.rng, config(w.alice, &of_a), config(w.bob, &of_b));
  ASSERT_FALSE(run.refused) << run.refused->text();
  EXPECT_EQ(run.bytes, 386u + 2 * (1 + Invite::kBytes));
  EXPECT_LE(run.bytes, 600u);
  EXPECT_EQ(run.a.take().standing.invited_until_s, kUntilS);
  EXPECT_EQ(run.b.take().standing.invited_until_s, kUntilS);
}

TEST(Invite, CostsNothingWhereNobodyShowsOne) {
  World w;
  Dialogue run(w.rng, config(w.alice, nullptr), config(w.bob, nullptr));
  ASSERT_FALSE(run.refused);
  EXPECT_EQ(run.bytes, 386u);
  EXPECT_EQ(run.a.take().standing.invited_until_s, Standing::kForever);
}

TEST(Invite, OfAnOpenNodeMayBeShownAndIsNotLookedAt) {
  World w;
  const Admission shows{World::invite(w.other_issuer, w.alice), {}};
  Dialogue run(w.rng, config(w.alice, &shows), config(w.bob, nullptr));
  EXPECT_FALSE(run.refused);
}

/// Each way not to be invited, tried as initiator and as responder.
TEST(Invite, AdversaryWithoutAValidOneGetsNoSession) {
  World w;
  World elsewhere("othernet");
  const auto other_network =
      Invite::issue(w.issuer.key(), "othernet", w.alice.id(), kFromS, kUntilS);
  Invite longer = w.invite(w.alice);
  longer.expires_s += 1;
  Invite claimed = World::invite(w.other_issuer, w.alice);
  claimed.issuer = w.issuer.public_key();
  const Admission guarded = w.with(w.invite(w.bob));
  const std::tuple<const char*, std::optional<Invite>, uint32_t, const char*> cases[] = {
      {"none", std::nullopt, kNowS, "shows no invite"},
      {"somebody else's", w.invite(w.bob), kNowS, "another node or another network"},
      {"another network's", other_network, kNowS, "another node or another network"},
      {"another issuer's", World::invite(w.other_issuer, w.alice), kNowS, "mesh.inviters"},
      {"a false issuer", claimed, kNowS, "another node or another network"},
      {"prolonged", longer, kNowS, "another node or another network"},
      {"expired", w.invite(w.alice), kUntilS, "has expired"},
      {"not yet", w.invite(w.alice), kFromS - 1, "not valid yet"},
  };
  for (const auto& [what, shown, now_s, why] : cases) {
    const Admission mine{shown, {}};  // who is refused does not ask the other one
    for (const bool as_initiator : {true, false}) {
      const HandshakeConfig stranger = config(w.alice, &mine, now_s);
      const HandshakeConfig guard = config(w.bob, &guarded, now_s);
      Dialogue run(w.rng, as_initiator ? stranger : guard, as_initiator ? guard : stranger);
      ASSERT_TRUE(run.refused) << what;
      EXPECT_EQ(run.refused->code, Code::denied) << what;
      EXPECT_NE(run.refused->detail.find(why), std::string::npos) << run.refused->detail;
      EXPECT_EQ(run.by_responder, as_initiator) << what;
      EXPECT_FALSE((as_initiator ? run.b : run.a).done()) << what;
    }
  }
}

TEST(Invite, SaysInItsFileForWhomItIs) {
  World w;
  const NamedInvite named{std::string(kNetwork), w.alice.id(), w.invite(w.alice)};
  const NamedInvite second{std::string(kNetwork), w.bob.id(), w.invite(w.bob)};
  const auto read = parse_invites(named.text() + second.text());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, (std::vector{named, second}));
}

TEST(Invite, AdversaryChangesOrCutsItsFile) {
  World w;
  const std::string genuine =
      NamedInvite{std::string(kNetwork), w.alice.id(), w.invite(w.alice)}.text();
  for (size_t size = 0; size < genuine.size(); ++size)
    EXPECT_FALSE(parse_invites(genuine.substr(0, size))) << size;
  for (size_t at = 0; at < genuine.size(); ++at) {
    std::string changed = genuine;
    changed[at] = changed[at] == '0' ? '1' : '0';
    EXPECT_FALSE(parse_invites(changed)) << at;
  }
  EXPECT_FALSE(parse_invites(genuine + "\n"));
  std::string many;
  for (size_t i = 0; i <= kInvitesMax; ++i) many += genuine;
  EXPECT_EQ(parse_invites(many).error().code, Code::too_large);
}

TEST(Succession, MakesTheSuccessorWhoTheOldOneWas) {
  World w;
  const Identity next = w.bob.successor(w.rng, kFromS, kUntilS);
  EXPECT_NE(next.id(), w.bob.id());
  HandshakeConfig wants_old = config(w.alice, nullptr);
  wants_old.expected = w.bob.id();
  Dialogue run(w.rng, wants_old, config(next, nullptr));
  ASSERT_FALSE(run.refused) << run.refused->text();
  const Established at_a = run.a.take();
  EXPECT_EQ(at_a.peer, next.id()) << "the session is with the new identity";
  EXPECT_EQ(at_a.standing.former, std::vector{w.bob.id()});
  EXPECT_EQ(at_a.standing.former_until_s, kUntilS);
}

/// By either clock.
TEST(Succession, EndsWithItsOverlap) {
  World w;
  const Identity next = w.bob.successor(w.rng, kFromS, kUntilS);
  const uint32_t too_early_s = kFromS - static_cast<uint32_t>(kClockSkewS) - 1;
  for (const auto& [ours_s, theirs_s, bytes] :
       {std::tuple{kUntilS, kUntilS, size_t{81 + 185}},
        {too_early_s, too_early_s, 81 + 185},
        {kUntilS, kNowS, 81 + 185 + 1 + Succession::kBytes}}) {
    HandshakeConfig wants_old = config(w.alice, nullptr, ours_s);
    wants_old.expected = w.bob.id();
    Dialogue run(w.rng, wants_old, config(next, nullptr, theirs_s));
    ASSERT_TRUE(run.refused);
    EXPECT_EQ(run.refused->code, Code::wrong_peer);
    EXPECT_EQ(run.bytes, bytes) << "what does not hold is not shown";
  }
}

TEST(Succession, ChainsHoldForTheLastFourOfAnOverlap) {
  World w;
  std::vector<NodeId> names{w.bob.id()};
  Identity current = w.bob.successor(w.rng, kFromS, kUntilS);
  for (int i = 0; i < 5; ++i) {
    names.insert(names.begin(), current.id());
    current = current.successor(w.rng, kFromS, kUntilS);
  }
  ASSERT_EQ(current.former().size(), kSuccessionsMax);
  Dialogue run(w.rng, config(w.alice, nullptr), config(current, nullptr));
  ASSERT_FALSE(run.refused) << run.refused->text();
  names.resize(kSuccessionsMax);
  EXPECT_EQ(run.a.take().standing.former, names);
  const Identity later = current.successor(w.rng, kUntilS, kUntilS + 10);
  EXPECT_EQ(later.former().size(), 1u) << "what is over is dropped";
}

TEST(Succession, CarriesTheInviteOfTheOldIdentity) {
  World w;
  const Identity next = w.bob.successor(w.rng, kFromS, kUntilS - 1);
  const Admission of_a = w.with(w.invite(w.alice)), of_b = w.with(w.invite(w.bob));
  Dialogue run(w.rng, config(w.alice, &of_a), config(next, &of_b));
  ASSERT_FALSE(run.refused) << run.refused->text();
  Dialogue late(w.rng, config(w.alice, &of_a, kUntilS - 1), config(next, &of_b, kUntilS - 1));
  ASSERT_TRUE(late.refused) << "the overlap is over";
  EXPECT_EQ(late.refused->code, Code::denied);
}

/// Shows what it likes in the place of its own chain.
Identity impostor(Rng& rng, Successions chain) {
  return Identity(crypto::SecretBytes<crypto::SigningKey::kSeedBytes>(rng), kNetwork,
                  std::move(chain));
}

TEST(Succession, AdversaryCannotTakeAPlaceThatWasGivenToAnother) {
  World w;
  const Identity next = w.bob.successor(w.rng, kFromS, kUntilS);
  const Identity twice = next.successor(w.rng, kFromS, kUntilS);
  const Identity elsewhere = World("othernet").bob.successor(w.rng, kFromS, kUntilS);
  Succession half = next.former()[0];
  half.by_new = half.by_old;
  const Successions stolen[] = {
      next.former(),        // signed for another key
      elsewhere.former(),   // of another network
      {half},               // the new key did not sign
      {twice.former()[1]},  // the middle of a chain
  };
  for (const Successions& chain : stolen) {
    const Identity mallory = impostor(w.rng, chain);
    for (const bool initiates : {true, false}) {
      Dialogue run = initiates
                         ? Dialogue(w.rng, config(mallory, nullptr), config(w.alice, nullptr))
                         : Dialogue(w.rng, config(w.alice, nullptr), config(mallory, nullptr));
      ASSERT_TRUE(run.refused);
      EXPECT_EQ(run.refused->code, Code::forged);
    }
  }
}

TEST(Credentials, HaveOneEncoding) {
  World w;
  const Identity next = w.bob.successor(w.rng, kFromS, kUntilS);
  for (const Credentials& shown :
       {Credentials{}, Credentials{next.former(), {}}, Credentials{{}, w.invite(next)},
        Credentials{next.former(), w.invite(next)}}) {
    const Bytes bytes = shown.bytes();
    EXPECT_LE(bytes.size(), Credentials::kBytesMax);
    EXPECT_EQ(Credentials::from_bytes(bytes).value(), shown);
    for (size_t size = 1; size < bytes.size(); ++size)
      EXPECT_FALSE(Credentials::from_bytes(ByteView(bytes).first(size))) << size;
    Bytes longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(Credentials::from_bytes(longer));
  }
  Bytes all = Credentials{next.former(), w.invite(next)}.bytes();
  for (const int what : {0x00, 0x01, 0x80, 0x82, 0x85, 0xc1, 0xff}) {
    all[0] = static_cast<std::byte>(what);
    EXPECT_FALSE(Credentials::from_bytes(all)) << what;
  }
}

TEST(Credentials, RefuseTimesThatMakeNoSense) {
  World w;
  Invite backward = w.invite(w.bob);
  std::swap(backward.not_before_s, backward.expires_s);
  EXPECT_FALSE(Credentials::from_bytes(Credentials{{}, backward}.bytes()));
  Succession long_one = w.bob.successor(w.rng, kFromS, kUntilS).former()[0];
  long_one.expires_s = long_one.issued_s + kOverlapMaxS + 1;
  EXPECT_FALSE(Credentials::from_bytes(Credentials{{long_one}, {}}.bytes()));
}

}  // namespace
}  // namespace themis::wire
