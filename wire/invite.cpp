#include "wire/invite.hpp"

#include <fmt/format.h>

#include "runtime/base/network_name.hpp"

namespace themis::wire {
namespace {

using crypto::PublicKey;
using crypto::Signature;

constexpr std::string_view kLabel = "themis/invite/v1";
constexpr std::string_view kVersionLine = "themis-invite 1\n";

Bytes signed_text(const Invite& invite, std::string_view network, const NodeId& node) {
  Bytes text = to_bytes(kLabel);
  std::byte numbers[16];
  store<uint64_t>(numbers, network.size());
  store(numbers + 8, invite.not_before_s);
  store(numbers + 12, invite.expires_s);
  append(text, numbers);
  append(text, as_bytes(network));
  append(text, node.view());
  append(text, invite.issuer.view());
  return text;
}

/// Takes `word`, a space, a value and a line end from the front of `text`.
Result<std::string_view> take_line(std::string_view& text, std::string_view word) {
  const size_t end = text.find('\n');
  if (end == text.npos || !text.starts_with(word) || text.substr(word.size(), 1) != " ")
    return fail(Code::malformed, fmt::format("an invite without a line \"{} ...\"", word));
  const std::string_view value = text.substr(0, end).substr(word.size() + 1);
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace

Invite Invite::issue(const crypto::SigningKey& issuer, std::string_view network, const NodeId& node,
                     uint32_t not_before_s, uint32_t expires_s) {
  THEMIS_ASSERT(not_before_s < expires_s, "an invite has a beginning and an end");
  Invite invite{issuer.public_key(), not_before_s, expires_s, {}};
  invite.signature = issuer.sign(signed_text(invite, network, node));
  return invite;
}

Result<Invite> Invite::from_bytes(ByteView bytes) {
  if (bytes.size() != kBytes) return fail(Code::malformed, "an invite of another length");
  Invite invite;
  THEMIS_TRY(invite.issuer, PublicKey::from_bytes(bytes.first(PublicKey::kBytes)));
  const std::byte* times = bytes.data() + PublicKey::kBytes;
  invite.not_before_s = load<uint32_t>(times);
  invite.expires_s = load<uint32_t>(times + sizeof(uint32_t));
  if (invite.not_before_s >= invite.expires_s)
    return fail(Code::malformed, "an invite that lasts no time");
  THEMIS_TRY(invite.signature, Signature::from_bytes(bytes.last(Signature::kBytes)));
  return invite;
}

void Invite::append_to(Bytes& out) const {
  std::byte times[8];
  store(times, not_before_s);
  store(times + 4, expires_s);
  append(out, issuer.view());
  append(out, times);
  append(out, signature.view());
}

Status Invite::check_time(int64_t wall_s) const {
  if (wall_s >= expires_s) return fail(Code::denied, "the invite has expired");
  if (wall_s < not_before_s) return fail(Code::denied, "the invite is not valid yet");
  return {};
}

Status Invite::verify(std::string_view network, const NodeId& node) const {
  return crypto::verify(issuer, signed_text(*this, network, node), signature);
}

std::string NamedInvite::text() const {
  Bytes bytes;
  invite.append_to(bytes);
  return fmt::format("{}network {}\nnode {}\ninvite {}\n", kVersionLine, network, node.hex(),
                     to_hex(bytes));
}

Result<NamedInvite> NamedInvite::take(std::string_view& text) {
  if (!text.starts_with(kVersionLine)) return fail(Code::malformed, "not a Themis invite");
  std::string_view rest = text.substr(kVersionLine.size());
  NamedInvite named;
  THEMIS_TRY(named.network, take_line(rest, "network"));
  if (!check_network_name(named.network))
    return fail(Code::malformed, "an invite to a network without a proper name");
  THEMIS_TRY(const std::string_view node, take_line(rest, "node"));
  THEMIS_TRY(named.node, NodeId::from_hex(node));
  THEMIS_TRY(const std::string_view digits, take_line(rest, "invite"));
  THEMIS_TRY(const Bytes bytes, from_hex(digits));
  THEMIS_TRY(named.invite, Invite::from_bytes(bytes));
  if (!named.invite.verify(named.network, named.node))
    return fail(Code::malformed, "an invite that was changed: its signature does not fit");
  text = rest;
  return named;
}

Result<std::vector<NamedInvite>> parse_invites(std::string_view text) {
  std::vector<NamedInvite> invites;
  do {
    if (invites.size() == kInvitesMax)
      return fail(Code::too_large, fmt::format("more than {} invites", kInvitesMax));
    THEMIS_TRY(invites.emplace_back(), NamedInvite::take(text));
  } while (!text.empty());
  return invites;
}

}  // namespace themis::wire
