#include "actors/peer/peer_table.hpp"

#include <caf/all.hpp>

#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr Duration kTellEvery = 10s;
/// Nodes that all peers together have presented: 16 sessions' worth, 26 MB.
constexpr size_t kPeerNodesMax = 16 * wire::kPresentedMax;

}  // namespace

PeerTable::PeerTable(Reactor& reactor, const wire::Identity& self, bool encryption, Rng& rng,
                     const MessageTypes& types, const Exports& exports, SessionTimes times,
                     const PeerLimits& limits)
    : reactor_(reactor),
      rng_(rng),
      self_(self),
      cookies_(rng, reactor.loop().now()),
      times_(times),
      limits_(limits) {
  handshake_.self = &self;
  handshake_.encryption = encryption;
  handshake_.cookies = &cookies_;
  keyed_ = spawn_hosted<KeyedRequests>(reactor, types, [this](caf::actor_id session) {
    if (local_ && local_->id() == session) return local_.get();
    const auto entry = entries_.find(session);
    return entry == entries_.end() ? nullptr : entry->second.session.get();
  });
  nodes_.add(self, exports, {});
  context_ = {&handshake_, &rng_, &types, &exports, this, false, &nodes_, keyed_.get()};
}

PeerTable::~PeerTable() {
  close_all();
  reactor_.loop().cancel(ending_);
  keyed_->stop();
}

Status PeerTable::listen(const net::Address& address) {
  THEMIS_TRY(listener_, reactor_.loop().listen(address, *this));
  return {};
}

SessionActor* PeerTable::find(const NodeId& peer) const {
  const auto successor = successors_.find(peer);
  const NodeId& wanted = successor == successors_.end() ? peer : successor->second;
  const auto host = hosts_.find(wanted);
  const auto it = peers_.find(host == hosts_.end() ? wanted : host->second);
  SessionActor* used = it == peers_.end() ? nullptr : it->second.used;
  return used != nullptr && used->state() == SessionActor::State::open ? used : nullptr;
}

/// The session with the process that answered last at this address.
SessionActor* PeerTable::find_at(const net::Address& address) const {
  const auto peer = addresses_.find(address);
  return peer == addresses_.end() ? nullptr : find(peer->second);
}

/// Later this address is no reason to dial: a process has one for all of its nodes.
void PeerTable::learn_address(const SessionActor& session) {
  if (!session.initiator()) return;
  const net::Address& address = session.remote_address();
  std::vector<net::Address>& known = peers_.at(session.peer()).addresses;
  if (std::ranges::find(known, address) == known.end()) {
    if (known.size() >= kAddressesMax) {
      if (addresses_[known.front()] == session.peer()) addresses_.erase(known.front());
      known.erase(known.begin());
    }
    known.push_back(address);
  }
  addresses_[address] = session.peer();
}

PeerTable::Entry* PeerTable::find_dial(const net::Address& address) {
  for (auto& [id, entry] : entries_)
    if (entry.half_open && entry.session->initiator() && entry.session->remote_address() == address)
      return &entry;
  return nullptr;
}

void PeerTable::open(const NodeId& peer, const net::Address& address, Opened then,
                     LocalNodes::Number from) {
  if (closing_) return then(fail(Code::cancelled, "this node is leaving"));
  Waiter waiter{peer, address, std::move(then), from};
  if (const auto local = nodes_.number_of(peer)) return open_locally(*local, std::move(waiter));
  if (SessionActor* session = peer.is_zero() ? nullptr : find(peer))
    return give(*session, std::move(waiter));
  if (SessionActor* session = find_at(address)) {
    waiter.arrived = session->initiator() && session->remote_address() == address;
    return give(*session, std::move(waiter));
  }
  dial(std::move(waiter));
}

void PeerTable::dial(Waiter waiter) {
  waiter.arrived = true;
  if (Entry* dial = find_dial(waiter.address)) {
    if (dial->waiters.size() >= limits_.waiters_max)
      return waiter.then(fail(Code::overloaded, "too many wait for " + waiter.address.text()));
    dial->waiters.push_back(std::move(waiter));
    return;
  }
  if (entries_.size() >= kSessionsMax)
    return waiter.then(fail(Code::overloaded, "too many sessions are open"));
  ++counters_.dialled;
  // Which of its nodes shakes hands is the process's matter: the one that is wanted proves itself
  // then.
  Session session = spawn_hosted<SessionActor>(reactor_, context_, times_, true, std::nullopt);
  Entry& entry = entries_[session->id()];
  entry.session = session;
  const net::Address address = waiter.address;
  entry.waiters.push_back(std::move(waiter));
  if (const Status started = session->connect(address); !started) session->close(started.error());
}

/// The way over an open session, as soon as who is wanted has proved itself there.
void PeerTable::give(SessionActor& session, Waiter waiter) {
  const std::vector<NodeId>& former = session.standing().former;
  const bool succeeded = std::ranges::find(former, waiter.expected) != former.end();
  const NodeId peer = waiter.expected.is_zero() || succeeded ? session.peer() : waiter.expected;
  if (const auto to = session.number_of(peer)) {
    const Result<uint16_t> from = session.present(waiter.from);
    if (!from) return waiter.then(fail(from.error()));
    const Session handle(caf::strong_actor_ptr{session.ctrl()});
    return waiter.then(PeerLink(handle, peer, {*from, *to}));
  }
  const auto known = proofs_.find({session.id(), peer});
  if (proofs_.size() >= limits_.waiters_max ||
      (known != proofs_.end() && known->second.waiters.size() >= limits_.waiters_max))
    return waiter.then(
        fail(Code::overloaded, "too many wait for " + session.remote_address().text()));
  const auto [proof, first] = proofs_.try_emplace({session.id(), peer});
  proof->second.waiters.push_back(std::move(waiter));
  if (!first) return;
  if (times_.handshake > 0s)
    proof->second.timer = reactor_.loop().after(times_.handshake, [this, key = proof->first] {
      for (const Waiter& late : take_proof(key))
        late.then(fail(Code::timeout, late.address.text() + " does not say whether it is " +
                                          late.expected.brief()));
    });
  session.ask_to_prove(peer);
}

std::vector<PeerTable::Waiter> PeerTable::take_proof(const ProofKey& key) {
  auto node = proofs_.extract(key);
  if (node.empty()) return {};
  reactor_.loop().cancel(node.mapped().timer);
  return std::move(node.mapped().waiters);
}

Status PeerTable::on_node_presented(SessionActor& session, const NodeId& node) {
  if (nodes_.number_of(node)) return fail(Code::invalid, "the peer is a node of this process");
  if (handshake_.admission != nullptr && !handshake_.admission->inviters.empty())
    return fail(Code::denied, "an invite is for the node that shakes hands");
  if (hosts_.size() >= kPeerNodesMax && !hosts_.contains(node))
    return fail(Code::overloaded, "the peers present too many nodes");
  hosts_[node] = session.peer();
  // Opened again: another session may be in use by now.
  for (Waiter& waiter : take_proof({session.id(), node}))
    open(waiter.expected, waiter.address, std::move(waiter.then), waiter.from);
  return {};
}

void PeerTable::on_node_absent(SessionActor& session, const NodeId& node) {
  for (Waiter& waiter : take_proof({session.id(), node})) {
    if (const auto host = hosts_.find(node); host != hosts_.end() && host->second == session.peer())
      hosts_.erase(host);
    if (!waiter.arrived) {
      dial(std::move(waiter));  // it has moved
    } else {
      waiter.then(fail(Code::wrong_peer, "another identity answers at " + waiter.address.text()));
    }
  }
}

void PeerTable::open_locally(LocalNodes::Number to, Waiter waiter) {
  if (nodes_.find(waiter.from) == nullptr)
    return waiter.then(fail(Code::cancelled, "this node has left"));
  if (!local_) {
    local_ = spawn_hosted<SessionActor>(reactor_, context_, times_, false, std::nullopt);
    local_->loop_back();
  }
  waiter.then(PeerLink(local_, waiter.expected, {waiter.from, to}));
}

void PeerTable::remove(LocalNodes::Number number) {
  const LocalNodes::Node* node = nodes_.find(number);
  if (node == nullptr) return;
  const NodeId id = node->identity->id();
  nodes_.remove(number);
  tell_lost({&id, 1}, {Code::unavailable, "the node has left"});
  const auto here = [](const LocalNodes::Node& other) { return other.here; };
  if (std::ranges::any_of(nodes_.all(), here)) return;
  std::vector<Session> sessions;
  for (const auto& [entry_id, entry] : entries_) sessions.push_back(entry.session);
  for (const Session& session : sessions) session->finish();
}

void PeerTable::tell_lost(std::span<const NodeId> nodes, const Error& why) {
  if (closing_) return;
  std::vector<Lost> told;
  for (const LocalNodes::Node& node : nodes_.all())
    if (node.here && node.lost) told.push_back(node.lost);
  for (const Lost& lost : told)
    for (const NodeId& node : nodes) lost(node, why);
}

net::StreamHandler* PeerTable::on_accept(const net::Address& from) {
  const std::string site = from.site();
  if (const auto* crowd = half_open_.crowd(site, kHalfOpenPerHostMax, kHalfOpenMax, rng_))
    evict(*crowd);
  if (closing_ || entries_.size() >= kSessionsMax) {
    ++counters_.refused;
    return nullptr;
  }
  ++counters_.accepted;
  accepting_ = spawn_hosted<SessionActor>(reactor_, context_, times_, false, std::nullopt);
  Entry& entry = entries_[accepting_->id()];
  entry.session = accepting_;
  entry.site = site;
  half_open_.add(site, accepting_->id());
  cookies_.tick(reactor_.loop().now());
  cookies_.set_required(half_open_.size() >= kHalfOpenCookies);
  return &accepting_->stream_handler();
}

/// At random, so that a caller who is far away is no surer victim than the ones that stall; but
/// first those that have sent nothing that holds.
void PeerTable::evict(const SiteTable::Ids& half_open) {
  ++counters_.evicted;
  Session victim;
  bool unheard = false;
  uint64_t equals = 0;
  for (const SiteTable::Id id : half_open) {
    const Session& session = entries_.at(id).session;
    if (unheard && !session->unheard()) continue;
    if (!unheard && session->unheard()) equals = 0;
    unheard = session->unheard();
    if (rng_.below(++equals) == 0) victim = session;
  }
  victim->close({Code::overloaded, "too many handshakes are open"});
}

/// For a caller who has proved who it is.
void PeerTable::make_room(const Entry& fresh) {
  const bool is_local = fresh.session->remote_address().is_loopback();
  const auto* crowd = accepted_.crowd(
      fresh.site, is_local ? SIZE_MAX : limits_.accepted_per_site_max, limits_.accepted_max, rng_);
  if (crowd == nullptr) return;
  const auto unused = std::ranges::min_element(
      *crowd, {}, [this](SiteTable::Id id) { return entries_.at(id).session->last_used(); });
  const Session victim = entries_.at(*unused).session;
  ++counters_.sessions_evicted;
  log::debug("peer", "{} makes room for {}", victim->remote_address().text(), fresh.site);
  victim->finish();
}

/// Outside of any session's own work.
void PeerTable::on_waiting_changed(SessionActor& session, int64_t bytes) {
  if (local_ && &session == local_.get()) return;  // it is one, with limits of its own
  waiting_bytes_ += static_cast<size_t>(bytes);
  if (waiting_bytes_ > limits_.waiting_bytes_max && ending_ == 0)
    ending_ = reactor_.loop().after(0s, [this] { end_largest(); });
}

void PeerTable::end_largest() {
  ending_ = 0;
  while (waiting_bytes_ > limits_.waiting_bytes_max) {
    const auto largest = std::ranges::max_element(
        entries_, {}, [](const auto& entry) { return entry.second.session->waiting_bytes(); });
    THEMIS_ASSERT(largest != entries_.end() && largest->second.session->waiting_bytes() > 0,
                  "what waits waits in some session");
    ++counters_.sessions_evicted;
    const Session session = largest->second.session;
    session->close({Code::overloaded, "too many bytes wait in all sessions, most of them here"});
  }
}

void PeerTable::accepted(net::StreamHandler*, std::unique_ptr<net::Stream> stream) {
  const Session session = std::exchange(accepting_, {});
  session->attach(std::move(stream));
}

void PeerTable::no_longer_half_open(Entry& entry) {
  if (!std::exchange(entry.half_open, false) || entry.site.empty()) return;
  half_open_.erase(entry.site, entry.session->id());
  cookies_.set_required(half_open_.size() >= kHalfOpenCookies);
}

/// True when `fresh` is to be used. Both ends come to the same answer: a newer session of the same
/// initiator replaces the older one (its end restarted); else the one that the lower identity
/// opened wins.
bool PeerTable::prefer(const SessionActor& existing, const SessionActor& fresh) const {
  if (existing.state() != SessionActor::State::open) return true;
  if (existing.initiator() == fresh.initiator()) return true;
  const bool self_is_lower = self_.id() < fresh.peer();
  return fresh.initiator() == self_is_lower;
}

/// Which session with this peer is used from now on. The other one drains, and one that drained
/// already ends: a peer that opens session after session holds two, not all there may be.
SessionActor* PeerTable::settle(SessionActor& fresh) {
  Pair& pair = peers_[fresh.peer()];
  SessionActor* existing = std::exchange(pair.used, &fresh);
  learn_address(fresh);
  if (existing == nullptr) return &fresh;
  if (!prefer(*existing, fresh)) std::swap(pair.used, existing);
  SessionActor* used = pair.used;
  SessionActor* before = std::exchange(pair.draining, existing);
  existing->drain();
  if (before != nullptr) entries_.at(before->id()).session->finish();
  return used;
}

Status PeerTable::on_session_open(SessionActor& session) {
  Entry& entry = entries_.at(session.id());
  no_longer_half_open(entry);
  const Session keep_alive = entry.session;
  auto waiters = std::exchange(entry.waiters, {});
  if (!entry.site.empty()) {
    make_room(entry);
    if (session.state() == SessionActor::State::closed) return {};  // with the last node here
    accepted_.add(entry.site, session.id());
  }
  const Session handle(caf::strong_actor_ptr{settle(session)->ctrl()});
  std::erase_if(successors_, [&](const auto& one) { return one.second == session.peer(); });
  for (const NodeId& old : handle->standing().former) successors_[old] = session.peer();
  hosts_.erase(session.peer());
  log::debug("peer", "session with {} ({}) is open", session.peer().brief(),
             session.remote_address().text());
  for (Waiter& waiter : waiters) give(*handle, std::move(waiter));
  return {};
}

/// Whether it was the one in use.
bool PeerTable::forget(const SessionActor& session) {
  const auto pair = peers_.find(session.peer());
  if (pair == peers_.end()) return false;
  const bool was_used = pair->second.used == &session;
  if (was_used) pair->second.used = nullptr;
  if (pair->second.draining == &session) pair->second.draining = nullptr;
  if (pair->second.used != nullptr || pair->second.draining != nullptr) return was_used;
  for (const net::Address& address : pair->second.addresses)
    if (const auto at = addresses_.find(address);
        at != addresses_.end() && at->second == session.peer())
      addresses_.erase(at);
  peers_.erase(pair);
  return was_used;
}

void PeerTable::on_session_closed(SessionActor& session, const Error& why) {
  auto node = entries_.extract(session.id());
  if (node.empty()) return;
  Entry& entry = node.mapped();
  const bool was_half_open = entry.half_open;
  add(counters_, session);
  no_longer_half_open(entry);
  accepted_.erase(entry.site, session.id());
  if (was_half_open) {
    ++counters_.handshakes_failed;
    log::debug("peer", "no session with {}: {}", session.remote_address().text(), why.text());
    if (why.code == Code::denied) note_denied(session, why);
  }
  const bool was_used = forget(session);
  if (was_used && find(session.peer()) == nullptr)
    std::erase_if(successors_, [&](const auto& one) { return one.second == session.peer(); });
  const Error reported{why.code, session.remote_address().text() + ": " + why.detail};
  if (session.refused() && !closing_) note_refused(reported);
  for (const Waiter& waiter : entry.waiters) waiter.then(fail(reported));
  fail_proofs(session, reported);
  forget_nodes(session);
  if (was_used && !closing_ && !session.drained()) {
    log::debug("peer", "session with {} ended: {}", session.peer().brief(), why.text());
    std::vector<NodeId> lost{session.peer()};
    lost.insert(lost.end(), session.presented().begin(), session.presented().end());
    tell_lost(lost, why);
  }
}

void PeerTable::fail_proofs(const SessionActor& session, const Error& why) {
  const auto of_session = [&] { return proofs_.lower_bound({session.id(), NodeId{}}); };
  for (auto next = of_session(); next != proofs_.end() && next->first.first == session.id();
       next = of_session())
    for (const Waiter& waiter : take_proof(next->first)) waiter.then(fail(why));
}

/// What is known of hosts is what open sessions have presented.
void PeerTable::forget_nodes(const SessionActor& session) {
  const SessionActor* used = find(session.peer());
  for (const NodeId& node : session.presented()) {
    const auto host = hosts_.find(node);
    if (host == hosts_.end() || host->second != session.peer()) continue;
    if (used == nullptr || !used->number_of(node)) hosts_.erase(host);
  }
}

void PeerTable::add(Counters& to, const SessionActor& session) {
  to.rekeyed += session.rekeyed();
  to.cancels_sent += session.counters().cancels_sent;
  to.cancels_received += session.counters().cancels_received;
}

PeerTable::Counters PeerTable::counters() const {
  Counters all = counters_;
  for (const auto& [id, entry] : entries_) add(all, *entry.session);
  if (local_) add(all, *local_);
  return all;
}

/// Peers that are asked again and again refuse each time: one line a while.
void PeerTable::note_refused(const Error& why) {
  const TimePoint now = reactor_.loop().now();
  if (refused_told_ != TimePoint{} && now - refused_told_ < kTellEvery) return;
  refused_told_ = now;
  log::warn("peer", "{}", why.detail);
}

/// Anybody can cause these: one line a while.
void PeerTable::note_denied(const SessionActor& session, const Error& why) {
  ++counters_.denied;
  const TimePoint now = reactor_.loop().now();
  if (counters_.denied > 1 && now - denied_told_ < kTellEvery) return;
  denied_told_ = now;
  log::warn("peer", "refused {} ({} refused so far): {}", session.remote_address().text(),
            counters_.denied, why.detail);
}

std::vector<const SessionActor*> PeerTable::sessions() const {
  std::vector<const SessionActor*> open;
  for (const auto& [id, entry] : entries_)
    if (!entry.half_open) open.push_back(entry.session.get());
  return open;
}

void PeerTable::close_all() {
  closing_ = true;
  listener_.reset();
  std::vector<Session> sessions;
  for (const auto& [id, entry] : entries_) sessions.push_back(entry.session);
  for (const Session& session : sessions) session->finish();
  if (local_) local_->finish();
}

}  // namespace themis
