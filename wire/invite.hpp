#pragma once
// What lets a node into a private network: an issuer that the network trusts names the node and
// signs it.

#include <vector>

#include "runtime/crypto/sign.hpp"
#include "wire/ids.hpp"

namespace themis::wire {

/// "The node may be in the network from `not_before_s` until `expires_s`." Network and node are not
/// inside: the handshake proves them, and the signature covers them. An invite for whoever holds it
/// does not exist. Wall clock, seconds since 1970.
struct Invite {
  static constexpr size_t kBytes =
      crypto::PublicKey::kBytes + 2 * sizeof(uint32_t) + crypto::Signature::kBytes;

  crypto::PublicKey issuer;
  uint32_t not_before_s = 0;
  uint32_t expires_s = 0;
  crypto::Signature signature;

  /// `expires_s` is later than `not_before_s`.
  static Invite issue(const crypto::SigningKey& issuer, std::string_view network,
                      const NodeId& node, uint32_t not_before_s, uint32_t expires_s);
  /// Errors: malformed (length, times).
  static Result<Invite> from_bytes(ByteView bytes);
  void append_to(Bytes& out) const;
  /// Errors: denied (not yet, or no longer). The detail is for our own log.
  [[nodiscard]] Status check_time(int64_t wall_s) const;
  /// Errors: forged.
  [[nodiscard]] Status verify(std::string_view network, const NodeId& node) const;
  friend bool operator==(const Invite&, const Invite&) = default;
};

/// An invite with what it says and for whom, as its file has it: four lines, each a word and a
/// value.
struct NamedInvite {
  std::string network;
  NodeId node;
  Invite invite;

  std::string text() const;
  /// Takes one from the front of `text`. Errors: malformed (not an invite, or one whose signature
  /// does not fit its words).
  static Result<NamedInvite> take(std::string_view& text);
  friend bool operator==(const NamedInvite&, const NamedInvite&) = default;
};

/// In one file: as many as a process has virtual nodes.
constexpr size_t kInvitesMax = 256;
/// A text of one or more invites. Errors: malformed, too_large.
Result<std::vector<NamedInvite>> parse_invites(std::string_view text);

}  // namespace themis::wire
