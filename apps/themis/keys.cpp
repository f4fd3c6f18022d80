// keygen, id: a node's identity in its data directory; no gateway is asked.

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "apps/themis/gateway.hpp"
#include "apps/themis/output.hpp"
#include "wire/identity.hpp"

namespace themis::cli {
namespace {

namespace fs = std::filesystem;

Outcome load_and_print(const Connection& to, const Keys& keys, const fs::path& path,
                       bool public_key) {
  SystemRng rng;
  const auto identity = wire::load_or_create_identity(path, keys.network, rng);
  if (!identity) return failed(identity.error().detail);
  const std::string key = to_hex(identity->public_key().view());
  const http::Json answer = {
      {"id", identity->id().hex()}, {"public_key", key}, {"network", identity->network()}};
  print_line(to.json ? http::to_text(answer) : public_key ? key : identity->id().hex());
  return {};
}

}  // namespace

Maybe<Keys> complete(const Connection& to, Keys keys) {
  if (!keys.data.empty() && !keys.network.empty()) return keys;
  const auto settings = load_settings(to);
  if (!settings) return tl::unexpected<Failure>(settings.error());
  if (keys.data.empty()) keys.data = settings->config.node.data;
  if (keys.network.empty()) keys.network = settings->config.mesh.network;
  return keys;
}

fs::path identity_path(const std::string& data, uint32_t number) {
  return fs::path(data) / (number == 0 ? "identity" : "identity-" + std::to_string(number));
}

Outcome keygen(const Connection& to, const Keys& given) {
  const auto keys = complete(to, given);
  if (!keys) return tl::unexpected<Failure>(keys.error());
  if (const auto checked = wire::check_network_name(keys->network); !checked)
    return misused("--network: " + checked.error().detail);
  const fs::path path = identity_path(keys->data, 0);
  std::error_code error;
  if (fs::exists(path, error))
    return failed(path.string() + ": there is an identity already; `themis id` prints it");
  if (fs::create_directories(keys->data, error))
    fs::permissions(keys->data, fs::perms::owner_all, error);
  if (error) return failed(fmt::format("{}: {}", keys->data, error.message()));
  return load_and_print(to, *keys, path, false);
}

Outcome id(const Connection& to, const Keys& given, bool public_key) {
  const auto keys = complete(to, given);
  if (!keys) return tl::unexpected<Failure>(keys.error());
  const fs::path path = identity_path(keys->data, 0);
  std::error_code error;
  if (!fs::exists(path, error))
    return failed(path.string() +
                  ": no identity here; `themis keygen` makes one, and so does the "
                  "first start of themis-node");
  return load_and_print(to, *keys, path, public_key);
}

}  // namespace themis::cli
