#include "runtime/config/keys.hpp"

#include <bit>

#include "runtime/base/bytes.hpp"
#include "runtime/base/network_name.hpp"
#include "runtime/bundle/settings.hpp"
#include "runtime/config/key_kinds.hpp"

namespace themis::config {
namespace {

constexpr size_t kBootstrapPeersMax = 64;  // they are tried one after another
constexpr size_t kInvitersMax = 16;        // people and machines that invite, not nodes
constexpr size_t kServicesMax = 64;        // what one node's functions need
constexpr size_t kSharedStateMax = 64;     // the same
constexpr size_t kServiceNameBytesMax = 128;

/// By the rule that identities follow: a wrong name stops before anything starts.
Key network_key() {
  Key key = text<&Config::mesh, &MeshConfig::network, kNetworkNameBytesMax>("mesh", "network");
  key.set = [](Config& config, const Value& value) -> Status {
    THEMIS_CHECK(check_network_name(std::get<std::string>(value)));
    config.mesh.network = std::get<std::string>(value);
    return {};
  };
  return key;
}

Key listen_key() {
  return {"node", "listen", Kind::text,
          [](Config& config, const Value& value) -> Status {
            THEMIS_TRY(config.node.listen, parse_address(std::get<std::string>(value)));
            return {};
          },
          [](const Config& config) { return Value(config.node.listen.text()); }};
}

/// 64 hexadecimal digits.
std::optional<std::array<std::byte, 32>> parse_digits(std::string_view text) {
  std::array<std::byte, 32> value;
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != value.size()) return std::nullopt;
  std::ranges::copy(*bytes, value.begin());
  return value;
}

Result<BootstrapPeer> parse_peer(std::string_view text) {
  BootstrapPeer peer;
  const size_t at = text.find('@');
  if (at != std::string_view::npos) {
    peer.node_id = parse_digits(text.substr(0, at));
    if (!peer.node_id)
      return fail(Code::invalid,
                  in_quotes(text) + " does not start with a node id of 64 hexadecimal digits");
    text.remove_prefix(at + 1);
  }
  THEMIS_TRY(peer.address, parse_address(text));
  if (peer.address.port == 0)
    return fail(Code::invalid, in_quotes(text) + ": port 0 cannot be connected to");
  return peer;
}

Key bootstrap_key() {
  return {"mesh", "bootstrap", Kind::list,
          [](Config& config, const Value& value) -> Status {
            const auto& entries = std::get<std::vector<std::string>>(value);
            if (entries.size() > kBootstrapPeersMax)
              return fail(Code::invalid, fmt::format("has {} entries; at most {} are tried",
                                                     entries.size(), kBootstrapPeersMax));
            std::vector<BootstrapPeer> peers;
            for (const std::string& entry : entries) {
              THEMIS_TRY(peers.emplace_back(), parse_peer(entry));
            }
            config.mesh.bootstrap = std::move(peers);
            return {};
          },
          [](const Config& config) {
            std::vector<std::string> entries;
            for (const BootstrapPeer& peer : config.mesh.bootstrap) entries.push_back(peer.text());
            return Value(std::move(entries));
          }};
}

Key inviters_key() {
  return {"mesh", "inviters", Kind::list,
          [](Config& config, const Value& value) -> Status {
            const auto& entries = std::get<std::vector<std::string>>(value);
            if (entries.size() > kInvitersMax)
              return fail(Code::invalid, fmt::format("has {} entries; at most {} are compared",
                                                     entries.size(), kInvitersMax));
            config.mesh.inviters.clear();
            for (const std::string& entry : entries) {
              const auto key = parse_digits(entry);
              if (!key)
                return fail(Code::invalid, in_quotes(entry) +
                                               " is not a public key of 64 hexadecimal digits; "
                                               "`themis id --public-key` prints one");
              config.mesh.inviters.push_back(*key);
            }
            return {};
          },
          [](const Config& config) {
            std::vector<std::string> entries;
            for (const auto& key : config.mesh.inviters) entries.push_back(to_hex(key));
            return Value(std::move(entries));
          }};
}

Status check_service(const std::string& name) {
  if (!name.empty() && name.size() <= kServiceNameBytesMax) return {};
  return fail(Code::invalid, in_quotes(name) + " is no name of a service");
}

/// As actors/monitor takes one: [a-z0-9_-]{1,64}.
Status check_name_space(const std::string& name) {
  if (!name.empty() && name.size() <= 64 &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == name.npos)
    return {};
  return fail(Code::invalid, in_quotes(name) + " is no namespace: 1 to 64 of a-z, 0-9, _ and -");
}

/// Names of [workers].
template <std::vector<std::string> WorkersConfig::*kNames, size_t kNamesMax,
          Status (*check)(const std::string&)>
Key names_key(std::string_view key) {
  return {"workers", key, Kind::list,
          [](Config& config, const Value& value) -> Status {
            const auto& names = std::get<std::vector<std::string>>(value);
            if (names.size() > kNamesMax)
              return fail(Code::invalid, fmt::format("has {} entries; at most {} are allowed",
                                                     names.size(), kNamesMax));
            for (const std::string& name : names) THEMIS_CHECK(check(name));
            config.workers.*kNames = names;
            return {};
          },
          [](const Config& config) { return Value(config.workers.*kNames); }};
}

Status check_fetch_host(const std::string& pattern) {
  if (pattern == "*" || bundle::is_host_pattern(pattern)) return {};
  return fail(Code::invalid, in_quotes(pattern) +
                                 " is no host: \"api.example.org\", \"*.example.org:8443\" or "
                                 "\"*\"");
}

Key fetch_private_key() {
  return {"workers", "fetch_private", Kind::list,
          [](Config& config, const Value& value) -> Status {
            const auto& texts = std::get<std::vector<std::string>>(value);
            if (texts.size() > bundle::kFetchHostsMax)
              return fail(Code::invalid, fmt::format("has {} entries; at most {} are allowed",
                                                     texts.size(), bundle::kFetchHostsMax));
            config.workers.fetch_private.clear();
            for (const std::string& text : texts) {
              const Result<net::Address> address = net::Address::parse(text);
              if (!address) return fail(Code::invalid, address.error().detail);
              config.workers.fetch_private.push_back(*address);
            }
            return {};
          },
          [](const Config& config) {
            std::vector<std::string> texts;
            for (const net::Address& each : config.workers.fetch_private)
              texts.push_back(each.text());
            return Value(std::move(texts));
          }};
}

constexpr Word<Isolation> kIsolations[] = {{"owner", Isolation::owner},
                                           {"function", Isolation::function}};
constexpr Word<WorkerProfile> kProfiles[] = {{"multi-tenant", WorkerProfile::multi_tenant},
                                             {"trusted", WorkerProfile::trusted}};
constexpr Word<Place> kPlaces[] = {{"process", Place::process}, {"local", Place::local}};
constexpr Word<log::Level> kLevels[] = {{"trace", log::Level::trace}, {"debug", log::Level::debug},
                                        {"info", log::Level::info},   {"warn", log::Level::warn},
                                        {"error", log::Level::error}, {"off", log::Level::off}};
constexpr Word<log::Format> kFormats[] = {{"text", log::Format::text}, {"json", log::Format::json}};
constexpr std::string_view kHardwarePlaces[] = {"snp", "tdx", "nitro"};

constexpr Range kRedundancy{
    0, 7, "each name is stored as k + 1 objects; a find asks them in random order"};
constexpr Range kRefresh{1, 1000, "records live three times as long, and an hour at most"};
constexpr Range kSuccessors{1, 16, "a message names 16 at most; without one there is no ring"};
constexpr Range kReplicas{0, 4, "a provider sends each record to all of them at every refresh"};
constexpr Range kVirtual{1, 4096,
                         "all virtual nodes of a process share one thread and its sessions"};
constexpr Range kDisjointPaths{1, 16,
                               "1 believes every node of the ring; 4 withstands a fifth that lie"};
constexpr Range kWorkers{0, 256, "each worker is a V8 isolate with a heap of its own"};
constexpr Range kSpare{0, 64, "each is a process that waits, with 20 MB"};
constexpr Range kMemory{16, 4096, "V8 needs 16 MB to start, and caps a heap at 4096 MB"};
constexpr Range kRequests{1, 262'144, "256 processes take 1,024 each"};
constexpr Range kCpu{1, 300'000, "a function that needs over 5 minutes is a job, not a request"};
constexpr Range kWall{1, 900'000, "a caller waits 15 minutes at most"};
constexpr Range kThreads{1, 64, "each monitor thread owns a share of the slots"};
constexpr Range kEpoch{10, 60'000, "an epoch costs a scan, and a receipt waits for its end"};
/// Of each thread: 50,000 short records, and the pages of a slab of every size.
constexpr uint32_t kThreadMemory = 16;
constexpr Range kStateMemory{kThreadMemory, 1 << 20,
                             "a record takes 320 bytes and long values theirs; 1 TB is no node's"};

/// Addresses are canonical: each of these has one spelling.
bool any_host(const net::Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

using C = Config;
using M = MeshConfig;
using N = NodeConfig;
using W = WorkersConfig;

}  // namespace

Status check_known_word(std::string_view word) {
  if (std::ranges::find(kHardwarePlaces, word) == std::end(kHardwarePlaces)) return {};
  return fail(Code::invalid, in_quotes(word) + " is not available in this build; use \"process\"");
}

std::span<const Key> keys() {
  static const std::vector<Key> table = [] {
    std::vector<Key> all = {
        network_key(),
        bootstrap_key(),
        number<&C::mesh, &M::redundancy, kRedundancy>("mesh", "redundancy"),
        number<&C::mesh, &M::refresh_s, kRefresh>("mesh", "refresh_s"),
        number<&C::mesh, &M::successors, kSuccessors>("mesh", "successors"),
        number<&C::mesh, &M::replicas, kReplicas>("mesh", "replicas"),
        number<&C::mesh, &M::disjoint_paths, kDisjointPaths>("mesh", "disjoint_paths"),
        text<&C::mesh, &M::invite, kPathBytesMax, true>("mesh", "invite"),
        inviters_key(),
        listen_key(),
        optional_address<&C::node, &N::advertise>("node", "advertise"),
        text<&C::node, &N::data, kPathBytesMax>("node", "data"),
        number<&C::node, &N::virtual_nodes, kVirtual>("node", "virtual"),
        boolean<&C::node, &N::encryption>("node", "encryption"),
        optional_address<&C::gateway, &GatewayConfig::listen>("gateway", "listen"),
    };
    const auto oyster = oyster_keys();
    all.insert(all.end(), oyster.begin(), oyster.end());
    all.insert(
        all.end(),
        {
            number<&C::workers, &W::count, kWorkers>("workers", "count"),
            number<&C::workers, &W::memory_mb, kMemory>("workers", "memory_mb"),
            number<&C::workers, &W::cpu_ms, kCpu>("workers", "cpu_ms"),
            number<&C::workers, &W::wall_ms, kWall>("workers", "wall_ms"),
            number<&C::workers, &W::max_requests, kRequests>("workers", "max_requests"),
            word<&C::workers, &W::isolation, kIsolations>("workers", "isolation"),
            word<&C::workers, &W::profile, kProfiles>("workers", "profile"),
            boolean<&C::workers, &W::jitless>("workers", "jitless"),
            number<&C::workers, &W::spare, kSpare>("workers", "spare"),
            names_key<&WorkersConfig::services, kServicesMax, check_service>("services"),
            names_key<&WorkersConfig::shared_state, kSharedStateMax, check_name_space>(
                "shared_state"),
            names_key<&WorkersConfig::fetch, bundle::kFetchHostsMax, check_fetch_host>("fetch"),
            fetch_private_key(),
            number<&C::monitors, &MonitorsConfig::threads, kThreads>("monitors", "threads"),
            number<&C::monitors, &MonitorsConfig::epoch_ms, kEpoch>("monitors", "epoch_ms"),
            number<&C::monitors, &MonitorsConfig::memory_mb, kStateMemory>("monitors", "memory_mb"),
            word<&C::place, &PlaceConfig::workers, kPlaces>("place", "workers"),
            word<&C::place, &PlaceConfig::monitors, kPlaces>("place", "monitors"),
            word<&C::log, &LogConfig::level, kLevels>("log", "level"),
            word<&C::log, &LogConfig::format, kFormats>("log", "format"),
        });
    const auto more = service_mesh_keys();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return table;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::number:
      return "a whole number";
    case Kind::text:
      return "a string";
    case Kind::list:
      return "a list of strings";
  }
  return "a value";
}

bool consistent(const Config& config, Conflict& conflict) {
  const NodeConfig& node = config.node;
  const MeshConfig& mesh = config.mesh;
  if (mesh.replicas > mesh.successors) {
    conflict = {"mesh.replicas",
                fmt::format("{} successors cannot keep each object: mesh.successors is {}",
                            mesh.replicas, mesh.successors)};
  } else if (mesh.disjoint_paths > mesh.successors) {
    conflict = {"mesh.disjoint_paths",
                fmt::format("{} paths end at a list of {} nodes: set mesh.successors to {} or more",
                            mesh.disjoint_paths, mesh.successors, mesh.disjoint_paths)};
  } else if (!mesh.inviters.empty() && mesh.invite.empty()) {
    conflict = {"mesh.inviters",
                "this node needs an invite too, its peers ask for one: set mesh.invite to a file "
                "of `themis invite create`"};
  } else if ((!mesh.inviters.empty() || !mesh.invite.empty()) && node.virtual_nodes > 1) {
    conflict = {"node.virtual", "an invite is for one node: a private network takes one a process"};
  } else if (config.place.workers == Place::local) {
    conflict = {"place.workers",
                "\"local\" would run functions beside the node's keys; "
                "workers need \"process\""};
  } else if (!std::has_single_bit(config.monitors.threads)) {
    conflict = {"monitors.threads",
                "keys are shared out by their first bits: 1, 2, 4, 8, 16, 32 or 64"};
  } else if (config.monitors.memory_mb < kThreadMemory * config.monitors.threads) {
    conflict = {
        "monitors.memory_mb",
        fmt::format("{} monitor threads need {} MB or more, {} each", config.monitors.threads,
                    kThreadMemory * config.monitors.threads, kThreadMemory)};
  } else if (any_host(node.listen) && !node.advertise) {
    conflict = {"node.listen", fmt::format("nobody can connect to {}; set node.advertise to the "
                                           "address that peers use",
                                           node.listen.host)};
  } else if (node.advertise && node.advertise->port == 0) {
    conflict = {"node.advertise", "port 0 cannot be connected to"};
  } else if (node.advertise && any_host(*node.advertise)) {
    conflict = {"node.advertise", fmt::format("nobody can connect to {}; name the address that "
                                              "peers use",
                                              node.advertise->host)};
  } else if (config.workers.wall_ms < config.workers.cpu_ms) {
    conflict = {"workers.wall_ms", fmt::format("{} ms end before the CPU time of {} ms is used",
                                               config.workers.wall_ms, config.workers.cpu_ms)};
  } else if (config.gateway.listen && node.listen.port != 0 &&
             *config.gateway.listen == node.listen) {
    conflict = {"gateway.listen", fmt::format("port {} is the node's own (node.listen)",
                                              config.gateway.listen->port)};
  } else {
    return consistent_oyster(config, conflict);
  }
  return false;
}

}  // namespace themis::config
