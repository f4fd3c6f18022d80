#pragma once
// What a perfect ring looks like, judged from the routing tables of all its members at one moment.

#include <string>
#include <vector>

#include "actors/ring/routing_table.hpp"

namespace themis::ring {

/// The tables of all live members, borrowed for the call.
using Members = std::vector<const RoutingTable*>;

/// Puts `members` into the order of their identifiers.
void sort_members(Members& members);
/// The member that should be responsible for `target`: the first one at or after it.
/// `members`: sorted, not empty.
const Contact& responsible_member(const Members& members, const Point& target);

/// Empty when every member's predecessor and successor list (of `successors_max`) are those of the
/// perfect ring of `members` (sorted); else what is wrong, for people.
std::string not_ideal(const Members& members, size_t successors_max);
/// What must hold whatever happens: a successor list in clockwise order, no identity twice, never
/// the node itself. Empty, or what is wrong.
std::string broken_list(const RoutingTable& table);
/// One line a member: predecessor <- itself -> successors.
std::string describe(const Members& members);

}  // namespace themis::ring
