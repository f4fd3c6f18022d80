#include "wire/channel.hpp"

#include <gtest/gtest.h>

#include "wire/msg.hpp"

namespace themis::wire {
namespace {

/// One end: a channel and what it reported.
struct End final : ChannelEvents {
  End(const HandshakeConfig& config, bool initiator, Rng& rng)
      : channel(config, initiator, rng, *this) {}
  OriginPtr on_established(const Established& with) override {
    peer = with.peer;
    for (const auto& [header, payload] : std::exchange(queued, {})) channel.send(header, payload);
    return OriginPtr(new Origin(with.peer, UINT64_MAX, [] {}));
  }
  void on_message(const MessageHeader& header, FramePtr payload) override {
    if (ignores_control && !has_payload(header.kind)) return;
    received.emplace_back(header.request, Bytes(payload->bytes().begin(), payload->bytes().end()));
  }
  /// What can go out now.
  Bytes take_output() {
    channel.flush();
    Bytes out(channel.output().begin(), channel.output().end());
    channel.consume(out.size());
    return out;
  }
  Channel channel;
  std::optional<NodeId> peer;
  std::vector<std::pair<uint64_t, Bytes>> received;
  std::vector<std::pair<MessageHeader, FramePtr>> queued;  ///< Until the handshake is over.
  bool ignores_control = false;
};

FramePtr payload_of(size_t words, uint8_t fill) {
  FramePtr frame = Frame::make(words);
  std::fill_n(frame.writable()->data(), frame->size(), static_cast<std::byte>(fill));
  return frame;
}

struct Two {
  explicit Two(uint64_t seed = 1, bool encryption = true)
      : rng(seed),
        alice(Identity::generate("channels", rng)),
        bob(Identity::generate("channels", rng)),
        a({.self = &alice, .expected = bob.id(), .encryption = encryption}, true, rng),
        b({.self = &bob, .encryption = encryption}, false, rng) {
    a.channel.start();
  }
  /// Carries what is there from one end to the other, in pieces of at most `piece` bytes.
  Status carry(End& from, End& to, size_t piece = SIZE_MAX) {
    Bytes bytes = from.take_output();
    std::span<std::byte> left(bytes);
    while (!left.empty()) {
      const size_t count = std::min(left.size(), piece);
      THEMIS_CHECK(to.channel.on_data(left.first(count)));
      left = left.subspan(count);
    }
    return {};
  }
  void shake_hands() {
    ASSERT_TRUE(carry(a, b));
    ASSERT_TRUE(carry(b, a));
    ASSERT_TRUE(carry(a, b));
    ASSERT_TRUE(a.channel.established() && b.channel.established());
  }
  SeededRng rng;
  Identity alice, bob;
  End a, b;
};

void send(End& end, uint64_t number, size_t words) {
  const FramePtr payload = payload_of(words, static_cast<uint8_t>(number));
  const MessageHeader header{.kind = MessageKind::tell, .request = number};
  if (!end.channel.established()) return end.queued.emplace_back(header, payload), void();
  end.channel.send(header, payload);
}

void expect_received(const End& end, const std::vector<size_t>& words) {
  ASSERT_EQ(end.received.size(), words.size());
  for (size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ(end.received[i].first, i + 1);
    EXPECT_EQ(end.received[i].second, Bytes(words[i] * 8, static_cast<std::byte>(i + 1)));
  }
}

TEST(Channel, CarriesAWholeConversationInPiecesOfAnySize) {
  // A record holds 2,043 words of payload of one message; the sizes lie around that border.
  const std::vector<size_t> sizes = {1, 2042, 2043, 2044, 7, 20'000, 1};
  for (const bool encryption : {true, false}) {
    for (const size_t piece : {1, 2, 7, 8, 9, 100, 16'400, 1'000'000}) {
      Two two(piece, encryption);
      for (size_t i = 0; i < sizes.size(); ++i) send(two.a, i + 1, sizes[i]);
      for (size_t i = 0; i < sizes.size(); ++i) send(two.b, i + 1, sizes[i]);
      for (int turn = 0; turn < 2; ++turn) {
        ASSERT_TRUE(two.carry(two.a, two.b, piece));
        ASSERT_TRUE(two.carry(two.b, two.a, piece));
      }
      EXPECT_EQ(*two.a.peer, two.bob.id());
      EXPECT_EQ(*two.b.peer, two.alice.id());
      expect_received(two.b, sizes);
      expect_received(two.a, sizes);
    }
  }
}

TEST(Channel, SendsTheFirstCommandWithMessage3) {
  Two two;
  send(two.a, 1, 3);
  ASSERT_TRUE(two.carry(two.a, two.b));
  ASSERT_TRUE(two.carry(two.b, two.a));
  const Bytes third = two.a.take_output();
  EXPECT_EQ(third.size(), kHandshake3Bytes + kRecordOverheadBytes + MessageHeader::kBytes + 3 * 8);
  Bytes copy = third;
  ASSERT_TRUE(two.b.channel.on_data(copy));
  expect_received(two.b, {3});
}

TEST(Channel, PutsAsManyMessagesIntoARecordAsFit) {
  Two two;
  two.shake_hands();
  for (uint64_t i = 1; i <= 100; ++i) send(two.a, i, 1);
  const Bytes out = two.a.take_output();
  EXPECT_EQ(out.size(), kRecordOverheadBytes + 100 * (MessageHeader::kBytes + 8));
}

TEST(Channel, NeverShowsTheSocketARecordThatIsNotSealed) {
  Two two;
  two.shake_hands();
  send(two.a, 1, 10);
  EXPECT_TRUE(two.a.channel.output().empty());
  send(two.a, 2, 3000);  // fills a record and starts the next
  const size_t whole = two.a.channel.output().size();
  EXPECT_EQ(whole, kRecordPlaintextMax + kRecordOverheadBytes);
  EXPECT_GT(two.a.channel.backlog(), whole);
  ASSERT_TRUE(two.carry(two.a, two.b));
  expect_received(two.b, {10, 3000});
}

TEST(Channel, KeepsBytesThatWereNotWritten) {
  Two two;
  two.shake_hands();
  std::vector<size_t> sizes;
  Bytes on_the_wire;
  for (uint64_t i = 1; i <= 60; ++i) {
    sizes.push_back(8000);
    send(two.a, i, 8000);
    two.a.channel.flush();
    const ByteView output = two.a.channel.output();
    const ByteView written = output.first(output.size() / 3);  // a short write each time
    append(on_the_wire, written);
    two.a.channel.consume(written.size());
  }
  append(on_the_wire, two.a.take_output());
  EXPECT_EQ(two.a.channel.backlog(), 0u);
  ASSERT_TRUE(two.b.channel.on_data(on_the_wire));
  expect_received(two.b, sizes);
}

/// Runs the three handshake messages and two records, with `change` applied to one of the five.
/// Returns the error of the end that took the changed one, and what got through.
struct Changed {
  Status status;
  size_t messages = 0;
  bool established = false;
};
Changed run_changed(size_t which, const std::function<void(Bytes&)>& change) {
  Two two;
  End* const senders[] = {&two.a, &two.b, &two.a, &two.a, &two.b};
  for (size_t i = 0; i < 5; ++i) {
    End& from = *senders[i];
    End& to = &from == &two.a ? two.b : two.a;
    if (i >= 3) send(from, 1, 2);
    Bytes bytes = from.take_output();
    if (i == which) change(bytes);
    const Status status = to.channel.on_data(bytes);
    if (i == which) {
      // The end that waits for more bytes, and would be closed by its timeouts, has not failed.
      const bool waits = status && to.received.empty();
      return {waits ? Status(fail(Code::timeout, "waits")) : status, to.received.size(),
              to.channel.established()};
    }
    EXPECT_TRUE(status);
  }
  return {};
}

TEST(Channel, AdversaryAFlippedBitAnywhereInAnyFrameCloses) {
  for (size_t which = 0; which < 5; ++which) {
    size_t size = 0;
    run_changed(which, [&](Bytes& bytes) { size = bytes.size(); });
    for (size_t bit = 0; bit < size * 8; ++bit) {
      const Changed changed = run_changed(
          which, [&](Bytes& bytes) { bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8); });
      // Message 1 has parts (nonce, share, suites) that only the signatures after it protect.
      if (which == 0) continue;
      ASSERT_FALSE(changed.status) << "frame " << which << ", bit " << bit;
      ASSERT_EQ(changed.messages, 0u) << "frame " << which << ", bit " << bit;
    }
  }
}

TEST(Channel, AdversaryAFlippedBitInMessage1NeverGivesASession) {
  for (size_t bit = 0; bit < kHandshake1Bytes * 8; bit += 3) {
    Two two;
    Bytes first = two.a.take_output();
    first[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    Status status = two.b.channel.on_data(first);
    if (status) status = two.carry(two.b, two.a);
    if (status) status = two.carry(two.a, two.b);
    EXPECT_FALSE(two.b.channel.established()) << "bit " << bit;
    EXPECT_FALSE(two.a.channel.established()) << "bit " << bit;
  }
}

TEST(Channel, AdversaryATruncatedFrameGivesNothing) {
  for (size_t which = 0; which < 5; ++which) {
    size_t size = 0;
    run_changed(which, [&](Bytes& bytes) { size = bytes.size(); });
    for (size_t kept = 0; kept < size; ++kept) {
      const Changed changed = run_changed(which, [&](Bytes& bytes) { bytes.resize(kept); });
      ASSERT_FALSE(changed.status);
      ASSERT_EQ(changed.messages, 0u);
      ASSERT_TRUE(which >= 2 || !changed.established);
    }
  }
}

/// Three records of one message each.
std::array<Bytes, 3> three_records(Two& two) {
  std::array<Bytes, 3> records;
  for (uint64_t i = 0; i < 3; ++i) {
    send(two.a, i + 1, 2);
    records[i] = two.a.take_output();
  }
  return records;
}

TEST(Channel, AdversaryARepeatedRecordCloses) {
  Two two;
  two.shake_hands();
  auto records = three_records(two);
  Bytes first = records[0];
  ASSERT_TRUE(two.b.channel.on_data(first));
  EXPECT_EQ(two.b.channel.on_data(records[0]).error().code, Code::replayed);
  EXPECT_EQ(two.b.received.size(), 1u);
}

TEST(Channel, AdversaryAReorderedRecordCloses) {
  Two two;
  two.shake_hands();
  auto records = three_records(two);
  ASSERT_TRUE(two.b.channel.on_data(records[0]));
  EXPECT_EQ(two.b.channel.on_data(records[2]).error().code, Code::replayed);
  EXPECT_EQ(two.b.received.size(), 1u);
}

TEST(Channel, AdversaryARecordSentBackCloses) {
  Two two;
  two.shake_hands();
  auto records = three_records(two);
  EXPECT_EQ(two.a.channel.on_data(records[0]).error().code, Code::forged);
  EXPECT_TRUE(two.a.received.empty());
}

TEST(Channel, AdversaryAHandshakeMessageAfterTheHandshakeCloses) {
  Two two;
  Bytes first = two.a.take_output();
  Bytes again = first;
  ASSERT_TRUE(two.b.channel.on_data(first));
  ASSERT_TRUE(two.carry(two.b, two.a));
  ASSERT_TRUE(two.carry(two.a, two.b));
  EXPECT_FALSE(two.b.channel.on_data(again));
}

TEST(Channel, AdversaryARecordBeforeTheHandshakeCloses) {
  Two two;
  Bytes record(kRecordOverheadBytes + 40);
  FrameHeader{.type = static_cast<uint8_t>(FrameType::record), .length = 56}.write(record.data());
  EXPECT_FALSE(two.b.channel.on_data(record));
}

TEST(Channel, TakesNewKeysBetweenQueuedMessages) {
  Two two;
  two.shake_hands();
  std::vector<size_t> sizes;
  for (uint64_t i = 1; i <= 6; ++i) {
    sizes.push_back(i % 2 == 0 ? 5000 : 3);
    send(two.a, i, sizes.back());
    send(two.b, i, sizes.back());
    two.a.channel.rekey();
    two.b.channel.rekey();  // not its part: nothing happens
    ASSERT_TRUE(two.carry(two.a, two.b, 977));
    ASSERT_TRUE(two.carry(two.b, two.a, 977));
  }
  ASSERT_TRUE(two.carry(two.a, two.b));
  expect_received(two.a, sizes);
  expect_received(two.b, sizes);
  EXPECT_EQ(two.a.channel.rekeyed(), 6u);
  EXPECT_EQ(two.b.channel.rekeyed(), 6u);
  EXPECT_FALSE(two.a.channel.rekeying() || two.b.channel.rekeying());
}

TEST(Channel, AsksForNewKeysAfterAMillionRecords) {
  Two two;
  two.shake_hands();
  const MessageHeader ping{.kind = MessageKind::credit};
  Bytes record;
  const auto pass = [&](End& from, End& to) {
    from.channel.send(ping, {});
    from.channel.flush();
    const ByteView output = from.channel.output();
    record.assign(output.begin(), output.end());
    from.channel.consume(output.size());
    ASSERT_TRUE(to.channel.on_data(record));
  };
  const uint64_t limit = SessionLimits{}.records_per_key;
  two.a.ignores_control = two.b.ignores_control = true;
  for (uint64_t i = 0; i + 1 < limit; ++i) pass(two.b, two.a);
  EXPECT_FALSE(two.a.channel.rekeying());
  pass(two.b, two.a);
  pass(two.a, two.b);  // the initiator asks, whichever direction is full
  EXPECT_TRUE(two.a.channel.rekeying());
  pass(two.b, two.a);
  pass(two.a, two.b);
  EXPECT_EQ(two.a.channel.rekeyed(), 1u);
  EXPECT_EQ(two.b.channel.rekeyed(), 1u);
  EXPECT_FALSE(two.a.channel.rekey_overdue() || two.b.channel.rekey_overdue());
}

TEST(Channel, GivesAwayTheBufferOfABurst) {
  Two two;
  two.shake_hands();
  std::vector<size_t> sizes;
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 40; ++i) {
      sizes.push_back(10'000);
      send(two.a, sizes.size(), 10'000);
    }
    ASSERT_TRUE(two.carry(two.a, two.b));
  }
  expect_received(two.b, sizes);
}

}  // namespace
}  // namespace themis::wire
