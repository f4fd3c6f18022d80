#pragma once
// [[route]] and [[allow]] of mesh.toml: how calls of a name are balanced, protected and limited,
// and who may call it. The same structs are what actors/mesh decides by.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace themis {

/// How one of several instances is chosen.
enum class Balance : uint8_t {
  random,        ///< Uniform; the paper's.
  weighted,      ///< In proportion to the weight that each instance announces.
  least_loaded,  ///< Of two at random the one with fewer calls in flight.
  latency,       ///< Of two at random the one with the lower expected latency (peak EWMA).
};

/// As in mesh.toml.
constexpr std::string_view name(Balance policy) {
  switch (policy) {
    case Balance::random:
      return "random";
    case Balance::weighted:
      return "weighted";
    case Balance::least_loaded:
      return "least_loaded";
    case Balance::latency:
      return "latency";
  }
  return "";
}

/// One [[route]]. It applies to the names that `name` matches: a service's or function's name,
/// "service/NAME", "fn/NAME", or a prefix of either followed by "*". The first match counts.
struct RouteConfig {
  std::string name = "*";
  Balance policy = Balance::least_loaded;
  /// Every call may run twice. False: only GET, HEAD, OPTIONS, PUT and DELETE of a function, and
  /// what a C++ caller marks.
  bool idempotent = false;
  uint32_t retries = 2;                ///< Further instances tried for one call.
  uint32_t retry_budget_percent = 20;  ///< Retries per 100 calls, ...
  uint32_t retry_budget_per_s = 10;    ///< ... and these on top.
  uint32_t timeout_ms = 0;             ///< 0: the caller's own deadline.
  bool hedge = false;                  ///< Idempotent calls: a second request after the p95.
  uint32_t breaker_failures = 0;     ///< Consecutive ones that open an instance's breaker; 0: none.
  uint32_t breaker_open_ms = 1000;   ///< Until the first probe; doubles with each failed probe.
  uint32_t eject_failures = 5;       ///< Consecutive ones that eject an instance; 0: never.
  uint32_t eject_below_percent = 0;  ///< Success rate under which one is ejected; 0: never.
  uint32_t eject_ms = 5000;          ///< Doubles with each ejection in a row.
  uint32_t health_period_ms = 0;     ///< Between the checks of an instance; 0: none are sent.
  uint32_t health_timeout_ms = 1000;    ///< For the answer to one.
  uint32_t health_unhealthy_after = 3;  ///< Failed checks in a row until it gets no calls.
  uint32_t health_healthy_after = 2;    ///< Passed ones in a row until it does again.
  uint32_t rate_per_s = 0;              ///< Calls of one caller that an instance takes; 0: any.
  uint32_t rate_burst = 0;              ///< At once; 0: as many as in one second.
  std::string canary_version;           ///< Instances of this version ...
  std::string canary_label;             ///< ... or with this label, "key=value", ...
  uint32_t canary_percent = 0;          ///< ... get this share of the calls; the others the rest.
  std::string mirror_to;                ///< A service or function that gets copies, ...
  uint32_t mirror_percent = 0;          ///< ... of this share of the calls; answers are dropped.
  friend bool operator==(const RouteConfig&, const RouteConfig&) = default;
};

/// One [[allow]]. A service or function that some rule names takes only what its rules allow.
struct AllowConfig {
  std::string caller = "any";        ///< The 64 digits of a node's id, or "any".
  std::string service = "*";         ///< As RouteConfig::name.
  std::vector<std::string> methods;  ///< HTTP methods, or parameter structs; empty: all.
  friend bool operator==(const AllowConfig&, const AllowConfig&) = default;
};

/// Rules are looked through in order for every new name.
inline constexpr size_t kRoutesConfiguredMax = 256;
inline constexpr size_t kAllowRulesMax = 1024;

}  // namespace themis
