#pragma once
// The configuration of one process: mesh.toml as a value, every default visible here, and the only
// way to read it.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/log.hpp"
#include "runtime/config/service_mesh.hpp"
#include "runtime/net/address.hpp"

namespace themis {

/// A node to join through: "HOST:PORT", or "NODEIDHEX@HOST:PORT" when only that identity will do.
struct BootstrapPeer {
  net::Address address;
  std::optional<std::array<std::byte, 32>> node_id;

  std::string text() const;
  friend bool operator==(const BootstrapPeer&, const BootstrapPeer&) = default;
};

/// [mesh]
struct MeshConfig {
  std::string network = "twiitr";        ///< Part of every identity; 1..64 of a-z A-Z 0-9 . - _
  std::vector<BootstrapPeer> bootstrap;  ///< Empty: this node starts the ring. At most 64.
  uint32_t redundancy = 2;               ///< k: k + 1 objects per name; 0..7.
  uint32_t refresh_s = 30;  ///< Records are stored again this often; they live three times as long.
  /// r: nodes after it that each node knows, 1..16. Only when all of them fail together does it
  /// have to find its place again.
  uint32_t successors = 8;
  /// Successors of the responsible node that keep each object too; the same in every node; 0..4.
  uint32_t replicas = 2;
  /// Lookups run over so many paths that share no node: 1 believes every node of the ring; at most
  /// `successors`.
  uint32_t disjoint_paths = 1;
  std::string invite;  ///< A file that lets this node into a private network; empty: none.
  /// Public keys whose invites count, at most 16. Not empty: the network is private, peers without
  /// an invite are refused.
  std::vector<std::array<std::byte, 32>> inviters;
  friend bool operator==(const MeshConfig&, const MeshConfig&) = default;
};

/// [node]
struct NodeConfig {
  net::Address listen{"127.0.0.1", 7001};
  std::optional<net::Address> advertise;  ///< Absent: the listen address.
  std::string data = "data/node-1";       ///< Identity, code, state; created with mode 0700.
  uint32_t virtual_nodes = 1;  ///< Key `virtual`: nodes in this process, all at one address.
  bool encryption = true;      ///< False: authenticated only, for measuring; all peers alike.

  const net::Address& advertised() const { return advertise ? *advertise : listen; }
  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

/// [gateway]
struct GatewayConfig {
  std::optional<net::Address> listen = net::Address{"127.0.0.1", 8080};  ///< Absent: no gateway.
  friend bool operator==(const GatewayConfig&, const GatewayConfig&) = default;
};

/// [oyster]: the front that answers as Oyster Serverless does.
struct OysterConfig {
  std::optional<net::Address> listen;  ///< Absent: none.
  std::string rpc;                     ///< URL of an Ethereum node, for transactions; empty: none.
  std::string storage;                 ///< URL of a storage server, for `code_id`; empty: none.
  /// "0x" and 40 hexadecimal digits in lower case: whom transactions with code are sent to.
  std::string contract = "0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1";
  std::string signer;  ///< A file of 32 bytes, a secp256k1 key; empty: DATA/oyster.key, made.
  std::string operator_token;  ///< A file as admin.token is; empty: that one.
  uint32_t timeout_ms = 5'000;
  uint32_t cpu_ms = 250;    ///< Of a request: in 5 s what a cgroup of Oyster's has, 5 % of a CPU.
  bool fresh = false;       ///< Every request in an isolate of its own.
  bool strict_path = true;  ///< Code sees "/", whatever the path was.
  uint32_t capacity = 20;   ///< Codes that run on this node at once, whoever's.
  uint32_t spare = 4;       ///< Processes started ahead for codes: each has one of its own.
  /// Nodes whose fronts this one runs codes for, and nodes that may run those of this one's front:
  /// 64 digits of an id, or "any". Both empty: codes stay at home.
  std::vector<std::string> fronts;
  std::vector<std::string> runners;
  std::optional<net::Address> billing;  ///< Where bills are claimed; absent: nowhere.
  std::string deposit_contract;         ///< Who knows what was paid in; empty: it is not asked.
  uint32_t deposit_min = 200;           ///< More than this it must be.
  friend bool operator==(const OysterConfig&, const OysterConfig&) = default;
};

/// Whom functions share a process with.
enum class Isolation : uint8_t {
  owner,     ///< Those that the same node deployed.
  function,  ///< Nobody: a process for each function while it is called.
};
/// What functions are kept from; runtime/js says it.
enum class WorkerProfile : uint8_t { multi_tenant, trusted };

/// [workers]
struct WorkersConfig {
  uint32_t count = 0;  ///< 0: one a core, worked out by whoever starts them.
  uint32_t memory_mb = 128;
  uint32_t cpu_ms = 50;  ///< CPU per request.
  uint32_t wall_ms = 30'000;
  uint32_t max_requests = 1024;  ///< Of one function, under way at once.
  Isolation isolation = Isolation::owner;
  WorkerProfile profile = WorkerProfile::multi_tenant;
  bool jitless = false;  ///< V8 without machine code: slower, and without WebAssembly.
  uint32_t spare = 1;    ///< Processes beside `count`, for functions of other owners; 0..64.
  /// C++ services that functions may call, by name, in this node's name; at most 64.
  std::vector<std::string> services;
  /// Namespaces that every function may open with env.STATE.namespace(); at most 64.
  std::vector<std::string> shared_state;
  /// Hosts that every function may fetch from: "api.example.org", "*.example.org:8443", "*"; at
  /// most 64.
  std::vector<std::string> fetch;
  /// Of these, addresses that are not public, with their ports; at most 64.
  std::vector<net::Address> fetch_private;
  friend bool operator==(const WorkersConfig&, const WorkersConfig&) = default;
};

/// [monitors]
struct MonitorsConfig {
  uint32_t threads = 1;
  uint32_t epoch_ms = 1000;
  uint32_t memory_mb = 2'048;  ///< Of records, in equal parts for each thread.
  friend bool operator==(const MonitorsConfig&, const MonitorsConfig&) = default;
};

/// Where a subtree of actors runs. "snp", "tdx" and "nitro" are known words that this build
/// refuses.
enum class Place : uint8_t {
  process,  ///< A sandboxed process beside the node.
  local,    ///< The node's own process; never for workers.
};

/// [place]
struct PlaceConfig {
  Place workers = Place::process;
  Place monitors = Place::process;
  friend bool operator==(const PlaceConfig&, const PlaceConfig&) = default;
};

/// [log]
struct LogConfig {
  log::Level level = log::Level::info;
  log::Format format = log::Format::text;
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct Config {
  MeshConfig mesh;
  NodeConfig node;
  GatewayConfig gateway;
  OysterConfig oyster;
  WorkersConfig workers;
  MonitorsConfig monitors;
  PlaceConfig place;
  LogConfig log;
  std::vector<RouteConfig> routes;  ///< [[route]], at most kRoutesConfiguredMax.
  std::vector<AllowConfig> allows;  ///< [[allow]], at most kAllowRulesMax.
  friend bool operator==(const Config&, const Config&) = default;
};

/// A config is written by hand; more than this is some other file.
inline constexpr size_t kConfigBytesMax = 256 * 1024;

/// Reads the file at `path` and applies `overrides`, each "key=value" as after --set, in order. In
/// an override strings need no quotes, and a list is `a,b`, `["a", "b"]` or nothing at all
/// ("mesh.bootstrap="). [[route]] and [[allow]] are lists: they are written in the file only.
/// Errors: io (the file), invalid. The detail is one line with the place of the value, or with
/// "--set", before it; an unknown key is told with the nearest known one. Any thread.
///
///   mesh.toml:12:10: node.listen: "127.0.0.1" has no port
Result<Config> load_config(const std::filesystem::path& path,
                           std::span<const std::string> overrides = {});
/// The same for a text; `file_name` is only for the messages.
Result<Config> parse_config(std::string_view text, std::string_view file_name,
                            std::span<const std::string> overrides = {});

/// Every value in force as a mesh.toml that parses to the same Config (for --check-config).
std::string describe(const Config& config);

}  // namespace themis
