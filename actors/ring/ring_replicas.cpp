// Which objects a Ring keeps: those of its own range, copies of what the nodes before it own, and
// how both reach the nodes that should have them.
#include <algorithm>

#include "actors/ring/ring.hpp"

namespace themis::ring {

/// Place 0: the predecessor. Nothing: not known, or the circle has fewer nodes.
std::optional<Contact> Ring::predecessor_at(size_t place) const {
  if (place == 0 || !table_.predecessor()) return table_.predecessor();
  if (place > behind_.size()) return std::nullopt;
  return behind_[place - 1];
}

/// One node more than it keeps: the ranges of neighbours differ for a while when somebody joins or
/// leaves. Where it does not know the nodes before it, the sender's lookup is believed.
bool Ring::accepts(const Point& point) const {
  const auto from = predecessor_at(options_.replicas + 1);
  return !from || is_in_range(from->id, point, table_.self().id);
}

bool Ring::is_near(const NodeId& id) const {
  return table_.is_neighbour(id) ||
         std::ranges::any_of(behind_, [&](const Contact& c) { return c.id == id; });
}

/// For Notify: as many as a successor needs to know what it keeps.
Contacts Ring::predecessors() const {
  Contacts out;
  for (size_t place = 0; place <= options_.replicas; ++place)
    if (const auto contact = predecessor_at(place)) out.push_back(*contact);
  return out;
}

Result<Change> Ring::keep(const ObjectId& object, const Store& store) {
  THEMIS_CHECK(verifier_.verify(*store.record));
  THEMIS_TRY(const Change change, objects_.put(object, store, at_.wall_ms));
  if (change == Change::content) tell_watchers(object, store.record);
  if (change == Change::content || change == Change::renewed)
    for (auto& [id, push] : pushes_) push.given.erase(object);
  const auto from = predecessor_at(options_.replicas);
  if (from && !is_in_range(from->id, object, table_.self().id)) {
    // Its place becomes clear when this node has heard who precedes it now.
    foreign_.due = true;
    foreign_.settled = at_.now;
  }
  return change;
}

/// A closer one gets what was this node's and is its own now. After a loss this node's range has
/// grown: its successors lack the new part, and the nodes before may lack what the lost one had yet
/// to give them.
void Ring::on_new_predecessor(const Contact& contact) {
  const bool closer = is_between(owned_from_, contact.id, table_.self().id);
  const Point from = point(std::exchange(owned_from_, contact.id));
  behind_.clear();
  foreign_.due = true;
  foreign_.settled = at_.now;
  if (!closer) replicated_.clear();
  if (state_ != State::joined) return;
  push(contact, objects_.inside(closer ? from : point(table_.self().id), point(contact.id)));
}

/// `told` by the predecessor: what is out of order, going backwards from it to this node, is left
/// out.
void Ring::on_predecessors(const Contacts& told) {
  Contacts behind;
  NodeId last = table_.predecessor()->id;
  for (const Contact& contact : told) {
    if (behind.size() > options_.replicas || !is_between(table_.self().id, contact.id, last)) break;
    behind.push_back(contact);
    last = contact.id;
  }
  if (behind == behind_) return;
  behind_ = std::move(behind);
  foreign_.due = true;
  foreign_.settled = at_.now;
}

/// Every round: successors that became holders of this node's objects get them; failed chunks are
/// sent again.
void Ring::replicate() {
  const Contacts& successors = table_.successors();
  const size_t count = std::min(options_.replicas, successors.size());
  const auto is_holder = [&](const NodeId& id) {
    return std::any_of(successors.begin(), successors.begin() + static_cast<std::ptrdiff_t>(count),
                       [&](const Contact& c) { return c.id == id; });
  };
  std::erase_if(replicated_, [&](const NodeId& id) { return !is_holder(id); });
  std::erase_if(pushes_, [&](const auto& push) {
    // Not because it is no neighbour any more: what it was handed may be nowhere else soon.
    const bool over = push.second.queue.gave_up();
    if (over) replicated_.erase(push.first);
    return over;
  });
  if (table_.alone()) handed_.clear();  // whoever comes gets everything
  if (table_.predecessor()) {
    const auto own = [&] {
      return objects_.inside(point(table_.predecessor()->id), point(table_.self().id));
    };
    std::vector<ObjectId> handed, misplaced;
    for (const ObjectId& object : handed_)
      (table_.is_responsible(point(object)) ? handed : misplaced).push_back(object);
    handed_.clear();
    for (size_t i = 0; i < count; ++i)
      push(successors[i], replicated_.insert(successors[i].id).second ? own() : handed);
    push(Contact(*table_.predecessor()), misplaced);
  }
  std::vector<NodeId> open;
  for (auto& [id, push] : pushes_) {
    push.queue.next_round();
    open.push_back(id);
  }
  for (const NodeId& id : open) push_next(id);
  drop_foreign();
}

void Ring::push(const Contact& to, const std::vector<ObjectId>& objects) {
  if (objects.empty() || (pushes_.size() >= kPushesMax && !pushes_.contains(to.id))) return;
  Push& push = pushes_[to.id];
  push.to = to;
  push.queue.add(objects, objects_);
  push_next(to.id);
}

/// Sends the next chunk to `to`, when none is open; forgets the push at its end.
void Ring::push_next(const NodeId& to) {
  const auto found = pushes_.find(to);
  if (found == pushes_.end() || found->second.open_chunk != 0) return;
  Push& push = found->second;
  const bool leaving = state_ == State::leaving;
  std::vector<Store> entries = push.queue.next(objects_, at_.wall_ms);
  if (entries.empty() || push.queue.gave_up()) {
    if (!entries.empty()) replicated_.erase(to);
    if (!entries.empty() || push.queue.empty() || leaving) pushes_.erase(found);
    return leaving ? say_goodbye() : void();
  }
  const uint64_t chunk = push.open_chunk = ++last_id_;
  ask(push.to, HandOver{std::move(entries)},
      [this, to, chunk](const NodeId&, Result<Reply>& reply) {
        const auto open = pushes_.find(to);
        if (open == pushes_.end() || open->second.open_chunk != chunk) return;
        open->second.open_chunk = 0;
        if (reply) {
          const auto* refused = std::get_if<Refused>(&*reply);
          drop_given(open->second, refused == nullptr ? Refused{} : *refused);
          return push_next(to);
        }
        open->second.queue.failed();  // sent again in the next round
        if (state_ == State::leaving) push_before_leaving();
      });
}

/// The receiver has acknowledged the open chunk: of what was there for others to keep, the objects
/// that it now has go from here, unless they changed or came back into this node's range meanwhile.
void Ring::drop_given(Push& push, const Refused& refused) {
  for (const ObjectId& object : push.queue.acknowledged(refused))
    if (push.given.erase(object) > 0 && is_foreign(object)) objects_.erase(object);
}

/// A node that leaves gives its range to the successor, whoever that is by now.
void Ring::push_before_leaving() {
  if (table_.alone()) return say_goodbye();
  const Contact to = table_.successor();
  if (pushes_.contains(to.id)) return push_next(to.id);
  const Point self = point(table_.self().id);
  pushes_.clear();
  const auto own =
      objects_.inside(table_.predecessor() ? point(table_.predecessor()->id) : self, self);
  if (own.empty()) return say_goodbye();
  push(to, own);
}

bool Ring::is_foreign(const ObjectId& object) const {
  const auto from = predecessor_at(options_.replicas);
  return from && !is_in_range(from->id, object, table_.self().id);
}

/// Objects that the nodes of other places keep now, when the nodes before this one have been the
/// same for a while: one owner's in each round, then again those that nobody took. What the
/// predecessor told of the nodes before it may be a lie, and a record may have come to this node
/// only: an object goes when a lookup says that this node does not keep it, and one of those that
/// do has acknowledged that it has it.
void Ring::drop_foreign() {
  // What happens `replicas` nodes back is heard of as many rounds later, twice that at worst.
  const auto rounds = static_cast<int64_t>(kSilentRounds + 2 * options_.replicas);
  const bool settled = at_.now >= foreign_.settled + rounds * options_.update_period;
  const auto from = predecessor_at(options_.replicas);
  if (!foreign_.due || !settled || !from || foreign_.giving) return;
  const NodeId& self = table_.self().id;
  const bool goes_on = foreign_.from && !is_in_range(from->id, *foreign_.from, self);
  const Point begin = goes_on ? *foreign_.from : point(self);
  std::vector<ObjectId> foreign = objects_.inside(begin, point(from->id));
  if (foreign.empty() || begin == point(from->id)) {
    foreign_.from.reset();
    foreign_.settled = at_.now;
    foreign_.due = std::ranges::any_of(objects_.all(),
                                       [&](const ObjectId& object) { return is_foreign(object); });
    for (const ObjectId& object : watchers_.objects())
      if (is_foreign(object)) send_watchers_away(object, [](const NodeId&, Result<Reply>&) {});
    return;
  }
  foreign_.giving = true;
  const ObjectId first = *std::ranges::min_element(
      foreign, {}, [&](const ObjectId& object) { return distance(begin, point(object)); });
  const auto done = [this, begin, first, end = point(from->id)](Result<Lookup::Found> found) {
    foreign_.giving = false;
    const bool inside = found && is_in_range(begin, found->responsible.id, end);
    foreign_.from = inside ? point(found->responsible.id) : end;
    if (inside) give(objects_.inside(begin, *foreign_.from), first, *found);
  };
  start_lookup(point(first), done, Goal::confirmed_owner);
}

/// `objects`, the nearest of which is `first`, have `found` as their owner. They go to the first of
/// their keepers that knows this node as one of its successors: the others take nothing from it.
void Ring::give(const std::vector<ObjectId>& objects, const ObjectId& first,
                const Lookup::Found& found) {
  Contacts keepers = holders(found);
  keepers.resize(std::min(keepers.size(), options_.replicas + 1));
  const auto is = [](const Contact& contact) {
    return [&contact](const Contact& other) { return other.id == contact.id; };
  };
  if (std::ranges::any_of(keepers, is(table_.self()))) return;
  const auto keeper = std::ranges::find_if(keepers, [&](const Contact& contact) {
    return is(contact)(*table_.predecessor()) || std::ranges::any_of(behind_, is(contact));
  });
  if (keeper == keepers.end()) return drop_if_kept(first, found.responsible);
  push(*keeper, objects);
  const auto sent = pushes_.find(keeper->id);
  if (sent != pushes_.end()) sent->second.given.insert(objects.begin(), objects.end());
}

/// `object` came here from far away, when this node knew less of the circle.
void Ring::drop_if_kept(const ObjectId& object, const Contact& owner) {
  foreign_.from = point(object);
  ask(owner, GetObject{object}, [this, object](const NodeId&, Result<Reply>& reply) {
    const auto* there = reply ? std::get_if<GetObjectReply>(&*reply) : nullptr;
    if (there == nullptr || !is_foreign(object)) return;
    const bool all = std::ranges::all_of(objects_.stores(object), [&](const Store& store) {
      return std::ranges::any_of(there->records, [&](const RecordPtr& record) {
        return record->provider.id == store.record->provider.id &&
               record->sequence >= store.record->sequence;
      });
    });
    if (all) objects_.erase(object);
  });
}

}  // namespace themis::ring
