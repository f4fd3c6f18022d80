#pragma once
// Full mutual handshakes a second of one core: ours, and OpenSSL's mutual TLS 1.3 in the same run.

#include "bench/options.hpp"

namespace themis::bench {

/// Both ends in this thread, no I/O, process CPU time, for `options.seconds` in turns of 50 ms, so
/// that noise on the machine meets both. TLS: X25519, AES-256-GCM, one CA, both sides verify, no
/// tickets; the better of P-256 and Ed25519 certificates.
Figures measure_handshake(const Options& options);

}  // namespace themis::bench
