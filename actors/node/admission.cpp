#include "actors/node/admission.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "runtime/base/log.hpp"

namespace themis {
namespace {

/// Four lines of at most 300 bytes for each invite.
constexpr size_t kFileBytesMax = wire::kInvitesMax * 512;

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (!file || !file.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
    if (file) return fail(Code::too_large, path + ": too long for invites");
    return fail(Code::io, path + ": cannot read the invite: " + strerror(errno));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

/// What keeps `invite` from letting `self` in; empty: nothing.
std::string fault_of(const wire::NamedInvite& invite, const wire::Identity& self,
                     const wire::Admission& admission, int64_t wall_ms) {
  const auto standing = wire::judge({self.former(), invite.invite}, self.public_key(),
                                    self.network(), admission, wall_ms / 1000);
  if (standing) return {};
  if (invite.network != self.network())
    return "is for network \"" + invite.network + "\", not \"" + self.network() + "\"";
  const Status timely = invite.invite.check_time(wall_ms / 1000);
  if (!timely) return timely.error().detail.substr(std::string("the invite ").size());
  if (std::ranges::find(admission.inviters, invite.invite.issuer) == admission.inviters.end())
    return "was issued by " + to_hex(invite.invite.issuer.view()) + ", not in mesh.inviters";
  return "is for node " + invite.node.brief() + ", not for this one";
}

}  // namespace

Result<wire::Admission> load_admission(const MeshConfig& config, const wire::Identity& self,
                                       int64_t wall_ms) {
  wire::Admission admission;
  for (const auto& key : config.inviters) admission.inviters.push_back({key});
  if (config.invite.empty()) return admission;
  THEMIS_TRY(const std::string text, read_text(config.invite));
  const auto invites = wire::parse_invites(text);
  if (!invites)
    return fail(invites.error().code,
                config.invite + ": " + invites.error().detail + "; ask its issuer for a new one");
  // Whoever asks for no invites cannot know whose count.
  wire::Admission rules = admission;
  std::string fault;
  for (const wire::NamedInvite& named : *invites) {
    if (config.inviters.empty()) rules.inviters = {named.invite.issuer};
    std::string why = fault_of(named, self, rules, wall_ms);
    if (!admission.invite || why.empty()) {
      admission.invite = named.invite;
      fault = std::move(why);
    }
    if (fault.empty()) return admission;
  }
  log::warn("node",
            "the invite in {} {}: peers will refuse this node; its issuer makes another with: "
            "themis invite create --network {} --node {}",
            config.invite, fault, self.network(), self.id().hex());
  return admission;
}

}  // namespace themis
