#pragma once
// The node actor: one virtual node of the ring. Turns messages and sessions into events of
// ring::Ring and its effects into messages, timers and finger actors.

#include <map>
#include <unordered_map>

#include "actors/node/finger_actor.hpp"
#include "actors/node/node_api.hpp"
#include "actors/peer/peer_table.hpp"
#include "actors/ring/listing.hpp"
#include "actors/ring/ring.hpp"

namespace themis {

/// The name under which peers address a node actor.
inline constexpr std::string_view kNodeActorName = "node";

/// What a node is given; everything outlives it.
struct NodeOptions {
  const wire::Identity* identity = nullptr;
  /// The sessions of its process, listening already, when it has further nodes; else the node keeps
  /// its own, and listens.
  PeerTable* peers = nullptr;
  net::Address listen;
  net::Address advertise;  ///< Empty host: the address listened on.
  /// Addresses to join through, and the identity that must answer there when it is known.
  std::vector<net::Address> bootstrap;
  std::map<net::Address, NodeId> pinned;
  bool encryption = true;
  wire::Admission admission;  ///< Of a private network: this node's invite, and who issues them.
  ring::RingOptions ring;
  SessionTimes sessions;
  const MessageTypes* types = nullptr;
  Exports* exports = nullptr;
  Rng* rng = nullptr;
};

/// Hosted on the reactor of its sockets. An exit message makes it leave the ring (at most
/// RingOptions::leave_timeout), then it ends. In-process interface: node_api.hpp.
class NodeActor final : public HostedActor {
 public:
  NodeActor(caf::actor_config& config, Reactor& reactor, NodeOptions options);

  /// Listens and joins. Errors: io (the address is in use); the node is of no use then, but may be
  /// sent an exit.
  Status start();
  /// The bound address.
  net::Address address() const { return peers_->address(); }
  NodeReport report() const;
  PeerReport report_peers() const;
  /// Only once start() has succeeded.
  const ring::Ring& ring() const { return *ring_; }
  const PeerTable& peers() const { return *peers_; }

  /// What a finger was sent, on its way to `to`. The sender is answered with a failure when there
  /// is no way.
  void forward(const ring::Contact& to, wire::Target target, caf::mailbox_element& element);
  const char* name() const override { return "node"; }

 private:
  /// Somebody in this process who waits for an outcome.
  struct Waiter {
    caf::strong_actor_ptr sender;
    caf::message_id id;
  };

  /// A question of the ring.
  struct Asked {
    NodeId wanted;  ///< Zero: whoever answers at the address.
    NodeId of;      ///< Who was asked, as proven; zero until it was sent.
    bool sent = false;
    net::TimerId timer = 0;  ///< Until it was sent.
  };

  /// An actor of this process that watches a name; it may be gone.
  struct Watcher {
    std::string name;
    caf::weak_actor_ptr actor;
  };

  /// A name that somebody in this process looks for.
  struct Finding {
    std::string name;
    bool in_listings = false;  ///< No record tells of it.
  };

  void on_message(caf::mailbox_element& element) override;
  void on_exit(const caf::error& reason) override;
  void on_question(caf::mailbox_element& element, const wire::FramePtr& frame);
  void on_answer(caf::mailbox_element& element);
  bool on_local(caf::mailbox_element& element);
  void on_lost(const NodeId& peer);
  void watch(caf::mailbox_element& element, const std::string& name);
  void find(caf::mailbox_element& element, const std::string& name);
  void list(caf::mailbox_element& element, const std::vector<std::string>& names);
  void unlist(const std::string& name);
  /// Those of `watcher` for `name`, and those of actors that have ended.
  void unwatch(const caf::strong_actor_ptr& watcher, const std::string& name);
  void reach(const ReachActor& reach, Waiter waiter);

  bool is_self(const NodeId& id) const;
  ring::Moment moment() const;
  /// Carries out the ring's effects and sets its timer again: after every event.
  void pump();
  void run(const ring::Ask& ask);
  void on_way(uint64_t token, const wire::FramePtr& frame, const Result<PeerLink>& link);
  void run(const ring::LookupDone& done);
  void run(const ring::FindDone& done);
  void run(const ring::StoreDone& done);
  void run(const ring::WatchEvent& event);
  void run(const ring::FingerAdded& added);
  void run(const ring::FingerRemoved& removed);
  void run(const ring::Joined&);
  void run(const ring::JoinFailed& failed);
  void run(const ring::Left&);

  uint64_t wait(caf::mailbox_element& element);
  void answer(uint64_t user, caf::message message);
  void answer(const Waiter& waiter, caf::message message);
  void stop();

  NodeOptions options_;
  std::unique_ptr<PeerTable> own_peers_;
  PeerTable* peers_;
  LocalNodes::Number number_ = 0;   ///< Among the nodes of its process.
  std::optional<ring::Ring> ring_;  ///< From start() on: its address is the bound one.
  std::unordered_map<NodeId, HostedPtr<FingerActor>, RingIdHash> fingers_;
  std::unordered_map<uint64_t, Asked> asked_;
  std::unordered_map<uint64_t, Waiter> waiters_;
  std::map<uint64_t, Watcher> watchers_;
  std::unordered_map<uint64_t, Finding> finding_;  ///< By user.
  ring::Listing listing_;
  uint64_t last_user_ = 0;
  net::TimerId timer_ = 0;
  TimePoint timer_due_ = TimePoint::max();
  TimePoint join_warned_{};
  bool pumping_ = false;
};

}  // namespace themis
