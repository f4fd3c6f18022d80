// The sealing key on its way to the monitors: wherever it passed, no copy is left in this process's
// memory, freed memory included.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "actors/monitor/monitor_codec.hpp"
#include "runtime/crypto/crypto.hpp"
#include "wire/channel.hpp"
#include "wire/secret_types.hpp"

namespace themis {
namespace {

/// A key to look for, kept in another form, so that looking for it does not find this.
class Wanted {
 public:
  explicit Wanted(const seal::SealingKey& key) {
    for (size_t i = 0; i < masked_.size(); ++i) masked_[i] = key.view()[i] ^ kMask;
  }
  /// How often it lies in what this process can write: heap, stacks, globals.
  size_t copies() const {
    std::ifstream maps("/proc/self/maps");
    size_t found = 0;
    for (std::string line; std::getline(maps, line);) {
      std::istringstream words(line);
      uintptr_t from = 0, to = 0;
      char dash = 0;
      std::string rights;
      words >> std::hex >> from >> dash >> to >> rights;
      if (rights.starts_with("rw")) found += copies_in(from, to);
    }
    return found;
  }

 private:
  static constexpr std::byte kMask{0x5a};
  size_t copies_in(uintptr_t from, uintptr_t to) const {
    size_t found = 0;
    const auto* at = reinterpret_cast<const volatile std::byte*>(from);
    const auto* end = reinterpret_cast<const volatile std::byte*>(to) - masked_.size();
    for (; at <= end; ++at) {
      size_t same = 0;
      while (same < masked_.size() && (at[same] ^ kMask) == masked_[same]) ++same;
      found += same == masked_.size();
    }
    return found;
  }
  std::array<std::byte, seal::SealingKey::kBytes> masked_;
};

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
  const Wanted wanted(key);
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
      const Wanted wanted(key);
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
