#pragma once
// Runs the requests that carry an idempotency key, once each, whichever sessions they come and come
// again over.

#include <functional>

#include "actors/peer/reply_cache.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "wire/message.hpp"

namespace themis {

class SessionActor;

/// What an actor's answer becomes on the wire. Never fails: what cannot travel is an error.
KeyedReply reply_of(const caf::type_erased_tuple& answer, const MessageTypes& types);

/// Asks the local actors in the peers' stead, so that an answer finds the reply cache when the
/// session that asked is gone. Hosted by the peer table; reactor thread.
class KeyedRequests final : public HostedActor {
 public:
  /// An open session by its actor id; null when it is gone.
  using FindSession = std::function<SessionActor*(caf::actor_id)>;
  struct Counters {
    uint64_t run = 0;
    uint64_t repeated = 0;  ///< Answered from the cache, or by a run that was under way.
  };

  KeyedRequests(caf::actor_config& config, Reactor& reactor, const MessageTypes& types,
                FindSession find)
      : HostedActor(config, reactor), types_(types), find_(std::move(find)) {}

  /// `request`: the session's slot for it, whose reply goes to SessionActor::send_reply, now or
  /// later. Returns the run that it waits for; 0: it has been answered.
  uint64_t take(SessionActor& session, uint64_t request, const wire::MessageHeader& header,
                const caf::strong_actor_ptr& actor, wire::FramePtr payload);
  /// One that waits for `run` gave up. When no other waits, the actor is told.
  void leave(uint64_t run, const ReplyCache::Waiter& waiter);
  /// The table goes: nothing is answered any more.
  void stop();

  const Counters& counters() const { return counters_; }
  const ReplyCache& cache() const { return cache_; }
  const char* name() const override { return "keyed requests"; }

 private:
  /// How often what is kept is looked through.
  static constexpr Duration kExpireEvery = 10s;

  struct Running {
    caf::strong_actor_ptr actor;
    wire::FramePtr frame;
  };

  void on_message(caf::mailbox_element& element) override;
  void cancel(const Running& running);
  void arm();

  const MessageTypes& types_;
  FindSession find_;
  ReplyCache cache_;
  /// What the cache says runs, until it is answered or its deadline has passed.
  std::unordered_map<uint64_t, Running> running_;
  Counters counters_;
  net::TimerId timer_ = 0;
  bool armed_ = false;
};

}  // namespace themis
