// A whole conversation, frame by frame as tests/vectors/handshake.py computed it: a retry, the
// handshake, records, an exchange of keys. Before each genuine frame the receiver gets it with
// every byte changed, cut everywhere, and every other frame of the conversation instead.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "wire/handshake.hpp"

namespace themis::wire {
namespace {

struct GoldenFrame {
  char sender;
  Bytes bytes;
};
struct Secret {
  std::string name;
  Bytes bytes;
};
struct Golden {
  std::vector<GoldenFrame> frames;
  std::vector<Secret> secrets;
};

Golden golden(int suite) {
  std::ifstream file(THEMIS_VECTORS_DIR "/transcript.txt");
  EXPECT_TRUE(file) << "tests/vectors/transcript.txt is missing";
  Golden all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    int its_suite = 0;
    std::string kind, name, hex;
    if (!(words >> its_suite >> kind) || its_suite != suite) continue;
    if (kind == "secret") {
      words >> name >> hex;
      all.secrets.push_back({name, from_hex(hex).value()});
    } else {
      words >> hex;
      all.frames.push_back({kind[0], from_hex(hex).value()});
    }
  }
  return all;
}

/// One end: a handshake that becomes a session.
struct End {
  explicit End(Handshake begun) : handshake(std::move(begun)) {}

  Result<Bytes> take(Bytes frame, Rng& rng) {
    if (!session) {
      THEMIS_TRY(Bytes reply, handshake.step(frame));
      if (handshake.done()) session.emplace(handshake.take().session);
      return reply;
    }
    Bytes reply;
    if (frame.size() >= kFrameHeaderBytes && Session::is_rekey(frame)) {
      THEMIS_CHECK(session->on_rekey(frame, rng, reply));
    } else {
      THEMIS_TRY(const auto plaintext, session->open(frame));
      received.emplace_back(as_text(plaintext));
    }
    return reply;
  }
  /// All that a frame may change.
  auto state() const {
    return std::tuple(
        handshake.state(), session.has_value(), session ? session->records_received() : 0,
        session ? session->records_sent() : 0, session && session->rekeying(), received.size());
  }
  Bytes seal(std::string_view text) {
    Bytes record;
    EXPECT_TRUE(session->seal(as_bytes(text), record));
    return record;
  }

  Handshake handshake;
  std::optional<Session> session;
  std::vector<std::string> received;
};

using Seed = crypto::SecretBytes<crypto::SigningKey::kSeedBytes>;

/// Of 32 equal bytes.
crypto::SigningKey fixed_key(uint8_t byte) {
  std::array<std::byte, Seed::kBytes> seed;
  seed.fill(std::byte{byte});
  return crypto::SigningKey(Seed(seed));
}

class Transcript : public testing::TestWithParam<int> {
 protected:
  Transcript()
      : golden_(golden(GetParam())),
        rng_(42),
        alice_(make_identity(rng_, with_credentials())),
        bob_(make_identity(rng_, false)),
        of_alice_(make_admission(alice_)),
        of_bob_(make_admission(bob_)),
        gate_(rng_, TimePoint{}),
        a_(Handshake::initiator(
            config(alice_, of_alice_, {.expected = bob_.id(), .suites = suites()}), rng_)),
        b_(Handshake::responder(config(bob_, of_bob_, {.suites = suites(), .cookies = &gate_}),
                                rng_)) {
    gate_.set_required(true);
    b_.handshake.set_caller("10.0.0.1:5000");
  }
  void SetUp() override {
    ASSERT_EQ(frames_.size(), 12u);
    ASSERT_EQ(secrets_.size(), 13u);
  }
  static bool with_credentials() { return GetParam() == 3; }
  static Identity make_identity(Rng& rng, bool rotated) {
    const Seed seed(rng);
    Successions former;
    if (rotated)
      former.push_back(
          Succession::make(fixed_key(0x11), crypto::SigningKey(seed), "testnet", kIssuedS, kLeftS));
    return Identity(seed, "testnet", former);
  }
  static Admission make_admission(const Identity& self) {
    if (!with_credentials()) return {};
    const crypto::SigningKey issuer = fixed_key(0x22);
    return {Invite::issue(issuer, "testnet", self.id(), kIssuedS, kExpiresS),
            {issuer.public_key()}};
  }
  static HandshakeConfig config(const Identity& self, const Admission& admission,
                                HandshakeConfig rest) {
    rest.self = &self;
    rest.admission = &admission;
    rest.wall_ms = 1000 * int64_t{kNowS};
    return rest;
  }
  static constexpr uint32_t kIssuedS = 1000, kNowS = 1500, kLeftS = 2000, kExpiresS = 3000;
  static uint8_t suites() { return GetParam() == 1 ? kOfferAes256Gcm : kOfferChacha20Poly1305; }

  /// The frame that an end made must be the golden one; hands it to the other end.
  Bytes next(const Bytes& made, bool attacked) {
    const size_t index = index_++;
    EXPECT_EQ(to_hex(made), to_hex(frames_[index].bytes)) << "frame " << index;
    End& taker = frames_[index].sender == 'A' ? b_ : a_;
    if (attacked) attack(taker, index);
    Result<Bytes> reply = taker.take(frames_[index].bytes, rng_);
    EXPECT_TRUE(reply) << "the genuine frame " << index << ": " << reply.error().text();
    return reply.value_or(Bytes());
  }
  void attack(End& taker, size_t index) {
    const Bytes& genuine = frames_[index].bytes;
    // What message 1 and a retry say is proved by the frames after them; their form is checked.
    const size_t checked = index < 2 ? kFrameHeaderBytes : genuine.size();
    for (size_t offset = 0; offset < checked; ++offset) {
      Bytes changed = genuine;
      changed[offset] ^= std::byte{1};
      refuses(taker, changed, "changed", index, offset);
    }
    for (size_t size = 0; size < genuine.size(); ++size) {
      Bytes cut(genuine.begin(), genuine.begin() + static_cast<std::ptrdiff_t>(size));
      refuses(taker, cut, "cut", index, size);
      if (size < kFrameHeaderBytes) continue;
      store(cut.data() + 2, static_cast<uint16_t>(size - kFrameHeaderBytes));
      refuses(taker, cut, "cut, with a header that agrees", index, size);
    }
    for (size_t other = 0; other < frames_.size(); ++other)
      if (other != index) refuses(taker, frames_[other].bytes, "instead", index, other);
  }
  void refuses(End& taker, const Bytes& frame, const char* how, size_t index, size_t which) {
    const auto before = taker.state();
    ASSERT_FALSE(taker.take(frame, rng_)) << "frame " << index << " " << how << ", " << which;
    ASSERT_EQ(taker.state(), before) << "frame " << index << " " << how << ", " << which;
    ++refused_;
  }
  void converse(bool attacked) {
    const Bytes message_1 = a_.handshake.start();
    const Bytes with_cookie = next(next(message_1, attacked), attacked);
    next(next(next(with_cookie, attacked), attacked), attacked);
    next(a_.seal("a first command"), attacked);
    next(b_.seal("its answer"), attacked);
    Bytes first;
    ASSERT_TRUE(a_.session->start_rekey(rng_, first));
    const Bytes third = next(next(first, attacked), attacked);
    next(b_.seal("under the next key"), attacked);
    next(third, attacked);
    next(a_.seal("under the next key as well"), attacked);
    EXPECT_EQ(index_, frames_.size());
    using Texts = std::vector<std::string>;
    EXPECT_EQ(b_.received, (Texts{"a first command", "under the next key as well"}));
    EXPECT_EQ(a_.received, (Texts{"its answer", "under the next key"}));
  }

  /// The names of the secrets that lie anywhere in the memory of an end, in the order of the file.
  std::string held_by(const End& end) const {
    const std::string_view memory(reinterpret_cast<const char*>(&end), sizeof end);
    std::string names;
    for (const Secret& secret : secrets_)
      if (memory.find(as_text(secret.bytes)) != std::string_view::npos)
        names += (names.empty() ? "" : " ") + secret.name;
    return names;
  }

  const Golden golden_;
  const std::vector<GoldenFrame>& frames_ = golden_.frames;
  const std::vector<Secret>& secrets_ = golden_.secrets;
  SeededRng rng_;
  Identity alice_, bob_;
  Admission of_alice_, of_bob_;
  CookieGate gate_;
  End a_, b_;
  size_t index_ = 0;
  size_t refused_ = 0;
};

TEST_P(Transcript, IsWhatTheIndependentImplementationComputes) { converse(false); }

/// The attacks leave no trace: the frames that follow are still the golden ones.
TEST_P(Transcript, AdversaryChangesCutsAndReordersEveryFrame) {
  converse(true);
  size_t bytes = 0;
  for (const GoldenFrame& frame : frames_) bytes += frame.bytes.size();
  EXPECT_GT(refused_, 2 * bytes) << "every offset and every length";
}

/// Each secret is there while it is needed and nowhere afterwards; the shares of the answering end,
/// what was agreed and what is mixed in are in neither end between two frames.
TEST_P(Transcript, EndsForgetEverySecretWhenItIsSpent) {
  const Bytes message_1 = a_.handshake.start();
  EXPECT_EQ(held_by(a_), "share_a");
  const Bytes message_2 = next(next(next(message_1, false), false), false);
  EXPECT_EQ(held_by(b_), "seal_3 chain");
  EXPECT_EQ(held_by(a_), "share_a");
  const Bytes message_3 = next(message_2, false);
  EXPECT_EQ(held_by(a_), "forward backward");
  next(message_3, false);
  EXPECT_EQ(held_by(b_), "forward backward");
  next(a_.seal("a first command"), false);
  next(b_.seal("its answer"), false);

  Bytes rekey_1;
  ASSERT_TRUE(a_.session->start_rekey(rng_, rekey_1));
  EXPECT_EQ(held_by(a_), "forward backward rekey_share_a");
  const Bytes rekey_2 = next(rekey_1, false);
  EXPECT_EQ(held_by(b_), "forward next_backward next_forward");
  const Bytes rekey_3 = next(rekey_2, false);
  EXPECT_EQ(held_by(a_), "next_backward next_forward");
  next(b_.seal("under the next key"), false);
  next(rekey_3, false);
  EXPECT_EQ(held_by(b_), "next_backward next_forward");
}

/// A CPU without AES instructions has one suite, and offers one.
std::vector<int> suites_here() {
  return crypto::available(crypto::Suite::aes256gcm) ? std::vector<int>{1, 2, 3}
                                                     : std::vector<int>{2, 3};
}
std::string suite_name(const testing::TestParamInfo<int>& suite) {
  if (suite.param == 1) return "Aes256Gcm";
  return suite.param == 2 ? "ChaCha20Poly1305" : "WithCredentials";
}
INSTANTIATE_TEST_SUITE_P(All, Transcript, testing::ValuesIn(suites_here()), suite_name);

}  // namespace
}  // namespace themis::wire
