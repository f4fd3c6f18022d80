#include "bench/handshake.hpp"

#include "bench/tls_handshake.hpp"
#include "wire/handshake.hpp"

namespace themis::bench {
namespace {

constexpr double kTurnSeconds = 0.05;

/// Handshakes done and the CPU time they took.
struct Tally {
  uint64_t count = 0;
  double cpu_s = 0;
  size_t wire_bytes = 0;

  double per_core_s() const { return static_cast<double>(count) / cpu_s; }

  /// `once()` does one handshake and returns its bytes on the wire.
  template <class F>
  void run_turn(F&& once) {
    const double start = process_cpu_s();
    double elapsed = 0;
    while (elapsed < kTurnSeconds) {
      wire_bytes = once();
      ++count;
      elapsed = process_cpu_s() - start;
    }
    cpu_s += elapsed;
  }
};

/// Two nodes that know each other's identifier, as a ring's nodes do.
class Nodes {
 public:
  size_t handshake() {
    auto a = wire::Handshake::initiator({.self = &alice_, .expected = bob_.id()}, rng_);
    auto b = wire::Handshake::responder({.self = &bob_}, rng_);
    const Bytes message_1 = a.start();
    const Bytes message_2 = b.step(message_1).value();
    const Bytes message_3 = a.step(message_2).value();
    THEMIS_ASSERT(b.step(message_3).has_value(), "a genuine handshake ends");
    const wire::Established at_a = a.take(), at_b = b.take();
    THEMIS_ASSERT(at_a.transcript == at_b.transcript && at_b.peer == alice_.id(),
                  "both ends agree");
    return message_1.size() + message_2.size() + message_3.size();
  }

 private:
  SystemRng rng_;
  wire::Identity alice_ = wire::Identity::generate("bench", rng_);
  wire::Identity bob_ = wire::Identity::generate("bench", rng_);
};

}  // namespace

Figures measure_handshake(const Options& options) {
  Nodes nodes;
  TlsPair p256_pair("P-256"), ed25519_pair("ED25519");
  Tally ours, p256, ed25519;
  while (ours.cpu_s + p256.cpu_s + ed25519.cpu_s < options.seconds || ours.count == 0) {
    ours.run_turn([&] { return nodes.handshake(); });
    p256.run_turn([&] { return p256_pair.handshake(); });
    ed25519.run_turn([&] { return ed25519_pair.handshake(); });
  }
  const bool p256_is_better = p256.per_core_s() > ed25519.per_core_s();
  const Tally& tls = p256_is_better ? p256 : ed25519;
  return {{"handshakes_per_core_s", ours.per_core_s()},
          {"cpu_us", 1e6 / ours.per_core_s()},
          {"wire_bytes", ours.wire_bytes},
          {"tls_handshakes_per_core_s", tls.per_core_s()},
          {"tls_cpu_us", 1e6 / tls.per_core_s()},
          {"tls_wire_bytes", tls.wire_bytes},
          {"tls_certificates", p256_is_better ? "P-256" : "Ed25519"},
          {"ratio", ours.per_core_s() / tls.per_core_s()}};
}

}  // namespace themis::bench
