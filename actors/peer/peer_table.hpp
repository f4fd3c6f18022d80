#pragma once
// All sessions of one process: who is connected, who is being dialled, who knocks. At most one
// session with another process is in use, however many nodes either is.

#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "actors/peer/keyed_requests.hpp"
#include "actors/peer/peer_link.hpp"
#include "actors/peer/site_table.hpp"

namespace themis {

/// What all sessions of a process may cost together.
struct PeerLimits {
  /// Sessions that others opened; the rest of PeerTable::kSessionsMax is for half-open handshakes
  /// and for dials, so that whoever fills it still leaves this process a way out.
  size_t accepted_max = 2816;
  /// Of them from one site (net::Address::site): a key pair costs nothing, an address does. More
  /// processes than that on one machine are within it: loopback callers are not counted here.
  size_t accepted_per_site_max = 256;
  /// Those who wait for one dial or one proof: as many as the session then takes requests.
  size_t waiters_max = SessionActor::kRequestsMax;
  /// What waits in all sessions to be sent or written. One alone holds 56 MB at most.
  size_t waiting_bytes_max = 256 * 1024 * 1024;
};

/// Reactor thread only. Limits: kSessionsMax sessions, two of them with one peer (one in use and
/// one that drains: a newer one makes the older end at once), PeerLimits, kHalfOpenMax handshakes
/// of callers that have not proved who they are (kHalfOpenPerHostMax from one site), each for
/// SessionTimes::handshake. Past a limit the site that has most makes room: with a handshake of a
/// caller that has sent nothing that holds, else with any; or with the session that was longest
/// unused. When the bytes that wait are too many, the session with most ends. The first node of the
/// process shakes hands; the others are presented on its sessions when they speak or are asked for.
/// Nodes of this process reach each other over a session without a socket.
class PeerTable final : private SessionOwner, private net::Acceptor {
 public:
  static constexpr size_t kSessionsMax = 4096;
  static constexpr size_t kHalfOpenMax = 256;
  static constexpr size_t kHalfOpenPerHostMax = 64;
  /// With so many handshakes open a caller is asked for a cookie before anything is computed for
  /// it. Honest callers are through in a millisecond: half of what one host may hold open is load.
  static constexpr size_t kHalfOpenCookies = kHalfOpenPerHostMax / 2;

  using Session = HostedPtr<SessionActor>;
  using Opened = std::function<void(Result<PeerLink>)>;
  using Lost = LocalNodes::Lost;

  struct Counters {
    uint64_t accepted = 0;
    uint64_t dialled = 0;
    uint64_t refused =
        0;  ///< Connections closed at once: kSessionsMax are open, or this node leaves.
    uint64_t evicted = 0;            ///< Half-open handshakes that made room.
    uint64_t sessions_evicted = 0;   ///< Sessions that made room, for callers or for bytes.
    uint64_t handshakes_failed = 0;  ///< All that ended without a session, evicted ones included.
    uint64_t rekeyed = 0;            ///< Of all sessions, as are the following.
    uint64_t cancels_sent = 0;
    uint64_t cancels_received = 0;
    /// Of these, peers that may not be here: without a valid invite, or of another mind about
    /// encryption.
    uint64_t denied = 0;
  };

  /// Everything outlives the table. `self` is its first node, number 0.
  PeerTable(Reactor& reactor, const wire::Identity& self, bool encryption, Rng& rng,
            const MessageTypes& types, const Exports& exports, SessionTimes times = {},
            const PeerLimits& limits = {});
  ~PeerTable() override;

  void set_lost(Lost lost) { add(self_, *context_.exports, std::move(lost)); }
  /// A further node of this process, of the same network; the first one may be added too. Both
  /// outlive the table.
  LocalNodes::Number add(const wire::Identity& identity, const Exports& exports, Lost lost) {
    return nodes_.add(identity, exports, std::move(lost));
  }
  /// The node has left: whoever asks for it is told. After the last one no session is kept.
  void remove(LocalNodes::Number number);
  /// Before listen() and open(). Outlives the table.
  void set_admission(const wire::Admission& admission) { handshake_.admission = &admission; }
  /// Errors: io.
  Status listen(const net::Address& address);
  net::Address address() const { return listener_->address(); }

  /// Gives `then` a way from the node `from` of this process to `peer` (zero: whoever of the
  /// network shakes hands at `address`), over the session there is or a new one. `peer` has proved
  /// itself, by that handshake or after it; when the node there has proved to have taken its place,
  /// the way leads to that one: PeerLink::peer() tells. `then` may run before open() returns.
  /// Errors: unavailable, wrong_peer, timeout, overloaded and the handshake's; nothing has been
  /// sent to `peer` then.
  void open(const NodeId& peer, const net::Address& address, Opened then,
            LocalNodes::Number from = 0);
  /// The session in use with the process of `peer`, or of the node that took its place; null when
  /// there is none that takes new messages.
  SessionActor* find(const NodeId& peer) const;
  /// Every session that is open or draining.
  std::vector<const SessionActor*> sessions() const;
  /// Connections of callers that have not proved who they are.
  size_t half_open() const { return half_open_.size(); }
  Counters counters() const;
  const KeyedRequests& keyed_requests() const { return *keyed_; }
  /// Bytes that wait in all sessions to be sent or written.
  size_t waiting_bytes() const { return waiting_bytes_; }
  /// Callers that were asked for a cookie, handshakes that cost a signature, those past a rate.
  const wire::CookieGate::Counters& handshake_counters() const { return cookies_.counters; }

  /// Refuses new sessions and closes all there are, after their queued messages were written.
  void close_all();

 private:
  struct Waiter {
    NodeId expected;  ///< Zero: anybody.
    net::Address address;
    Opened then;
    LocalNodes::Number from = 0;
    bool arrived = false;  ///< Whoever answers at the address is who it is.
  };
  /// Those who wait for a peer to say whether it is a node.
  struct Proof {
    std::vector<Waiter> waiters;
    net::TimerId timer = 0;
  };
  using ProofKey = std::pair<caf::actor_id, NodeId>;
  /// The sessions with one process.
  struct Pair {
    SessionActor* used = nullptr;
    SessionActor* draining = nullptr;
    std::vector<net::Address> addresses;  ///< Where it answered, the last kAddressesMax.
  };
  static constexpr size_t kAddressesMax = 4;
  struct Entry {
    Session session;
    std::string site;  ///< Of an accepted session.
    bool half_open = true;
    std::vector<Waiter> waiters;
  };
  Status on_session_open(SessionActor& session) override;
  Status on_node_presented(SessionActor& session, const NodeId& node) override;
  void on_node_absent(SessionActor& session, const NodeId& node) override;
  void on_session_closed(SessionActor& session, const Error& why) override;
  void on_waiting_changed(SessionActor& session, int64_t bytes) override;
  net::StreamHandler* on_accept(const net::Address& from) override;
  void accepted(net::StreamHandler* handler, std::unique_ptr<net::Stream> stream) override;
  static void add(Counters& to, const SessionActor& session);
  SessionActor* find_at(const net::Address& address) const;
  Entry* find_dial(const net::Address& address);
  void dial(Waiter waiter);
  void give(SessionActor& session, Waiter waiter);
  void open_locally(LocalNodes::Number to, Waiter waiter);
  std::vector<Waiter> take_proof(const ProofKey& key);
  void fail_proofs(const SessionActor& session, const Error& why);
  void learn_address(const SessionActor& session);
  void forget_nodes(const SessionActor& session);
  void tell_lost(std::span<const NodeId> nodes, const Error& why);
  bool prefer(const SessionActor& existing, const SessionActor& fresh) const;
  SessionActor* settle(SessionActor& fresh);
  bool forget(const SessionActor& session);
  void evict(const SiteTable::Ids& half_open);
  void no_longer_half_open(Entry& entry);
  void note_denied(const SessionActor& session, const Error& why);
  void note_refused(const Error& why);
  void make_room(const Entry& fresh);
  void end_largest();

  Reactor& reactor_;
  Rng& rng_;
  const wire::Identity& self_;
  LocalNodes nodes_;
  wire::CookieGate cookies_;
  wire::HandshakeConfig handshake_;
  HostedPtr<KeyedRequests> keyed_;
  SessionContext context_;
  SessionTimes times_;
  PeerLimits limits_;
  Counters counters_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<caf::actor_id, Entry> entries_;
  std::unordered_map<NodeId, Pair, RingIdHash> peers_;
  /// The process of a node that was presented last, by the node that shook hands for it.
  std::unordered_map<NodeId, NodeId, RingIdHash> hosts_;
  std::map<net::Address, NodeId> addresses_;  ///< Of every Pair.
  std::map<ProofKey, Proof> proofs_;
  Session local_;  ///< Among the nodes of this process; made when it is needed.
  /// Old identities of peers in use: at most wire::kSuccessionsMax for each.
  std::unordered_map<NodeId, NodeId, RingIdHash> successors_;
  TimePoint denied_told_{};
  TimePoint refused_told_{};
  SiteTable half_open_;
  SiteTable accepted_;  ///< That are open.
  size_t waiting_bytes_ = 0;
  net::TimerId ending_ = 0;  ///< Set: the session with most waiting bytes is about to end.
  Session accepting_;
  bool closing_ = false;
};

}  // namespace themis
