#include "tests/sim/ring_world.hpp"

#include <algorithm>

namespace themis::ring {

RingWorld::RingWorld(uint64_t seed, size_t nodes, RingOptions options)
    : world_(seed), options_(options) {
  for (size_t i = 0; i < nodes; ++i) {
    Node& node = *nodes_.emplace_back(std::make_unique<Node>());
    node.identity = wire::Identity::generate("sim", world_.rng());
    node.id = node.identity->id();
    node.host =
        &world_.add_host("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
    by_address_[contact(i).address] = i;
    by_id_[node.id] = i;
  }
}

Contact RingWorld::contact(size_t i) const {
  return {nodes_[i]->id, {nodes_[i]->host->ip(), 7001}};
}

Moment RingWorld::moment(size_t i) const { return {world_.now(), nodes_[i]->host->wall_ms()}; }

std::optional<size_t> RingWorld::at(const net::Address& address) const {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

void RingWorld::start(size_t i, std::vector<size_t> bootstrap) {
  Node& node = *nodes_[i];
  world_.restart(*node.host);
  ++node.life;
  node.refuses = node.joined = node.left = false;
  node.due = TimePoint::max();
  node.entries.clear();
  node.rng = std::make_unique<SeededRng>(world_.rng().next());
  node.ring = std::make_unique<Ring>(*node.identity, contact(i).address, options_, *node.rng);
  std::vector<net::Address> addresses;
  for (const size_t b : bootstrap) addresses.push_back(contact(b).address);
  node.ring->start(std::move(addresses), moment(i));
  drain(i);
}

void RingWorld::crash(size_t i, sim::Crash how) {
  world_.crash(*nodes_[i]->host, how);
  nodes_[i]->ring.reset();
  ++nodes_[i]->life;
  nodes_[i]->refuses = how == sim::Crash::reset;
  after_event(i);
  if (how != sim::Crash::reset) return;
  for (size_t other = 0; other < nodes_.size(); ++other) {
    if (!lives(other) || !nodes_[other]->entries.contains(nodes_[i]->id)) continue;
    // The session breaks; one more attempt to connect fails.
    nodes_[other]->host->after(3 * latency(), [this, other, i, life = nodes_[i]->life] {
      if (!lives(other) || nodes_[i]->life != life) return;
      ring(other).session_lost(nodes_[i]->id, moment(other));
      ring(other).unreachable(nodes_[i]->id, moment(other));
      drain(other);
    });
  }
}

void RingWorld::leave(size_t i) {
  nodes_[i]->ring->leave(moment(i));
  drain(i);
}

void RingWorld::partition(const std::set<size_t>& side) {
  for (const size_t inside : side) {
    for (size_t other = 0; other < nodes_.size(); ++other) {
      if (side.contains(other)) continue;
      cut(inside, other);
      cut(other, inside);
    }
  }
}

void RingWorld::provide(size_t i, const std::string& name) {
  nodes_[i]->ring->provide(name, to_bytes("payload of " + name), ++last_user_, moment(i));
  drain(i);
}

void RingWorld::watch(size_t i, const std::string& name, uint64_t user) {
  THEMIS_ASSERT(nodes_[i]->ring->watch(name, user, moment(i)).has_value(), "few watches");
  drain(i);
}

uint64_t RingWorld::begin_lookup(size_t i, const Point& target) {
  const uint64_t user = ++last_user_;
  nodes_[i]->ring->lookup(target, user, moment(i));
  drain(i);
  return user;
}

uint64_t RingWorld::begin_find(size_t i, const std::string& name) {
  const uint64_t user = ++last_user_;
  nodes_[i]->ring->find(name, user, moment(i));
  drain(i);
  return user;
}

std::optional<Result<Contacts>> RingWorld::lookup_ended(uint64_t user) {
  auto ended = lookups_.extract(user);
  if (ended.empty()) return std::nullopt;
  return std::move(ended.mapped());
}

std::optional<Result<Records>> RingWorld::find_ended(uint64_t user) {
  auto ended = finds_.extract(user);
  if (ended.empty()) return std::nullopt;
  return std::move(ended.mapped());
}

Result<Contacts> RingWorld::lookup(size_t i, const Point& target) {
  const uint64_t user = begin_lookup(i, target);
  if (!world_.run_until([&] { return lookups_.contains(user); }, 60s))
    return fail(Code::timeout, "the lookup never ended");
  return *lookup_ended(user);
}

Result<Records> RingWorld::find(size_t i, const std::string& name) {
  const uint64_t user = begin_find(i, name);
  if (!world_.run_until([&] { return finds_.contains(user); }, 60s))
    return fail(Code::timeout, "the find never ended");
  return *find_ended(user);
}

Duration RingWorld::latency() {
  const auto range = static_cast<uint64_t>((faults_.latency_max - faults_.latency_min).count());
  return faults_.latency_min + Duration(static_cast<int64_t>(world_.rng().below(range + 1)));
}

bool RingWorld::is_lost(size_t from, size_t to) {
  return cut_.contains({from, to}) || world_.rng().unit() < faults_.loss;
}

void RingWorld::drain(size_t i) {
  while (nodes_[i]->ring) {
    const Effects effects = nodes_[i]->ring->take_effects();
    if (effects.empty()) break;
    for (const Effect& effect : effects) apply(i, effect);
  }
  if (nodes_[i]->left) {
    crash(i);  // the process ends
  }
  schedule(i);
  after_event(i);
}

void RingWorld::apply(size_t i, const Effect& effect) {
  Node& node = *nodes_[i];
  if (const auto* ask = std::get_if<Ask>(&effect)) send(i, *ask);
  if (const auto* done = std::get_if<LookupDone>(&effect)) {
    lookups_.emplace(done->user, done->nodes);
    hops.push_back(done->hops);
  }
  if (const auto* done = std::get_if<FindDone>(&effect)) finds_.emplace(done->user, done->records);
  if (const auto* done = std::get_if<StoreDone>(&effect))
    ++(done->status ? stored : store_failures);
  if (const auto* event = std::get_if<WatchEvent>(&effect))
    watched[event->user].push_back(event->records);
  if (const auto* added = std::get_if<FingerAdded>(&effect)) node.entries.insert(added->contact.id);
  if (const auto* removed = std::get_if<FingerRemoved>(&effect)) node.entries.erase(removed->id);
  if (std::holds_alternative<Joined>(effect)) node.joined = true;
  if (std::holds_alternative<Left>(effect)) node.left = true;
}

/// A question travels, is answered, and the answer travels back; lost on either way it times out.
void RingWorld::send(size_t i, const Ask& ask) {
  ++asks;
  Node& node = *nodes_[i];
  const std::optional<size_t> to = at(ask.to.address);
  const uint64_t life = node.life;
  if (!to || is_lost(i, *to)) {
    node.host->after(ask.timeout,
                     [this, i, ask] { finish(i, ask, {}, fail(Code::timeout, "no answer")); });
    return;
  }
  const int copies = faults_.duplicates > 0 && world_.rng().unit() < faults_.duplicates ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy)
    world_.at(latency(), [this, i, ask, to = *to, life] { arrive(i, to, ask, life); });
}

void RingWorld::arrive(size_t i, size_t to, const Ask& ask, uint64_t life) {
  Node& asker = *nodes_[i];
  if (asker.life != life || !asker.host->alive()) return;
  const auto timeout = [&] {
    asker.host->after(ask.timeout,
                      [this, i, ask] { finish(i, ask, {}, fail(Code::timeout, "no answer")); });
  };
  Node& asked = *nodes_[to];
  if (!asked.ring && asked.refuses) {
    asker.host->after(latency(), [this, i, ask] {
      finish(i, ask, {}, fail(Code::unavailable, "connection refused"));
    });
    return;
  }
  if (!asked.ring) return timeout();
  std::optional<Result<Reply>> lie = liar ? liar(to, ask.question) : std::nullopt;
  if (lie && !*lie && lie->error().code == Code::timeout) return timeout();
  Result<Reply> reply =
      lie ? *std::move(lie) : asked.ring->answer(asker.id, ask.question, moment(to));
  drain(to);
  if (is_lost(to, i)) return timeout();
  asker.host->after(latency(), [this, i, ask, from = asked.id, reply = std::move(reply)] {
    finish(i, ask, from, reply);
  });
}

void RingWorld::finish(size_t i, const Ask& ask, const NodeId& from, Result<Reply> reply) {
  if (!nodes_[i]->ring) return;
  nodes_[i]->ring->answered(ask.token, from, std::move(reply), moment(i));
  drain(i);
}

void RingWorld::schedule(size_t i) {
  Node& node = *nodes_[i];
  if (!node.ring || node.ring->next_wakeup() == node.due) return;
  node.host->cancel(node.timer);
  node.due = node.ring->next_wakeup();
  if (node.due == TimePoint::max()) return;
  node.timer = node.host->after(node.due - world_.now(), [this, i] {
    nodes_[i]->due = TimePoint::max();
    nodes_[i]->ring->tick(moment(i));
    drain(i);
  });
}

std::vector<size_t> RingWorld::members() const {
  std::vector<size_t> out;
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i]->ring && nodes_[i]->joined && nodes_[i]->ring->state() == Ring::State::joined)
      out.push_back(i);
  std::sort(out.begin(), out.end(),
            [&](size_t a, size_t b) { return nodes_[a]->id < nodes_[b]->id; });
  return out;
}

size_t RingWorld::responsible(const Point& target) const {
  const std::vector<size_t> all = members();
  for (const size_t i : all)
    if (target.bytes <= nodes_[i]->id.bytes) return i;
  return all.front();
}

bool RingWorld::is_ideal() const {
  const std::vector<size_t> all = members();
  for (size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i]->ring && nodes_[i]->ring->state() == Ring::State::joining) return false;
  const size_t n = all.size();
  for (size_t at = 0; at < n; ++at) {
    const RoutingTable& table = nodes_[all[at]]->ring->table();
    const size_t want = std::min(n - 1, options_.successors);
    if (table.successors().size() != want) return false;
    for (size_t k = 0; k < want; ++k)
      if (table.successors()[k].id != nodes_[all[(at + 1 + k) % n]]->id) return false;
    if (n > 1 &&
        (!table.predecessor() || table.predecessor()->id != nodes_[all[(at + n - 1) % n]]->id))
      return false;
    if (n == 1 && table.predecessor()) return false;
  }
  return true;
}

std::string RingWorld::describe() const {
  std::string out;
  for (const size_t i : members()) {
    const RoutingTable& table = nodes_[i]->ring->table();
    out += nodes_[i]->id.brief() + " <- " +
           (table.predecessor() ? table.predecessor()->id.brief() : "-") + " ->";
    for (const Contact& c : table.successors()) out += ' ' + c.id.brief();
    out += '\n';
  }
  return out;
}

std::optional<size_t> RingWorld::rounds_to_ideal(size_t rounds) {
  const TimePoint begin = world_.now();
  const Duration limit = static_cast<int64_t>(rounds) * options_.update_period;
  if (!world_.run_until([&] { return is_ideal(); }, limit)) return std::nullopt;
  return static_cast<size_t>((world_.now() - begin) / options_.update_period) + 1;
}

std::string broken_list(RingWorld& world) {
  for (size_t i = 0; i < world.size(); ++i) {
    if (!world.lives(i)) continue;
    const RoutingTable& table = world.ring(i).table();
    const NodeId* last = &table.self().id;
    for (const Contact& next : table.successors()) {
      if (!is_between(*last, next.id, table.self().id))
        return "successors of " + table.self().id.brief() + " are out of order";
      last = &next.id;
    }
    if (table.predecessor() && table.predecessor()->id == table.self().id)
      return table.self().id.brief() + " is its own predecessor";
    std::set<NodeId> known;
    for (const Contact& entry : table.entries())
      if (!known.insert(entry.id).second || entry.id == table.self().id)
        return "entries of " + table.self().id.brief() + " hold an identity twice";
    if (known != world.node(i).entries && !world.node(i).left)
      return "the shell of " + table.self().id.brief() + " was told of other entries";
  }
  return {};
}

std::string broken_ring(RingWorld& world) {
  const std::vector<size_t> all = world.members();
  std::map<NodeId, size_t> by_id;
  for (const size_t i : all) by_id[world.node(i).id] = i;
  std::map<size_t, size_t> best;
  for (const size_t i : all) {
    const RoutingTable& table = world.ring(i).table();
    if (table.alone()) best[i] = i;
    for (const Contact& next : table.successors())
      if (by_id.contains(next.id)) best.try_emplace(i, by_id[next.id]);
    if (!best.contains(i)) return world.node(i).id.brief() + " has no live successor";
  }
  std::optional<std::set<size_t>> ring;
  for (const size_t i : all) {
    size_t at = i;
    for (size_t hop = 0; hop < all.size(); ++hop) at = best[at];
    std::set<size_t> cycle;
    size_t wraps = 0;
    for (size_t walker = at; cycle.insert(walker).second; walker = best[walker])
      if (world.node(best[walker]).id <= world.node(walker).id) ++wraps;
    if (wraps > 1) return "the ring winds round the circle more than once";
    if (ring && *ring != cycle) return "there are two rings";
    ring = cycle;
  }
  return {};
}

}  // namespace themis::ring
