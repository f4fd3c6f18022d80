#pragma once
// The routes of a process: the instances of each name it calls, how they do, and which one takes
// the next call.

#include <unordered_map>

#include "actors/mesh/balancer.hpp"
#include "actors/mesh/circuit_breaker.hpp"
#include "actors/mesh/health_check.hpp"
#include "actors/mesh/outlier_detector.hpp"
#include "actors/mesh/retry_budget.hpp"

namespace themis::mesh {

/// What became of a call that failed, in the terms that decide whether it may be sent again.
enum class CallFailure : uint8_t {
  not_sent,   ///< Nothing reached the instance.
  not_run,    ///< It said that it did not run it: not hosted there any more, or too busy.
  maybe_run,  ///< It went away before it answered.
  answered,   ///< The service's own failure, a refusal, or the deadline: final.
};

/// What a call says about its instance.
enum class Verdict : uint8_t {
  healthy,
  faulty,       ///< It failed, or was too late.
  unreachable,  ///< It could not be reached, or went away: no call until a check has passed.
  none,         ///< Given up by the caller, or refused for the caller's sake.
};

/// Both of one failed call.
struct Judgement {
  CallFailure failure = CallFailure::answered;
  Verdict verdict = Verdict::none;
};

struct RouteOptions {
  /// So long a route is used before the ring is asked again: a new instance is seen after it.
  Duration ttl = 2s;
  /// Routes kept; the oldest make room.
  size_t routes_max = 4096;
  /// Instances of one name that are balanced over: what one find of the ring answers.
  size_t instances_max = 64;
  /// Health checks under way at once.
  size_t checks_max = 64;
  /// A route that was not called for so long is not checked.
  Duration checked_for = 60s;
};

struct RouteCounters {
  uint64_t calls = 0;
  uint64_t failures = 0;  ///< Attempts that an instance failed, or that did not reach it.
  uint64_t retries = 0;
  uint64_t over_budget = 0;  ///< Retries that were not made for want of budget.
  uint64_t hedges = 0;
  uint64_t ejections = 0;
  uint64_t losses = 0;  ///< Instances whose sessions broke, or that could not be reached.
  uint64_t checks = 0;  ///< Health checks that are over.
  uint64_t checks_failed = 0;
  uint64_t breaker_opens = 0;
  uint64_t mirrored = 0;  ///< Copies; those made before the route was known are not in it.
};

struct InstanceReport {
  Instance instance;
  std::string_view state;    ///< "healthy", "ejected", "unhealthy" or "lost".
  Duration ejected_for{};    ///< 0: it is not.
  std::string_view breaker;  ///< "closed", "open" or "half_open".
  size_t in_flight = 0;
  double ewma_ms = 0;
  uint64_t calls = 0;
  uint64_t failures = 0;
};
struct RouteReport {
  std::string name;
  Balance policy{};
  RouteCounters counters;
  double retry_tokens = 0;
  std::vector<InstanceReport> instances;
};

/// Pure: the clock and randomness are passed in. One thread.
class RouteTable {
 public:
  using Tried = std::vector<NodeId>;

  RouteTable(Rng& rng, std::vector<RouteConfig> configured, RouteOptions options = {})
      : rng_(rng), balancer_(rng), configured_(std::move(configured)), options_(options) {}

  /// What is configured for `name`, or the defaults.
  const RouteConfig& policy(std::string_view name) const;
  /// Whether `name` has a route that is fresh enough.
  bool knows(const std::string& name, TimePoint now) const;
  /// The answer of a find. Those that stay keep their state. None: kDoubt later it is forgotten.
  void learn(const std::string& name, Instances instances, TimePoint now);
  void forget(const std::string& name) { routes_.erase(name); }

  /// A new call: counted, and paid into the retry budget.
  void called(const std::string& name, TimePoint now);
  /// An instance of `name` that is not in `tried`. Ejected, unhealthy and lost ones are chosen only
  /// when no other is left, open breakers never. Errors: not_found (none is left), overloaded (all
  /// breakers of those left are open; the detail says until when).
  Result<ring::Contact> choose(const std::string& name, const Tried& tried, TimePoint now);

  /// A call was given to an instance; exactly one ended() follows.
  void began(const std::string& name, const NodeId& node);
  void ended(const std::string& name, const NodeId& node, Verdict verdict, TimePoint now);
  /// Its answer took so long; with ended(), for calls that were answered.
  void took(const std::string& name, const NodeId& node, Duration latency, TimePoint now);

  /// The session with `node` broke: no route uses it until a check has passed.
  void lost(const NodeId& node, TimePoint now);
  struct Check {
    std::string name;
    ring::Contact instance;
  };
  /// The checks to be sent now, each followed by one checked(). Those that had their time count as
  /// failed.
  std::vector<Check> checks_due(TimePoint now);
  void checked(const std::string& name, const NodeId& node, bool passed, TimePoint now);
  /// Whether checks_due() should be asked again in a while.
  bool wants_checks() const { return wants_checks_; }

  /// Whether a call that failed like that may be sent to another instance: sent twice it must not
  /// run twice, unless it is idempotent (RFC 9110 section 9.2.2). `attempts`: so far. Takes from
  /// the budget what reached an instance.
  [[nodiscard]] bool may_retry(const std::string& name, CallFailure failure, bool idempotent,
                               size_t attempts, TimePoint now);
  /// After how long without an answer a second request is worth it: the p95. Nothing: never.
  std::optional<Duration> hedge_after(const std::string& name, bool idempotent) const;
  /// Whether the second request may be sent now; it takes from the retry budget.
  [[nodiscard]] bool may_hedge(const std::string& name, TimePoint now);
  /// The name that gets a copy of this call, by chance; empty: none.
  std::string mirror(const std::string& name);

  size_t size() const { return routes_.size(); }
  /// The routes with the most calls first, at most `routes_max`.
  std::vector<RouteReport> report(size_t routes_max, TimePoint now) const;

 private:
  struct Endpoint {
    Instance instance;
    Load load;
    OutlierDetector outlier;
    CircuitBreaker breaker;
    HealthCheck health;
    uint64_t calls = 0;
    uint64_t failures = 0;
  };
  struct Route {
    RouteConfig policy;
    std::vector<Endpoint> endpoints;
    TimePoint learned;
    TimePoint called{};
    RetryBudget budget;
    LatencyWindow latency;
    RouteCounters counters;
  };
  using Endpoints = std::vector<const Endpoint*>;

  Route* find(const std::string& name);
  Endpoint* find(Route* route, const NodeId& node);
  Endpoints pick_split(const Route& route, const Endpoints& from);
  void judge(Route& route, Endpoint& endpoint, Verdict verdict, TimePoint now);
  void eject(Route& route, Endpoint& endpoint, TimePoint now);
  void lose(Route& route, Endpoint& endpoint, TimePoint now);
  bool is_lost(const NodeId& node) const;
  void make_room();

  Rng& rng_;
  Balancer balancer_;
  std::vector<RouteConfig> configured_;
  RouteOptions options_;
  std::unordered_map<std::string, Route> routes_;
  bool wants_checks_ = false;
};

/// Of an HTTP method; methods are case-sensitive.
bool is_idempotent(std::string_view method);
/// Whether it asks for no change of state; then it is idempotent too.
bool is_safe(std::string_view method);

}  // namespace themis::mesh
