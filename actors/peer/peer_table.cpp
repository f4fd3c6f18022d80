#include "actors/peer/peer_table.hpp"

#include <caf/all.hpp>

#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr Duration kTellEvery = 10s;

}  // namespace

PeerTable::PeerTable(Reactor& reactor, const wire::Identity& self, bool encryption, Rng& rng,
                     const MessageTypes& types, const Exports& exports, SessionTimes times)
    : reactor_(reactor),
      rng_(rng),
      self_(self.id()),
      cookies_(rng, reactor.loop().now()),
      times_(times) {
  handshake_.self = &self;
  handshake_.encryption = encryption;
  handshake_.cookies = &cookies_;
  keyed_ = spawn_hosted<KeyedRequests>(reactor, types, [this](caf::actor_id session) {
    const auto entry = entries_.find(session);
    return entry == entries_.end() ? nullptr : entry->second.session.get();
  });
  context_ = {&handshake_, &rng_, &types, &exports, this, false, keyed_.get()};
}

PeerTable::~PeerTable() {
  close_all();
  keyed_->stop();
}

Status PeerTable::listen(const net::Address& address) {
  THEMIS_TRY(listener_, reactor_.loop().listen(address, *this));
  return {};
}

SessionActor* PeerTable::find(const NodeId& peer) const {
  const auto successor = successors_.find(peer);
  const auto it = in_use_.find(successor == successors_.end() ? peer : successor->second);
  const bool takes = it != in_use_.end() && it->second->state() == SessionActor::State::open;
  return takes ? it->second : nullptr;
}

/// For callers that know an address and no identity.
SessionActor* PeerTable::find_at(const net::Address& address) const {
  for (const auto& [peer, session] : in_use_)
    if (session->initiator() && session->remote_address() == address) return find(peer);
  return nullptr;
}

PeerTable::Entry* PeerTable::find_dial(const NodeId& peer, const net::Address& address) {
  for (auto& [id, entry] : entries_) {
    const SessionActor& session = *entry.session;
    // One attempt for an address, unless both know whom they want and want another.
    const bool agree = session.peer() == peer || session.peer().is_zero() || peer.is_zero();
    if (entry.half_open && session.initiator() && session.remote_address() == address && agree)
      return &entry;
  }
  return nullptr;
}

void PeerTable::open(const NodeId& peer, const net::Address& address, Opened then) {
  if (closing_) return then(fail(Code::cancelled, "this node is leaving"));
  if (SessionActor* session = peer.is_zero() ? find_at(address) : find(peer))
    return then(entries_.at(session->id()).session);
  if (Entry* dial = find_dial(peer, address)) {
    dial->waiters.push_back({peer, std::move(then)});
    return;
  }
  if (entries_.size() >= kSessionsMax)
    return then(fail(Code::overloaded, "too many sessions are open"));
  ++counters_.dialled;
  const std::optional<NodeId> expected = peer.is_zero() ? std::nullopt : std::optional(peer);
  Session session = spawn_hosted<SessionActor>(reactor_, context_, times_, true, expected);
  Entry& entry = entries_[session->id()];
  entry.session = session;
  entry.waiters.push_back({peer, std::move(then)});
  if (const Status started = session->connect(address); !started) session->close(started.error());
}

net::StreamHandler* PeerTable::on_accept(const net::Address& from) {
  if (const auto host = half_open_hosts_.find(from.host);
      host != half_open_hosts_.end() && host->second.size() >= kHalfOpenPerHostMax)
    evict(host->second);
  if (half_open_.size() >= kHalfOpenMax) evict(half_open_);
  if (closing_ || entries_.size() >= kSessionsMax) {
    ++counters_.refused;
    return nullptr;
  }
  ++counters_.accepted;
  accepting_ = spawn_hosted<SessionActor>(reactor_, context_, times_, false, std::nullopt);
  Entry& entry = entries_[accepting_->id()];
  entry.session = accepting_;
  entry.host = from.host;
  half_open_.insert(accepting_->id());
  half_open_hosts_[from.host].insert(accepting_->id());
  cookies_.tick(reactor_.loop().now());
  cookies_.set_required(half_open_.size() >= kHalfOpenCookies);
  return &accepting_->stream_handler();
}

void PeerTable::evict(const Ids& half_open) {
  ++counters_.evicted;
  const Session oldest = entries_.at(*half_open.begin()).session;
  oldest->close({Code::overloaded, "too many handshakes are open"});
}

void PeerTable::accepted(net::StreamHandler*, std::unique_ptr<net::Stream> stream) {
  const Session session = std::exchange(accepting_, {});
  session->attach(std::move(stream));
}

void PeerTable::no_longer_half_open(Entry& entry) {
  if (!std::exchange(entry.half_open, false) || entry.host.empty()) return;
  const caf::actor_id id = entry.session->id();
  half_open_.erase(id);
  cookies_.set_required(half_open_.size() >= kHalfOpenCookies);
  const auto host = half_open_hosts_.find(entry.host);
  host->second.erase(id);
  if (host->second.empty()) half_open_hosts_.erase(host);
}

/// True when `fresh` is to be used. Both ends come to the same answer: a newer session of the same
/// initiator replaces the older one (its end restarted); else the one that the lower identity
/// opened wins.
bool PeerTable::prefer(const SessionActor& existing, const SessionActor& fresh) const {
  if (existing.state() != SessionActor::State::open) return true;
  if (existing.initiator() == fresh.initiator()) return true;
  const bool self_is_lower = self_ < fresh.peer();
  return fresh.initiator() == self_is_lower;
}

Status PeerTable::on_session_open(SessionActor& session) {
  Entry& entry = entries_.at(session.id());
  no_longer_half_open(entry);
  const Session keep_alive = entry.session;
  const auto waiters = std::exchange(entry.waiters, {});
  SessionActor*& in_use = in_use_[session.peer()];
  SessionActor* existing = in_use;
  SessionActor* used = existing == nullptr || prefer(*existing, session) ? &session : existing;
  in_use = used;
  const std::vector<NodeId>& former = session.standing().former;
  for (const NodeId& old : former) successors_[old] = session.peer();
  const Session handle = entries_.at(used->id()).session;
  if (existing != nullptr) (used == existing ? session : *existing).drain();
  log::debug("peer", "session with {} ({}) is open", session.peer().brief(),
             session.remote_address().text());
  for (const auto& [expected, then] : waiters) {
    const bool succeeded = std::ranges::find(former, expected) != former.end();
    if (expected.is_zero() || expected == session.peer() || succeeded) {
      then(handle);
    } else {
      open(expected, session.remote_address(), then);  // somebody else answered: this says so
    }
  }
  return {};
}

void PeerTable::on_session_closed(SessionActor& session, const Error& why) {
  auto node = entries_.extract(session.id());
  if (node.empty()) return;
  Entry& entry = node.mapped();
  const bool was_half_open = entry.half_open;
  no_longer_half_open(entry);
  if (was_half_open) {
    ++counters_.handshakes_failed;
    log::debug("peer", "no session with {}: {}", session.remote_address().text(), why.text());
    if (why.code == Code::denied) note_denied(session, why);
  }
  const auto used = in_use_.find(session.peer());
  const bool was_used = used != in_use_.end() && used->second == &session;
  if (was_used) {
    in_use_.erase(used);
    std::erase_if(successors_, [&](const auto& one) { return one.second == session.peer(); });
  }
  const Error reported{why.code, session.remote_address().text() + ": " + why.detail};
  if (session.refused() && !closing_) note_refused(reported);
  for (const Waiter& waiter : entry.waiters) waiter.then(fail(reported));
  if (was_used && !closing_ && !session.drained()) {
    log::debug("peer", "session with {} ended: {}", session.peer().brief(), why.text());
    if (lost_) lost_(session.peer(), why);
  }
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
}

}  // namespace themis
