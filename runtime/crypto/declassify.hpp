#pragma once
// Says which results of secret computations are public. Nothing happens, except in the build of
// tests/constant_time, where memcheck follows secrets and everything that was not declassified.

#include "runtime/base/bytes.hpp"

#ifdef THEMIS_FOLLOW_SECRETS
#include <valgrind/memcheck.h>
#endif

namespace themis::crypto {

/// `bytes` may be known to everybody from here on: a key share, a ciphertext, a signature.
inline void declassify([[maybe_unused]] ByteView bytes) {
#ifdef THEMIS_FOLLOW_SECRETS
  VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
#endif
}
/// The same for an outcome: whether a tag was right shows in what happens next.
template <class T>
T public_outcome(T outcome) {
  declassify(std::as_bytes(std::span(&outcome, 1)));
  return outcome;
}

}  // namespace themis::crypto
