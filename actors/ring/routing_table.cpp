#include "actors/ring/routing_table.hpp"

#include <algorithm>

namespace themis::ring {

RoutingTable::RoutingTable(Contact self, size_t successors_max)
    : self_(std::move(self)), successors_max_(successors_max) {
  THEMIS_ASSERT(successors_max_ >= 1 && successors_max_ <= kSuccessorsMax,
                "a successor list has 1 to kSuccessorsMax entries");
}

bool RoutingTable::is_responsible(const Point& target) const {
  if (predecessor_) return is_in_range(predecessor_->id, target, self_.id);
  return alone();
}

FindNodeReply RoutingTable::step(const Point& target) const {
  FindNodeReply reply;
  if (!alone() && is_in_range(self_.id, target, successors_.front().id)) {
    reply.responsible = true;
    reply.contacts = successors_;
  } else if (alone()) {
    reply.responsible = true;
    reply.contacts = {self_};
  } else {
    reply.contacts = closest_before(target, kCloserMax);
  }
  return reply;
}

/// Between two of the list there was nobody when it was copied; nor between the start of a finger
/// and that finger, and the start that follows entry `i - 1` is past it.
FindNodeReply RoutingTable::step_to_owner(const Point& target) const {
  const auto is = [](const Contact& next) {
    return [&next](const Contact& c) { return c.id == next.id; };
  };
  const Distance far = distance(self_.id, target);
  const auto i =
      static_cast<size_t>(std::ranges::lower_bound(distances_, far) - distances_.begin());
  if (far == Distance{} || i == 0 || i == entries_.size()) return step(target);
  const Contact& next = entries_[i];
  const auto listed = std::ranges::find_if(successors_, is(next));
  if (listed != successors_.end()) return {true, {listed, successors_.end()}};
  const bool is_from_start = finger_bit(far) > finger_bit(distances_[i - 1]);
  if (is_from_start && std::ranges::any_of(fingers_, is(next))) return {true, {next}};
  return step(target);
}

Contacts RoutingTable::closest_before(const Point& target, size_t count) const {
  const Distance far = distance(self_.id, target);
  // A target on this node itself is a whole circle away.
  const auto end = far == Distance{} ? distances_.end()
                                     : std::lower_bound(distances_.begin(), distances_.end(), far);
  const auto known = static_cast<size_t>(end - distances_.begin());
  Contacts out;
  out.reserve(std::min(count, known));
  for (size_t i = known; i-- > 0 && out.size() < count;) out.push_back(entries_[i]);
  return out;
}

void RoutingTable::set_successors(const Contact& first, const Contacts& rest) {
  Contacts list;
  list.reserve(successors_max_);
  const auto take = [&](const Contact& contact) {
    if (contact.id.is_zero() || contact.id == self_.id) return false;
    if (!list.empty() && !is_between(list.back().id, contact.id, self_.id)) return false;
    list.push_back(contact);
    return true;
  };
  // The list ends where it comes round to this node or stops being in order.
  bool in_order = take(first);
  for (size_t i = 0; in_order && i < rest.size() && list.size() < successors_max_; ++i)
    in_order = take(rest[i]);
  if (list == successors_) return;
  successors_ = std::move(list);
  rebuild();
}

void RoutingTable::add_successor(const Contact& contact) {
  if (contact.id.is_zero() || contact.id == self_.id) return;
  const auto far = [&](const Contact& c) { return distance(self_.id, c.id); };
  const auto at = std::ranges::lower_bound(successors_, far(contact), {}, far);
  if (at != successors_.end() && at->id == contact.id) return;
  if (at == successors_.end() && successors_.size() >= successors_max_) return;
  successors_.insert(at, contact);
  successors_.resize(std::min(successors_.size(), successors_max_));
  rebuild();
}

void RoutingTable::set_predecessor(std::optional<Contact> contact) {
  if (contact && (contact->id == self_.id || contact->id.is_zero())) contact.reset();
  if (contact == predecessor_) return;
  predecessor_ = std::move(contact);
  rebuild();
}

int RoutingTable::set_finger(int bit, const Contact& contact) {
  const Distance start = distance(self_.id, finger_start(self_.id, bit));
  const Distance far = distance(self_.id, contact.id);
  const bool closes =
      far < start;  // the first node after the start is this one, or one already passed
  // What lies between this finger's start and the next one's, and is not the first node there, is
  // nobody's finger.
  const size_t before = fingers_.size();
  std::erase_if(fingers_, [&](const Contact& f) {
    const Distance at = distance(self_.id, f.id);
    return at >= start && (closes || (at != far && finger_bit(at) <= finger_bit(far)));
  });
  bool changed = fingers_.size() != before;
  if (!closes) {
    const auto at = std::find_if(fingers_.begin(), fingers_.end(),
                                 [&](const Contact& f) { return distance(self_.id, f.id) >= far; });
    if (at == fingers_.end() || at->id != contact.id) {
      fingers_.insert(at, contact);
      changed = true;
    }
  }
  if (changed) rebuild();
  const int next = finger_bit(far) + 1;
  return closes || next >= kRingBits ? -1 : next;
}

const Contact* RoutingTable::first_from(const Point& point) const {
  const auto at = std::ranges::lower_bound(distances_, distance(self_.id, point));
  return at == distances_.end() ? nullptr : &entries_[static_cast<size_t>(at - distances_.begin())];
}

int RoutingTable::begin_refresh() {
  const int bit = alone() ? kRingBits : finger_bit(distance(self_.id, successors_.front().id)) + 1;
  if (std::erase_if(fingers_, [&](const Contact& f) {
        return finger_bit(distance(self_.id, f.id)) < bit;
      }) > 0)
    rebuild();
  return bit < kRingBits ? bit : -1;
}

bool RoutingTable::drop(const NodeId& id) {
  if (find(id) == nullptr) return false;
  const auto same = [&](const Contact& c) { return c.id == id; };
  std::erase_if(successors_, same);
  std::erase_if(fingers_, same);
  if (predecessor_ && same(*predecessor_)) predecessor_.reset();
  rebuild();
  return true;
}

bool RoutingTable::drop(const Contact& contact) {
  const Contact* known = find(contact.id);
  return known != nullptr && known->address == contact.address && drop(contact.id);
}

void RoutingTable::refresh_address(const Contact& contact) {
  const Contact* known = find(contact.id);
  if (known == nullptr || known->address == contact.address) return;
  const auto refresh = [&](Contact& c) {
    if (c.id == contact.id) c.address = contact.address;
  };
  std::for_each(successors_.begin(), successors_.end(), refresh);
  std::for_each(fingers_.begin(), fingers_.end(), refresh);
  if (predecessor_) refresh(*predecessor_);
  rebuild();
}

const Contact* RoutingTable::find(const NodeId& id) const {
  const auto at = std::lower_bound(distances_.begin(), distances_.end(), distance(self_.id, id));
  if (at == distances_.end()) return nullptr;
  const Contact& entry = entries_[static_cast<size_t>(at - distances_.begin())];
  return entry.id == id ? &entry : nullptr;
}

bool RoutingTable::is_successor(const NodeId& id) const {
  return std::any_of(successors_.begin(), successors_.end(),
                     [&](const Contact& c) { return c.id == id; });
}

bool RoutingTable::is_neighbour(const NodeId& id) const {
  return (predecessor_ && predecessor_->id == id) || is_successor(id);
}

void RoutingTable::rebuild() {
  std::vector<std::pair<Distance, Contact>> all;
  all.reserve(successors_.size() + fingers_.size() + 1);
  const auto add = [&](const Contact& c) { all.emplace_back(distance(self_.id, c.id), c); };
  // Successors first: of two addresses for one identity the stable sort keeps the fresher one.
  std::for_each(successors_.begin(), successors_.end(), add);
  if (predecessor_) add(*predecessor_);
  std::for_each(fingers_.begin(), fingers_.end(), add);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  entries_.clear();
  distances_.clear();
  for (auto& [far, contact] : all) {
    if (!distances_.empty() && distances_.back() == far) continue;
    distances_.push_back(far);
    entries_.push_back(std::move(contact));
  }
  ++version_;
}

}  // namespace themis::ring
