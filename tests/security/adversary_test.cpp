// Attacks at the socket level against a real listening node. In each, a good peer still gets its
// answers.
#include "tests/security/attacker.hpp"
#include "tests/security/victim.hpp"

#include <deque>
#include <fstream>

#include "runtime/crypto/crypto.hpp"
#include "runtime/net/descriptor_limit.hpp"

namespace themis::security {
namespace {

size_t resident_kb() {
  std::ifstream status("/proc/self/statm");
  size_t total = 0, resident = 0;
  status >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

class Adversary : public testing::Test {
 protected:
  static void SetUpTestSuite() { crypto::init(); }
  void SetUp() override {
    ASSERT_TRUE(good_.open(victim_, address_));
    good_.expect_answer();
  }
  void TearDown() override {
    good_.expect_answer();
    good_.hang_up();
  }
  /// An authenticated attacker: any member of the network can be one.
  wire::Established authenticated(Attacker& attacker) {
    std::optional<wire::Established> established = attacker.shake_hands(mallory_, rng_);
    EXPECT_TRUE(established);
    return std::move(*established);
  }
  Bytes tell(wire::Session& session, uint64_t sequence, size_t bytes = 8) {
    const EchoMsg echo = make_echo(sequence, bytes);
    const wire::MessageHeader header{.length = static_cast<uint32_t>(echo.frame()->size()),
                                     .kind = wire::MessageKind::tell,
                                     .target = Exports::target_of("echo"),
                                     .type = EchoMsg::kType};
    Bytes record;
    EXPECT_TRUE(session.seal(plain_message(header, echo.frame()->bytes()), record));
    return record;
  }
  size_t delivered() {
    size_t count = 0;
    victim_.in_loop([&] { count = victim_.echo->received; });
    return count;
  }
  size_t sessions() {
    size_t count = 0;
    victim_.in_loop([&] { count = victim_.table->sessions().size(); });
    return count;
  }

  SystemRng rng_;
  wire::Identity mallory_ = wire::Identity::generate(kNetwork, rng_);
  Node victim_{SessionTimes{.handshake = 500ms}};
  net::Address address_ = victim_.listen();
  Node good_;
};

TEST_F(Adversary, AFrameLongerThanTheHandshakeIsRefusedAtItsHeader) {
  for (const size_t length : {wire::kHandshakeBodyBytesMax + 1, size_t{65'535}}) {
    Attacker attacker(address_);
    Bytes header(wire::kFrameHeaderBytes);
    wire::FrameHeader{.type = 1, .length = static_cast<uint16_t>(length)}.write(header.data());
    attacker.send(header);
    EXPECT_TRUE(attacker.closed());
    EXPECT_EQ(attacker.received_before_the_end(), 0u) << "strangers are told nothing";
  }
}

TEST_F(Adversary, AMessageOfFourGigabytesIsRefusedAtItsHeader) {
  const size_t before = resident_kb();
  for (int i = 0; i < 50; ++i) {
    Attacker attacker(address_);
    wire::Established session = authenticated(attacker);
    Bytes record;
    const wire::MessageHeader header{.length = 0xffff'fff8, .kind = wire::MessageKind::tell};
    ASSERT_TRUE(session.session.seal(plain_message(header, {}), record));
    attacker.send(record);
    ASSERT_TRUE(attacker.closed());
  }
  EXPECT_LT(resident_kb() - std::min(before, resident_kb()), 64u * 1024);
}

TEST_F(Adversary, ARecordWithOneBitFlippedClosesAndIsNotDelivered) {
  const size_t before = delivered();
  const size_t length =
      wire::kRecordOverheadBytes + wire::MessageHeader::kBytes + make_echo(1).frame()->size();
  for (size_t byte = 0; byte < length; byte += 9) {
    Attacker attacker(address_);
    wire::Established session = authenticated(attacker);
    Bytes record = tell(session.session, 1);
    ASSERT_EQ(record.size(), length);
    record[byte] ^= std::byte{0x10};
    attacker.send(record);
    attacker.send(Bytes(wire::kRecordBodyBytesMax));  // in case a longer record is expected now
    ASSERT_TRUE(attacker.closed()) << "byte " << byte;
  }
  EXPECT_EQ(delivered(), before);
}

TEST_F(Adversary, ARepeatedOrReorderedRecordCloses) {
  const size_t before = delivered();
  for (const bool repeated : {true, false}) {
    Attacker attacker(address_);
    wire::Established session = authenticated(attacker);
    const Bytes one = tell(session.session, 1), two = tell(session.session, 2),
                three = tell(session.session, 3);
    attacker.send(one);
    attacker.send(repeated ? one : three);
    attacker.send(two);
    ASSERT_TRUE(attacker.closed());
  }
  EXPECT_EQ(delivered(), before + 2) << "one each: the first";
}

TEST_F(Adversary, ATruncatedRecordIsNotDelivered) {
  const size_t before = delivered();
  {
    Attacker attacker(address_);
    wire::Established session = authenticated(attacker);
    const Bytes record = tell(session.session, 1, 1000);
    while (sessions() < 2) {  // message 3 has arrived: it is the record that is refused
    }
    attacker.send(ByteView(record).first(record.size() - 1));
  }
  while (sessions() > 1) {
  }
  EXPECT_EQ(delivered(), before);
}

TEST_F(Adversary, MessageOneReplayedGivesNoSessionAndCostsAreBounded) {
  Bytes first;
  {
    Attacker honest(address_);
    authenticated(honest);
    first = honest.first;
  }
  const size_t before = resident_kb();
  std::vector<std::unique_ptr<Attacker>> replays;
  for (size_t i = 0; i < 300; ++i) {
    replays.push_back(std::make_unique<Attacker>(address_));
    replays.back()->send(first);
  }
  // A host with so many open handshakes is asked for a cookie, and nothing is computed for it.
  Bytes answer = replays.back()->receive(wire::kRetryBytes);
  ASSERT_EQ(answer.size(), wire::kRetryBytes);
  EXPECT_EQ(answer[0], std::byte{static_cast<uint8_t>(wire::FrameType::retry)});
  size_t half_open = 0;
  victim_.in_loop([&] { half_open = victim_.table->half_open(); });
  EXPECT_LE(half_open, PeerTable::kHalfOpenPerHostMax);
  for (const auto& replay : replays) EXPECT_TRUE(replay->closed());
  while (sessions() > 1) {
  }
  victim_.in_loop([&] { EXPECT_EQ(victim_.table->half_open(), 0u); });
  EXPECT_LT(resident_kb() - std::min(before, resident_kb()), 64u * 1024);
}

TEST_F(Adversary, AFloodWithoutCookiesCostsNoSignature) {
  const auto counters = [this] {
    wire::CookieGate::Counters now;
    victim_.in_loop([&] { now = victim_.table->handshake_counters(); });
    return now;
  };
  // Enough callers that say nothing make the load.
  std::vector<std::unique_ptr<Attacker>> callers;
  for (size_t i = 0; i < PeerTable::kHalfOpenCookies; ++i)
    callers.push_back(std::make_unique<Attacker>(address_, "127.0.2.1"));
  size_t half_open = 0;
  while (half_open < PeerTable::kHalfOpenCookies)
    victim_.in_loop([&] { half_open = victim_.table->half_open(); });
  const wire::CookieGate::Counters before = counters();
  // Each with a message 1 of its own: all of them valid.
  constexpr size_t kFlood = 300;
  for (size_t i = 0; i < kFlood; ++i) {
    wire::Handshake handshake = wire::Handshake::initiator({.self = &mallory_}, rng_);
    callers.push_back(
        std::make_unique<Attacker>(address_, "127.0.2." + std::to_string(2 + i % 50)));
    callers.back()->send(handshake.start());
    ASSERT_EQ(callers.back()->receive(wire::kRetryBytes).size(), wire::kRetryBytes);
  }
  const wire::CookieGate::Counters after = counters();
  EXPECT_EQ(after.answered, before.answered) << "signatures";
  EXPECT_EQ(after.retries, before.retries + kFlood);
  // Who comes back with its cookie gets through, meanwhile.
  Node late;
  EXPECT_TRUE(late.open(victim_, address_));
  late.expect_answer();
  late.hang_up();
  EXPECT_EQ(counters().answered, before.answered + 1);
}

TEST_F(Adversary, APeerOfAnotherNetworkIsToldNothing) {
  const wire::Identity stranger = wire::Identity::generate("elsewhere", rng_);
  Attacker attacker(address_);
  wire::Handshake handshake = wire::Handshake::initiator({.self = &stranger}, rng_);
  attacker.send(handshake.start());
  EXPECT_TRUE(attacker.closed());
  EXPECT_EQ(attacker.received_before_the_end(), 0u);
}

TEST_F(Adversary, AStallInsideAFrameOfTheHandshakeIsClosed) {
  wire::Handshake handshake = wire::Handshake::initiator({.self = &mallory_}, rng_);
  const Bytes first = handshake.start();
  for (const size_t sent :
       {size_t{0}, size_t{1}, wire::kFrameHeaderBytes, first.size() - 1, first.size()}) {
    Attacker attacker(address_);
    attacker.send(ByteView(first).first(sent));
    EXPECT_TRUE(attacker.closed()) << sent << " bytes";
  }
}

TEST_F(Adversary, AMemberMayNotPretendToBeLocal) {
  Attacker attacker(address_);
  wire::Established session = authenticated(attacker);
  Bytes record;
  const wire::MessageHeader empty{.kind = wire::MessageKind::tell,
                                  .target = Exports::target_of("echo")};
  ASSERT_TRUE(session.session.seal(plain_message(empty, {}), record));
  const size_t before = delivered();
  attacker.send(record);
  EXPECT_TRUE(attacker.closed()) << "a message without a payload had no peer";
  EXPECT_EQ(delivered(), before);
}

TEST_F(Adversary, TenThousandSilentConnectionsKeepNobodyOutAndCostLittle) {
  constexpr size_t kCount = 10'000;
  constexpr size_t kHeld = 2000;  // at once, many more than the victim keeps
  ASSERT_GE(net::raise_descriptor_limit(2 * kHeld), 2 * kHeld) << "raise ulimit -Hn";
  const size_t before = resident_kb();
  std::deque<std::unique_ptr<Attacker>> silent;
  size_t most = 0;
  for (size_t i = 0; i < kCount; ++i) {
    if (silent.size() == kHeld) silent.pop_front();
    silent.push_back(
        std::make_unique<Attacker>(address_, "127.0.1." + std::to_string(1 + i % 200)));
    if (i % 1000 != 999) continue;
    good_.expect_answer();
    victim_.in_loop([&] { most = std::max(most, victim_.table->half_open()); });
    Node late;
    EXPECT_TRUE(late.open(victim_, address_)) << "a newcomer is kept out";
    late.expect_answer();
    late.hang_up();
  }
  EXPECT_LE(most, PeerTable::kHalfOpenMax);
  const size_t after = resident_kb();
  EXPECT_LT(after - std::min(before, after), 200u * 1024);
  RecordProperty("resident_kb_more", static_cast<int>(after - std::min(before, after)));
}

}  // namespace
}  // namespace themis::security
