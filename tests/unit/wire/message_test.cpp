#include "wire/message.hpp"

#include <gtest/gtest.h>

#include "runtime/base/rng.hpp"

namespace themis::wire {
namespace {

using Received = std::vector<std::pair<MessageHeader, Bytes>>;

Bytes encode(MessageHeader header, ByteView payload) {
  header.length = static_cast<uint32_t>(payload.size());
  Bytes bytes(header.bytes());
  header.write(bytes.data());
  append(bytes, payload);
  return bytes;
}

auto collect_into(Received& received) {
  return [&received](const MessageHeader& header, FramePtr frame) {
    received.emplace_back(header, Bytes(frame->bytes().begin(), frame->bytes().end()));
  };
}

Code refusal(Bytes header) {
  MessageReader reader;
  Received received;
  const Status status = reader.feed(header, collect_into(received));
  EXPECT_FALSE(status);
  EXPECT_TRUE(received.empty());
  return status ? Code::internal : status.error().code;
}

TEST(MessageHeader, ReadsWhatItWrote) {
  const MessageHeader header{.length = 16,
                             .kind = MessageKind::request,
                             .deadline_ms = 1234,
                             .credit = 77,
                             .target = 0x1122334455667788,
                             .request = 42,
                             .type = 0x8877665544332211};
  std::byte raw[MessageHeader::kBytes];
  header.write(raw);
  const Result<MessageHeader> read = MessageHeader::read(raw);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->length, header.length);
  EXPECT_EQ(read->kind, header.kind);
  EXPECT_EQ(read->deadline_ms, header.deadline_ms);
  EXPECT_EQ(read->credit, header.credit);
  EXPECT_EQ(read->target, header.target);
  EXPECT_EQ(read->request, header.request);
  EXPECT_EQ(read->type, header.type);
}

TEST(MessageHeader, CarriesAnIdempotencyKeyOnlyWhenThereIsOne) {
  MessageHeader header{.kind = MessageKind::request, .request = 42, .type = 7};
  EXPECT_EQ(header.bytes(), 40u);
  for (size_t i = 0; i < IdempotencyKey::kBytes; ++i) header.key.bytes[i] = std::byte(i);
  EXPECT_EQ(header.bytes(), 56u);
  const Bytes payload(16, std::byte{3});
  Bytes stream = encode(header, payload);
  append(stream, encode({.kind = MessageKind::request}, payload));
  append(stream, encode(header, payload));
  for (const size_t piece : {size_t{1}, size_t{39}, size_t{41}, stream.size()}) {
    MessageReader reader;
    Received received;
    for (ByteView left = stream; !left.empty(); left = left.subspan(std::min(piece, left.size())))
      ASSERT_TRUE(reader.feed(left.first(std::min(piece, left.size())), collect_into(received)));
    ASSERT_EQ(received.size(), 3u) << piece;
    EXPECT_EQ(received[0].first.key, header.key);
    EXPECT_TRUE(received[1].first.key.is_zero());
    EXPECT_EQ(received[2].first.key, header.key);
    EXPECT_EQ(received[2].second, payload);
  }
}

TEST(MessageHeader, NamesVirtualNodesOnlyWhenThereAreSome) {
  const NodeId first = NodeId::from_bytes(Bytes(32, std::byte{1})).value();
  const NodeId second = NodeId::from_bytes(Bytes(32, std::byte{2})).value();
  MessageHeader plain{.kind = MessageKind::tell};
  MessageHeader named = plain;
  named.nodes = {1, 500};
  EXPECT_EQ(named.bytes(), plain.bytes() + 4);
  MessageHeader keyed{.kind = MessageKind::request, .nodes = {1, 0}};
  keyed.key.bytes[0] = std::byte{1};
  EXPECT_EQ(keyed.bytes(), 60u);
  Bytes stream;
  for (const MessageHeader& header : {plain, named, keyed})
    append(stream, encode(header, Bytes(8)));
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageReader reader(OriginPtr(new Origin(first, UINT64_MAX, [] {})));
    reader.add_origin(OriginPtr(new Origin(second, UINT64_MAX, [] {})));
    std::vector<std::pair<MessageHeader, NodeId>> received;
    for (ByteView left = stream; !left.empty(); left = left.subspan(std::min(piece, left.size())))
      ASSERT_TRUE(reader.feed(left.first(std::min(piece, left.size())),
                              [&](const MessageHeader& header, const FramePtr& frame) {
                                received.emplace_back(header, *frame->peer());
                              }));
    ASSERT_EQ(received.size(), 3u) << piece;
    EXPECT_EQ(received[0].second, first);
    EXPECT_EQ(received[1].second, second);
    EXPECT_EQ(received[1].first.nodes, named.nodes);
    EXPECT_EQ(received[2].second, second);
    EXPECT_EQ(received[2].first.key, keyed.key);
  }
}

TEST(MessageHeader, AdversaryANodeThatWasNotPresentedCannotSpeak) {
  for (uint8_t kind = 1; kind <= static_cast<uint8_t>(MessageKind::drain); ++kind) {
    const auto typed = static_cast<MessageKind>(kind);
    const Bytes payload(has_payload(typed) ? 8 : 0);
    EXPECT_EQ(refusal(encode({.kind = typed, .nodes = {1, 0}}, payload)), Code::malformed);
  }
  Bytes none = encode({.kind = MessageKind::tell, .nodes = {1, 0}}, Bytes(8));
  store<uint32_t>(none.data() + MessageHeader::kBytes, 0);
  EXPECT_EQ(refusal(none), Code::malformed) << "0 and 0 are said by saying nothing";
}

TEST(MessageHeader, FramesOfVirtualNodesAreOnTheirSessionsAccount) {
  const OriginPtr session(new Origin(NodeId{}, UINT64_MAX, [] {}));
  {
    const FramePtr frame = Frame::make_received(3, OriginPtr(new Origin(NodeId{}, session.get())));
  }
  EXPECT_EQ(session->take_released(), 24 + Frame::kCost);
}

TEST(MessageHeader, RefusesAKeyOfZerosAndOneWithoutARequest) {
  IdempotencyKey key;
  key.bytes[0] = std::byte{1};
  Bytes raw = encode({.kind = MessageKind::request, .key = key}, Bytes(8));
  raw[40] = std::byte{0};
  EXPECT_EQ(refusal(raw), Code::malformed);
  for (uint8_t kind = 2; kind <= static_cast<uint8_t>(MessageKind::cancel); ++kind)
    EXPECT_EQ(refusal(encode({.kind = static_cast<MessageKind>(kind), .key = key}, Bytes(8))),
              Code::malformed);
}

TEST(MessageHeader, RefusesUnknownKindsAndPadding) {
  for (const int kind : {0, 15, 255}) {
    Bytes raw = encode({.kind = MessageKind::ping}, {});
    raw[4] = static_cast<std::byte>(kind);
    EXPECT_EQ(refusal(raw), Code::malformed) << kind;
  }
  for (const size_t padding : {5, 6, 7}) {
    Bytes raw = encode({.kind = MessageKind::ping}, {});
    raw[padding] = std::byte{1};
    EXPECT_EQ(refusal(raw), Code::malformed);
  }
}

/// A message without bytes cost no credit, so a peer could fill mailboxes with them; and its frame
/// had no origin, so it looked like one of this process.
TEST(MessageHeader, RegressAPayloadIsThereExactlyWhenTheKindHasOne) {
  for (uint8_t kind = 1; kind <= static_cast<uint8_t>(MessageKind::cancel); ++kind) {
    const auto typed = static_cast<MessageKind>(kind);
    const Bytes word(8);
    Bytes with = encode({.kind = typed, .request = 1}, word);
    Bytes without = encode({.kind = typed, .request = 1}, {});
    EXPECT_EQ(refusal(has_payload(typed) ? without : with), Code::malformed) << int{kind};
    EXPECT_TRUE(MessageHeader::read((has_payload(typed) ? with : without).data())) << int{kind};
  }
}

TEST(MessageHeader, RefusesACancelThatNamesNoRequestOrMoreThanThat) {
  EXPECT_TRUE(MessageHeader::read(encode({.kind = MessageKind::cancel, .request = 7}, {}).data()));
  for (const MessageHeader& other :
       {MessageHeader{.kind = MessageKind::cancel},
        MessageHeader{.kind = MessageKind::cancel, .target = 1, .request = 7},
        MessageHeader{.kind = MessageKind::cancel, .deadline_ms = 1, .request = 7},
        MessageHeader{.kind = MessageKind::cancel, .request = 7, .type = 1}})
    EXPECT_EQ(refusal(encode(other, {})), Code::malformed);
}

TEST(MessageHeader, AdversaryRefusesALengthOfFourGigabytesWithoutAnAllocation) {
  uint64_t released = 0;
  const OriginPtr origin(new Origin(NodeId{}, UINT64_MAX, [] {}));
  for (const uint32_t length : {uint32_t{0xffff'fff8}, uint32_t{kMessageBytesMax + 8}}) {
    Bytes raw = encode({.kind = MessageKind::tell}, {});
    store(raw.data(), length);
    MessageReader reader(origin);
    Received received;
    EXPECT_EQ(reader.feed(raw, collect_into(received)).error().code, Code::too_large);
    released += origin->take_released();
  }
  EXPECT_EQ(released, 0u) << "a frame was made for it";
}

TEST(MessageHeader, RefusesALengthThatIsNotWholeWords) {
  Bytes raw = encode({.kind = MessageKind::tell}, {});
  store<uint32_t>(raw.data(), 12);
  EXPECT_EQ(refusal(raw), Code::malformed);
}

/// Messages of many sizes back to back, and what they are.
struct Conversation {
  Conversation() {
    uint64_t number = 0;
    for (const size_t words : {1, 0, 5, 100, 0, 1, 3000}) {
      Bytes payload(words * 8, static_cast<std::byte>(++number));
      const MessageKind kind = words == 0 ? MessageKind::ping : MessageKind::tell;
      MessageHeader header{.kind = kind, .request = number};
      append(bytes, encode(header, payload));
      payloads.push_back(std::move(payload));
    }
  }
  void expect(const Received& received) const {
    ASSERT_EQ(received.size(), payloads.size());
    for (size_t i = 0; i < payloads.size(); ++i) {
      EXPECT_EQ(received[i].first.request, i + 1);
      EXPECT_EQ(received[i].second, payloads[i]);
    }
  }
  Bytes bytes;
  std::vector<Bytes> payloads;
};

TEST(MessageReader, PutsEveryTwoPiecesTogether) {
  const Conversation conversation;
  for (size_t cut = 0; cut <= conversation.bytes.size(); cut += cut < 2000 ? 1 : 97) {
    MessageReader reader;
    Received received;
    const ByteView all = conversation.bytes;
    ASSERT_TRUE(reader.feed(all.first(cut), collect_into(received)));
    ASSERT_TRUE(reader.feed(all.subspan(cut), collect_into(received)));
    conversation.expect(received);
  }
}

TEST(MessageReader, PutsPiecesOfAnySizeTogether) {
  const Conversation conversation;
  for (size_t piece = 1; piece < 100; ++piece) {
    MessageReader reader;
    Received received;
    const ByteView all = conversation.bytes;
    for (size_t at = 0; at < all.size(); at += piece)
      ASSERT_TRUE(
          reader.feed(all.subspan(at, std::min(piece, all.size() - at)), collect_into(received)));
    conversation.expect(received);
  }
}

TEST(MessageReader, PutsEveryPayloadOnItsPeersAccount) {
  const OriginPtr origin(new Origin(NodeId{.bytes = {std::byte{9}}}, UINT64_MAX, [] {}));
  MessageReader reader(origin);
  std::vector<FramePtr> held;
  const Bytes payload(64);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(reader.feed(
        encode({.kind = MessageKind::tell}, payload),
        [&](const MessageHeader&, FramePtr frame) { held.push_back(std::move(frame)); }));
  EXPECT_EQ(origin->take_released(), 0u);
  EXPECT_EQ(*held[0]->peer(), origin->peer());
  held.clear();
  EXPECT_EQ(origin->take_released(), 3 * static_cast<uint64_t>(credit_cost(64)));
}

}  // namespace
}  // namespace themis::wire
