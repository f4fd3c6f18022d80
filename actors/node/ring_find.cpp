// Lookups of a Ring, and the two operations on top of them: find and store.
#include <algorithm>

#include "actors/node/ring.hpp"

namespace themis::ring {
namespace {

/// A lookup starts from these many entries; those it does not need cost nothing.
constexpr size_t kSeeds = 8;

}  // namespace

void Ring::lookup(const Point& target, uint64_t user, Moment at) {
  begin(at);
  start_lookup(target, [this, user](Result<Lookup::Found> found) {
    if (!found) {
      effects_.push_back(LookupDone{user, fail(std::move(found.error())), 0});
      return;
    }
    Contacts nodes = std::move(found->successors);
    nodes.insert(nodes.begin(), found->responsible);
    effects_.push_back(LookupDone{user, std::move(nodes), found->hops});
  });
  end();
}

void Ring::start_lookup(const Point& target, ThenFound then) {
  if (state_ != State::joined && state_ != State::leaving)
    return then(fail(Code::unavailable, "this node is in no ring"));
  if (table_.is_responsible(target))
    return then(Lookup::Found{table_.self(), table_.successors(), table_.self(), 0});
  FindNodeReply known = table_.step(target);
  if (known.responsible) {
    const Contact first = known.contacts.front();
    return then(
        Lookup::Found{first, {known.contacts.begin() + 1, known.contacts.end()}, table_.self(), 0});
  }
  run_lookup(Lookup(table_.self().id, target, table_.closest_before(target, kSeeds)),
             std::move(then));
}

/// Looks this node's own place up in the ring that `entry` is in, which may be another one.
void Ring::enter_ring(const Contact& entry, ThenFound then) {
  run_lookup(Lookup::through(table_.self().id, entry), std::move(then));
}

void Ring::run_lookup(Lookup lookup, ThenFound then) {
  if (lookups_.size() >= kLookupsMax)
    return then(fail(Code::overloaded, "too many lookups are open"));
  const uint64_t id = ++last_id_;
  lookups_.emplace(id, OpenLookup{std::move(lookup), std::move(then)});
  pump_lookup(id);
}

void Ring::pump_lookup(uint64_t id) {
  const auto found = lookups_.find(id);
  if (found == lookups_.end()) return;
  Lookup& lookup = found->second.lookup;
  while (const auto contact = lookup.next()) {
    ask(*contact, FindNode{lookup.target()},
        [this, id, address = contact->address](const NodeId& from, Result<Reply>& reply) {
          const auto open = lookups_.find(id);
          if (open == lookups_.end()) return;
          const auto* step = reply ? std::get_if<FindNodeReply>(&*reply) : nullptr;
          if (step == nullptr) {
            open->second.lookup.on_failure();
          } else {
            open->second.lookup.on_reply({from, address}, *step,
                                         [this](const NodeId& n) { return is_suspect(n); });
          }
          pump_lookup(id);
        });
  }
  if (!lookup.done()) return;
  const ThenFound then = std::move(found->second.then);
  Result<Lookup::Found> result = lookup.result();
  lookups_.erase(found);
  then(std::move(result));
}

void Ring::find(std::string name, uint64_t user, Moment at) {
  begin(at);
  const uint64_t id = ++last_id_;
  Find& find = finds_[id];
  find.user = user;
  find.name = std::move(name);
  for (uint8_t r = 0; r <= options_.redundancy; ++r) {
    // Fisher and Yates, inside out: callers spread over the copies.
    const size_t at_index = rng_.below(r + 1u);
    find.replicas.insert(find.replicas.begin() + static_cast<std::ptrdiff_t>(at_index), r);
  }
  find_next(id);
  end();
}

void Ring::find_next(uint64_t id) {
  Find& find = finds_.at(id);
  if (find.replicas.empty()) {
    if (find.answered)
      return finish_find(id, fail(Code::not_found, "nobody provides " + find.name));
    return finish_find(id,
                       fail(Code::unavailable, "no node that may know " + find.name + " answered"));
  }
  const ObjectId object = object_id(find.name, find.replicas.back());
  find.replicas.pop_back();
  start_lookup(point(object), [this, id, object](Result<Lookup::Found> found) {
    if (!found) {
      if (found.error().code == Code::overloaded) return finish_find(id, fail(found.error()));
      return find_next(id);
    }
    // The node after the responsible one has the objects of a neighbour that just left or crashed
    // after handing over.
    Contacts holders{found->responsible};
    if (!found->successors.empty()) holders.push_back(found->successors.front());
    get(id, object, std::move(holders));
  });
}

/// Asks the first of `holders`; the others are tried only when it does not answer.
void Ring::get(uint64_t id, const ObjectId& object, Contacts holders) {
  if (holders.empty()) return find_next(id);
  const Contact holder = holders.front();
  holders.erase(holders.begin());
  const auto take = [this, id](Records records) {
    Find& find = finds_.at(id);
    find.answered = true;
    std::erase_if(records, [&](const Record& r) {
      return r.name != find.name || r.expires_ms <= at_.wall_ms || r.provider.id.is_zero();
    });
    if (records.empty()) return find_next(id);
    finish_find(id, std::move(records));
  };
  if (holder.id == table_.self().id) return take(objects_.get(object, at_.wall_ms, rng_.next()));
  ask(holder, GetObject{object},
      [this, id, object, holders, take](const NodeId&, Result<Reply>& reply) mutable {
        auto* records = reply ? std::get_if<GetObjectReply>(&*reply) : nullptr;
        if (records == nullptr) return get(id, object, std::move(holders));
        take(std::move(records->records));
      });
}

void Ring::finish_find(uint64_t id, Result<Records> records) {
  effects_.push_back(FindDone{finds_.at(id).user, std::move(records)});
  finds_.erase(id);
}

void Ring::provide(std::string name, Bytes payload, uint64_t user, Moment at) {
  begin(at);
  const auto refuse = [&](Code code, std::string detail) {
    effects_.push_back(StoreDone{user, fail(code, std::move(detail))});
  };
  if (name.empty() || name.size() > kNameBytesMax)
    return refuse(Code::malformed, "a name has 1 to 128 bytes");
  if (payload.size() > kPayloadBytesMax)
    return refuse(Code::malformed, "a payload has at most 512 bytes");
  if (state_ == State::leaving || state_ == State::left)
    return refuse(Code::unavailable, "this node is leaving the ring");
  if (!provided_.contains(name) && provided_.size() >= kProvidedMax)
    return refuse(Code::overloaded, "this node provides as many names as it may");
  Provided& provided = provided_[name];
  if (provided.user)
    effects_.push_back(StoreDone{*provided.user, fail(Code::cancelled, "provided again")});
  provided = Provided{std::move(payload), ++last_id_, {}, user, false};
  provided.copies.resize(options_.redundancy + 1u);
  if (state_ == State::joined) queue_due_stores();
  end();
}

void Ring::withdraw(const std::string& name, Moment at) {
  begin(at);
  const auto found = provided_.find(name);
  if (found == provided_.end()) return;
  if (found->second.user)
    effects_.push_back(StoreDone{*found->second.user, fail(Code::cancelled, "withdrawn")});
  provided_.erase(found);
  for (uint8_t r = 0; r <= options_.redundancy; ++r) {
    Store store{object_id(name, r), make_record(name, {})};
    store.record.expires_ms = 0;
    store_at(store, [](const Status&) {});
  }
  end();
}

Record Ring::make_record(const std::string& name, const Bytes& payload) {
  // Wall time keeps the sequence growing over a restart.
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<uint64_t>(at_.wall_ms));
  return {name, table_.self(), last_sequence_, at_.wall_ms + 3 * to_ms(options_.refresh), payload};
}

void Ring::queue_due_stores() {
  for (auto& [name, provided] : provided_) {
    for (size_t r = 0; r < provided.copies.size(); ++r) {
      Copy& copy = provided.copies[r];
      if (copy.queued || copy.due > at_.now) continue;
      copy.queued = true;
      due_stores_.push_back({name, static_cast<uint8_t>(r)});
    }
  }
  pump_stores();
}

void Ring::pump_stores() {
  // A store that ends at once (this node is responsible) comes back here: the loop below goes on
  // with the next.
  if (pumping_stores_) return;
  pumping_stores_ = true;
  while (!due_stores_.empty() && stores_in_flight_ < kStoresInFlightMax) {
    const DueStore due = std::move(due_stores_.front());
    due_stores_.pop_front();
    store_copy(due);
  }
  pumping_stores_ = false;
}

void Ring::store_copy(const DueStore& due) {
  const auto found = provided_.find(due.name);
  if (found == provided_.end() || !found->second.copies[due.replica].queued) return;
  ++stores_in_flight_;
  const uint64_t generation = found->second.generation;
  store_at({object_id(due.name, due.replica), make_record(due.name, found->second.payload)},
           [this, due, generation](Status status) {
             --stores_in_flight_;
             copy_stored(due, generation, std::move(status));
           });
}

void Ring::store_at(const Store& store, std::function<void(Status)> then) {
  start_lookup(point(store.object), [this, store, then](Result<Lookup::Found> found) {
    if (!found) return then(fail(std::move(found.error())));
    if (found->responsible.id == table_.self().id)
      return then(objects_.put(store.object, store.record, at_.wall_ms));
    ask(found->responsible, store, [then](const NodeId&, Result<Reply>& reply) {
      then(reply ? Status{} : Status(fail(std::move(reply.error()))));
    });
  });
}

void Ring::copy_stored(const DueStore& due, uint64_t generation, Status status) {
  const auto found = provided_.find(due.name);
  if (found != provided_.end() && found->second.generation == generation) {
    Provided& provided = found->second;
    Copy& copy = provided.copies[due.replica];
    copy.queued = false;
    copy.tried = true;
    // Never later than the refresh period; a copy that failed is tried again with the next rounds.
    copy.due =
        at_.now + (status ? jitter(options_.refresh * 4 / 5) : jitter(2 * options_.update_period));
    provided.stored = provided.stored || status.has_value();
    const bool all_tried = std::all_of(provided.copies.begin(), provided.copies.end(),
                                       [](const Copy& c) { return c.tried; });
    if (provided.user && all_tried) {
      effects_.push_back(StoreDone{*provided.user, provided.stored ? Status{} : std::move(status)});
      provided.user.reset();
    }
  }
  pump_stores();
}

}  // namespace themis::ring
