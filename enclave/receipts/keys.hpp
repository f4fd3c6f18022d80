#pragma once
// The keys of one run of the monitors, and those that it shares with its clients.

#include "runtime/crypto/dh.hpp"
#include "runtime/crypto/prf.hpp"
#include "runtime/crypto/sign.hpp"

namespace themis::receipts {

/// One run of the monitors; random, new at every start. Keys, receipts and certificates of one
/// instance are worth nothing in another.
using InstanceId = std::array<std::byte, 16>;
/// Known to the monitors of one instance and to nobody else; never used by two instances.
using MasterKey = crypto::SecretBytes<32>;
/// Goes into every leaf of an epoch and is shown by its certificate only: until then nobody but the
/// monitors can compute a leaf.
using EpochSecret = std::array<std::byte, 16>;

/// What a client must know of an instance, from its attestation or from whom it trusts.
struct Instance {
  InstanceId id{};
  uint16_t threads = 1;
  /// Both VAES and AES-NI compute AES-128-CMAC; a client may use the other one of the two.
  crypto::PrfKind prf = crypto::PrfKind::cmac_aes;
  crypto::DhShare agreement;
  crypto::PublicKey signing;
};

crypto::DhKey agreement_key(const MasterKey& master, const InstanceId& instance);
/// Signs the certificates, where nothing outlives the instance.
crypto::SigningKey signing_key(const MasterKey& master, const InstanceId& instance);
EpochSecret epoch_secret(const MasterKey& master, const InstanceId& instance, uint32_t epoch);
Instance describe(const MasterKey& master, const InstanceId& instance, uint16_t threads,
                  crypto::PrfKind prf);

/// In a call: nobody vouches for it.
constexpr uint16_t kNoClient = 0xffff;

/// Where a client is registered. Every part is in its key, so that a call to one thread or instance
/// is none to another, and a client that is registered twice is two clients.
struct ClientSeat {
  InstanceId instance{};
  uint16_t thread = 0;
  uint16_t number = 0;  ///< In the thread's table.
  crypto::DhShare client, monitor;
};
/// `shared`: what the two shares agree on. HKDF-SHA256.
crypto::SecretBytes<16> client_key(const crypto::SharedSecret& shared, const ClientSeat& seat);

/// The owner of a store lets a client in.
crypto::Signature grant(const crypto::SigningKey& owner, const InstanceId& instance,
                        const crypto::DhShare& client);
/// Errors: forged.
[[nodiscard]] Status check_grant(const crypto::PublicKey& owner, const InstanceId& instance,
                                 const crypto::DhShare& client, const crypto::Signature& signature);

}  // namespace themis::receipts
