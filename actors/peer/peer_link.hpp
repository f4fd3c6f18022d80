#pragma once
// The way from one node of this process to one other node, wherever that is.

#include "actors/peer/session_actor.hpp"

namespace themis {

/// A session, and who speaks with whom on it; both have proved who they are. A value; reactor
/// thread only. Of no use once the session has closed: PeerTable::open gives another.
class PeerLink {
 public:
  PeerLink(HostedPtr<SessionActor> session, const NodeId& peer, wire::NodePair nodes)
      : session_(std::move(session)), peer_(peer), nodes_(nodes) {}

  const NodeId& peer() const { return peer_; }
  const HostedPtr<SessionActor>& session() const { return session_; }
  /// SessionActor::proxy, send_request and send_tell between these two nodes.
  caf::actor proxy(wire::Target target) const { return session_->proxy(target, nodes_); }
  void send_request(caf::strong_actor_ptr sender, caf::message_id id, wire::Target target,
                    const wire::FramePtr& frame) const {
    session_->send_request(std::move(sender), id, target, frame, nodes_);
  }
  void send_tell(wire::Target target, const wire::FramePtr& frame) const {
    session_->send_tell(target, frame, nodes_);
  }

 private:
  HostedPtr<SessionActor> session_;
  NodeId peer_;
  wire::NodePair nodes_;
};

}  // namespace themis
