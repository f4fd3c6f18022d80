#include "wire/credentials.hpp"

#include <algorithm>

#include "wire/identity.hpp"

namespace themis::wire {
namespace {

constexpr uint8_t kCountMask = 0x07;
constexpr uint8_t kHasInvite = 0x80;

}  // namespace

Bytes Credentials::bytes() const {
  THEMIS_ASSERT(former.size() <= kSuccessionsMax, "a chain is cut to its limit when it is made");
  Bytes out;
  if (former.empty() && !invite) return out;
  out.push_back(std::byte(former.size() | (invite ? kHasInvite : 0)));
  for (const Succession& succession : former) succession.append_to(out);
  if (invite) invite->append_to(out);
  return out;
}

Result<Credentials> Credentials::from_bytes(ByteView bytes) {
  Credentials shown;
  if (bytes.empty()) return shown;
  const auto what = static_cast<uint8_t>(bytes[0]);
  const size_t count = what & kCountMask;
  const bool has_invite = (what & kHasInvite) != 0;
  const size_t size = 1 + count * Succession::kBytes + (has_invite ? Invite::kBytes : 0);
  if (what == 0 || (what & ~(kCountMask | kHasInvite)) != 0 || count > kSuccessionsMax ||
      bytes.size() != size)
    return fail(Code::malformed, "credentials that do not say what they are");
  for (size_t i = 0; i < count; ++i) {
    const ByteView one = bytes.subspan(1 + i * Succession::kBytes, Succession::kBytes);
    THEMIS_TRY(shown.former.emplace_back(), Succession::from_bytes(one));
  }
  if (has_invite) {
    THEMIS_TRY(shown.invite, Invite::from_bytes(bytes.last(Invite::kBytes)));
  }
  return shown;
}

Result<Standing> judge(const Credentials& shown, const crypto::PublicKey& peer,
                       std::string_view network, const Admission& rules, int64_t wall_s) {
  Standing standing;
  const crypto::PublicKey* next = &peer;
  const Successions former = in_force(shown.former, wall_s);
  for (const Succession& succession : former) {
    THEMIS_CHECK(succession.verify(*next, network));
    standing.former.push_back(node_id(succession.old_key, network));
    standing.former_until_s = std::min<int64_t>(standing.former_until_s, succession.expires_s);
    next = &succession.old_key;
  }
  if (rules.inviters.empty()) return standing;
  if (!shown.invite) return fail(Code::denied, "the peer shows no invite to this private network");
  const Invite& invite = *shown.invite;
  if (std::ranges::find(rules.inviters, invite.issuer) == rules.inviters.end())
    return fail(Code::denied, "the peer's invite is of nobody that mesh.inviters names");
  if (const Status valid = invite.check_time(wall_s); !valid)
    return fail(Code::denied, "of the peer: " + valid.error().detail);
  std::vector<NodeId> names = standing.former;
  names.insert(names.begin(), node_id(peer, network));
  const auto names_it = [&](const NodeId& id) { return invite.verify(network, id).has_value(); };
  if (std::ranges::none_of(names, names_it))
    return fail(Code::denied, "the peer's invite is for another node or another network");
  standing.invited_until_s = invite.expires_s;
  return standing;
}

}  // namespace themis::wire
