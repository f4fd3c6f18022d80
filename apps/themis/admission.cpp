// invite, rotate: who gets into a private network, and a new key for a node. Local files only.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "runtime/base/clock.hpp"
#include "wire/identity.hpp"
#include "wire/invite.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;
using http::Json;

constexpr int64_t kDayS = 86'400;
constexpr int64_t kInviteDaysMax = 3650;  // nobody takes one back

int64_t now_s() { return SystemClock{}.wall_ms() / 1000; }

/// "valid", or why not.
std::string state_of(const wire::Invite& invite) {
  const Status timely = invite.check_time(now_s());
  return timely ? "valid" : timely.error().detail.substr(std::string("the invite ").size());
}

Json to_json(const wire::NamedInvite& named) {
  return {{"network", named.network},
          {"node", named.node.hex()},
          {"issuer", to_hex(named.invite.issuer.view())},
          {"not_before", utc(named.invite.not_before_s)},
          {"expires", utc(named.invite.expires_s)},
          {"state", state_of(named.invite)}};
}

/// A new file that others may read: an invite is no secret. Never in the place of another one.
Outcome write_new(const std::string& path, const std::string& text) {
  if (std::error_code error; fs::exists(path, error))
    return failed(path + ": is there already; remove it first");
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) return failed(path + ": cannot write it");
  return {};
}

}  // namespace

Outcome create_invite(const Connection& to, const NewInvite& wanted) {
  if (const auto checked = wire::check_network_name(wanted.network); !checked)
    return misused("--network: " + checked.error().detail);
  const auto node = NodeId::from_hex(wanted.node);
  if (!node || node->is_zero())
    return misused("--node: needs the 64 hexadecimal digits that `themis id` prints on that node");
  if (wanted.days < 1 || wanted.days > kInviteDaysMax)
    return misused(fmt::format("--days: must be 1 to {}", kInviteDaysMax));
  std::error_code error;
  if (!fs::exists(wanted.key, error))
    return failed(wanted.key + ": no key here; `themis keygen --data DIR` makes DIR/identity");
  SystemRng rng;
  const auto issuer = wire::load_or_create_identity(wanted.key, wanted.network, rng);
  if (!issuer) return failed(issuer.error().detail);
  const int64_t from_s = now_s(), until_s = from_s + wanted.days * kDayS;
  const wire::NamedInvite named{
      wanted.network, *node,
      wire::Invite::issue(issuer->key(), wanted.network, *node, static_cast<uint32_t>(from_s),
                          static_cast<uint32_t>(until_s))};
  if (!wanted.out.empty()) {
    if (auto written = write_new(wanted.out, named.text()); !written) return written;
  }
  if (to.json) {
    Json answer = to_json(named);
    answer["invite"] = named.text();
    print_line(http::to_text(answer));
  } else if (wanted.out.empty()) {
    print_raw(named.text());
  } else {
    print_line(fmt::format("{}: lets node {} into {} until {}", wanted.out, node->brief(),
                           wanted.network, utc(until_s)));
  }
  return {};
}

Outcome show_invites(const Connection& to, const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Failure>(text.error());
  const auto invites = wire::parse_invites(*text);
  if (!invites) return failed(path + ": " + invites.error().detail);
  Json all = Json::array();
  std::string fault;
  for (const wire::NamedInvite& named : *invites) {
    all.push_back(to_json(named));
    const std::string state = state_of(named.invite);
    if (state != "valid")
      fault = fmt::format("{}: the invite of {} {}", path, named.node.brief(), state);
    if (to.json) continue;
    print_line("network  " + named.network);
    print_line("node     " + named.node.hex());
    print_line("issuer   " + to_hex(named.invite.issuer.view()));
    print_line(fmt::format("valid    {} to {}: {}", utc(named.invite.not_before_s),
                           utc(named.invite.expires_s), state));
  }
  if (to.json) print_line(http::to_text(all));
  if (!fault.empty()) return failed(fault);
  return {};
}

Outcome rotate(const Connection& to, const Keys& given, int64_t days) {
  const auto keys = complete(to, given);
  if (!keys) return tl::unexpected<Failure>(keys.error());
  Json all = Json::array();
  SystemRng rng;
  const int64_t from_s = now_s(), until_s = from_s + days * kDayS;
  std::error_code error;
  for (uint32_t i = 0;; ++i) {
    const fs::path path = identity_path(keys->data, i);
    if (!fs::exists(path, error)) break;
    const auto old = wire::load_or_create_identity(path, keys->network, rng);
    if (!old) return failed(old.error().detail);
    const auto next = wire::rotate_identity(path, keys->network, rng, static_cast<uint32_t>(from_s),
                                            static_cast<uint32_t>(until_s));
    if (!next) return failed(next.error().detail);
    all.push_back(
        {{"old", old->id().hex()}, {"id", next->id().hex()}, {"old_holds_until", utc(until_s)}});
    if (!to.json)
      print_line(fmt::format("{} succeeds {}, which it still goes by until {}", next->id().hex(),
                             old->id().brief(), utc(until_s)));
  }
  if (all.empty())
    return failed(identity_path(keys->data, 0).string() +
                  ": no identity here; `themis keygen` makes one");
  if (to.json) {
    print_line(http::to_text(all));
  } else {
    print_line(
        "the node takes its new key at its next start; lists that pin the old identity, and "
        "invites for it, are to be renewed by then");
  }
  return {};
}

}  // namespace themis::cli
