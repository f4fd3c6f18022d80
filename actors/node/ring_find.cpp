// Lookups of a Ring, and finding on top of them.
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
    get(id, object, holders(*found));
  });
}

/// The responsible node, then those that keep a copy of what it has; one at least, for a neighbour
/// that just left or crashed.
Contacts Ring::holders(const Lookup::Found& found) const {
  Contacts out{found.responsible};
  const size_t more = std::min(found.successors.size(), std::max<size_t>(1, options_.replicas));
  out.insert(out.end(), found.successors.begin(),
             found.successors.begin() + static_cast<std::ptrdiff_t>(more));
  return out;
}

/// Asks the first of `holders`; the others are tried only when it does not answer.
void Ring::get(uint64_t id, const ObjectId& object, Contacts holders) {
  if (holders.empty()) return find_next(id);
  const Contact holder = holders.front();
  holders.erase(holders.begin());
  if (holder.id == table_.self().id)
    return take(id, objects_.get(object, at_.wall_ms, rng_.next()));
  ask(holder, GetObject{object},
      [this, id, object, holders](const NodeId&, Result<Reply>& reply) mutable {
        auto* records = reply ? std::get_if<GetObjectReply>(&*reply) : nullptr;
        if (records == nullptr) return get(id, object, std::move(holders));
        take(id, records->records);
      });
}

/// What an earlier answer said of a provider holds against an older record in a later one.
void Ring::take(uint64_t id, const RecordPtrs& records) {
  Find& find = finds_.at(id);
  find.answered = true;
  merge(find.newest, find.name, records);
  Records live;
  for (const RecordPtr& record : find.newest)
    if (!record->withdrawn) live.push_back(*record);
  if (live.empty()) return find_next(id);
  finish_find(id, std::move(live));
}

/// Whoever served `records`: only what a provider signed counts, and of each only the newest.
void Ring::merge(RecordPtrs& newest, const std::string& name, const RecordPtrs& records) {
  for (const RecordPtr& record : records) {
    if (record->name != name || record->expires_ms <= at_.wall_ms ||
        record->expires_ms - kRecordLifetimeMsMax > at_.wall_ms)
      continue;
    const auto known = std::ranges::find_if(
        newest, [&](const RecordPtr& r) { return r->provider.id == record->provider.id; });
    if (known != newest.end() && (*known)->sequence >= record->sequence) continue;
    if (known == newest.end() && newest.size() >= options_.objects.records_per_object) continue;
    if (!verifier_.verify(*record)) continue;
    if (known == newest.end())
      newest.push_back(record);
    else
      *known = record;
  }
}

void Ring::finish_find(uint64_t id, Result<Records> records) {
  effects_.push_back(FindDone{finds_.at(id).user, std::move(records)});
  finds_.erase(id);
}

}  // namespace themis::ring
