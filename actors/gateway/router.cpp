#include "actors/gateway/router.hpp"

#include <algorithm>

namespace themis {

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

bool Router::knows(const std::string& name, TimePoint now) const {
  const auto found = routes_.find(name);
  return found != routes_.end() && now - found->second.learned < options_.route_ttl;
}

void Router::learn(const std::string& name, ring::Contacts instances, TimePoint now) {
  if (instances.empty()) return forget(name);
  if (instances.size() > options_.instances_max) instances.resize(options_.instances_max);
  if (!routes_.contains(name) && routes_.size() >= options_.routes_max) make_room();
  routes_[name] = {std::move(instances), now};
}

void Router::make_room() {
  const auto oldest = std::min_element(
      routes_.begin(), routes_.end(),
      [](const auto& a, const auto& b) { return a.second.learned < b.second.learned; });
  if (oldest != routes_.end()) routes_.erase(oldest);
}

std::optional<ring::Contact> Router::choose(const std::string& name, const Tried& tried,
                                            TimePoint now) {
  const auto found = routes_.find(name);
  if (found == routes_.end()) return std::nullopt;
  std::vector<const ring::Contact*> healthy, ejected;
  for (const ring::Contact& instance : found->second.instances) {
    if (std::ranges::find(tried, instance.id) != tried.end()) continue;
    (is_ejected(instance.id, now) ? ejected : healthy).push_back(&instance);
  }
  const auto& left = healthy.empty() ? ejected : healthy;
  if (left.empty()) return std::nullopt;
  const size_t first = static_cast<size_t>(rng_.below(left.size()));
  if (left.size() == 1) return *left[first];
  // The second of the two is another one.
  const size_t step = 1 + static_cast<size_t>(rng_.below(left.size() - 1));
  const size_t second = (first + step) % left.size();
  const bool fewer = in_flight(left[second]->id) < in_flight(left[first]->id);
  return *left[fewer ? second : first];
}

void Router::ended(const NodeId& node, TimePoint now) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  if (found->second.in_flight > 0) --found->second.in_flight;
  if (found->second.in_flight == 0 && !is_ejected(node, now)) nodes_.erase(found);
}

void Router::eject(const NodeId& node, TimePoint now) {
  std::erase_if(nodes_, [now](const auto& entry) {
    return entry.second.in_flight == 0 && entry.second.ejected_until <= now;
  });
  nodes_[node].ejected_until = now + options_.ejection;
}

bool Router::is_ejected(const NodeId& node, TimePoint now) const {
  const auto found = nodes_.find(node);
  return found != nodes_.end() && found->second.ejected_until > now;
}

size_t Router::in_flight(const NodeId& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? 0 : found->second.in_flight;
}

bool Router::may_retry(CallFailure failure, std::string_view method, size_t attempts) const {
  if (attempts >= options_.attempts_max) return false;
  switch (failure) {
    case CallFailure::not_sent:
    case CallFailure::not_run:
      return true;
    case CallFailure::maybe_run:
      return is_idempotent(method);
    case CallFailure::answered:
      return false;
  }
  return false;
}

}  // namespace themis
