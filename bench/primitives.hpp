#pragma once
// The cryptographic primitives of libsodium and OpenSSL side by side: what runtime/crypto's choices
// rest on.

#include "bench/options.hpp"

namespace themis::bench {

/// Microseconds of CPU per call, the best of several rounds, one thread; AEAD by message size, in
/// place, 8 bytes of additional data. Names: `<library>_<operation>_us`.
Figures measure_primitives(const Options& options);

}  // namespace themis::bench
