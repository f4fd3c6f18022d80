#include "actors/world/ring_check.hpp"

#include <algorithm>
#include <set>

namespace themis::ring {

void sort_members(Members& members) {
  std::sort(members.begin(), members.end(), [](const RoutingTable* a, const RoutingTable* b) {
    return a->self().id < b->self().id;
  });
}

const Contact& responsible_member(const Members& members, const Point& target) {
  THEMIS_ASSERT(!members.empty(), "a ring has a member");
  for (const RoutingTable* member : members)
    if (target.bytes <= member->self().id.bytes) return member->self();
  return members.front()->self();
}

std::string not_ideal(const Members& members, size_t successors_max) {
  const size_t count = members.size();
  for (size_t at = 0; at < count; ++at) {
    const RoutingTable& table = *members[at];
    const std::string who = table.self().id.brief();
    const size_t want = std::min(count - 1, successors_max);
    if (table.successors().size() != want)
      return who + " has " + std::to_string(table.successors().size()) + " successors, not " +
             std::to_string(want);
    for (size_t k = 0; k < want; ++k)
      if (table.successors()[k] != members[(at + 1 + k) % count]->self())
        return who + " has a wrong successor " + std::to_string(k);
    if ((count > 1) != table.predecessor().has_value()) return who + " has a wrong predecessor";
    if (count > 1 && *table.predecessor() != members[(at + count - 1) % count]->self())
      return who + " has a wrong predecessor";
  }
  return {};
}

std::string broken_list(const RoutingTable& table) {
  const NodeId& self = table.self().id;
  const NodeId* last = &self;
  for (const Contact& next : table.successors()) {
    if (!is_between(*last, next.id, self))
      return "the successors of " + self.brief() + " are out of order";
    last = &next.id;
  }
  if (table.predecessor() && table.predecessor()->id == self)
    return self.brief() + " is its own predecessor";
  std::set<NodeId> known;
  for (const Contact& entry : table.entries())
    if (entry.id == self || !known.insert(entry.id).second)
      return "the entries of " + self.brief() + " hold an identity twice";
  return {};
}

std::string describe(const Members& members) {
  std::string out;
  for (const RoutingTable* table : members) {
    out += (table->predecessor() ? table->predecessor()->id.brief() : "-") + " <- " +
           table->self().id.brief() + " ->";
    for (const Contact& next : table->successors()) out += ' ' + next.id.brief();
    out += '\n';
  }
  return out;
}

}  // namespace themis::ring
