#pragma once
// One secure session with one peer, as an actor: what other actors send to its proxies travels
// sealed, what arrives is enqueued to the actors it names.

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

#include "actors/peer/exports.hpp"
#include "actors/peer/request_table.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/failure.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "wire/channel.hpp"

namespace themis {

class KeyedRequests;
class SessionActor;
struct KeyedReply;

/// Learns what becomes of a session. Reactor thread.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// The peer proved its identity. An error refuses it.
  virtual Status on_session_open(SessionActor& session) = 0;
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
  /// Runs requests with an idempotency key; null: such requests are refused here.
  KeyedRequests* keyed = nullptr;
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

/// Hosted on the reactor of its socket. Limits: credit (wire::kInitialCredit and what the peer
/// grants), kBlockedBytesMax waiting for credit, kRequestsMax open in each direction; past them a
/// request fails with Code::overloaded. A peer that sends past its credit or does not read is
/// closed. Implementation: session_actor.cpp (life and death), session_messages.cpp.
class SessionActor final : public HostedActor,
                           private net::StreamHandler,
                           private wire::ChannelEvents,
                           private Reactor::Flushable {
 public:
  static constexpr size_t kRequestsMax = 4096;
  static constexpr size_t kBlockedBytesMax = 8 * 1024 * 1024;
  /// Answers and signals have no one to refuse them to: past this they end the session.
  static constexpr size_t kBlockedBytesEnd = 4 * kBlockedBytesMax;
  /// Actors of the peer that have a proxy here, and actors here that the peer may watch.
  static constexpr size_t kProxiesMax = 65'536;
  /// Output a peer does not read: it only can pile up so far when the peer asks and never reads the
  /// answers.
  static constexpr size_t kBacklogBytesMax = 16 * 1024 * 1024;

  enum class State : uint8_t { connecting, handshake, open, draining, closed };

  struct Counters {
    uint64_t requests_sent = 0;
    uint64_t requests_received = 0;
    uint64_t tells_dropped =
        0;  ///< One-way messages, either way: no such actor, no room, or not permitted.
    uint64_t bytes_sent = 0;
    uint64_t bytes_received = 0;
  };

  SessionActor(caf::actor_config& config, Reactor& reactor, const SessionContext& context,
               const SessionTimes& times, bool initiator, std::optional<NodeId> expected);
  ~SessionActor() override;

  /// Initiator: connects. Errors: io.
  Status connect(const net::Address& to);
  /// Takes an accepted or adopted stream; its handler must be stream_handler().
  void attach(std::unique_ptr<net::Stream> stream);
  net::StreamHandler& stream_handler() { return *this; }

  /// The actor that stands for `target` on the other side: forwards what it is sent and ends with
  /// the reason the original ended of (or Code::unavailable with this session).
  caf::actor proxy(wire::Target target);

  State state() const { return state_; }
  /// Both sides were done with it.
  bool drained() const { return peer_drains_; }
  bool initiator() const { return initiator_; }
  /// The peer ended it when it had seen who this is.
  bool refused() const { return refused_; }
  /// Zero until the session is open, unless it was expected.
  const NodeId& peer() const { return peer_; }
  /// What the peer's credentials proved: whose place it has taken, and until when it is invited.
  /// The session ends with either.
  const wire::Standing& standing() const { return standing_; }
  const net::Address& remote_address() const { return address_; }
  const Counters& counters() const { return counters_; }
  Duration round_trip() const { return round_trip_; }
  /// Exchanges of keys that are complete here.
  uint64_t rekeyed() const { return rekeyed_; }
  size_t requests_open() const { return requests_.size(); }
  size_t proxy_count() const { return proxies_.size(); }
  /// Actors here that the peer watches.
  size_t watched_count() const { return watched_.size(); }

  /// Sends nothing new, ends its proxies, tells the peer to do the same, and closes when every
  /// request is answered both ways (or after SessionTimes::drain): no request is lost.
  void drain();
  /// Says goodbye and closes, after what is queued was written as far as the socket takes it.
  void finish();
  void close(const Error& why);

  // For proxies: an actor's message on its way to the peer.
  void send_request(caf::strong_actor_ptr sender, caf::message_id id, wire::Target target,
                    const wire::FramePtr& frame);
  void send_tell(wire::Target target, const wire::FramePtr& frame);
  void send_exit(wire::Target target, const caf::error& reason);
  const MessageTypes& types() const { return *context_.types; }
  /// For local actors: the reply to a request of the peer, by the slot it was given.
  void send_reply(uint64_t slot, const KeyedReply& reply);

  const char* name() const override { return "session"; }

 private:
  /// Proxies nobody holds any more are looked for when there are so many.
  static constexpr size_t kProxiesSweepFrom = 1024;
  struct Blocked {
    wire::MessageHeader header;
    wire::FramePtr frame;
  };

  void on_message(caf::mailbox_element& element) override;
  void on_exit(const caf::error& reason) override;
  void on_connected() override;
  void on_data(std::span<std::byte> data) override;
  void on_writable() override { flush(); }
  void on_closed(const Error& why) override;
  wire::OriginPtr on_established(const wire::Established& peer) override;
  void on_message(const wire::MessageHeader& header, wire::FramePtr payload) override;
  void flush() override;

  void on_request(const wire::MessageHeader& header, wire::FramePtr payload);
  void on_tell(const wire::MessageHeader& header, wire::FramePtr payload);
  void on_answer(const wire::MessageHeader& header, wire::FramePtr payload);
  void on_peer_exit(wire::Target target, const wire::FramePtr& payload);
  void on_monitor(wire::Target target);
  void on_demonitor(wire::Target target);
  void on_peer_down(wire::Target target, const wire::FramePtr& payload);
  void on_local_down(const caf::actor_addr& source, const caf::error& reason);
  void answer(const RequestTable::Request& request, const Error& error);
  void send_answer(caf::mailbox_element& element);

  bool settle_credit(const wire::MessageHeader& header);
  void send(const wire::MessageHeader& header, const wire::FramePtr& frame);
  std::optional<uint64_t> take_received(uint64_t slot);
  void send_now(wire::MessageHeader header, const wire::FramePtr& frame);
  void send_control(wire::MessageKind kind, wire::Target target = 0);
  void send_failure(uint64_t request, const Error& error);
  void release_blocked();
  void grant_credit();
  void end_proxies(const Error& why);
  void drop_unused_proxies();
  void stop_watching();
  void on_tick();
  void check_silence(TimePoint now);
  void check_keys(TimePoint now);
  void check_standing(TimePoint now);
  void continue_drain(TimePoint now);
  void arm_tick(Duration delay);
  Duration next_tick(TimePoint now) const;
  bool answering() const;
  bool in_use() const;

  SessionContext context_;
  SessionTimes times_;
  bool initiator_;
  State state_ = State::connecting;
  NodeId peer_;
  net::Address address_;
  wire::HandshakeConfig handshake_;
  wire::Standing standing_;
  TimePoint invited_until_ = TimePoint::max();
  TimePoint former_until_ = TimePoint::max();
  std::unique_ptr<wire::Channel> channel_;
  std::unique_ptr<net::Stream> stream_;
  wire::OriginPtr origin_;
  RequestTable requests_;
  /// Of the peer, with the peer's ids: what the local actors answer to is a slot, freed by its
  /// deadline when an actor never answers.
  RequestTable requests_received_;
  std::unordered_map<wire::Target, caf::strong_actor_ptr> proxies_;
  size_t proxies_swept_at_ = kProxiesSweepFrom;
  std::unordered_map<wire::Target, caf::actor_addr> watched_;
  std::deque<Blocked> blocked_;
  size_t blocked_bytes_ = 0;
  int64_t credit_ = wire::kInitialCredit;       ///< Of this side: what the peer takes.
  int64_t peer_credit_ = wire::kInitialCredit;  ///< Of the peer, as granted; it knows of no more.
  net::TimerId tick_ = 0;
  bool fast_tick_ = false;
  bool peer_drains_ = false;
  bool refused_ = false;
  bool said_goodbye_ = false;
  TimePoint received_at_;  ///< The last bytes.
  TimePoint last_heard_;   ///< The last whole record: a peer that stalls inside one is silent.
  TimePoint last_used_;
  TimePoint drain_until_;
  TimePoint ping_sent_;
  bool ping_open_ = false;
  TimePoint rekeyed_at_;
  uint64_t rekeyed_ = 0;
  Duration round_trip_{};
  Counters counters_;
};

}  // namespace themis
