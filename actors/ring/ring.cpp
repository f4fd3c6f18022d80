#include "actors/ring/ring.hpp"

#include <algorithm>

namespace themis::ring {

Ring::Ring(const wire::Identity& identity, net::Address address, RingOptions options, Rng& rng)
    : options_(std::move(options)),
      rng_(rng),
      signer_(identity),
      verifier_(identity.network()),
      table_({identity.id(), std::move(address)}, options_.successors),
      objects_(options_.objects),
      pace_(options_.update_period / kHaste),
      owned_from_(identity.id()) {
  THEMIS_ASSERT(options_.redundancy <= kRedundancyMax, "redundancy is at most kRedundancyMax");
  THEMIS_ASSERT(options_.disjoint_paths >= 1 && options_.disjoint_paths <= kDisjointPathsMax,
                "a lookup has 1 to kDisjointPathsMax paths");
  THEMIS_ASSERT(options_.more_addresses.size() < kAddressesMax, "a record has 4 addresses");
}

/// Three quarters to five quarters of `base`.
Duration Ring::jitter(Duration base) {
  const auto half = static_cast<uint64_t>(base.count() / 2);
  return base * 3 / 4 + Duration(static_cast<int64_t>(rng_.below(half + 1)));
}

/// Tells the shell about the entries that came and went during the event. While they do, the next
/// round comes sooner: what one node learns is news to its neighbours.
void Ring::end() {
  if (table_.version() == published_version_) return;
  published_version_ = table_.version();
  pace_ = options_.update_period / kHaste;
  next_update_ = std::min(next_update_, at_.now + jitter(std::max(pace_, 2 * round_trip_)));
  const Contacts& entries = table_.entries();
  const auto holds = [](const Contacts& list, const Contact& contact) {
    return std::find(list.begin(), list.end(), contact) != list.end();
  };
  for (const Contact& old : published_)
    if (!holds(entries, old)) {
      effects_.push_back(FingerRemoved{old.id});
      heard_.erase(old.id);
    }
  for (const Contact& entry : entries)
    if (!holds(published_, entry)) effects_.push_back(FingerAdded{entry});
  published_ = entries;
}

/// From kHaste times the configured rate back to it, when nothing changes any more.
void Ring::set_next_update() {
  next_update_ = at_.now + jitter(std::max(pace_, 2 * round_trip_));
  pace_ = std::min(2 * pace_, options_.update_period);
}

void Ring::ask(const Contact& to, Question question, Then then) {
  const uint64_t token = ++last_id_;
  ++questions_asked_;
  pending_.emplace(token, Pending{to, at_.now, std::move(then)});
  const Duration timeout = std::clamp(kPatience * round_trip_, options_.ask_timeout,
                                      kTimeoutsMax * options_.ask_timeout);
  effects_.push_back(Ask{token, to, std::move(question), timeout});
}

void Ring::answered(uint64_t token, const NodeId& from, Result<Reply> reply, Moment at) {
  begin(at);
  const auto found = pending_.find(token);
  if (found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);
  const NodeId& expected = pending.to.id;
  if (!from.is_zero() && !expected.is_zero() && from != expected)
    reply = fail(Code::wrong_peer, "another identity answers at " + pending.to.address.text());
  if (from.is_zero() || (!expected.is_zero() && from != expected)) {
    if (reply) reply = fail(Code::unavailable, "nobody answered");
    on_silence(pending);
  } else {
    round_trip_ += (at.now - pending.asked - round_trip_) / 8;
    suspects_.erase(from);
    if (table_.find(from) != nullptr) heard_[from] = at.now;
  }
  pending.then(from, reply);
  end();
}

/// A node that has spoken since it was asked lives: it restarted, or one message was lost.
void Ring::on_silence(const Pending& pending) {
  const auto heard = heard_.find(pending.to.id);
  if (heard != heard_.end() && heard->second > pending.asked) return;
  if (!pending.to.id.is_zero()) suspect(pending.to);
  drop(pending.to);
}

void Ring::unreachable(const NodeId& id, Moment at) {
  begin(at);
  const Contact* known = table_.find(id);
  if (known == nullptr) return;
  const Contact lost = *known;
  suspect(lost);
  drop(lost);
  end();
}

/// Kept for a while so that what others still say about it is not believed again at once.
void Ring::suspect(const Contact& contact) {
  // A false address somebody spread says nothing about the node itself.
  if (const Contact* known = table_.find(contact.id); known && known->address != contact.address)
    return;
  tell_lost(contact.id);
  for (auto& [user, watching] : watches_)
    if (watching.holder == contact.id) watching.due = at_.now;
  if (suspects_.size() < kSuspectsMax)
    suspects_[contact.id] = at_.now + kSilentRounds * options_.update_period;
  std::erase_if(remembered_, [&](const Contact& c) { return c.id == contact.id; });
  remembered_.push_back(contact);
  if (remembered_.size() > kRememberedMax) remembered_.pop_front();
}

bool Ring::is_suspect(const NodeId& id) const { return suspects_.contains(id); }

void Ring::drop(const Contact& contact) {
  const bool was_successor = table_.is_successor(contact.id);
  if (!table_.drop(contact)) return;
  after_drop();
  store_again(contact.id);
  if (was_successor) pad_successors();
}

/// A list that lost an entry is filled up from the next live successor's own list, now and not in
/// the next round.
void Ring::pad_successors() {
  if (state_ != State::joined || table_.alone() || updating_) return;
  updating_ = true;
  update_hops_ = 0;
  notify(table_.successor());
}

/// A successor list that ran empty starts again from whoever else is known; `update` then walks to
/// the right place, and until it stays there this node does not say who is responsible for what
/// lies in between.
void Ring::after_drop() {
  if (!table_.alone() || table_.entries().empty()) return;
  sure_from_ = at_.now + kSilentRounds * options_.update_period;
  table_.set_successors(Contact(table_.entries().front()), {});
}

void Ring::start(std::vector<net::Address> bootstrap, Moment at) {
  begin(at);
  THEMIS_ASSERT(state_ == State::idle, "a ring is started once");
  bootstrap_ = std::move(bootstrap);
  if (!options_.shares_address) std::erase(bootstrap_, table_.self().address);
  predecessor_heard_ = at.now;
  if (bootstrap_.empty()) {
    state_ = State::joined;
    set_next_update();
    effects_.push_back(Joined{});
  } else {
    state_ = State::joining;
    next_bootstrap_ = rng_.below(bootstrap_.size());
    set_next_update();
    join();
  }
  end();
}

void Ring::tick(Moment at) {
  begin(at);
  if (state_ == State::leaving && at.now >= leave_deadline_) {
    state_ = State::left;
    effects_.push_back(Left{});
  } else if (taking_back_ > 0 && at.now >= next_wakeup()) {
    taking_back_ = 0;  // its objects are worth more than its names, which expire
    push_before_leaving();
  } else if (at.now >= next_update_) {
    set_next_update();
    std::erase_if(suspects_, [&](const auto& entry) { return entry.second <= at.now; });
    if (state_ == State::joining && !updating_) join();
    if (state_ == State::joined) update();
  }
  end();
}

TimePoint Ring::next_wakeup() const {
  if (state_ == State::idle || state_ == State::left) return TimePoint::max();
  if (state_ != State::leaving) return next_update_;
  return taking_back_ > 0 ? leave_deadline_ - options_.leave_timeout / 2 : leave_deadline_;
}

/// Asks for the place of its own id, then copies the whole neighbourhood of the node that is there
/// now.
void Ring::join() {
  updating_ = true;
  const net::Address& entry = bootstrap_[next_bootstrap_++ % bootstrap_.size()];
  enter_ring(Contact{{}, entry}, [this](Result<Lookup::Found> found) {
    if (!found) return join_failed(std::move(found.error()));
    copy_neighbours(*found);
  });
}

void Ring::copy_neighbours(const Lookup::Found& found) {
  if (state_ != State::joining) return;
  // After a restart the ring may still hold this node: then the one after it is meant.
  Contacts nodes = found.successors;
  nodes.insert(nodes.begin(), found.responsible);
  nodes.push_back(found.answered_by);
  const auto first = std::find_if(nodes.begin(), nodes.end(), [&](const Contact& contact) {
    return contact.id != table_.self().id && !is_suspect(contact.id);
  });
  if (first == nodes.end())
    return join_failed({Code::unavailable, "the ring knows nobody but this node"});
  ask(*first, GetNeighbours{},
      [this, successor = *first, before = found.answered_by](const NodeId&, Result<Reply>& reply) {
        if (state_ != State::joining) return;  // told to leave meanwhile
        if (!reply) return join_failed(std::move(reply.error()));
        const auto* neighbours = std::get_if<Neighbours>(&*reply);
        if (neighbours == nullptr)
          return join_failed({Code::malformed, "no neighbours in the answer"});
        updating_ = false;
        table_.set_successors(successor, neighbours->successors);
        state_ = State::joined;
        effects_.push_back(Joined{});
        update();
        show_itself_to(before);
        if (neighbours->predecessor && *neighbours->predecessor != before)
          show_itself_to(*neighbours->predecessor);
      });
}

/// The node before this one need not wait for its next round to hear of it.
void Ring::show_itself_to(const Contact& before) {
  const bool is_other = before.id != table_.self().id && before.id != table_.successor().id;
  if (is_other) ask(before, Notify{table_.self(), {}}, [](const NodeId&, Result<Reply>&) {});
}

void Ring::join_failed(Error why) {
  updating_ = false;
  effects_.push_back(JoinFailed{std::move(why)});
}

void Ring::leave(Moment at) {
  begin(at);
  if (state_ == State::leaving || state_ == State::left) return;
  const bool in_ring = state_ == State::joined && !table_.alone();
  state_ = State::leaving;
  leave_deadline_ = at.now + options_.leave_timeout;
  if (in_ring) {
    withdraw_all();
  } else {
    state_ = State::left;
    effects_.push_back(Left{});
  }
  end();
}

void Ring::withdraw_all() {
  pushes_.clear();  // all it has goes to the successor once its own names are taken back
  std::vector<std::string> names;
  for (const auto& [name, provided] : provided_)
    if (!provided.offer.outlives) names.push_back(name);
  if (names.empty()) return push_before_leaving();
  storing_.due.clear();
  taking_back_ = names.size() * (options_.redundancy + 1u);
  take_back(names);
  queue_due_stores();
}

/// The last chunk is acknowledged: the neighbours may close the gap.
void Ring::say_goodbye() {
  const auto gone = [this] {
    state_ = State::left;
    effects_.push_back(Left{});
  };
  if (table_.alone()) return gone();
  const Leave goodbye{table_.self(), table_.successors()};
  Contacts neighbours{table_.successor()};
  if (table_.predecessor() && table_.predecessor()->id != table_.successor().id)
    neighbours.push_back(*table_.predecessor());
  const Then answered = [this, gone](const NodeId&, Result<Reply>&) {
    if (--leave_open_ == 0 && state_ == State::leaving) gone();
  };
  leave_open_ = neighbours.size() + watchers_.size();
  for (const ObjectId& object : watchers_.objects()) send_watchers_away(object, answered);
  for (const Contact& neighbour : neighbours) ask(neighbour, goodbye, answered);
}

}  // namespace themis::ring
