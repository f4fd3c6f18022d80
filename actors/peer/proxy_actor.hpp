#pragma once
// What stands here for an actor of another process.

#include "actors/peer/session_actor.hpp"

namespace themis {

/// Forwards what it is sent through its session: one-way messages, requests, exit messages. Ends
/// with the reason its original ended of, so CAF's monitors, links and requests work across
/// processes. Takes only messages that are one Msg<Schema>; others bounce with Code::invalid.
class ProxyActor final : public HostedActor {
 public:
  ProxyActor(caf::actor_config& config, Reactor& reactor, HostedPtr<SessionActor> session,
             wire::Target target, wire::NodePair nodes)
      : HostedActor(config, reactor),
        session_(std::move(session)),
        target_(target),
        nodes_(nodes) {}

  /// The original is gone, or the way to it. Reactor thread.
  void end(const caf::error& reason) {
    quit(reason);
    session_.reset();
  }
  bool ended() const { return getf(is_terminated_flag); }
  const char* name() const override { return "proxy"; }

 private:
  void on_message(caf::mailbox_element& element) override;
  /// Asks the original to end; this proxy follows when it has.
  void on_exit(const caf::error& reason) override { session_->send_exit(target_, reason, nodes_); }

  HostedPtr<SessionActor> session_;
  wire::Target target_;
  wire::NodePair nodes_;
};

}  // namespace themis
