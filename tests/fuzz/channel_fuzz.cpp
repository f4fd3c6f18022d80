// Two channels with a conversation that the input chooses: sizes, keys, rekeying, fragments. All
// arrives in order; one changed byte on the way, and nothing of it does. And a member of the
// network that seals whatever it likes.

#include <deque>

#include "runtime/crypto/crypto.hpp"
#include "tests/fuzz/input.hpp"
#include "wire/channel.hpp"

namespace themis::fuzz {
namespace {

struct End final : wire::ChannelEvents {
  End(const wire::HandshakeConfig& config, bool initiator, Rng& rng)
      : channel(config, initiator, rng, *this) {}
  wire::OriginPtr on_established(const wire::Established&) override { return {}; }
  void on_message(const wire::MessageHeader& header, wire::FramePtr payload) override {
    promise(!awaited.empty(), "nothing arrives that was not sent");
    const auto [number, size] = awaited.front();
    awaited.pop_front();
    promise(header.request == number && payload->size() == size, "in order and whole");
    for (const std::byte byte : payload->bytes())
      promise(byte == static_cast<std::byte>(number), "as they were sent");
  }
  wire::Channel channel;
  std::deque<std::pair<uint64_t, size_t>> awaited;  // what the other end sent, and where it stands
};

struct Two {
  Two()
      : rng(1),
        alice(make(rng)),
        bob(make(rng)),
        a({.self = &alice}, true, rng),
        b({.self = &bob}, false, rng) {
    a.channel.start();
  }
  static wire::Identity make(Rng& rng) {
    crypto::init();
    return wire::Identity::generate("fuzz", rng);
  }
  Bytes output(End& from) {
    from.channel.flush();
    Bytes bytes(from.channel.output().begin(), from.channel.output().end());
    from.channel.consume(bytes.size());
    return bytes;
  }
  Status carry(End& from, End& to, size_t piece) {
    Bytes bytes = output(from);
    for (std::span<std::byte> left(bytes); !left.empty();) {
      const size_t count = std::min(piece, left.size());
      THEMIS_CHECK(to.channel.on_data(left.first(count)));
      left = left.subspan(count);
    }
    return {};
  }
  SeededRng rng;
  wire::Identity alice, bob;
  End a, b;
  uint64_t sent = 0;
};

void send(Two& two, End& from, End& to, Input& input) {
  if (!from.channel.established()) return;
  const size_t words = input.number() % 5001;
  if (words == 0) {  // gives up a request: its number and no payload
    from.channel.send({.kind = wire::MessageKind::cancel, .request = ++two.sent}, {});
    return to.awaited.emplace_back(two.sent, 0), void();
  }
  wire::MessageHeader header{.kind = wire::MessageKind::request, .request = ++two.sent};
  if (words % 2 == 0) store(header.key.bytes.data(), two.sent);
  const wire::FramePtr payload = wire::Frame::make(words);
  std::fill_n(payload.writable()->data(), words * 8, static_cast<std::byte>(two.sent));
  from.channel.send(header, payload);
  to.awaited.emplace_back(two.sent, words * 8);
}

/// Whether the conversation goes on.
bool act(Two& two, Input& input) {
  const uint8_t what = input.byte();
  End& from = what % 2 == 0 ? two.a : two.b;
  End& to = what % 2 == 0 ? two.b : two.a;
  switch (what / 2 % 4) {
    case 0:
      send(two, from, to, input);
      return true;
    case 1:
      promise(two.carry(from, to, 1 + input.number()).has_value(), "honest ends agree");
      return true;
    case 2:
      from.channel.rekey();
      return true;
    default:
      break;
  }
  // Only a part that was not changed may still arrive: the ends check all that does.
  Bytes changed = input.changed(two.output(from));
  (void)to.channel.on_data(changed);
  return false;
}

/// What a member may send: anything, sealed with the right key.
void hostile_member(Two& two, Input& input) {
  struct Ignore final : wire::ChannelEvents {
    wire::OriginPtr on_established(const wire::Established&) override { return {}; }
    void on_message(const wire::MessageHeader& header, wire::FramePtr payload) override {
      promise(wire::has_payload(header.kind) == (payload->size() > 0),
              "payloads are where they belong");
      promise(header.kind != wire::MessageKind::cancel || header.request != 0,
              "a cancel names a request");
      promise(payload->size() <= wire::kMessageBytesMax, "messages keep to the limit");
    }
  } ignore;
  wire::Channel victim({.self = &two.bob}, false, two.rng, ignore);
  auto member = wire::Handshake::initiator({.self = &two.alice}, two.rng);
  const auto answer = [&](Bytes bytes) {
    promise(victim.on_data(bytes).has_value(), "an honest handshake or rekey passes");
    victim.flush();
    Bytes out(victim.output().begin(), victim.output().end());
    victim.consume(out.size());
    return out;
  };
  answer(member.step(answer(member.start())).value());
  wire::Established session = member.take();
  Bytes answered;  // rekey 2
  while (!input.empty()) {
    Bytes record;
    // A rekey that is open may be gone on with, right after the answer or records later.
    if (!answered.empty() && input.byte() % 4 == 0) {
      promise(session.session.on_rekey(answered, two.rng, record).has_value(), "a genuine rekey 2");
      answered.clear();
    } else if (input.byte() % 8 == 0) {
      if (session.session.rekeying()) continue;
      promise(session.session.start_rekey(two.rng, record).has_value(), "a member may rekey");
      answered = answer(std::move(record));
      promise(!answered.empty(), "the victim answers a rekey");
      continue;
    } else {
      promise(session.session.seal(input.take(input.number() % 600), record).has_value(), "seals");
    }
    if (!victim.on_data(record)) return;
  }
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis::fuzz;
  Input input(data, size);
  Two two;
  if (input.byte() % 2 == 0) {
    hostile_member(two, input);
    return 0;
  }
  for (int steps = 0; steps < 40 && !input.empty(); ++steps)
    if (!act(two, input)) return 0;
  for (int turn = 0; turn < 4; ++turn) {
    promise(two.carry(two.a, two.b, SIZE_MAX).has_value(), "honest ends agree");
    promise(two.carry(two.b, two.a, SIZE_MAX).has_value(), "honest ends agree");
  }
  promise(two.a.awaited.empty() && two.b.awaited.empty(), "all that was sent arrives");
  return 0;
}
