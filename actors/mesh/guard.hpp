#pragma once
// What an instance asks before it runs a call: may this caller, and not too often?

#include "actors/mesh/instance.hpp"
#include "runtime/base/rate_limiter.hpp"
#include "runtime/config/service_mesh.hpp"

namespace themis::mesh {

/// Who may call what. Open by default; a service that some rule names takes only what its rules
/// allow.
class Authorizer {
 public:
  explicit Authorizer(std::vector<AllowConfig> rules) : rules_(std::move(rules)) {}

  /// `method`: the HTTP method of a function's call, the parameter struct of a service's.
  /// Errors: denied; it tells nothing of the rules.
  Status allow(const NodeId& caller, std::string_view ring_name, std::string_view method) const;

 private:
  std::vector<AllowConfig> rules_;
};

/// Authorisation and rate limit of one process's services, at the callee: the caller is the
/// identity that the session proved. Of one actor; its thread only.
class Guard {
 public:
  /// `self`: who calls from within this process.
  Guard(NodeId self, std::vector<RouteConfig> routes, std::vector<AllowConfig> rules)
      : self_(self),
        routes_(std::move(routes)),
        authorizer_(std::move(rules)),
        limiters_(routes_.size()) {}

  struct Counters {
    uint64_t denied = 0;
    uint64_t limited = 0;
  };

  /// `peer`: null for a caller in this process. `former`: identities whose place it has taken; what
  /// one of them may do, it may. `calls`: asked together. Errors: denied, rate_limited; too_large
  /// (more calls than a burst).
  Status admit(const NodeId* peer, const std::string& ring_name, std::string_view method,
               TimePoint now, std::span<const NodeId> former = {}, uint32_t calls = 1);
  const Counters& counters() const { return counters_; }

 private:
  NodeId self_;
  std::vector<RouteConfig> routes_;
  Authorizer authorizer_;
  std::vector<RateLimiter> limiters_;  ///< One a route: who floods one takes no other's room.
  Counters counters_;
};

/// The first of `routes` that matches; null: none does.
const RouteConfig* find_route(const std::vector<RouteConfig>& routes, std::string_view ring_name);

}  // namespace themis::mesh
