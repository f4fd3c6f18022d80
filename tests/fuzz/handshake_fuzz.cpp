// Changed and invented messages into every state of the handshake: refused without a trace, and the
// genuine ones still give a session afterwards. With and without credentials; and what a member of
// the network may show: credentials of any bytes, under a genuine signature.

#include "runtime/crypto/crypto.hpp"
#include "tests/fuzz/input.hpp"
#include "wire/handshake.hpp"

namespace themis::fuzz {
namespace {

struct Nodes {
  Nodes() : rng(1) {
    crypto::init();
    alice.emplace(wire::Identity::generate("fuzz", rng));
    bob.emplace(wire::Identity::generate("fuzz", rng));
    former_bob = bob->id();
    const wire::Identity issuer = wire::Identity::generate("fuzz", rng);
    of_alice = {wire::Invite::issue(issuer.key(), "fuzz", alice->id(), 1000, 3000),
                {issuer.public_key()}};
    of_bob = {wire::Invite::issue(issuer.key(), "fuzz", former_bob, 1000, 3000), of_alice.inviters};
    rotated_bob.emplace(bob->successor(rng, 1000, 3000));
  }
  SeededRng rng;
  std::optional<wire::Identity> alice, bob, rotated_bob;
  NodeId former_bob;
  wire::Admission of_alice, of_bob;
};
constexpr int64_t kNowS = 2000;

/// Up to two hostile messages before the genuine one.
void attack(wire::Handshake& taker, const Bytes& genuine, Input& input) {
  for (int tries = input.byte() % 3; tries > 0; --tries) {
    const uint8_t how = input.byte();
    const Bytes hostile = how % 2 == 0 ? input.changed(genuine) : [&] {
      const ByteView any = input.take(how);
      return Bytes(any.begin(), any.end());
    }();
    if (hostile == genuine) continue;
    const auto before = taker.state();
    promise(!taker.step(hostile), "a hostile message is refused");
    promise(taker.state() == before, "an error leaves the state as it was");
  }
}

/// Message 1 is only fully checked by what follows it: a changed one gives no session.
void attack_first(const Nodes& nodes, Rng& rng, wire::CookieGate& gate, Input& input) {
  auto a = wire::Handshake::initiator({.self = &*nodes.alice}, rng);
  auto b = wire::Handshake::responder({.self = &*nodes.bob, .cookies = &gate}, rng);
  const Bytes genuine = a.start(), hostile = input.changed(genuine);
  if (hostile == genuine) return;
  Result<Bytes> answer = b.step(hostile);
  if (!answer) return;
  const bool retry = answer->size() == wire::kRetryBytes;
  const Result<Bytes> next = a.step(*answer);
  promise(retry ? next.has_value() : !next, "a changed message 1 gives no session");
  promise(!retry || !b.step(*next), "nor does a cookie for another message 1");
}

/// Whatever is read is what would be written, and is judged without harm.
void read_credentials(const Nodes& nodes, Input& input) {
  const wire::Credentials genuine{nodes.rotated_bob->former(), nodes.of_bob.invite};
  const Bytes bytes = input.changed(genuine.bytes());
  const auto read = wire::Credentials::from_bytes(bytes);
  if (!read) return;
  promise(read->bytes() == bytes, "there is one encoding");
  const auto standing =
      wire::judge(*read, nodes.rotated_bob->public_key(), "fuzz", nodes.of_alice, kNowS);
  promise(standing.has_value() == (*read == genuine), "only what was signed counts");
}

void read_invites(Input& input) {
  const ByteView bytes = input.rest();
  const auto invites = wire::parse_invites(as_text(bytes));
  promise(!invites || !invites->empty(), "an empty file is no invite");
}

}  // namespace
}  // namespace themis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace themis;
  using fuzz::promise;
  static const fuzz::Nodes nodes;
  fuzz::Input input(data, size);
  SeededRng rng(7);
  wire::CookieGate gate(rng, TimePoint{});
  const uint8_t mode = input.byte();
  gate.set_required(mode % 2 == 0);
  if (mode % 16 < 8 && mode % 4 >= 2) {
    fuzz::attack_first(nodes, rng, gate, input);
    return 0;
  }
  if (mode % 16 >= 12) {
    mode % 2 == 0 ? fuzz::read_credentials(nodes, input) : fuzz::read_invites(input);
    return 0;
  }
  // With credentials bob answers to the name he had before.
  const bool shown = mode % 16 >= 8;
  const wire::Identity& bob = shown ? *nodes.rotated_bob : *nodes.bob;
  auto a = wire::Handshake::initiator({.self = &*nodes.alice,
                                       .expected = nodes.former_bob,
                                       .admission = shown ? &nodes.of_alice : nullptr,
                                       .wall_ms = fuzz::kNowS * 1000},
                                      rng);
  auto b = wire::Handshake::responder({.self = &bob,
                                       .cookies = &gate,
                                       .admission = shown ? &nodes.of_bob : nullptr,
                                       .wall_ms = fuzz::kNowS * 1000},
                                      rng);
  Bytes message = a.start();
  if (gate.required()) {
    const Bytes retry = b.step(message).value();
    message = a.step(retry).value();
    fuzz::attack(b, message, input);  // the cookie covers all of it
  }
  message = b.step(message).value();
  fuzz::attack(a, message, input);
  message = a.step(message).value();
  fuzz::attack(b, message, input);
  promise(b.step(message).has_value() && b.done(), "the genuine messages give a session");
  promise(a.take().transcript == b.take().transcript, "the same one at both ends");
  return 0;
}
