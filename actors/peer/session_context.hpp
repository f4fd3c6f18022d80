#pragma once
// What a session is given by whoever keeps it.

#include "actors/peer/local_nodes.hpp"
#include "actors/system/message_types.hpp"
#include "wire/handshake.hpp"

namespace themis {

class KeyedRequests;
class SessionActor;

/// Learns what becomes of a session. Reactor thread.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// The peer proved its identity. An error refuses it.
  virtual Status on_session_open(SessionActor& session) = 0;
  /// The peer proved that it is this node too. An error refuses it: the session ends.
  virtual Status on_node_presented(SessionActor&, const NodeId&) { return {}; }
  /// The peer is not the node it was asked to present.
  virtual void on_node_absent(SessionActor&, const NodeId&) {}
  /// What waits in the session to be sent or written has grown by so many bytes since the last
  /// call, at the end of a turn. Counts only: the session is not to be closed in here.
  virtual void on_waiting_changed(SessionActor&, int64_t) {}
  /// Called once; the session is of no more use. Its requests have been answered with the error.
  virtual void on_session_closed(SessionActor& session, const Error& why) = 0;
};

/// What a session is given; everything outlives it.
struct SessionContext {
  const wire::HandshakeConfig* handshake = nullptr;
  Rng* rng = nullptr;
  const MessageTypes* types = nullptr;
  const Exports* exports = nullptr;
  SessionOwner* owner = nullptr;
  /// Whether the peer may end the exported actors with exit messages: a parent and its enclave
  /// process only. Any member of a mesh can open a session, and none of them stops another's
  /// actors.
  bool peer_may_end_actors = false;
  /// The nodes of this process, which `exports` belongs to one of; null: there is just one end
  /// here.
  const LocalNodes* nodes = nullptr;
  /// Runs requests with an idempotency key; null: such requests are refused, keys are not sent.
  KeyedRequests* keyed = nullptr;
};

/// What a session holds at most.
struct SessionActorLimits {
  static constexpr size_t kRequestsMax = 4096;
  static constexpr size_t kBlockedBytesMax = 8 * 1024 * 1024;
  /// So much of it, and nothing more is run for the peer: its answers wait for credit.
  static constexpr size_t kBlockedBytesRun = 2 * kBlockedBytesMax;
  /// Answers of requests that run already may wait for credit too; past this failures go instead.
  static constexpr size_t kBlockedBytesAnswers = 4 * kBlockedBytesMax;
  /// Failures and signals have no one to refuse them to: past this they end the session.
  static constexpr size_t kBlockedBytesEnd = 5 * kBlockedBytesMax;
  /// Actors of the peer that have a proxy here, and actors here that the peer may watch.
  static constexpr size_t kProxiesMax = 65'536;
  /// Output a peer does not read: it only can pile up so far when the peer asks and never reads the
  /// answers.
  static constexpr size_t kBacklogBytesMax = 16 * 1024 * 1024;
};

/// How long a session waits. Zero means never.
struct SessionTimes {
  Duration handshake = 5s;
  Duration ping_after = 15s;   ///< Silence after which the peer is asked whether it lives.
  Duration dead_after = 45s;   ///< Silence after which the session is closed.
  Duration idle_close = 300s;  ///< No message either way and no actor watched for so long: closed.
  Duration request = 60s;      ///< For requests that carry no deadline of their own.
  Duration drain =
      10s;  ///< What a draining session gets to answer the last requests. At least 1 ms.
  Duration rekey = 120s;        ///< The side that opened the session asks for new keys so often.
  Duration rekey_limit = 300s;  ///< Without new keys for so long the session is closed.
};

}  // namespace themis
