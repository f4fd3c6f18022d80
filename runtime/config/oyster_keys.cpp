// [oyster] of mesh.toml.

#include <algorithm>

#include "runtime/base/bytes.hpp"
#include "runtime/config/key_kinds.hpp"
#include "runtime/http/url.hpp"

namespace themis::config {
namespace {

constexpr Range kTimeout{1, 900'000, "a caller waits 15 minutes at most"};
constexpr Range kOysterCpu{1, 300'000, "a request is answered while somebody waits"};
constexpr Range kCapacity{0, 1024, "so many connections the front takes"};
constexpr Range kOysterSpare{0, 64, "each is a process that waits, with 20 MB"};
constexpr size_t kNodesMax = 256;
constexpr size_t kNodeIdDigits = 64;
constexpr Range kDepositMin{0, 2'000'000'000, "in the deposit contract's own unit"};

template <std::string OysterConfig::*kField>
Key url_key(std::string_view name) {
  return {"oyster", name, Kind::text,
          [](Config& config, const Value& value) -> Status {
            const std::string& url = std::get<std::string>(value);
            if (const auto parsed = http::parse_url(url); !url.empty() && !parsed)
              return fail(Code::invalid, in_quotes(url) + " is no URL: " + parsed.error().detail);
            config.oyster.*kField = url;
            return {};
          },
          [](const Config& config) { return Value(config.oyster.*kField); }};
}

/// In any case; it is compared in lower case.
template <std::string OysterConfig::*kField, bool kMayBeEmpty>
Key contract_key(std::string_view name) {
  return {"oyster", name, Kind::text,
          [](Config& config, const Value& value) -> Status {
            const std::string& text = std::get<std::string>(value);
            constexpr size_t kAddressBytes = 20;
            const auto bytes =
                from_hex(std::string_view(text).substr(std::min<size_t>(2, text.size())));
            const bool is_address =
                text.starts_with("0x") && bytes && bytes->size() == kAddressBytes;
            if (!is_address && !(kMayBeEmpty && text.empty()))
              return fail(Code::invalid,
                          in_quotes(text) + " is no address: 0x and 40 hexadecimal digits");
            config.oyster.*kField = is_address ? "0x" + to_hex(*bytes) : text;
            return {};
          },
          [](const Config& config) { return Value(config.oyster.*kField); }};
}

/// Ids of nodes, or "any".
template <std::vector<std::string> OysterConfig::*kField>
Key nodes_key(std::string_view name) {
  return {"oyster", name, Kind::list,
          [](Config& config, const Value& value) -> Status {
            const auto& nodes = std::get<std::vector<std::string>>(value);
            if (nodes.size() > kNodesMax)
              return fail(Code::invalid, fmt::format("has {} entries; at most {} are compared",
                                                     nodes.size(), kNodesMax));
            for (const std::string& node : nodes) {
              const bool is_hex = node.find_first_not_of("0123456789abcdef") == std::string::npos;
              if (node != "any" && (node.size() != kNodeIdDigits || !is_hex))
                return fail(Code::invalid, in_quotes(node) +
                                               " is neither \"any\" nor the 64 digits of a node id "
                                               "(themis id prints them)");
            }
            config.oyster.*kField = nodes;
            return {};
          },
          [](const Config& config) { return Value(config.oyster.*kField); }};
}

using C = Config;
using O = OysterConfig;

}  // namespace

std::span<const Key> oyster_keys() {
  static const std::vector<Key> table = {
      optional_address<&C::oyster, &O::listen>("oyster", "listen"),
      url_key<&O::rpc>("rpc"),
      url_key<&O::storage>("storage"),
      contract_key<&O::contract, false>("contract"),
      text<&C::oyster, &O::signer, kPathBytesMax, true>("oyster", "signer"),
      text<&C::oyster, &O::operator_token, kPathBytesMax, true>("oyster", "operator_token"),
      number<&C::oyster, &O::timeout_ms, kTimeout>("oyster", "timeout_ms"),
      number<&C::oyster, &O::cpu_ms, kOysterCpu>("oyster", "cpu_ms"),
      boolean<&C::oyster, &O::fresh>("oyster", "fresh"),
      boolean<&C::oyster, &O::strict_path>("oyster", "strict_path"),
      number<&C::oyster, &O::capacity, kCapacity>("oyster", "capacity"),
      number<&C::oyster, &O::spare, kOysterSpare>("oyster", "spare"),
      nodes_key<&O::fronts>("fronts"),
      nodes_key<&O::runners>("runners"),
      optional_address<&C::oyster, &O::billing>("oyster", "billing"),
      contract_key<&O::deposit_contract, true>("deposit_contract"),
      number<&C::oyster, &O::deposit_min, kDepositMin>("oyster", "deposit_min"),
  };
  return table;
}

bool consistent_oyster(const Config& config, Conflict& conflict) {
  const OysterConfig& oyster = config.oyster;
  const auto is_taken = [&](const std::optional<net::Address>& address) {
    return address && address->port != 0 &&
           (address == config.gateway.listen || *address == config.node.listen);
  };
  if (oyster.listen && oyster.rpc.empty() && oyster.storage.empty() && oyster.fronts.empty()) {
    conflict = {"oyster.listen", "code comes from somewhere: set oyster.rpc or oyster.storage"};
  } else if (oyster.capacity == 0 && oyster.listen && oyster.runners.empty()) {
    conflict = {"oyster.capacity", "no node may run a code: set oyster.runners"};
  } else if (oyster.capacity == 0 && !oyster.fronts.empty()) {
    conflict = {"oyster.capacity", "this node runs no code, and oyster.fronts offers it to others"};
  } else if (is_taken(oyster.listen)) {
    conflict = {"oyster.listen",
                fmt::format("port {} is the gateway's or the node's own", oyster.listen->port)};
  } else if (oyster.billing && !oyster.listen) {
    conflict = {"oyster.billing", "there is nothing to bill without oyster.listen"};
  } else if (is_taken(oyster.billing) ||
             (oyster.billing && oyster.billing->port != 0 && oyster.billing == oyster.listen)) {
    conflict = {"oyster.billing",
                fmt::format("port {} is another listener's", oyster.billing->port)};
  } else if (!oyster.deposit_contract.empty() && oyster.rpc.empty()) {
    conflict = {"oyster.deposit_contract", "it is asked by oyster.rpc, which is empty"};
  } else if (oyster.timeout_ms < oyster.cpu_ms) {
    conflict = {"oyster.timeout_ms", fmt::format("{} ms end before the CPU time of {} ms is used",
                                                 oyster.timeout_ms, oyster.cpu_ms)};
  } else {
    return true;
  }
  return false;
}

}  // namespace themis::config
