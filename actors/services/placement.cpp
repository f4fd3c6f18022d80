#include "actors/services/placement.hpp"

#include <algorithm>

#include "runtime/crypto/hash.hpp"

namespace themis {

ring::Point placement_point(std::string_view name, uint32_t index) {
  Bytes number(sizeof index);
  store(number.data(), index);
  crypto::Hasher hasher("themis/place/v1");
  return ring::Point{hasher.add_framed(as_bytes(name)).add_framed(number).finish()};
}

NodeId woken_node(const std::string& function, const std::vector<NodeId>& nodes) {
  const ring::Point point = placement_point("cron/" + function, 0);
  return *std::ranges::min_element(nodes, {},
                                   [&](const NodeId& node) { return ring::distance(point, node); });
}

ring::Contacts rank_candidates(const ring::Contact& self, const ring::Contacts& current,
                               const std::vector<ring::Contacts>& points) {
  ring::Contacts ranked;
  const auto add = [&](const ring::Contact& node) {
    const bool known = node.id == self.id || std::ranges::any_of(ranked, [&](const auto& other) {
                         return other.id == node.id;
                       });
    if (!known) ranked.push_back(node);
  };
  for (const ring::Contact& node : current) add(node);
  for (const ring::Contacts& nodes : points)
    if (!nodes.empty()) add(nodes.front());
  for (const ring::Contacts& nodes : points)
    for (const ring::Contact& node : nodes) add(node);
  ranked.push_back(self);
  return ranked;
}

Placement::Placement(size_t wanted, ring::Contacts candidates)
    : wanted_(wanted), left_(candidates.begin(), candidates.end()) {}

std::optional<ring::Contact> Placement::next() {
  if (left_.empty() || placed_.size() + asked_ >= wanted_) return std::nullopt;
  ring::Contact node = std::move(left_.front());
  left_.pop_front();
  ++asked_;
  return node;
}

void Placement::accepted(const ring::Contact& node) {
  THEMIS_ASSERT(asked_ > 0, "only an asked node answers");
  --asked_;
  placed_.push_back(node);
}

void Placement::refused(const Error& why) {
  THEMIS_ASSERT(asked_ > 0, "only an asked node answers");
  --asked_;
  failure_ = why;
}

void Placement::give_up(const Error& why) {
  refused(why);
  left_.clear();
}

bool Placement::is_settled() const {
  return asked_ == 0 && (left_.empty() || placed_.size() >= wanted_);
}

}  // namespace themis
