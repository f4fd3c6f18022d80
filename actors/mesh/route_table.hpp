#pragma once
// The routes of a process: the instances of each name it calls, how they do, and which one takes
// the next call.

#include <functional>
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
  absent,       ///< Its node does not run it, or not yet: no failure, but no call either till then.
  full,  ///< It has as many calls as it may: no failure, and for kFullFor the last to be asked.
  none,  ///< Given up by the caller, or refused for the caller's sake.
};

/// Both of one failed call.
struct Judgement {
  CallFailure failure = CallFailure::answered;
  Verdict verdict = Verdict::none;
};

struct RouteOptions {
  /// So long a route is used before the ring is asked again, where the ring tells of no change: a
  /// new instance is seen after it.
  Duration ttl = 2s;
  /// Where it does: the ring renews its watches about as often, and a message that was lost is made
  /// up for by either.
  Duration ttl_watched = 20s;
  /// So long it is used while the ring is asked, for which no call waits: what an unused route says
  /// is as old as that at most. Providers say it anew this often (mesh.refresh_s).
  Duration usable = 30s;
  /// So long a name that nobody provides is not looked for again. Short, for a service that starts.
  Duration missing = 1s;
  /// Names that nobody provides, kept; each is 200 bytes. Some make room for more.
  size_t missing_max = 4096;
  /// Routes kept; the oldest make room.
  size_t routes_max = 4096;
  /// Instances of one name that are balanced over: what one find of the ring answers.
  size_t instances_max = 64;
  /// What was seen of an instance is kept for so long when a find leaves it out: a record's life.
  Duration absent_for = 90s;
  /// Those that were left out, of one name; the longest absent make room.
  size_t absent_max = 192;
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
  uint64_t losses = 0;  ///< Instances whose sessions broke, that could not be reached, or are gone.
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
  size_t running = 0;  ///< Calls of everybody, as far as is known.
  uint8_t memory_percent = 0;
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
  using Tried = std::vector<InstanceKey>;

  RouteTable(Rng& rng, std::vector<RouteConfig> configured, RouteOptions options = {})
      : rng_(rng), balancer_(rng), configured_(std::move(configured)), options_(options) {}

  /// What is configured for `name`, or the defaults.
  const RouteConfig& policy(std::string_view name) const;
  /// Whether `name` has a route that is fresh enough.
  bool knows(const std::string& name, TimePoint now) const;
  /// Whether it has one that may serve while the ring is asked for a fresh one.
  bool is_usable(const std::string& name, TimePoint now) const;
  enum class Source : uint8_t {
    find,
    watch,  ///< The ring told by itself, and tells of the next change too.
  };
  /// What the ring says. Instances that were known before keep their state, also when they were
  /// left out for a while. None: kDoubt later the route is forgotten.
  void learn(const std::string& name, Instances instances, TimePoint now,
             Source source = Source::find);
  /// The ring tells of its changes no longer.
  void unwatched(const std::string& name);
  void forget(const std::string& name);
  /// Nobody provides `name`, and nobody could be brought up.
  void miss(const std::string& name, TimePoint now);
  bool is_missing(const std::string& name, TimePoint now) const;

  /// A new call: counted, and paid into the retry budget.
  void called(const std::string& name, TimePoint now);
  struct Choice {
    ring::Contact contact;
    bool is_canary = false;  ///< Of two that the node runs.
    InstanceKey key() const { return {contact.id, is_canary}; }
  };
  /// What the caller is known by; nothing: its request does not say.
  using Caller = std::function<std::optional<std::string>(const Sticky&)>;
  /// An instance of `name` that is not in `tried`. `caller` is asked where canaries are to keep
  /// theirs, if it is not null. Ejected, unhealthy and lost ones are chosen only
  /// when no other is left, open breakers never. Errors: not_found (none is left), overloaded (all
  /// breakers of those left are open; the detail says until when).
  Result<Choice> choose(const std::string& name, const Tried& tried, TimePoint now,
                        const Caller& caller = {});

  /// What is known of one of the instances that take calls now, by chance: for who has a choice
  /// beside them. Nothing: none is known.
  std::optional<KnownLoad> load_of_one(const std::string& name, TimePoint now);

  /// A call that is under way at an instance.
  struct Begun {
    InstanceKey at;
    bool is_probe = false;  ///< Of its breaker.
  };
  /// A call was given to an instance; exactly one ended() follows.
  [[nodiscard]] Begun began(const std::string& name, const InstanceKey& at);
  void ended(const std::string& name, const Begun& call, Verdict verdict, TimePoint now);
  /// Its answer took so long; with ended(), for calls that were answered.
  void took(const std::string& name, const InstanceKey& at, Duration latency, TimePoint now);
  /// What the answer said of the instance; after ended().
  void told(const std::string& name, const InstanceKey& at, const ToldLoad& load, TimePoint now);

  /// The session with `node` broke: no route uses it until a check has passed.
  void lost(const NodeId& node, TimePoint now);
  struct Check {
    std::string name;
    ring::Contact instance;
    bool is_canary = false;
    InstanceKey key() const { return {instance.id, is_canary}; }
  };
  /// The checks to be sent now, each followed by one checked(). Those that had their time count as
  /// failed.
  std::vector<Check> checks_due(TimePoint now);
  void checked(const std::string& name, const InstanceKey& at, bool passed, TimePoint now);
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
    TimePoint full_until{};
    std::optional<TimePoint> absent_since;  ///< Not in the latest find: it gets no calls.
  };
  struct Route {
    RouteConfig policy;
    std::vector<Endpoint> endpoints;
    TimePoint learned;
    bool is_watched = false;
    TimePoint called{};
    RetryBudget budget;
    LatencyWindow latency;
    RouteCounters counters;
  };
  using Endpoints = std::vector<const Endpoint*>;

  static bool takes_calls(const Endpoint& endpoint, TimePoint now);
  Route* find(const std::string& name);
  Endpoint* find(Route* route, const InstanceKey& at);
  Endpoints pick_split(const std::string& name, const Route& route, const Endpoints& from,
                       const Caller& caller);
  bool is_for_canary(const std::string& name, const Instance& canary, const Caller& caller);
  struct Outcome {
    Verdict verdict;
    bool is_probe;
  };
  void keep_absent(const Route& route, std::vector<Endpoint>& to, TimePoint now) const;
  void judge(Route& route, Endpoint& endpoint, Outcome outcome, TimePoint now);
  void eject(Route& route, Endpoint& endpoint, TimePoint now);
  void lose(Route& route, Endpoint& endpoint, TimePoint now);
  bool is_lost(const NodeId& node) const;
  void make_room();

  Rng& rng_;
  Balancer balancer_;
  std::vector<RouteConfig> configured_;
  RouteOptions options_;
  std::unordered_map<std::string, Route> routes_;
  std::unordered_map<std::string, TimePoint> missing_;  ///< Until when.
  bool wants_checks_ = false;
};

/// Of an HTTP method; methods are case-sensitive.
bool is_idempotent(std::string_view method);
/// Whether it asks for no change of state; then it is idempotent too.
bool is_safe(std::string_view method);

}  // namespace themis::mesh
