// The sealing key on its way to the monitors: wherever it passed, no copy is left in this process's
// memory, freed memory included.

#include <gtest/gtest.h>

#include "actors/monitor/monitor_codec.hpp"
#include "runtime/crypto/crypto.hpp"
#include "tests/unit/monitor/memory_search.hpp"
#include "wire/channel.hpp"
#include "wire/secret_types.hpp"

namespace themis {
namespace {

struct End final : wire::ChannelEvents {
  End(const wire::HandshakeConfig& config, bool initiator, Rng& rng)
      : channel(config, initiator, rng, *this) {}
  wire::OriginPtr on_established(const wire::Established& with) override {
    return wire::OriginPtr(new wire::Origin(with.peer, UINT64_MAX, [] {}));
  }
  void on_message(const wire::MessageHeader& header, wire::FramePtr payload) override {
    if (header.type != StartMonitorsMsg::kType) return;
    auto decoded = decode_start(StartMonitorsMsg(std::move(payload)));
    ASSERT_TRUE(decoded) << decoded.error().text();
    start.emplace(std::move(*decoded));
  }
  wire::Channel channel;
  std::optional<MonitorsStart> start;
};

struct Two {
  Two()
      : alice(wire::Identity::generate("secrets", rng)),
        bob(wire::Identity::generate("secrets", rng)),
        a({.self = &alice, .expected = bob.id()}, true, rng),
        b({.self = &bob}, false, rng) {
    crypto::init();
    a.channel.start();
    for (int i = 0; i < 2; ++i) {
      carry(a, b, SIZE_MAX);
      carry(b, a, SIZE_MAX);
    }
    EXPECT_TRUE(a.channel.established() && b.channel.established());
  }
  static void carry(End& from, End& to, size_t piece) {
    from.channel.flush();
    Bytes bytes(from.channel.output().begin(), from.channel.output().end());
    from.channel.consume(bytes.size());
    for (std::span<std::byte> left(bytes); !left.empty();) {
      const size_t count = std::min(left.size(), piece);
      EXPECT_TRUE(to.channel.on_data(left.first(count)));
      left = left.subspan(count);
    }
  }
  SystemRng rng;
  wire::Identity alice, bob;
  End a, b;
};

void send(End& end, const wire::FramePtr& frame) {
  end.channel.send({.kind = wire::MessageKind::tell, .type = frame->type()}, frame);
}

TEST(SecretFrames, OnlyTheMessageWithTheKeyIsOne) {
  EXPECT_TRUE(wire::carries_secret(StartMonitorsMsg::kType));
  EXPECT_FALSE(wire::carries_secret(MonitorBatchMsg::kType));
  EXPECT_FALSE(wire::carries_secret(0));
}

TEST(SecretFrames, TheFrameOfTheKeyIsWipedWhenItIsFreed) {
  SystemRng rng;
  const seal::SealingKey key(rng);
  const Wanted wanted(key.view());
  ASSERT_EQ(wanted.copies(), 1u);
  for (const size_t sealed : {0, 1, 100, 8'000, 100'000}) {
    StartMonitorsMsg message = encode_start({}, key, {}, Bytes(sealed));
    EXPECT_EQ(wanted.copies(), 2u) << "the hint was too small: it was built in two places";
    {
      const auto decoded = decode_start(message);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(wanted.copies(), 3u);
    }
    message = {};
    EXPECT_EQ(wanted.copies(), 1u) << sealed;
  }
}

/// What else lies in the same record as the key, and is queued behind it, moves the output.
TEST(SecretFrames, RegressNoBufferOfASessionKeepsTheKey) {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1'000}, SIZE_MAX}) {
    for (const size_t sealed : {size_t{10}, size_t{40'000}}) {
      Two two;
      const seal::SealingKey key(two.rng);
      const Wanted wanted(key.view());
      send(two.a, encode_batch(0, Bytes(900, std::byte{1})).frame());
      send(two.a, encode_start({}, key, {}, Bytes(sealed)).frame());
      EXPECT_EQ(wanted.copies(), 1u) << "it left plain bytes in the output";
      for (int i = 0; i < 50; ++i) send(two.a, encode_batch(0, Bytes(9'000)).frame());
      Two::carry(two.a, two.b, piece);
      ASSERT_TRUE(two.b.start);
      EXPECT_EQ(two.b.start->key, key);
      EXPECT_EQ(wanted.copies(), 2u) << "piece " << piece << ", sealed " << sealed;
      two.b.start.reset();
      EXPECT_EQ(wanted.copies(), 1u);
    }
  }
}

}  // namespace
}  // namespace themis
