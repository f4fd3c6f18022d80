#include "actors/mesh/guard.hpp"

#include <algorithm>

namespace themis::mesh {

Status Authorizer::allow(const NodeId& caller, std::string_view ring_name,
                         std::string_view method) const {
  if (rules_.empty()) return {};
  bool is_named = false;
  const std::string id = caller.hex();
  for (const AllowConfig& rule : rules_) {
    if (!matches(rule.service, ring_name)) continue;
    is_named = true;
    if (rule.caller != "any" && id != rule.caller) continue;
    if (rule.methods.empty() || std::ranges::find(rule.methods, method) != rule.methods.end())
      return {};
  }
  if (!is_named) return {};
  return fail(Code::denied, "node " + caller.brief() + " may not call this");
}

Status Guard::admit(const NodeId* peer, const std::string& ring_name, std::string_view method,
                    TimePoint now, std::span<const NodeId> former, uint32_t calls) {
  const NodeId& caller = peer == nullptr ? self_ : *peer;
  Status allowed = authorizer_.allow(caller, ring_name, method);
  const auto allows = [&](const NodeId& id) { return !!authorizer_.allow(id, ring_name, method); };
  if (!allowed && std::ranges::none_of(former, allows)) {
    ++counters_.denied;
    return allowed;
  }
  const RouteConfig* route = find_route(routes_, ring_name);
  if (route == nullptr || route->rate_per_s == 0) return {};
  const uint32_t burst = route->rate_burst != 0 ? route->rate_burst : route->rate_per_s;
  RateLimiter& limiter = limiters_[static_cast<size_t>(route - routes_.data())];
  const auto wait =
      limiter.take(ring_name + '\n' + caller.hex(), {route->rate_per_s, burst}, now, calls);
  if (!wait) return {};
  ++counters_.limited;
  if (calls > burst)
    return fail(Code::too_large, std::to_string(calls) + " calls together are more than the " +
                                     std::to_string(burst) + " that a caller may make at once");
  return fail(Code::rate_limited, "node " + caller.brief() + " calls more often than " +
                                      std::to_string(route->rate_per_s) +
                                      " times a second; try again in " +
                                      std::to_string(to_ms(*wait) + 1) + " ms");
}

const RouteConfig* find_route(const std::vector<RouteConfig>& routes, std::string_view ring_name) {
  const auto found = std::ranges::find_if(
      routes, [&](const RouteConfig& route) { return matches(route.name, ring_name); });
  return found == routes.end() ? nullptr : &*found;
}

}  // namespace themis::mesh
