#include "actors/mesh/route_table.hpp"

#include <algorithm>

#include "actors/mesh/guard.hpp"

namespace themis::mesh {
namespace {

/// What a call that failed counts as under the latency policy: who fails at once is not the
/// fastest. PeakEwma forgets it as it forgets a slow answer.
Duration penalty(const RouteConfig& policy) {
  constexpr Duration kWithoutTimeout = 1s;
  return policy.timeout_ms == 0 ? kWithoutTimeout : std::chrono::milliseconds(policy.timeout_ms);
}

/// A ring that lost a node may know nobody until it has healed: instances that answer are believed
/// for so long. One that does not run the name any more says so itself.
constexpr Duration kDoubt = 10s;
/// An instance that was full takes calls again within about one call of a function.
constexpr Duration kFullFor = 20ms;

}  // namespace

bool is_idempotent(std::string_view method) {
  return is_safe(method) || method == "PUT" || method == "DELETE";
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

const RouteConfig& RouteTable::policy(std::string_view name) const {
  static const RouteConfig defaults;
  const RouteConfig* configured = find_route(configured_, name);
  return configured == nullptr ? defaults : *configured;
}

RouteTable::Route* RouteTable::find(const std::string& name) {
  const auto found = routes_.find(name);
  return found == routes_.end() ? nullptr : &found->second;
}

RouteTable::Endpoint* RouteTable::find(Route* route, const InstanceKey& at) {
  if (route == nullptr) return nullptr;
  const auto found = std::ranges::find_if(
      route->endpoints, [&](const Endpoint& e) { return key_of(e.instance) == at; });
  return found == route->endpoints.end() ? nullptr : &*found;
}

bool RouteTable::knows(const std::string& name, TimePoint now) const {
  const auto found = routes_.find(name);
  if (found == routes_.end()) return false;
  const Route& route = found->second;
  return now - route.learned < (route.is_watched ? options_.ttl_watched : options_.ttl);
}

bool RouteTable::is_usable(const std::string& name, TimePoint now) const {
  const auto found = routes_.find(name);
  return found != routes_.end() && now - found->second.learned < options_.usable;
}

void RouteTable::forget(const std::string& name) {
  routes_.erase(name);
  missing_.erase(name);
}

bool RouteTable::is_missing(const std::string& name, TimePoint now) const {
  const auto found = missing_.find(name);
  return found != missing_.end() && now < found->second;
}

void RouteTable::miss(const std::string& name, TimePoint now) {
  if (missing_.size() >= options_.missing_max)
    std::erase_if(missing_, [now](const auto& entry) { return now >= entry.second; });
  if (missing_.size() >= options_.missing_max) missing_.erase(missing_.begin());
  missing_[name] = now + options_.missing;
}

void RouteTable::unwatched(const std::string& name) {
  if (Route* known = find(name)) known->is_watched = false;
}

void RouteTable::learn(const std::string& name, Instances instances, TimePoint now, Source source) {
  Route* known = find(name);
  if (instances.empty()) {
    unwatched(name);  // the ring is asked again, in case it knows better then
    if (known != nullptr && now - known->learned >= kDoubt) forget(name);
    return;
  }
  if (instances.size() > options_.instances_max) {
    // A find answers others each time; a watch tells of all, by their ids.
    const size_t first = source == Source::watch ? rng_.below(instances.size()) : 0;
    std::rotate(instances.begin(), instances.begin() + static_cast<std::ptrdiff_t>(first),
                instances.end());
    instances.resize(options_.instances_max);
  }
  if (known == nullptr) {
    if (routes_.size() >= options_.routes_max) make_room();
    known = &routes_[name];
    known->policy = policy(name);
  }
  known->is_watched = known->is_watched || source == Source::watch;
  std::vector<Endpoint> endpoints;
  endpoints.reserve(instances.size());
  for (Instance& instance : instances) {
    Endpoint* before = find(known, key_of(instance));
    endpoints.push_back(before == nullptr ? Endpoint{} : *before);
    endpoints.back().absent_since.reset();
    // What another version did is not this one's.
    if (before != nullptr && before->instance.version != instance.version)
      endpoints.back().calls = endpoints.back().failures = 0;
    if (before == nullptr && wants_checks_ && is_lost(instance.contact.id))
      endpoints.back().health.lost(now);
    endpoints.back().instance = std::move(instance);
  }
  missing_.erase(name);
  keep_absent(*known, endpoints, now);
  known->endpoints = std::move(endpoints);
  known->learned = now;
}

/// One find may leave an instance out, and answers some of many only: what was seen of the others
/// says still whether they are to be called, once they are found again.
void RouteTable::keep_absent(const Route& route, std::vector<Endpoint>& to, TimePoint now) const {
  const size_t present = to.size();
  for (const Endpoint& endpoint : route.endpoints) {
    const InstanceKey key = key_of(endpoint.instance);
    const bool is_back =
        std::any_of(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(present),
                    [&key](const Endpoint& other) { return key_of(other.instance) == key; });
    if (is_back || now - endpoint.absent_since.value_or(now) >= options_.absent_for) continue;
    to.push_back(endpoint);
    to.back().absent_since = endpoint.absent_since.value_or(now);
  }
  const auto first = to.begin() + static_cast<std::ptrdiff_t>(present);
  std::sort(first, to.end(), [](const Endpoint& a, const Endpoint& b) {
    return a.absent_since > b.absent_since;  // the latest first
  });
  if (to.size() > present + options_.absent_max)
    to.erase(first + static_cast<std::ptrdiff_t>(options_.absent_max), to.end());
}

void RouteTable::make_room() {
  const auto oldest = std::min_element(
      routes_.begin(), routes_.end(),
      [](const auto& a, const auto& b) { return a.second.learned < b.second.learned; });
  if (oldest != routes_.end()) routes_.erase(oldest);
}

void RouteTable::called(const std::string& name, TimePoint now) {
  Route* route = find(name);
  if (route == nullptr) return;
  ++route->counters.calls;
  route->called = now;
  // Nobody looked at its lost ones while it was not called.
  wants_checks_ = wants_checks_ || route->policy.health_period_ms > 0 ||
                  std::ranges::any_of(route->endpoints, [](const Endpoint& e) {
                    return !e.absent_since && e.health.state() == HealthCheck::State::lost;
                  });
  route->budget.called(route->policy, now);
}

/// The canaries or the others; what there is when one of them is empty.
RouteTable::Endpoints RouteTable::pick_split(const std::string& name, const Route& route,
                                             const Endpoints& from, const Caller& caller) {
  const RouteConfig& policy = route.policy;
  const bool is_configured = !policy.canary_version.empty() || !policy.canary_label.empty();
  Endpoints canaries, others;
  for (const Endpoint* endpoint : from) {
    const Instance& instance = endpoint->instance;
    bool is_canary = policy.canary_label.empty() ? instance.version == policy.canary_version
                                                 : has_label(instance, policy.canary_label);
    if (!is_configured) is_canary = instance.canary > 0;
    (is_canary ? canaries : others).push_back(endpoint);
  }
  if (canaries.empty()) return others;
  if (others.empty()) return canaries;
  const bool is_for_it = is_configured ? rng_.below(100) < policy.canary_percent
                                       : is_for_canary(name, canaries.front()->instance, caller);
  return is_for_it ? canaries : others;
}

/// A caller that is known goes where it went; others by chance.
bool RouteTable::is_for_canary(const std::string& name, const Instance& canary,
                               const Caller& caller) {
  if (canary.sticky && caller)
    if (const auto value = caller(*canary.sticky))
      return canary_draw(name, canary.version, *value) < canary.canary * kDrawsPerPercent;
  return rng_.below(100) < canary.canary;
}

/// The others are asked when none of these is left.
bool RouteTable::takes_calls(const Endpoint& endpoint, TimePoint now) {
  return !endpoint.outlier.is_ejected(now) &&
         endpoint.health.state() == HealthCheck::State::healthy && endpoint.instance.weight > 0 &&
         now >= endpoint.full_until;
}

std::optional<KnownLoad> RouteTable::load_of_one(const std::string& name, TimePoint now) {
  const Route* route = find(name);
  if (route == nullptr) return std::nullopt;
  Endpoints able;
  for (const Endpoint& each : route->endpoints)
    if (!each.absent_since && each.breaker.allows(now) && takes_calls(each, now))
      able.push_back(&each);
  if (able.empty()) return std::nullopt;
  const Load& load = able.size() == 1 ? able.front()->load : able[rng_.below(able.size())]->load;
  KnownLoad known{load.running(now), std::nullopt};
  if (load.told_at != TimePoint{}) known.memory_percent = load.memory_percent;
  return known;
}

Result<RouteTable::Choice> RouteTable::choose(const std::string& name, const Tried& tried,
                                              TimePoint now, const Caller& caller) {
  const Route* route = find(name);
  if (route == nullptr) return fail(Code::not_found, "no instance is known");
  Endpoints healthy, ejected;
  TimePoint retry_at = TimePoint::max();
  for (const Endpoint& endpoint : route->endpoints) {
    if (endpoint.absent_since) continue;
    if (std::ranges::find(tried, key_of(endpoint.instance)) != tried.end()) continue;
    if (!endpoint.breaker.allows(now)) {
      retry_at = std::min(retry_at, std::max(endpoint.breaker.retry_at(), now));
      continue;
    }
    (takes_calls(endpoint, now) ? healthy : ejected).push_back(&endpoint);
  }
  const Endpoints left = pick_split(name, *route, healthy.empty() ? ejected : healthy, caller);
  if (left.empty()) {
    if (retry_at == TimePoint::max()) return fail(Code::not_found, "no instance is left");
    return fail(Code::overloaded, "the circuit breakers of \"" + name +
                                      "\" are open; the next probe is in " +
                                      std::to_string(to_ms(retry_at - now)) + " ms");
  }
  std::vector<Candidate> candidates;
  candidates.reserve(left.size());
  for (const Endpoint* endpoint : left)
    candidates.push_back({&endpoint->instance, &endpoint->load});
  const Instance& chosen = left[balancer_.choose(route->policy.policy, candidates, now)]->instance;
  return Choice{chosen.contact, chosen.canary > 0};
}

RouteTable::Begun RouteTable::began(const std::string& name, const InstanceKey& at) {
  Endpoint* endpoint = find(find(name), at);
  if (endpoint == nullptr) return {at};
  ++endpoint->load.in_flight;
  ++endpoint->calls;
  return {at, endpoint->breaker.began()};
}

void RouteTable::ended(const std::string& name, const Begun& call, Verdict verdict, TimePoint now) {
  Route* route = find(name);
  Endpoint* endpoint = find(route, call.at);
  if (endpoint == nullptr) return;
  if (endpoint->load.in_flight > 0) --endpoint->load.in_flight;
  judge(*route, *endpoint, {verdict, call.is_probe}, now);
}

void RouteTable::judge(Route& route, Endpoint& endpoint, Outcome outcome, TimePoint now) {
  const auto [verdict, is_probe] = outcome;
  if (verdict == Verdict::none) return endpoint.breaker.undecided(is_probe);
  if (verdict == Verdict::absent) {
    endpoint.breaker.undecided(is_probe);
    return lose(route, endpoint, now);
  }
  if (verdict == Verdict::full) {
    endpoint.full_until = now + kFullFor;
    endpoint.health.answered();
    return endpoint.breaker.undecided(is_probe);
  }
  if (verdict == Verdict::healthy) {
    endpoint.outlier.succeeded(route.policy, now);
    endpoint.health.answered();
    return endpoint.breaker.succeeded(is_probe);
  }
  ++endpoint.failures;
  ++route.counters.failures;
  endpoint.load.latency.add(penalty(route.policy), now);
  if (endpoint.breaker.failed(route.policy, now, rng_.unit(), is_probe))
    ++route.counters.breaker_opens;
  if (verdict == Verdict::unreachable) return lose(route, endpoint, now);
  endpoint.health.answered();
  if (endpoint.outlier.failed(route.policy, now)) eject(route, endpoint, now);
}

void RouteTable::lose(Route& route, Endpoint& endpoint, TimePoint now) {
  if (endpoint.health.state() != HealthCheck::State::lost) ++route.counters.losses;
  endpoint.health.lost(now);
  wants_checks_ = true;
}

bool RouteTable::is_lost(const NodeId& node) const {
  return std::ranges::any_of(routes_, [&node](const auto& entry) {
    return std::ranges::any_of(entry.second.endpoints, [&node](const Endpoint& e) {
      return e.instance.contact.id == node && e.health.state() == HealthCheck::State::lost;
    });
  });
}

void RouteTable::lost(const NodeId& node, TimePoint now) {
  for (auto& [name, route] : routes_)
    for (Endpoint& endpoint : route.endpoints)
      if (endpoint.instance.contact.id == node) lose(route, endpoint, now);
}

std::vector<RouteTable::Check> RouteTable::checks_due(TimePoint now) {
  std::vector<Check> due;
  size_t under_way = 0;
  wants_checks_ = false;
  for (auto& [name, route] : routes_) {
    if (now - route.called >= options_.checked_for) continue;
    for (Endpoint& endpoint : route.endpoints) {
      if (endpoint.absent_since) continue;
      if (endpoint.health.is_late(route.policy, now))
        checked(name, key_of(endpoint.instance), false, now);
      wants_checks_ = wants_checks_ || route.policy.health_period_ms > 0 ||
                      endpoint.health.state() == HealthCheck::State::lost;
      under_way += endpoint.health.is_under_way() ? 1 : 0;
      if (under_way >= options_.checks_max || !endpoint.health.is_due(route.policy, now)) continue;
      endpoint.health.began(now);
      ++under_way;
      due.push_back({name, endpoint.instance.contact, endpoint.instance.canary > 0});
    }
  }
  return due;
}

void RouteTable::checked(const std::string& name, const InstanceKey& at, bool passed,
                         TimePoint now) {
  Route* route = find(name);
  Endpoint* endpoint = find(route, at);
  // One that was late is over, whatever comes of it.
  if (endpoint == nullptr || !endpoint->health.is_under_way()) return;
  ++route->counters.checks;
  if (passed) return endpoint->health.passed(route->policy, now);
  ++route->counters.checks_failed;
  endpoint->health.failed(route->policy, now);
}

/// At most half of the instances are out for being worse than the others.
void RouteTable::eject(Route& route, Endpoint& endpoint, TimePoint now) {
  size_t present = 0, out = 0;
  for (const Endpoint& each : route.endpoints) {
    if (each.absent_since) continue;
    ++present;
    out += each.outlier.is_ejected(now) ? 1 : 0;
  }
  if ((out + 1) * 2 > present) return;
  ++route.counters.ejections;
  endpoint.outlier.eject(route.policy, now);
}

void RouteTable::took(const std::string& name, const InstanceKey& at, Duration latency,
                      TimePoint now) {
  Route* route = find(name);
  Endpoint* endpoint = find(route, at);
  if (endpoint == nullptr) return;
  endpoint->load.latency.add(latency, now);
  route->latency.add(latency);
}

void RouteTable::told(const std::string& name, const InstanceKey& at, const ToldLoad& load,
                      TimePoint now) {
  if (Endpoint* endpoint = find(find(name), at)) endpoint->load.tell(load, now);
}

bool RouteTable::may_retry(const std::string& name, CallFailure failure, bool idempotent,
                           size_t attempts, TimePoint now) {
  const RouteConfig& limits = policy(name);
  if (failure == CallFailure::answered || attempts > limits.retries) return false;
  if (failure == CallFailure::maybe_run && !idempotent) return false;
  Route* route = find(name);
  if (route == nullptr) return true;  // it was forgotten because it was wrong
  if (failure != CallFailure::not_sent && !route->budget.take(route->policy, now)) {
    ++route->counters.over_budget;
    return false;
  }
  ++route->counters.retries;
  return true;
}

std::optional<Duration> RouteTable::hedge_after(const std::string& name, bool idempotent) const {
  const auto found = routes_.find(name);
  if (found == routes_.end() || !found->second.policy.hedge || !idempotent) return std::nullopt;
  return found->second.latency.p95();
}

bool RouteTable::may_hedge(const std::string& name, TimePoint now) {
  Route* route = find(name);
  if (route == nullptr || !route->budget.take(route->policy, now)) return false;
  ++route->counters.hedges;
  return true;
}

std::string RouteTable::mirror(const std::string& name) {
  const RouteConfig& limits = policy(name);
  if (limits.mirror_to.empty() || rng_.below(100) >= limits.mirror_percent) return {};
  if (Route* route = find(name)) ++route->counters.mirrored;
  return limits.mirror_to;
}

std::vector<RouteReport> RouteTable::report(size_t routes_max, TimePoint now) const {
  std::vector<const std::pair<const std::string, Route>*> busiest;
  for (const auto& entry : routes_) busiest.push_back(&entry);
  std::ranges::sort(busiest, [](const auto* a, const auto* b) {
    const uint64_t left = a->second.counters.calls, right = b->second.counters.calls;
    return left != right ? left > right : a->first < b->first;
  });
  if (busiest.size() > routes_max) busiest.resize(routes_max);
  std::vector<RouteReport> reports;
  for (const auto* entry : busiest) {
    const Route& route = entry->second;
    RouteReport& report = reports.emplace_back(
        RouteReport{entry->first, route.policy.policy, route.counters, route.budget.tokens(), {}});
    for (const Endpoint& endpoint : route.endpoints) {
      if (endpoint.absent_since) continue;
      const bool is_out = endpoint.outlier.is_ejected(now);
      const bool is_healthy = endpoint.health.state() == HealthCheck::State::healthy;
      report.instances.push_back(
          {endpoint.instance,
           is_out && is_healthy ? "ejected" : mesh::name(endpoint.health.state()),
           is_out ? endpoint.outlier.ejected_until() - now : Duration{},
           mesh::name(endpoint.breaker.state()), endpoint.load.in_flight,
           endpoint.load.running(now), endpoint.load.memory_percent, endpoint.load.latency.ms(now),
           endpoint.calls, endpoint.failures});
    }
  }
  return reports;
}

}  // namespace themis::mesh
