#pragma once
// What a node shows in a handshake besides its key, and what another one makes of it.

#include <limits>
#include <optional>

#include "wire/invite.hpp"
#include "wire/succession.hpp"

namespace themis::wire {

/// One byte of what follows (none: there are no bytes at all), the successions, the invite.
struct Credentials {
  static constexpr size_t kBytesMax = 1 + kSuccessionsMax * Succession::kBytes + Invite::kBytes;

  Successions former;  ///< Of the identity that shows them.
  std::optional<Invite> invite;

  Bytes bytes() const;
  /// One text for one value. Errors: malformed. Signatures are not looked at.
  static Result<Credentials> from_bytes(ByteView bytes);
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// The rules of a network for who gets in, and what this node shows by them.
struct Admission {
  std::optional<Invite> invite;
  /// Whose invites count. Not empty: the network is private, who shows none is refused.
  std::vector<crypto::PublicKey> inviters;
};

/// What proven credentials are worth. Wall clock, seconds.
struct Standing {
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  std::vector<NodeId> former;  ///< Identities whose place this one has taken, the latest first.
  int64_t former_until_s = kForever;
  int64_t invited_until_s = kForever;
};

/// `peer` has proved its key. At most 3 * kSuccessionsMax + 1 signature checks. Errors: forged (a
/// signature does not verify), denied (an invite is needed, and there is no valid one for the peer
/// or an identity it succeeds).
[[nodiscard]] Result<Standing> judge(const Credentials& shown, const crypto::PublicKey& peer,
                                     std::string_view network, const Admission& rules,
                                     int64_t wall_s);

}  // namespace themis::wire
