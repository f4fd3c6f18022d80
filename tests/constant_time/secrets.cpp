// The handshake and the session with every secret marked undefined, for memcheck: a branch or an
// index that depends on one is reported. Source: the method of ctgrind (Langley, 2010).
//
// usage, under valgrind: secrets protocol | branch | index | compare
// All but the first are faults that must be reported.

#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstdlib>

#include "runtime/crypto/crypto.hpp"
#include "wire/handshake.hpp"

namespace themis {
namespace {

void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "secrets: %s\n", what);
  std::exit(1);
}

/// What it gives is secret until somebody declassifies it.
class SecretRng final : public Rng {
 public:
  void fill(std::span<std::byte> out) override {
    rng_.fill(out);
    VALGRIND_MAKE_MEM_UNDEFINED(out.data(), out.size());
  }

 private:
  SeededRng rng_{1};
};

/// Whether memcheck still follows the bytes: else the run would prove nothing.
bool followed(ByteView bytes) {
  std::vector<unsigned char> bits(bytes.size());
  must(VALGRIND_GET_VBITS(bytes.data(), bits.data(), bits.size()) == 1, "run under valgrind");
  return std::ranges::all_of(bits, [](unsigned char b) { return b == 0xff; });
}

struct Pair {
  wire::Established a, b;
};

Pair shake_hands(uint8_t suites, bool encryption, bool under_load, Rng& rng) {
  const auto alice = wire::Identity::generate("network", rng);
  const auto bob = wire::Identity::generate("network", rng);
  wire::CookieGate gate(rng, TimePoint{});
  gate.set_required(under_load);
  auto a = wire::Handshake::initiator(
      {.self = &alice, .expected = bob.id(), .encryption = encryption, .suites = suites}, rng);
  auto b = wire::Handshake::responder(
      {.self = &bob, .encryption = encryption, .suites = suites, .cookies = &gate}, rng);
  Bytes message = a.start();
  if (under_load) message = a.step(b.step(message).value()).value();
  Bytes wrong = message;
  wrong.back() ^= std::byte{1};
  must(!b.step(wrong), "a wrong network tag or cookie is refused");
  message = b.step(message).value();
  wrong = message;
  wrong.back() ^= std::byte{1};
  must(!a.step(wrong), "a wrong tag is refused");
  must(b.step(a.step(message).value()).has_value(), "a handshake");
  return {a.take(), b.take()};
}

void converse(wire::Session& from, wire::Session& to, Rng& rng, bool encryption) {
  for (const size_t size : {0, 1, 64, 1000, 16'384}) {
    Bytes plaintext(size), record;
    rng.fill(plaintext);
    must(from.seal(plaintext, record).has_value(), "a record is sealed");
    Bytes wrong = record;
    wrong.back() ^= std::byte{1};
    must(!to.open(wrong), "a forged record is refused");
    const auto opened = to.open(record);
    must(opened && opened->size() == size, "a record is opened");
    must(!encryption || size == 0 || followed(*opened), "what was opened is secret");
  }
}

void rekey(wire::Session& a, wire::Session& b, Rng& rng) {
  Bytes first, second, third, nothing;
  must(a.start_rekey(rng, first).has_value(), "rekey 1");
  must(b.on_rekey(first, rng, second).has_value(), "rekey 2");
  must(a.on_rekey(second, rng, third).has_value(), "rekey 3");
  must(b.on_rekey(third, rng, nothing).has_value() && b.rekeyed() == 1, "rekeyed");
}

void protocol() {
  SecretRng rng;
  for (const uint8_t suite : {wire::kOfferAes256Gcm, wire::kOfferChacha20Poly1305}) {
    if ((suite & wire::available_suites()) == 0) continue;
    for (const bool encryption : {true, false}) {
      Pair pair = shake_hands(suite, encryption, suite == wire::kOfferAes256Gcm, rng);
      must(followed(pair.a.exporter.view()) && followed(pair.b.exporter.view()),
           "the keys are still followed at the end");
      must(pair.a.exporter == pair.b.exporter, "both ends agree");
      converse(pair.a.session, pair.b.session, rng, encryption);
      rekey(pair.a.session, pair.b.session, rng);
      converse(pair.b.session, pair.a.session, rng, encryption);
      std::printf("suite %d, encryption %d\n", suite, encryption);
    }
  }
}

/// The faults, each on a key as the handshake gives it.
int leak(std::string_view how) {
  SecretRng rng;
  const Pair pair = shake_hands(wire::kOfferChacha20Poly1305, true, false, rng);
  const auto key = pair.a.exporter.view();
  static constexpr int kTable[256] = {1, 2, 3};
  if (how == "branch") return key[0] == std::byte{7} ? std::puts("seven") : 0;
  if (how == "index") return *(kTable + static_cast<uint8_t>(key[0])) > 5 ? std::puts("five") : 0;
  must(how == "compare", "usage: secrets protocol | branch | index | compare");
  return std::memcmp(key.data(), pair.b.exporter.view().data(), 32) == 0 ? std::puts("same") : 0;
}

}  // namespace
}  // namespace themis

int main(int count, char** words) {
  themis::crypto::init();
  const std::string_view what = count == 2 ? words[1] : "";
  if (what != "protocol") return themis::leak(what) < 0 ? 1 : 0;
  themis::protocol();
  return 0;
}
