#include "runtime/crypto/dh.hpp"

#include <sodium.h>

#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/montgomery.hpp"
#include "runtime/crypto/native.hpp"

namespace themis::crypto {

static_assert(DhShare::kBytes == crypto_scalarmult_BYTES);
static_assert(DhKey::kSeedBytes == crypto_scalarmult_SCALARBYTES);

Result<DhShare> DhShare::from_bytes(ByteView view) {
  if (view.size() != kBytes) return fail(Code::malformed, "a key share has 32 bytes");
  DhShare share;
  std::copy(view.begin(), view.end(), share.bytes.begin());
  return share;
}

DhKey::DhKey(SecretBytes<kSeedBytes> seed) : secret_(std::move(seed)) {
  // The fixed-base multiplication of Ed25519 takes the same clamped scalar to the same point in
  // half the time of the X25519 ladder (bench/primitives.cpp).
  std::array<std::byte, DhShare::kBytes> point;
  const int done = public_outcome(crypto_scalarmult_ed25519_base(raw(point), raw(secret_.view())));
  declassify(point);
  THEMIS_ASSERT(done == 0, "a clamped scalar times the base point is not the neutral point");
  share_.bytes = edwards_to_montgomery(point);
}

Result<SharedSecret> DhKey::agree(const DhShare& peer) const {
  SharedSecret shared;
  if (public_outcome(
          crypto_scalarmult(raw(shared.span()), raw(secret_.view()), raw(peer.view()))) != 0)
    return fail(Code::forged, "a key share of small order");
  return shared;
}

}  // namespace themis::crypto
