// Lookups of a Ring, and finding on top of them.
#include <algorithm>

#include "actors/ring/ring.hpp"

namespace themis::ring {
namespace {

/// A lookup starts from these many entries; those it does not need cost nothing.
constexpr size_t kSeeds = 8;
/// Nodes before the point that are asked who follows them, when there may be liars among them.
constexpr size_t kWitnesses = 16;

}  // namespace

void Ring::lookup(const Point& target, uint64_t user, Moment at) {
  begin(at);
  start_lookup(
      target,
      [this, user](Result<Lookup::Found> found) {
        if (!found) {
          effects_.push_back(LookupDone{user, fail(std::move(found.error())), 0});
          return;
        }
        Contacts nodes = std::move(found->successors);
        nodes.insert(nodes.begin(), found->responsible);
        effects_.push_back(LookupDone{user, std::move(nodes), found->hops});
      },
      Goal::confirmed_owner);
  end();
}

/// Where there may be liars, or while this node is not sure of its own place, the responsible node
/// has to answer by itself whatever the goal.
void Ring::start_lookup(const Point& target, ThenFound then, Goal goal) {
  if (state_ != State::joined && state_ != State::leaving)
    return then(fail(Code::unavailable, "this node is in no ring"));
  if (table_.is_responsible(target))
    return then(Lookup::Found{table_.self(), table_.successors(), table_.self(), 0});
  const bool confirm = goal == Goal::confirmed_owner || options_.disjoint_paths > 1 || !is_sure();
  const bool object = goal == Goal::object && !confirm;
  OpenLookup lookup{target, {}, {}, {}, confirm, true, object, {}};
  const FindNodeReply known = object ? table_.step_to_owner(target) : table_.step(target);
  if (known.responsible && !lookup.confirm) {
    const Contact first = known.contacts.front();
    return then(
        Lookup::Found{first, {known.contacts.begin() + 1, known.contacts.end()}, table_.self(), 0});
  }
  // Neighbours on the circle start different paths.
  const size_t paths = known.responsible ? 0 : options_.disjoint_paths;
  const Contacts seeds = table_.closest_before(target, kSeeds * paths);
  for (size_t path = 0; path < paths; ++path) {
    Contacts own;
    for (size_t i = path; i < seeds.size(); i += paths) own.push_back(seeds[i]);
    lookup.paths.emplace_back(table_.self().id, target, std::move(own), paths > 1);
  }
  // More questions at once only spare the wait for a node that died.
  if (object && !seeds.empty()) {
    const auto heard = heard_.find(seeds.front().id);
    if (heard != heard_.end() && at_.now < heard->second + kSilentRounds * options_.update_period)
      for (Lookup& path : lookup.paths) path.ask_singly();
  }
  lookup.then = std::move(then);
  open_lookup(std::move(lookup));
}

/// Looks this node's own place up in the ring that `entry` is in, which may be another one.
void Ring::enter_ring(const Contact& entry, ThenFound then) {
  const NodeId& self = table_.self().id;
  open_lookup(
      {point(self), {Lookup::through(self, entry)}, {}, {}, false, false, false, std::move(then)});
}

void Ring::open_lookup(OpenLookup lookup) {
  if (lookups_.size() >= kLookupsMax || pending_.size() >= kPendingMax)
    return lookup.then(fail(Code::overloaded, "too many lookups are open"));
  const uint64_t id = ++last_id_;
  lookups_.emplace(id, std::move(lookup));
  pump_lookup(id);
}

void Ring::pump_lookup(uint64_t id) {
  const auto open = lookups_.find(id);
  if (open == lookups_.end()) return;
  OpenLookup& lookup = open->second;
  if (lookup.end) return pump_end(id);
  for (size_t path = 0; path < lookup.paths.size(); ++path)
    while (const auto contact = lookup.paths[path].next(&lookup.asked))
      ask_step(id, path, *contact);
  if (!std::ranges::all_of(lookup.paths, [](const Lookup& path) { return path.done(); })) return;
  if (lookup.own_ring && (lookup.confirm || !lookup.paths.front().result())) {
    begin_end(lookup);
    return pump_end(id);
  }
  Result<Lookup::Found> result = lookup.paths.front().result();
  const ThenFound then = std::move(lookup.then);
  lookups_.erase(open);
  then(std::move(result));
}

void Ring::ask_step(uint64_t id, size_t path, const Contact& contact) {
  const OpenLookup& asking = lookups_.at(id);
  ask(contact, FindNode{asking.target, asking.object},
      [this, id, path, contact](const NodeId& from, Result<Reply>& reply) {
        const auto open = lookups_.find(id);
        if (open == lookups_.end()) return;
        Lookup& lookup = open->second.paths[path];
        const auto* step = reply ? std::get_if<FindNodeReply>(&*reply) : nullptr;
        if (step == nullptr) {
          lookup.on_failure(contact.id);
        } else {
          lookup.on_reply({from, contact.address}, *step,
                          [this](const NodeId& n) { return is_suspect(n); });
        }
        pump_lookup(id);
      });
}

/// Everybody who was named on any path, and whom this node knows by itself.
void Ring::begin_end(OpenLookup& lookup) {
  const size_t witnesses = options_.disjoint_paths > 1 ? kWitnesses : 0;
  Neighbourhood& around = lookup.end.emplace(table_.self().id, lookup.target, witnesses);
  for (const Lookup& path : lookup.paths) {
    around.add(path.nodes());
    around.add(path.ends());
  }
  around.add(table_.successors());
  around.add(table_.closest_before(lookup.target, kSeeds));
}

void Ring::pump_end(uint64_t id) {
  const auto open = lookups_.find(id);
  Neighbourhood& around = *open->second.end;
  while (const auto contact = around.next()) {
    ask(*contact, GetNeighbours{},
        [this, id, asked = contact->id](const NodeId&, Result<Reply>& reply) {
          const auto still = lookups_.find(id);
          if (still == lookups_.end()) return;
          const auto* neighbours = reply ? std::get_if<Neighbours>(&*reply) : nullptr;
          if (neighbours == nullptr) {
            still->second.end->on_failure(asked);
          } else {
            still->second.end->on_reply(asked, *neighbours);
          }
          pump_end(id);
        });
  }
  if (!around.done()) return;
  Result<Contacts> nodes = around.result();
  const OpenLookup lookup = std::move(open->second);
  lookups_.erase(open);
  if (!nodes) return lookup.then(fail(std::move(nodes.error())));
  unsigned hops = 0;
  for (const Lookup& path : lookup.paths)
    if (const auto found = path.result()) hops = std::max(hops, found->hops);
  nodes->resize(std::min(nodes->size(), options_.successors + 1));
  const Contact first = nodes->front();
  nodes->erase(nodes->begin());
  lookup.then(Lookup::Found{first, std::move(*nodes), first, hops});
}

void Ring::find(std::string name, uint64_t user, Moment at) {
  begin(at);
  if (finds_.size() >= kFindsMax || pending_.size() >= kPendingMax) {
    effects_.push_back(FindDone{user, fail(Code::overloaded, "too many names are being found")});
    return;
  }
  const uint64_t id = ++last_id_;
  Find& find = finds_[id];
  find.user = user;
  find.name = std::move(name);
  try_names(find, options_.disjoint_paths > 1 ? Goal::owner : Goal::object);
  find_next(id);
  end();
}

/// All copies of the name from the first on: with Goal::object, of owners that may be guesses.
void Ring::try_names(Find& find, Goal goal) {
  find.goal = goal;
  find.replicas.clear();
  for (uint8_t r = 0; r <= options_.redundancy; ++r) {
    // Fisher and Yates, inside out: callers spread over the copies.
    const size_t at_index = rng_.below(r + 1u);
    find.replicas.insert(find.replicas.begin() + static_cast<std::ptrdiff_t>(at_index), r);
  }
  if (goal != Goal::object) return;
  // Those whose owner needs no lookup come first: which they are differs from node to node.
  std::stable_partition(find.replicas.begin(), find.replicas.end(), [&](uint8_t r) {
    const Point target = point(object_id(find.name, r));
    return !table_.is_responsible(target) && !table_.step_to_owner(target).responsible;
  });
}

/// While the ring changes, a guess that calls itself responsible may lack what the node that is
/// has: only that one's word counts when nothing is found.
void Ring::find_next(uint64_t id) {
  Find& find = finds_.at(id);
  if (find.replicas.empty() && find.goal == Goal::object) try_names(find, Goal::owner);
  if (find.replicas.empty()) {
    if (find.answered)
      return finish_find(id, fail(Code::not_found, "nobody provides " + find.name));
    return finish_find(id,
                       fail(Code::unavailable, "no node that may know " + find.name + " answered"));
  }
  const ObjectId object = object_id(find.name, find.replicas.back());
  find.replicas.pop_back();
  const auto then = [this, id, object](Result<Lookup::Found> found) {
    if (!found) {
      if (found.error().code == Code::overloaded) return finish_find(id, fail(found.error()));
      return find_next(id);
    }
    get(id, object, holders(*found));
  };
  start_lookup(point(object), then, find.goal);
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

/// Asks the first of `holders`; the others are tried when it does not answer. With the first guess
/// that is silent or says that it is not responsible, guessing ends.
void Ring::get(uint64_t id, const ObjectId& object, Contacts holders) {
  if (holders.empty()) return find_next(id);
  const Contact holder = holders.front();
  holders.erase(holders.begin());
  Find& find = finds_.at(id);
  const bool guessed = find.goal == Goal::object;
  if (holder.id == table_.self().id && (!guessed || table_.is_responsible(point(object))))
    return take(id, object, objects_.get(object, at_.wall_ms, rng_.next()), std::move(holders));
  if (holder.id == table_.self().id) {
    try_names(find, Goal::owner);
    return find_next(id);
  }
  const auto then = [this, id, object, holders, guessed](const NodeId&,
                                                         Result<Reply>& reply) mutable {
    auto* records = reply ? std::get_if<GetObjectReply>(&*reply) : nullptr;
    if (records != nullptr) return take(id, object, records->records, std::move(holders));
    if (!guessed) return get(id, object, std::move(holders));
    try_names(finds_.at(id), Goal::owner);
    find_next(id);
  };
  ask(holder, guessed ? Question(FindNode{point(object), true}) : Question(GetObject{object}),
      then);
}

/// What an earlier answer said of a provider holds against an older record in a later one. Where
/// there may be liars, one that has nothing is no proof that there is nothing.
void Ring::take(uint64_t id, const ObjectId& object, const RecordPtrs& records, Contacts others) {
  Find& find = finds_.at(id);
  find.answered = true;
  merge(find.newest, find.name, records);
  share_with_watches(find);
  Records live;
  for (const RecordPtr& record : find.newest)
    if (!record->withdrawn) live.push_back(*record);
  if (live.empty() && options_.disjoint_paths > 1) return get(id, object, std::move(others));
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
