// The maintenance of a Ring: stabilise, notify, rectify, finger refresh, merging.
#include <algorithm>

#include "actors/ring/ring.hpp"

namespace themis::ring {

void Ring::update() {
  ++round_;
  objects_.expire(at_.wall_ms);
  if (!updating_ && (closer_ || !table_.alone())) {
    updating_ = true;
    update_hops_ = 0;
    notify(closer_ ? *std::exchange(closer_, std::nullopt) : table_.successor());
  }
  check_predecessor();
  // A lookup over several paths asks about as many times as many nodes on each: the load stays.
  if (!refreshing_ && round_ % (options_.disjoint_paths * options_.disjoint_paths) == 0)
    refresh_finger();
  if (table_.alone() || round_ % kMergeRounds == 0) look_for_other_ring();
  replicate();
  repair();
  queue_due_stores();
  renew_watches();
}

/// Stabilise and notify in one question: "I may be your predecessor; who are your neighbours?"
void Ring::notify(const Contact& contact) {
  const bool is_successor = !table_.alone() && contact.id == table_.successor().id;
  ask(contact, Notify{table_.self(), predecessors()},
      [this, contact, is_successor](const NodeId& from, Result<Reply>& reply) {
        updating_ = false;
        // A node that is there but says no is no member of the ring (any more, or not yet).
        if (!reply && !from.is_zero()) drop(contact);
        if (state_ == State::joined) on_neighbours(contact, is_successor, reply);
      });
}

void Ring::on_neighbours(const Contact& from, bool was_successor, const Result<Reply>& reply) {
  const bool may_go_on = ++update_hops_ < kUpdateHopsMax;
  const auto* neighbours = reply ? std::get_if<Neighbours>(&*reply) : nullptr;
  if (neighbours == nullptr) {
    if (table_.alone() || !was_successor || !may_go_on) return;
    updating_ = true;
    return notify(table_.successor());
  }
  // It answered, so it lives: only now may it become the successor.
  const bool closer = table_.alone() || from.id == table_.successor().id ||
                      is_between(table_.self().id, from.id, table_.successor().id);
  if (!closer) return;
  if (at_.now < sure_from_ && from.id != table_.successor().id)
    sure_from_ = at_.now + kSilentRounds * options_.update_period;
  if (options_.disjoint_paths > 1) {
    doubt_successors(from, neighbours->successors);
  } else {
    table_.set_successors(from, neighbours->successors);
  }
  const auto& next = neighbours->predecessor;
  if (!next || next->id.is_zero() || !is_between(table_.self().id, next->id, from.id)) return;
  if (is_suspect(next->id) || !may_go_on) return;
  updating_ = true;
  notify(*next);
}

/// Where there may be liars, nobody enters the list or leaves it on another's word: who is new in
/// `named` and who is missing there is asked.
void Ring::doubt_successors(const Contact& from, const Contacts& named) {
  table_.add_successor(from);
  const Contacts known = table_.successors();
  const auto holds = [](const Contacts& list, const Contact& contact) {
    return std::ranges::find(list, contact.id, &Contact::id) != list.end();
  };
  Contacts doubtful;
  for (const Contact& contact : named)
    if (!holds(known, contact)) doubtful.push_back(contact);
  for (const Contact& contact : known)
    if (contact.id != from.id && !holds(named, contact)) doubtful.push_back(contact);
  for (const Contact& contact : doubtful) {
    if (contact.id.is_zero() || contact.id == table_.self().id || is_suspect(contact.id)) continue;
    ask(contact, GetNeighbours{}, [this, contact](const NodeId& answerer, Result<Reply>& reply) {
      if (!reply && !answerer.is_zero()) drop(contact);
      if (reply && state_ == State::joined) table_.add_successor(contact);
    });
  }
}

/// `contact` may be a closer successor: it is asked now, or in the next round.
void Ring::meet_closer(const Contact& contact) {
  if (updating_) {
    closer_ = contact;
    return;
  }
  updating_ = true;
  update_hops_ = 0;
  notify(contact);
}

/// A predecessor that stopped notifying may be dead without anybody having taken its place.
void Ring::check_predecessor() {
  const Duration silent = at_.now - predecessor_heard_;
  if (table_.predecessor() && silent >= kSilentRounds * options_.update_period)
    rectify(std::nullopt);
}

/// Rectify: the predecessor is asked whether it lives, and when it does not answer `instead`, which
/// has just spoken, takes its place; with nobody there, the next node that notifies.
void Ring::rectify(const std::optional<Contact>& instead) {
  if (checking_) return;
  checking_ = true;
  const Contact asked = *table_.predecessor();
  ask(asked, Ping{}, [this, asked, instead, since = at_.now](const NodeId&, Result<Reply>& reply) {
    checking_ = false;
    const auto& now = table_.predecessor();
    const bool still = now && now->id == asked.id;
    if (reply && still) predecessor_heard_ = at_.now;
    // The silence may have made the table forget it already; who notified since then lives.
    const bool heard = still ? predecessor_heard_ > since : now.has_value();
    if (!reply && !heard) set_predecessor(instead);
  });
}

void Ring::set_predecessor(const std::optional<Contact>& contact) {
  const bool moved = contact && (!table_.predecessor() || table_.predecessor()->id != contact->id);
  table_.set_predecessor(contact);
  predecessor_heard_ = at_.now;
  if (moved) on_new_predecessor(*contact);
}

/// One distinct finger a round: a full circle takes about log2(nodes) rounds. Where nobody lies,
/// the successor list tells of those within it, and the node that is a finger already whether it
/// still is: only a new one is looked up.
void Ring::refresh_finger() {
  if (next_finger_ < 0) next_finger_ = table_.begin_refresh();
  const auto known = [this]() -> const Contact* {
    if (next_finger_ < 0 || options_.disjoint_paths > 1 || !is_sure()) return nullptr;
    return table_.first_from(finger_start(table_.self().id, next_finger_));
  };
  const Contact* finger = known();
  for (; finger != nullptr && table_.is_successor(finger->id); finger = known())
    next_finger_ = table_.set_finger(next_finger_, Contact(*finger));
  if (next_finger_ < 0) return;
  refreshing_ = true;
  if (finger == nullptr) return look_finger_up(next_finger_);
  ask(*finger, GetNeighbours{},
      [this, bit = next_finger_, finger = *finger](const NodeId&, Result<Reply>& reply) {
        const auto* around = reply ? std::get_if<Neighbours>(&*reply) : nullptr;
        const bool is_first =
            around != nullptr && around->predecessor &&
            is_in_range(around->predecessor->id, finger_start(table_.self().id, bit), finger.id);
        if (!is_first) return look_finger_up(bit);
        refreshing_ = false;
        next_finger_ = table_.set_finger(bit, finger);
      });
}

void Ring::look_finger_up(int bit) {
  start_lookup(finger_start(table_.self().id, bit), [this, bit](Result<Lookup::Found> found) {
    refreshing_ = false;
    if (!found) {
      next_finger_ = bit + 1 < kRingBits ? bit + 1 : -1;
    } else if (is_suspect(found->responsible.id)) {
      next_finger_ = -1;
    } else {
      next_finger_ = table_.set_finger(bit, found->responsible);
    }
  });
}

/// Two rings that a partition left behind find each other through a bootstrap address or a contact
/// lost long ago: the other ring's node at this place is a closer successor, and `update` sews them
/// together from there.
void Ring::look_for_other_ring() {
  std::erase_if(remembered_, [&](const Contact& c) { return table_.find(c.id) != nullptr; });
  if (merging_ || (bootstrap_.empty() && remembered_.empty())) return;
  merging_ = true;
  // Every other time by address: a first node that came back without a memory of its ring is known
  // by nothing else, and of many lost contacts few are ever there again.
  const bool by_address = !bootstrap_.empty() && (remembered_.empty() || rng_.below(2) == 0);
  const Contact entry = by_address ? Contact{{}, bootstrap_[next_bootstrap_++ % bootstrap_.size()]}
                                   : remembered_[rng_.below(remembered_.size())];
  enter_ring(entry, [this](Result<Lookup::Found> found) {
    merging_ = false;
    if (!found || state_ != State::joined) return;
    Contacts nodes = found->successors;
    nodes.insert(nodes.begin(), found->responsible);
    nodes.push_back(found->answered_by);
    const auto first = std::find_if(nodes.begin(), nodes.end(), [&](const Contact& node) {
      return node.id != table_.self().id && !is_suspect(node.id);
    });
    if (first == nodes.end()) return;
    if (table_.alone() || is_between(table_.self().id, first->id, table_.successor().id))
      closer_ = *first;  // the next round asks it
  });
}

}  // namespace themis::ring
