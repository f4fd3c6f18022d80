// Any words as a message of the ring or a failure: decoded strictly or refused, and what is decoded
// is encoded and decoded to the same.

#include "actors/ring/ring_codec.hpp"
#include "rpc.capnp.h"
#include "tests/fuzz/input.hpp"
#include "wire/msg.hpp"

namespace themis::fuzz {
namespace {

using namespace ring;

Contact contact(uint8_t number) {
  Contact made;
  made.id.bytes[0] = std::byte{number};
  made.address = {"10.0.0." + std::to_string(number), 7001};
  return made;
}
/// Well formed; who signed it is not the codec's business.
RecordPtr record(uint8_t number) {
  Record made;
  made.name = "name";
  made.provider = contact(number);
  made.sequence = 7;
  made.expires_ms = 1000;
  made.version = "1.0";
  made.labels = {{"zone", "a"}};
  made.payload = Bytes(number % 40, std::byte{number});
  made.proof.count = 2;
  made.proof.path.resize(1);
  return std::make_shared<const Record>(std::move(made));
}

/// One message of each kind: the starting points that the input changes.
std::vector<wire::FramePtr> genuine() {
  ObjectId object;
  object.bytes[3] = std::byte{9};
  return {encode(Question(FindNode{Point{contact(1).id.bytes}})),
          encode(Question(FindNode{Point{contact(2).id.bytes}, true})),
          encode(Question(GetObject{object})),
          encode(Question(Store{1, record(2)})),
          encode(Question(HandOver{{{0, record(3)}, {2, record(4)}}})),
          encode(Question(GetNeighbours{})),
          encode(Question(Notify{contact(5)})),
          encode(Question(Leave{contact(6), {contact(8), contact(9)}})),
          encode(Question(Ping{})),
          encode(Question(Watch{object, contact(6)})),
          encode(Question(Changed{object, {record(5)}, false, {contact(7).id}})),
          encode(Question(Compare{Point{contact(1).id.bytes}, Point{contact(2).id.bytes}, {}})),
          encode(Reply(Ack{})),
          encode(Reply(Refused{1, 6})),
          encode(Reply(FindNodeReply{true, {contact(1), contact(2)}})),
          encode(Reply(Summary{Point{contact(1).id.bytes}, {{object, contact(2).id, 7}}})),
          encode(Reply(GetObjectReply{{record(1), record(2)}})),
          encode(Reply(Neighbours{contact(3), {contact(4)}}))};
}

template <class T>
void check_again(const T& value, Result<T> (*decode)(const wire::FramePtr&)) {
  const wire::FramePtr once = encode(value);
  const Result<T> again = decode(once);
  promise(again.has_value(), "what was accepted is accepted again");
  promise(again->index() == value.index(), "as the same kind of message");
  const wire::FramePtr twice = encode(*again);
  promise(std::ranges::equal(once->bytes(), twice->bytes()), "with the same content");
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  static const std::vector<wire::FramePtr> seeds = fuzz::genuine();
  fuzz::Input input(data, size);
  const uint8_t which = input.byte();
  const wire::FramePtr& seed = seeds[which % seeds.size()];
  Bytes words(seed->bytes().begin(), seed->bytes().end());
  while (!input.empty() && words.size() < 65'536) words = input.changed(std::move(words));
  const wire::FramePtr frame = wire::Frame::make((words.size() + 7) / 8);
  std::ranges::copy(words, frame.writable()->data());
  frame.writable()->set_type(which < 0xf0 ? seed->type() : wire::Msg<schema::Failure>::kType);
  if (const auto question = ring::decode_question(frame))
    fuzz::check_again<ring::Question>(*question, ring::decode_question);
  if (const auto reply = ring::decode_reply(frame))
    fuzz::check_again<ring::Reply>(*reply, ring::decode_reply);
  size_t length = 0;
  const auto read = [&](schema::Failure::Reader failure) -> Result<size_t> {
    return length = wire::text_of(failure.getDetail()).size();
  };
  if (wire::decode(wire::Msg<schema::Failure>(frame), read))
    fuzz::promise(length <= frame->size(), "text is inside the frame");
  return 0;
}
