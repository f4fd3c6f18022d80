#include "actors/ring/ring_codec.hpp"

#include <gtest/gtest.h>

#include "ring.capnp.h"
#include "runtime/base/rng.hpp"
#include "tests/unit/ring/ring_samples.hpp"
#include "wire/msg.hpp"

namespace themis::ring {
namespace {

/// The same bytes as they come from a peer, with the type they claim to have.
wire::FramePtr received(ByteView bytes, uint64_t type) {
  wire::FramePtr frame = wire::Frame::make(bytes.size() / wire::Frame::kWordBytes);
  std::copy(bytes.begin(), bytes.end(), frame.writable()->data());
  frame.writable()->set_type(type);
  return frame;
}

/// With every field set, and a path of three.
RecordPtr full_record() {
  Records records(5, unsigned_record(3));
  Record& record = records[2];
  record.more_addresses = {{"10.1.0.1", 7}, {"::1", 8}};
  record.withdrawn = true;
  record.weight = 7;
  record.version = "1.2.3";
  record.labels = {{"zone", "a"}, {"region", "west"}};
  return sign_records(identity_at(3), records, kSignedMs)[2];
}

std::vector<Question> questions() {
  const Store store{2, full_record()};
  return {FindNode{id_at<Point>(7)},
          GetObject{id_at<ObjectId>(8)},
          store,
          HandOver{{store, store}},
          GetNeighbours{},
          Notify{contact_at(4), {contact_at(3), contact_at(2)}},
          Leave{contact_at(1), {contact_at(3), contact_at(4)}},
          Ping{},
          Watch{id_at<ObjectId>(6), contact_at(5)},
          Changed{id_at<ObjectId>(6), {record_of(1), full_record()}},
          Changed{id_at<ObjectId>(6), {}, true, {id_at<NodeId>(3), id_at<NodeId>(4)}},
          Compare{id_at<Point>(1), id_at<Point>(2), crypto::blake2b(as_bytes("c"))},
          FindNode{id_at<Point>(7), true}};
}
std::vector<Reply> replies() {
  return {Ack{},
          Refused{3, 4},
          FindNodeReply{false, {contact_at(1)}},
          FindNodeReply{true, {contact_at(1), contact_at(2)}},
          GetObjectReply{{record_of(1), record_of(2)}},
          GetObjectReply{{record_of(1)}, true},
          Summary{id_at<Point>(3), {{id_at<ObjectId>(1), id_at<NodeId>(2), 3}}},
          Neighbours{{}, {contact_at(5)}},
          Neighbours{contact_at(6), {}}};
}

TEST(RingCodec, QuestionsAndRepliesSurviveTheWire) {
  for (const Question& question : questions()) {
    const wire::FramePtr frame = encode(question);
    const auto back = decode_question(received(frame->bytes(), frame->type()));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->index(), question.index());
    EXPECT_EQ(as_text(encode(*back)->bytes()), as_text(frame->bytes()));
  }
  for (const Reply& reply : replies()) {
    const wire::FramePtr frame = encode(reply);
    const auto back = decode_reply(received(frame->bytes(), frame->type()));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->index(), reply.index());
    EXPECT_EQ(as_text(encode(*back)->bytes()), as_text(frame->bytes()));
  }
  EXPECT_TRUE(std::get<FindNode>(*decode_question(encode(questions().back()))).object);
  EXPECT_FALSE(std::get<FindNode>(*decode_question(encode(questions().front()))).object);
  const auto leave = decode_question(encode(questions()[6]));
  EXPECT_EQ(std::get<Leave>(*leave).successors.back(), contact_at(4));
  const auto store = decode_question(encode(questions()[2]));
  EXPECT_EQ(std::get<Store>(*store).replica, 2);
  EXPECT_EQ(*std::get<Store>(*store).record, *full_record());
}

TEST(RingCodec, RefusesTypesOfTheOtherKindAndEmptyMessages) {
  EXPECT_EQ(decode_question(encode(Reply(Ack{}))).error().code, Code::malformed);
  EXPECT_EQ(decode_reply(encode(Question(Ping{}))).error().code, Code::malformed);
  EXPECT_EQ(decode_question({}).error().code, Code::malformed);
}

Code notify_code(const Contact& self) {
  const auto back = decode_question(encode(Question(Notify{self})));
  return back ? Code::internal : back.error().code;
}

TEST(RingCodec, AdversaryContactsAreMalformed) {
  EXPECT_EQ(notify_code({{}, {"10.0.0.1", 1}}), Code::malformed);
  EXPECT_EQ(notify_code({id_at<NodeId>(1), {"10.0.0.1", 0}}), Code::malformed);
  EXPECT_EQ(notify_code({id_at<NodeId>(1), {"example.org", 1}}), Code::malformed);
  EXPECT_EQ(notify_code({id_at<NodeId>(1), {std::string("10.0.0.1\0x", 10), 1}}), Code::malformed);
  EXPECT_EQ(notify_code({id_at<NodeId>(1), {std::string(4000, '1'), 1}}), Code::malformed);
  EXPECT_EQ(notify_code({id_at<NodeId>(1), {"::1", 1}}), Code::internal);
  wire::Builder<schema::FindNode> short_id;
  short_id->setTarget(wire::to_data(as_bytes("only 31 bytes of an identifier..").first(31)));
  EXPECT_EQ(decode_question(short_id.finish().frame()).error().code, Code::malformed);
}

TEST(RingCodec, AdversarySummariesOfPartialEntriesAreMalformed) {
  wire::Builder<schema::Summary> summary;
  summary->setUntil(wire::to_data(id_at<Point>(1).view()));
  summary->setEntries(wire::to_data(Bytes(sizeof(RecordName) + 1)));
  EXPECT_EQ(decode_reply(summary.finish().frame()).error().code, Code::malformed);
  wire::Builder<schema::Compare> compare;
  compare->setFrom(wire::to_data(id_at<Point>(1).view()));
  compare->setUntil(wire::to_data(id_at<Point>(2).view()));
  compare->setDigest(wire::to_data(Bytes(31)));
  EXPECT_EQ(decode_question(compare.finish().frame()).error().code, Code::malformed);
}

TEST(RingCodec, AdversaryListsOverTheirLimitsAreTooLarge) {
  const auto code = [](const auto& back) { return back ? Code::internal : back.error().code; };
  const Contacts many(kSuccessorsMax + 2, contact_at(1));
  EXPECT_EQ(code(decode_reply(encode(Reply(FindNodeReply{true, many})))), Code::too_large);
  EXPECT_EQ(code(decode_reply(encode(Reply(FindNodeReply{false, {4, contact_at(1)}})))),
            Code::too_large);
  EXPECT_EQ(code(decode_reply(encode(Reply(Neighbours{{}, many})))), Code::too_large);
  EXPECT_EQ(code(decode_reply(encode(Reply(GetObjectReply{RecordPtrs(65, record_of(1))})))),
            Code::too_large);
  EXPECT_EQ(code(decode_question(encode(Question(
                Changed{id_at<ObjectId>(1), {}, false, {kLostMax + 1, id_at<NodeId>(1)}})))),
            Code::too_large);
  const std::vector<RecordName> entries(kSummaryEntriesMax + 1);
  EXPECT_EQ(code(decode_reply(encode(Reply(Summary{id_at<Point>(1), entries})))), Code::too_large);
  const std::vector<Store> stores(kHandOverEntriesMax + 1, Store{0, record_of(3)});
  EXPECT_EQ(code(decode_question(encode(Question(HandOver{stores})))), Code::too_large);
}

Code store_code(const std::function<void(Record&)>& change, uint8_t replica = 0) {
  Record record = *record_of(3);
  change(record);
  const Store store{replica, std::make_shared<const Record>(std::move(record))};
  const auto back = decode_question(encode(Question(store)));
  return back ? Code::internal : back.error().code;
}

TEST(RingCodec, AdversaryRecordsOverTheirLimitsAreRefused) {
  EXPECT_EQ(store_code([](Record&) {}, kReplicasMax - 1), Code::internal);
  EXPECT_EQ(store_code([](Record&) {}, kReplicasMax), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.payload.resize(kPayloadBytesMax + 1); }), Code::too_large);
  EXPECT_EQ(store_code([](Record& r) { r.version.resize(kVersionBytesMax + 1, 'v'); }),
            Code::too_large);
  EXPECT_EQ(store_code([](Record& r) {
              r.labels.resize(kLabelsMax + 1, {"k", "v"});
            }),
            Code::too_large);
  EXPECT_EQ(store_code([](Record& r) {
              r.labels = {{std::string(33, 'k'), "v"}};
            }),
            Code::too_large);
  EXPECT_EQ(store_code([](Record& r) {
              r.labels = {{"k", std::string(65, 'v')}};
            }),
            Code::too_large);
  EXPECT_EQ(store_code([](Record& r) { r.labels = {{"", "v"}}; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) {
              r.more_addresses.resize(kAddressesMax, {"::1", 1});
            }),
            Code::too_large);
  EXPECT_EQ(store_code([](Record& r) { r.more_addresses = {{"::1", 0}}; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.proof.path.resize(kPathMax + 1); }), Code::too_large);
  EXPECT_EQ(store_code([](Record& r) { r.proof.index = 1; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.proof.count = 0; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.proof.count = kTreeRecordsMax + 1; }), Code::too_large);
  EXPECT_EQ(store_code([](Record& r) { r.name = "line\nbreak"; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.name.clear(); }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.name.resize(kNameBytesMax + 1, 'n'); }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.expires_ms = kSignedMs; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.expires_ms = INT64_MAX; }), Code::malformed);
  EXPECT_EQ(store_code([](Record& r) { r.proof.issued_ms = INT64_MIN; }), Code::malformed);
}

/// Two spellings of one address compared unequal.
TEST(RingCodec, RegressAHostHasOneSpelling) {
  for (const char* host :
       {"2001:DB8::1", "2001:db8:0::1", "::ffff:127.0.0.1", "[::1]", "localhost"})
    EXPECT_EQ(store_code([&](Record& r) { r.provider.address.host = host; }), Code::malformed)
        << host;
}

TEST(RingCodec, LargestChunkHasTheSizeThatItsLimitPromises) {
  Record record = *full_record();
  record.name.assign(kNameBytesMax, 'n');
  record.payload.resize(kPayloadBytesMax);
  record.version.assign(kVersionBytesMax, 'v');
  record.labels.assign(
      kLabelsMax, {std::string(kLabelKeyBytesMax, 'k'), std::string(kLabelValueBytesMax, 'v')});
  record.provider.address.host = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  record.more_addresses.assign(kAddressesMax - 1, record.provider.address);
  record.proof.path.resize(kPathMax);
  const Store store{0, std::make_shared<const Record>(std::move(record))};
  const HandOver chunk{std::vector<Store>(kHandOverEntriesMax, store)};
  EXPECT_LE(encode(Question(chunk))->size(), 42u * 1024);
}

TEST(RingCodec, AdversaryBytesNeverEscapeAsAnException) {
  constexpr uint64_t kSeed = 99;
  SeededRng rng(kSeed);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto all = questions();
    const wire::FramePtr frame = encode(all[rng.below(all.size())]);
    Bytes bytes(frame->bytes().begin(), frame->bytes().end());
    for (uint64_t flips = 1 + rng.below(4); flips > 0 && !bytes.empty(); --flips)
      bytes[rng.below(bytes.size())] ^= static_cast<std::byte>(1 + rng.below(255));
    if (rng.below(4) == 0) bytes.resize(rng.below(bytes.size() / 8 + 1) * 8);
    const auto back = decode_question(received(bytes, frame->type()));
    if (back) continue;
    ++refused;
    ASSERT_TRUE(back.error().code == Code::malformed || back.error().code == Code::too_large)
        << "seed " << kSeed << " round " << round;
  }
  EXPECT_GT(refused, 5'000u);
}

}  // namespace
}  // namespace themis::ring
