#include "enclave/receipts/keys.hpp"

#include "runtime/base/codec.hpp"
#include "runtime/crypto/hash.hpp"
#include "runtime/crypto/kdf.hpp"

namespace themis::receipts {
namespace {

constexpr std::string_view kAgreementLabel = "themis/receipt/agreement-key/v1";
constexpr std::string_view kSigningLabel = "themis/receipt/signing-key/v1";
constexpr std::string_view kSecretLabel = "themis/receipt/epoch-secret/v1";
constexpr std::string_view kClientLabel = "themis/receipt/client-key/v1";
constexpr std::string_view kGrantLabel = "themis/receipt/grant/v1";

/// `label` and what `write` puts behind it, in memory of the caller's stack.
template <size_t kBytesMax, class Then>
auto with_text(std::string_view label, ByteView fields, Then then) {
  std::array<std::byte, kBytesMax> text;
  const std::byte* end = put(put(text.data(), as_bytes(label)), fields);
  return then(ByteView(text.data(), end));
}

template <size_t N>
crypto::SecretBytes<N> derive(const crypto::SecretBytes<32>& key, std::string_view label,
                              ByteView fields) {
  crypto::SecretBytes<N> out;
  const Status expanded = with_text<160>(label, fields, [&](ByteView info) {
    return crypto::hkdf_sha256_expand(key, info, out.span());
  });
  THEMIS_ASSERT(expanded.has_value(), "16 and 32 bytes are within HKDF's limit");
  return out;
}

}  // namespace

crypto::DhKey agreement_key(const MasterKey& master, const InstanceId& instance) {
  return crypto::DhKey(derive<32>(master, kAgreementLabel, instance));
}

crypto::SigningKey signing_key(const MasterKey& master, const InstanceId& instance) {
  return crypto::SigningKey(derive<32>(master, kSigningLabel, instance));
}

EpochSecret epoch_secret(const MasterKey& master, const InstanceId& instance, uint32_t epoch) {
  std::array<std::byte, sizeof(InstanceId) + sizeof epoch> fields;
  put(put(fields.data(), ByteView(instance)), epoch);
  const auto derived = derive<sizeof(EpochSecret)>(master, kSecretLabel, fields);
  EpochSecret secret;
  std::memcpy(secret.data(), derived.view().data(), secret.size());
  return secret;
}

Instance describe(const MasterKey& master, const InstanceId& instance, uint16_t threads,
                  crypto::PrfKind prf) {
  return {instance, threads, prf, agreement_key(master, instance).share(),
          signing_key(master, instance).public_key()};
}

crypto::SecretBytes<16> client_key(const crypto::SharedSecret& shared, const ClientSeat& seat) {
  std::array<std::byte, sizeof(InstanceId) + 2 + 2 + 2 * crypto::DhShare::kBytes> fields;
  std::byte* to = put(fields.data(), ByteView(seat.instance));
  to = put(put(to, seat.thread), seat.number);
  put(put(to, seat.client.view()), seat.monitor.view());
  const auto key = crypto::hkdf_sha256_extract({}, shared.view());
  return derive<16>(key, kClientLabel, fields);
}

namespace {

template <class Then>
auto with_grant(const InstanceId& instance, const crypto::DhShare& client, Then then) {
  std::array<std::byte, sizeof(InstanceId) + crypto::DhShare::kBytes> fields;
  put(put(fields.data(), ByteView(instance)), client.view());
  return with_text<96>(kGrantLabel, fields, then);
}

}  // namespace

crypto::Signature grant(const crypto::SigningKey& owner, const InstanceId& instance,
                        const crypto::DhShare& client) {
  return with_grant(instance, client, [&](ByteView text) { return owner.sign(text); });
}

Status check_grant(const crypto::PublicKey& owner, const InstanceId& instance,
                   const crypto::DhShare& client, const crypto::Signature& signature) {
  return with_grant(instance, client,
                    [&](ByteView text) { return crypto::verify(owner, text, signature); });
}

}  // namespace themis::receipts
