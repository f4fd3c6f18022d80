#pragma once
// All sessions of one node: who is connected, who is being dialled, who knocks. At most one session
// per peer is in use.

#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

#include "actors/peer/keyed_requests.hpp"
#include "actors/peer/session_actor.hpp"

namespace themis {

/// Reactor thread only. Limits: kSessionsMax sessions, kHalfOpenMax handshakes of callers that have
/// not proved who they are (kHalfOpenPerHostMax from one host), each for SessionTimes::handshake.
/// Past a half-open limit the oldest handshake makes room: callers that stall keep nobody out, as a
/// live one is through in a millisecond.
class PeerTable final : private SessionOwner, private net::Acceptor {
 public:
  static constexpr size_t kSessionsMax = 4096;
  static constexpr size_t kHalfOpenMax = 256;
  static constexpr size_t kHalfOpenPerHostMax = 64;
  /// With so many handshakes open a caller is asked for a cookie before anything is computed for
  /// it. Honest callers are through in a millisecond: half of what one host may hold open is load.
  static constexpr size_t kHalfOpenCookies = kHalfOpenPerHostMax / 2;

  using Session = HostedPtr<SessionActor>;
  using Opened = std::function<void(Result<Session>)>;
  /// The session in use with a peer was lost, and why. One that drained by agreement was not.
  using Lost = std::function<void(const NodeId&, const Error&)>;

  struct Counters {
    uint64_t accepted = 0;
    uint64_t dialled = 0;
    uint64_t refused =
        0;  ///< Connections closed at once: kSessionsMax are open, or this node leaves.
    uint64_t evicted = 0;            ///< Half-open handshakes that made room.
    uint64_t handshakes_failed = 0;  ///< All that ended without a session, evicted ones included.
    /// Of these, peers that may not be here: without a valid invite, or of another mind about
    /// encryption.
    uint64_t denied = 0;
  };

  /// Everything outlives the table.
  PeerTable(Reactor& reactor, const wire::Identity& self, bool encryption, Rng& rng,
            const MessageTypes& types, const Exports& exports, SessionTimes times = {});
  ~PeerTable() override;

  void set_lost(Lost lost) { lost_ = std::move(lost); }
  /// Before listen() and open(). Outlives the table.
  void set_admission(const wire::Admission& admission) { handshake_.admission = &admission; }
  /// Errors: io.
  Status listen(const net::Address& address);
  net::Address address() const { return listener_->address(); }

  /// Gives `then` the session with `peer` (zero: whoever of the network answers at `address`), the
  /// one there is or a new one; when the node there proves to have taken the place of `peer`, with
  /// that node: SessionActor::peer() tells. `then` may run before open() returns. Errors:
  /// unavailable, wrong_peer, timeout, overloaded and the handshake's; nothing has been sent then
  /// but the handshake.
  void open(const NodeId& peer, const net::Address& address, Opened then);
  /// The session in use with `peer`, or with the node that took its place; null when there is none
  /// that takes new messages.
  SessionActor* find(const NodeId& peer) const;
  /// Every session that is open or draining.
  std::vector<const SessionActor*> sessions() const;
  /// Connections of callers that have not proved who they are.
  size_t half_open() const { return half_open_.size(); }
  const Counters& counters() const { return counters_; }
  /// Callers that were asked for a cookie, and handshakes that cost a signature.
  const wire::CookieGate::Counters& handshake_counters() const { return cookies_.counters; }

  /// Refuses new sessions and closes all there are, after their queued messages were written.
  void close_all();

 private:
  struct Waiter {
    NodeId expected;  ///< Zero: anybody.
    Opened then;
  };
  struct Entry {
    Session session;
    std::string host;  ///< Of an accepted session.
    bool half_open = true;
    std::vector<Waiter> waiters;
  };
  /// Ids grow, so the first is the oldest.
  using Ids = std::set<caf::actor_id>;

  Status on_session_open(SessionActor& session) override;
  void on_session_closed(SessionActor& session, const Error& why) override;
  net::StreamHandler* on_accept(const net::Address& from) override;
  void accepted(net::StreamHandler* handler, std::unique_ptr<net::Stream> stream) override;
  SessionActor* find_at(const net::Address& address) const;
  Entry* find_dial(const NodeId& peer, const net::Address& address);
  bool prefer(const SessionActor& existing, const SessionActor& fresh) const;
  void evict(const Ids& half_open);
  void no_longer_half_open(Entry& entry);
  void note_denied(const SessionActor& session, const Error& why);
  void note_refused(const Error& why);

  Reactor& reactor_;
  Rng& rng_;
  const NodeId self_;
  wire::CookieGate cookies_;
  wire::HandshakeConfig handshake_;
  HostedPtr<KeyedRequests> keyed_;
  SessionContext context_;
  SessionTimes times_;
  Lost lost_;
  Counters counters_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<caf::actor_id, Entry> entries_;
  std::unordered_map<NodeId, SessionActor*, RingIdHash> in_use_;
  /// Old identities of peers in use: at most wire::kSuccessionsMax for each.
  std::unordered_map<NodeId, NodeId, RingIdHash> successors_;
  TimePoint denied_told_{};
  TimePoint refused_told_{};
  std::unordered_map<std::string, Ids> half_open_hosts_;
  Ids half_open_;
  Session accepting_;
  bool closing_ = false;
};

}  // namespace themis
