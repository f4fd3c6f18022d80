#pragma once
// Who a node is: an Ed25519 key pair and a network name, and the identifier that follows from both.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/network_name.hpp"
#include "runtime/base/rng.hpp"
#include "runtime/crypto/sign.hpp"
#include "wire/ids.hpp"
#include "wire/succession.hpp"

namespace themis::wire {

using themis::check_network_name;

/// BLAKE2b-256("themis/id/v1", len, key, len, network), lengths as u64 little-endian: the
/// identifier proves itself. Source: Themis paper 5.1, id = h(PK, net_id), with domain and framing.
NodeId node_id(const crypto::PublicKey& key, std::string_view network);

/// A node's own identity. Movable, never copied; the secret key stays at one place in memory. Any
/// thread may read it.
class Identity {
 public:
  /// A fresh identity that lives in memory only (tests, simulation, enclave workers).
  /// `network` has passed check_network_name.
  static Identity generate(std::string_view network, Rng& rng);
  Identity(const crypto::SecretBytes<crypto::SigningKey::kSeedBytes>& seed,
           std::string_view network, Successions former = {});
  /// A fresh identity that proves that it succeeds this one, and those that this one still succeeds
  /// at `issued_s`: the latest kSuccessionsMax of them. `expires_s`: as Succession::make.
  Identity successor(Rng& rng, uint32_t issued_s, uint32_t expires_s) const;

  const NodeId& id() const { return id_; }
  const std::string& network() const { return network_; }
  const crypto::PublicKey& public_key() const { return key_->public_key(); }
  const crypto::SigningKey& key() const { return *key_; }
  /// What proves whose successor this identity is; it may have expired.
  const Successions& former() const { return former_; }

 private:
  std::unique_ptr<const crypto::SigningKey> key_;
  std::string network_;
  NodeId id_;
  Successions former_;
};

/// Reads the identity at `path`, or makes one and stores it there (mode 0600, whole or not at all,
/// on disk when this returns). The directory must exist. The key is kept out of core dumps. Errors:
/// denied (others may read the file, or it is not a plain file; the detail says what to do),
/// malformed (the file is damaged), invalid (network name; or the file belongs to another network),
/// io.
[[nodiscard]] Result<Identity> load_or_create_identity(const std::filesystem::path& path,
                                                       std::string_view network, Rng& rng);

/// Puts a successor in the place of the identity at `path`, in one step: a crash leaves the one or
/// the other, whole and on disk. The old secret is overwritten afterwards, as far as the file
/// system lets that reach the disk. A process that runs with the old identity keeps it until it
/// ends. Errors: as above, and io when there is none.
[[nodiscard]] Result<Identity> rotate_identity(const std::filesystem::path& path,
                                               std::string_view network, Rng& rng,
                                               uint32_t issued_s, uint32_t expires_s);

}  // namespace themis::wire
