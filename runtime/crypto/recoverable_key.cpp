#include "runtime/crypto/recoverable_key.hpp"

#include <secp256k1_recovery.h>

#include "runtime/crypto/keccak.hpp"
#include "runtime/crypto/native.hpp"

namespace themis::crypto {
namespace {

constexpr int kFirstParity = 27;
constexpr size_t kAddressBytes = 20;

CurvePoint point_of(const secp256k1_context* context, const secp256k1_pubkey& key) {
  std::array<std::byte, 65> out{};  // 4, then the point
  size_t bytes = out.size();
  secp256k1_ec_pubkey_serialize(context, raw(out), &bytes, &key, SECP256K1_EC_UNCOMPRESSED);
  CurvePoint point;
  std::memcpy(point.data(), out.data() + 1, point.size());
  return point;
}

}  // namespace

void RecoverableKey::Destroy::operator()(secp256k1_context_struct* context) const {
  secp256k1_context_destroy(context);
}

Result<RecoverableKey> RecoverableKey::from_secret(std::span<const std::byte, kSecretBytes> secret,
                                                   Rng& rng) {
  RecoverableKey key;
  key.context_.reset(secp256k1_context_create(SECP256K1_CONTEXT_NONE));
  const SecretBytes<32> blind(rng);
  THEMIS_ASSERT(secp256k1_context_randomize(key.context_.get(), raw(blind.view())) == 1,
                "a context can be blinded");
  key.secret_ = SecretBytes<kSecretBytes>(secret);
  secp256k1_pubkey point;
  if (secp256k1_ec_pubkey_create(key.context_.get(), &point, raw(key.secret_.view())) != 1)
    return fail(Code::invalid, "32 bytes that are no secp256k1 key");
  key.public_key_ = point_of(key.context_.get(), point);
  return key;
}

RecoverableSignature RecoverableKey::sign(const Digest& digest) const {
  secp256k1_ecdsa_recoverable_signature made;
  const int ok = secp256k1_ecdsa_sign_recoverable(context_.get(), &made, raw(digest),
                                                  raw(secret_.view()), nullptr, nullptr);
  THEMIS_ASSERT(ok == 1, "a key that was checked signs");
  RecoverableSignature signature{};
  int parity = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context_.get(), raw(signature), &parity,
                                                          &made);
  signature.back() = static_cast<std::byte>(kFirstParity + parity);
  return signature;
}

std::string RecoverableKey::address() const {
  const Digest digest = keccak256(public_key_);
  return "0x" + to_hex(ByteView(digest).last<kAddressBytes>());
}

Result<CurvePoint> recover(const Digest& digest, const RecoverableSignature& signature) {
  const auto forged = [] { return fail(Code::forged, "a signature that is nobody's"); };
  const int parity = std::to_integer<int>(signature.back()) - kFirstParity;
  if (parity < 0 || parity > 3) return forged();
  const secp256k1_context* context = secp256k1_context_static;
  secp256k1_ecdsa_recoverable_signature read;
  secp256k1_pubkey key;
  if (secp256k1_ecdsa_recoverable_signature_parse_compact(context, &read, raw(signature), parity) !=
          1 ||
      secp256k1_ecdsa_recover(context, &key, &read, raw(digest)) != 1)
    return forged();
  return point_of(context, key);
}

}  // namespace themis::crypto
