#pragma once
// One secure session with one peer, as an actor: what other actors send to its proxies travels
// sealed, what arrives is enqueued to the actors it names.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "actors/peer/request_table.hpp"
#include "actors/peer/session_context.hpp"
#include "actors/peer/session_nodes.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/failure.hpp"
#include "actors/system/hosted_actor.hpp"
#include "wire/channel.hpp"

namespace themis {

struct KeyedReply;

/// Hosted on the reactor of its socket. Limits: credit (wire::kInitialCredit and what the peer
/// grants), kBlockedBytesMax waiting for credit, kRequestsMax open in each direction; past them a
/// request fails with Code::overloaded. A peer that sends past its credit or does not read is
/// closed. Implementation: session_actor.cpp (life and death), session_messages.cpp,
/// session_virtual.cpp (virtual nodes).
class SessionActor final : public HostedActor,
                           public SessionActorLimits,
                           private net::StreamHandler,
                           private wire::ChannelEvents,
                           private Reactor::Flushable {
 public:
  enum class State : uint8_t { connecting, handshake, open, draining, closed };

  struct Counters {
    uint64_t requests_sent = 0;
    uint64_t requests_received = 0;
    uint64_t cancels_sent = 0;      ///< Requests given up here while the peer ran them.
    uint64_t cancels_received = 0;  ///< Those of the peer that were still run here.
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
  /// Instead of connect(): from now on the way between the nodes of this process, without a socket.
  /// What it carries is bounded and looks as if it had come from elsewhere.
  void loop_back();
  /// Takes an accepted or adopted stream; its handler must be stream_handler().
  void attach(std::unique_ptr<net::Stream> stream);
  net::StreamHandler& stream_handler() { return *this; }

  /// The actor that stands for `target` on the other side: forwards what it is sent and ends with
  /// the reason the original ended of (or Code::unavailable with this session).
  caf::actor proxy(wire::Target target, wire::NodePair nodes = {});

  /// The number of a node of this process on this session; presents it when it was not yet. Errors:
  /// overloaded (wire::kPresentedMax), cancelled (it is not here).
  Result<uint16_t> present(LocalNodes::Number node);
  /// The number of a node of the peer; nothing: it was not presented, see ask_to_prove().
  std::optional<uint16_t> number_of(const NodeId& node) const;
  /// The owner learns the outcome.
  void ask_to_prove(const NodeId& node);
  /// The node here that the peer means by a number of this session that it was given.
  LocalNodes::Number own_node(uint16_t number) const {
    return loop_ != nullptr ? number : numbers_.own(number).value_or(0);
  }
  /// The nodes that the peer has presented besides peer().
  std::span<const NodeId> presented() const { return numbers_.peer(); }

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
  uint64_t rekeyed() const { return rekeyed_; }       ///< Exchanges of keys complete here.
  TimePoint last_used() const { return last_used_; }  ///< By a request or tell, either way.
  /// An accepted one, of a caller that has sent nothing that holds yet.
  bool unheard() const { return channel_ != nullptr && channel_->unheard(); }
  /// Bytes that wait to be sent or written, as the owner was told last.
  size_t waiting_bytes() const { return waiting_bytes_; }
  size_t requests_open() const { return requests_.size(); }
  size_t proxy_count() const { return proxies_.size(); }
  size_t watched_count() const { return watched_.size(); }  ///< Actors here, by the peer.

  /// Sends nothing new, ends its proxies, tells the peer to do the same, and closes when every
  /// request is answered both ways (or after SessionTimes::drain): no request is lost.
  void drain();
  /// Says goodbye and closes, after what is queued was written as far as the socket takes it.
  void finish();
  void close(const Error& why);

  // For proxies: an actor's message on its way to the peer.
  void send_request(caf::strong_actor_ptr sender, caf::message_id id, wire::Target target,
                    const wire::FramePtr& frame, wire::NodePair nodes = {});
  /// Answers the request that asks with `frame` with Code::cancelled, and tells the peer.
  void cancel_request(const wire::FramePtr& frame);
  void send_tell(wire::Target target, const wire::FramePtr& frame, wire::NodePair nodes = {});
  void send_exit(wire::Target target, const caf::error& reason, wire::NodePair nodes = {});
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
  /// An actor at one end, named by the number of its node there and its target.
  using NodeTarget = std::pair<uint16_t, wire::Target>;
  /// An actor of the peer, and the number of the node here that the proxy speaks for.
  using ProxyKey = std::pair<NodeTarget, uint16_t>;
  /// What a session with this process itself has instead of a channel.
  struct Loop {
    std::vector<Blocked> queue;
    std::unordered_map<uint16_t, wire::OriginPtr> origins;
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
  void on_cancel(uint64_t request);
  void on_tell(const wire::MessageHeader& header, wire::FramePtr payload);
  void on_answer(const wire::MessageHeader& header, wire::FramePtr payload);
  void on_peer_exit(const wire::MessageHeader& header, const wire::FramePtr& payload);
  void on_monitor(const NodeTarget& target);
  void on_demonitor(const NodeTarget& target);
  void on_peer_down(const NodeTarget& target, const wire::FramePtr& payload);
  void on_present(const wire::MessageHeader& header, const wire::FramePtr& payload);
  void on_prove(const wire::FramePtr& payload);
  void on_absent(const wire::FramePtr& payload);
  void send_bytes(wire::MessageKind kind, ByteView payload, uint16_t from = 0);
  Result<const caf::strong_actor_ptr*> find_actor(uint16_t node, wire::Target target) const;
  bool is_own_number(uint16_t number) const;
  void send_looped(const wire::MessageHeader& header, const wire::FramePtr& frame);
  void take_looped();
  void on_local_down(const caf::actor_addr& source, const caf::error& reason);
  void answer(const RequestTable::Request& request, const Error& error);
  void send_answer(caf::mailbox_element& element);
  void abandon(const RequestTable::Request& received);
  bool unblock(uint64_t request);

  bool settle_credit(const wire::MessageHeader& header);
  void send(const wire::MessageHeader& header, const wire::FramePtr& frame);
  void send_response(const wire::MessageHeader& header, const wire::FramePtr& frame);
  std::optional<wire::MessageHeader> take_received(uint64_t slot, wire::MessageKind kind);
  static int64_t cost_of(const Blocked& message);
  void send_now(const Blocked& message);
  bool set_deadline(wire::MessageHeader& header);
  void send_control(wire::MessageKind kind, const NodeTarget& target = {});
  bool has_proxy(const NodeTarget& target) const;
  void send_failure(uint64_t request, const Error& error);
  void release_blocked();
  void report_waiting(size_t now);
  void grant_credit();
  void end_proxies(const caf::error& why);
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
  /// The slot of the peer's latest request with each index, the low half of its id as a
  /// RequestTable makes it: where a cancel is looked up. Ids of another make cannot be cancelled.
  std::vector<uint64_t> slots_by_index_;
  std::map<ProxyKey, caf::strong_actor_ptr> proxies_;
  size_t proxies_swept_at_ = kProxiesSweepFrom;
  std::map<NodeTarget, caf::actor_addr> watched_;  ///< By the number of the node here.
  /// Under how many names each of them is watched: all share one monitor.
  std::unordered_map<caf::actor_addr, size_t> watched_names_;
  SessionNodes numbers_;
  crypto::Digest transcript_{};
  std::unique_ptr<Loop> loop_;
  std::deque<Blocked> blocked_;
  size_t blocked_bytes_ = 0;
  size_t waiting_bytes_ = 0;
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
