// The messages of a session: requests, answers, signals between actors, and the credit they travel
// on.

#include <caf/all.hpp>
#include <caf/default_attachable.hpp>

#include "actors/peer/keyed_requests.hpp"
#include "actors/peer/proxy_actor.hpp"
#include "actors/peer/session_actor.hpp"

namespace themis {

void SessionActor::on_message(const wire::MessageHeader& header, wire::FramePtr payload) {
  if (state_ == State::closed || !settle_credit(header)) return;
  switch (header.kind) {
    case wire::MessageKind::request:
      return on_request(header, std::move(payload));
    case wire::MessageKind::tell:
      return on_tell(header, std::move(payload));
    case wire::MessageKind::response:
    case wire::MessageKind::failure:
      return on_answer(header, std::move(payload));
    case wire::MessageKind::monitor:
      return on_monitor({header.nodes.to, header.target});
    case wire::MessageKind::demonitor:
      return on_demonitor({header.nodes.to, header.target});
    case wire::MessageKind::down:
      return on_peer_down({header.nodes.from, header.target}, payload);
    case wire::MessageKind::exit:
      return on_peer_exit(header, payload);
    case wire::MessageKind::present:
      return on_present(header, payload);
    case wire::MessageKind::prove:
      return on_prove(payload);
    case wire::MessageKind::absent:
      return on_absent(payload);
    case wire::MessageKind::ping:
      return send_control(wire::MessageKind::pong);
    case wire::MessageKind::pong:
      if (std::exchange(ping_open_, false)) round_trip_ = received_at_ - ping_sent_;
      return;
    case wire::MessageKind::credit:
      return;
    case wire::MessageKind::drain:
      peer_drains_ = true;
      return drain();
    case wire::MessageKind::cancel:
      return on_cancel(header.request);
    case wire::MessageKind::close:
      return close({Code::unavailable, "closed by the peer"});
  }
}

/// The peer keeps to what it was granted, and grants no more than was taken: else it is closed.
bool SessionActor::settle_credit(const wire::MessageHeader& header) {
  const int64_t cost = wire::credit_cost(header.length);
  if (cost > 0 && peer_credit_ <= 0) {
    close({Code::overloaded, "the peer sends more than it was granted"});
    return false;
  }
  peer_credit_ -= cost;
  if (header.credit == 0) return true;
  credit_ += header.credit;
  if (credit_ > wire::kInitialCredit) {
    close({Code::malformed, "the peer grants credit that was not taken"});
    return false;
  }
  release_blocked();
  return true;
}

void SessionActor::on_request(const wire::MessageHeader& header, wire::FramePtr payload) {
  ++counters_.requests_received;
  last_used_ = received_at_;
  if (requests_received_.size() >= kRequestsMax || blocked_bytes_ > kBlockedBytesRun)
    return send_failure(header.request,
                        {Code::overloaded, "too many requests are open in this session"});
  const auto found = find_actor(header.nodes.to, header.target);
  if (!found) return send_failure(header.request, found.error());
  const caf::strong_actor_ptr* actor = *found;
  const bool keyed = !header.key.is_zero();
  if (keyed && context_.keyed == nullptr)
    return send_failure(header.request, {Code::invalid, "no replies are kept for this session"});
  TimePoint deadline = TimePoint::max();
  if (header.deadline_ms != 0) {
    deadline = received_at_ + std::chrono::milliseconds(header.deadline_ms);
    payload.writable()->set_deadline(deadline);
  } else if (times_.request > 0s) {
    deadline = received_at_ + times_.request;
  }
  if (keyed) payload.writable()->set_deadline(deadline);
  const uint64_t slot = requests_received_.add({.sender = *actor,
                                                .id = caf::message_id{header.request},
                                                .deadline = deadline,
                                                .frame = payload,
                                                .node = header.nodes.to});
  if (const auto index = static_cast<uint32_t>(header.request); index < kRequestsMax) {
    if (index >= slots_by_index_.size()) slots_by_index_.resize(index + 1);
    slots_by_index_[index] = slot;
  }
  if (!fast_tick_) arm_tick(next_tick(received_at_));
  if (keyed) {
    const uint64_t run = context_.keyed->take(*this, slot, header, *actor, std::move(payload));
    if (RequestTable::Request* open = requests_received_.find(slot)) open->run = run;
    return;
  }
  (*actor)->enqueue(context_.types->element_of(caf::strong_actor_ptr{ctrl()},
                                               caf::make_message_id(slot).with_normal_priority(),
                                               std::move(payload)),
                    &reactor_);
}

/// Cancels and answers may cross: a request that is not open any more is none of the peer's faults.
void SessionActor::on_cancel(uint64_t request) {
  const auto index = static_cast<uint32_t>(request);
  if (index >= slots_by_index_.size()) return;
  const RequestTable::Request* open = requests_received_.find(slots_by_index_[index]);
  if (open == nullptr || open->id.integer_value() != request) return;
  ++counters_.cancels_received;
  abandon(*requests_received_.take(open->slot));
}

/// The peer waits no longer for a request of its own: whoever runs it may stop.
void SessionActor::abandon(const RequestTable::Request& received) {
  if (received.run != 0) return context_.keyed->leave(received.run, {id(), received.slot});
  received.frame->cancel();
  received.sender->enqueue(nullptr, caf::make_message_id(),
                           caf::make_message(CancelRequest{received.frame}), &reactor_);
}

void SessionActor::cancel_request(const wire::FramePtr& frame) {
  for (const RequestTable::Request& request : requests_.take_of(frame)) {
    if (!unblock(request.slot)) {
      ++counters_.cancels_sent;
      send({.kind = wire::MessageKind::cancel, .request = request.slot}, {});
    }
    answer(request, {Code::cancelled, "the caller gave up"});
  }
}

/// True: the request still waited for credit, and is not sent.
bool SessionActor::unblock(uint64_t request) {
  const auto found = std::ranges::find_if(blocked_, [request](const Blocked& blocked) {
    return blocked.header.kind == wire::MessageKind::request && blocked.header.request == request;
  });
  if (found == blocked_.end()) return false;
  blocked_bytes_ -= static_cast<size_t>(cost_of(*found));
  blocked_.erase(found);
  release_blocked();  // a drain may be next, which needs no credit
  reactor_.flush_later(*this);
  return true;
}

void SessionActor::on_tell(const wire::MessageHeader& header, wire::FramePtr payload) {
  last_used_ = received_at_;
  const auto actor = find_actor(header.nodes.to, header.target);
  if (!actor) {
    ++counters_.tells_dropped;
    return;
  }
  (**actor)->enqueue(context_.types->element_of(caf::strong_actor_ptr{ctrl()},
                                                caf::make_message_id(), std::move(payload)),
                     &reactor_);
}

void SessionActor::on_answer(const wire::MessageHeader& header, wire::FramePtr payload) {
  std::optional<RequestTable::Request> request = requests_.take(header.request);
  if (!request) return;  // late: its deadline has passed
  if (header.kind == wire::MessageKind::failure) return answer(*request, decode_failure(payload));
  if (request->sender == nullptr) return;
  if (header.nodes.from != request->node)
    return answer(*request, {Code::malformed, "another node answers than the one that was asked"});
  request->sender->enqueue(
      context_.types->element_of(caf::strong_actor_ptr{ctrl()}, request->id.response_id(),
                                 std::move(payload)),
      &reactor_);
}

void SessionActor::answer(const RequestTable::Request& request, const Error& error) {
  if (request.sender == nullptr) return;
  request.sender->enqueue(caf::strong_actor_ptr{ctrl()}, request.id.response_id(),
                          caf::make_message(to_caf(error)), &reactor_);
}

void SessionActor::on_peer_exit(const wire::MessageHeader& header, const wire::FramePtr& payload) {
  const auto actor = find_actor(header.nodes.to, header.target);
  if (!actor || !context_.peer_may_end_actors) {
    ++counters_.tells_dropped;
    return;
  }
  (**actor)->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                     caf::make_message(caf::exit_msg{caf::actor_addr{}, decode_reason(payload)}),
                     &reactor_);
}

void SessionActor::on_monitor(const NodeTarget& target) {
  const auto actor = find_actor(target.first, target.second);
  if (!actor) {
    if (!is_own_number(target.first))
      return close({Code::malformed, "the peer watches an actor of a node that it was not shown"});
    return send(
        {.kind = wire::MessageKind::down, .target = target.second, .nodes = {.from = target.first}},
        encode_reason(to_caf(actor.error())));
  }
  on_demonitor(target);
  if (watched_.size() >= kProxiesMax)
    return close({Code::overloaded, "the peer watches too many actors"});
  caf::abstract_actor* watched = (**actor)->get();
  watched_.emplace(target, watched->address());
  if (watched_names_[watched->address()]++ == 0)
    watched->attach(caf::default_attachable::make_monitor(watched->address(), address()));
}

void SessionActor::on_demonitor(const NodeTarget& target) {
  const auto node = watched_.extract(target);
  if (node.empty()) return;
  const auto names = watched_names_.find(node.mapped());
  if (--names->second > 0) return;
  watched_names_.erase(names);
  const auto actor = caf::actor_cast<caf::strong_actor_ptr>(node.mapped());
  if (actor == nullptr) return;
  actor->get()->detach(
      caf::default_attachable::observe_token{address(), caf::default_attachable::monitor});
}

/// An exported actor outlives many sessions and must not keep a monitor for each.
void SessionActor::stop_watching() {
  while (!watched_.empty()) on_demonitor(watched_.begin()->first);
}

void SessionActor::on_local_down(const caf::actor_addr& source, const caf::error& reason) {
  std::vector<NodeTarget> ended;
  for (const auto& [target, address] : watched_)
    if (address == source) ended.push_back(target);
  watched_names_.erase(source);
  const wire::FramePtr payload = encode_reason(reason);
  for (const NodeTarget& target : ended) {
    watched_.erase(target);
    send(
        {.kind = wire::MessageKind::down, .target = target.second, .nodes = {.from = target.first}},
        payload);
  }
}

void SessionActor::on_peer_down(const NodeTarget& target, const wire::FramePtr& payload) {
  const caf::strong_actor_ptr keep_alive{ctrl()};
  const caf::error reason = decode_reason(payload);
  while (has_proxy(target)) {
    const auto node = proxies_.extract(proxies_.lower_bound({target, 0}));
    static_cast<ProxyActor*>(node.mapped()->get())->end(reason);
  }
}

bool SessionActor::has_proxy(const NodeTarget& target) const {
  const auto first = proxies_.lower_bound({target, 0});
  return first != proxies_.end() && first->first.first == target;
}

caf::actor SessionActor::proxy(wire::Target target, wire::NodePair nodes) {
  const ProxyKey key{{nodes.to, target}, nodes.from};
  const auto found = proxies_.find(key);
  if (found != proxies_.end()) {
    if (!static_cast<ProxyActor*>(found->second->get())->ended())
      return caf::actor_cast<caf::actor>(found->second);
    proxies_.erase(found);  // it was killed
  }
  if (proxies_.size() >= proxies_swept_at_) drop_unused_proxies();
  const auto made = spawn_hosted<ProxyActor>(
      reactor_, HostedPtr<SessionActor>(caf::strong_actor_ptr{ctrl()}), target, nodes);
  if (state_ == State::closed || state_ == State::draining) {
    made->end(to_caf({Code::unavailable, "the session is closed"}));
  } else if (proxies_.size() >= kProxiesMax) {
    made->end(to_caf({Code::overloaded, "the session has too many proxies"}));
  } else {
    if (!has_proxy(key.first)) send_control(wire::MessageKind::monitor, key.first);
    proxies_.emplace(key, made.strong());
  }
  return made.handle();
}

void SessionActor::drop_unused_proxies() {
  std::vector<ProxyKey> unused;
  for (const auto& [key, proxy] : proxies_)
    if (proxy->strong_refs.load(std::memory_order_relaxed) == 1) unused.push_back(key);
  for (const ProxyKey& key : unused) {
    const auto node = proxies_.extract(key);
    static_cast<ProxyActor*>(node.mapped()->get())->end(caf::exit_reason::unreachable);
    if (!has_proxy(key.first)) send_control(wire::MessageKind::demonitor, key.first);
  }
  proxies_swept_at_ = std::max(kProxiesSweepFrom, 2 * proxies_.size());
}

void SessionActor::end_proxies(const caf::error& why) {
  const auto proxies = std::exchange(proxies_, {});
  for (const auto& [target, proxy] : proxies) static_cast<ProxyActor*>(proxy->get())->end(why);
}

void SessionActor::send_answer(caf::mailbox_element& element) {
  const uint64_t slot = element.mid.request_id().integer_value();
  const wire::FramePtr* frame = context_.types->frame_of(element.content());
  if (frame == nullptr || (*frame)->size() > wire::kMessageBytesMax)
    return send_reply(slot, reply_of(element.content(), *context_.types));
  if (const auto header = take_received(slot, wire::MessageKind::response))
    send_response(*header, *frame);
}

/// A peer that takes its answers slowly loses those that find no room, not the session. It may have
/// run: not Code::overloaded, which would have it asked again.
void SessionActor::send_response(const wire::MessageHeader& header, const wire::FramePtr& frame) {
  if (blocked_bytes_ + frame->size() > kBlockedBytesAnswers)
    return send_failure(header.request,
                        {Code::unavailable, "the answer found no room: too many wait"});
  send(header, frame);
}

void SessionActor::send_reply(uint64_t slot, const KeyedReply& reply) {
  const auto header = take_received(slot, wire::MessageKind::response);
  if (!header) return;
  if (!reply.frame) return send_failure(header->request, reply.error);
  send_response(*header, reply.frame);
}

/// The header of an answer to a request that the peer still waits for.
std::optional<wire::MessageHeader> SessionActor::take_received(uint64_t slot,
                                                               wire::MessageKind kind) {
  const auto received = requests_received_.take(slot);
  if (!received || state_ == State::closed) return std::nullopt;
  return wire::MessageHeader{
      .kind = kind, .request = received->id.integer_value(), .nodes = {.from = received->node}};
}

void SessionActor::send_request(caf::strong_actor_ptr sender, caf::message_id id,
                                wire::Target target, const wire::FramePtr& frame,
                                wire::NodePair nodes) {
  RequestTable::Request request{.sender = std::move(sender),
                                .id = id,
                                .deadline = frame->deadline(),
                                .frame = frame,
                                .node = nodes.to};
  const caf::strong_actor_ptr keep_alive{ctrl()};
  if (state_ == State::closed || state_ == State::draining)
    return answer(request, {Code::unavailable, "the session is closed"});
  if (frame->size() > wire::kMessageBytesMax)
    return answer(request, {Code::too_large, "the request is longer than a message can be"});
  if (requests_.size() >= kRequestsMax || blocked_bytes_ > kBlockedBytesMax)
    return answer(request, {Code::overloaded, "too many requests are open in this session"});
  const TimePoint now = reactor_.loop().now();
  if (request.deadline == TimePoint::max() && times_.request > 0s)
    request.deadline = now + times_.request;
  wire::MessageHeader header{.kind = wire::MessageKind::request, .target = target, .nodes = nodes};
  if (to_ms(request.deadline - now) <= 0)
    return answer(request, {Code::timeout, "the deadline had passed before it was sent"});
  // A process of this node keeps no replies: the key is for the session that leads to the node.
  if (const wire::IdempotencyKey* key = frame->idempotency_key(); key && context_.keyed)
    header.key = *key;
  header.request = requests_.add(std::move(request));
  ++counters_.requests_sent;
  last_used_ = now;
  if (!fast_tick_ && state_ == State::open) arm_tick(next_tick(now));
  send(header, frame);
}

void SessionActor::send_tell(wire::Target target, const wire::FramePtr& frame,
                             wire::NodePair nodes) {
  const bool takes = state_ != State::closed && state_ != State::draining;
  if (!takes || blocked_bytes_ > kBlockedBytesMax || frame->size() > wire::kMessageBytesMax) {
    ++counters_.tells_dropped;
    return;
  }
  last_used_ = reactor_.loop().now();
  send({.kind = wire::MessageKind::tell, .target = target, .nodes = nodes}, frame);
}

void SessionActor::send_exit(wire::Target target, const caf::error& reason, wire::NodePair nodes) {
  send({.kind = wire::MessageKind::exit, .target = target, .nodes = nodes}, encode_reason(reason));
}

void SessionActor::send_failure(uint64_t request, const Error& error) {
  send({.kind = wire::MessageKind::failure, .request = request}, encode_failure(error));
}

void SessionActor::send_control(wire::MessageKind kind, const NodeTarget& target) {
  send({.kind = kind, .target = target.second, .nodes = {.to = target.first}}, {});
}

int64_t SessionActor::cost_of(const Blocked& message) {
  return wire::credit_cost(message.frame ? message.frame->size() : 0);
}

/// What has been queued goes first: messages of one session keep their order. Those without a
/// payload need no credit and overtake, but for a drain: it says that nothing follows.
void SessionActor::send(const wire::MessageHeader& header, const wire::FramePtr& frame) {
  if (state_ == State::closed) return;
  const Blocked message{header, frame};
  const int64_t cost = cost_of(message);
  const bool overtakes = cost == 0 && header.kind != wire::MessageKind::drain;
  const bool is_free = blocked_.empty() && (cost == 0 || credit_ > 0);
  const bool is_up = state_ == State::open || state_ == State::draining;
  if (is_up && (overtakes || is_free)) return send_now(message);
  const caf::strong_actor_ptr keep_alive{ctrl()};
  blocked_bytes_ += static_cast<size_t>(cost);
  blocked_.push_back(message);
  if (blocked_bytes_ > kBlockedBytesEnd)
    return close({Code::overloaded, "the peer takes no messages"});
  reactor_.flush_later(*this);  // the owner counts what waits
}

void SessionActor::send_now(const Blocked& message) {
  wire::MessageHeader header = message.header;
  if (header.kind == wire::MessageKind::request && !set_deadline(header)) return;
  credit_ -= cost_of(message);
  header.type = message.frame ? message.frame->type() : 0;
  if (loop_ != nullptr) return send_looped(header, message.frame);
  channel_->send(header, message.frame);
  reactor_.flush_later(*this);
}

/// The time that a request has left as it goes out. False: its caller has been told already, or now
/// is, that it came too late.
bool SessionActor::set_deadline(wire::MessageHeader& header) {
  const RequestTable::Request* open = requests_.find(header.request);
  if (open == nullptr) return false;
  if (open->deadline == TimePoint::max()) return true;
  const int64_t left = to_ms(open->deadline - reactor_.loop().now());
  if (left <= 0) {
    answer(*requests_.take(header.request),
           {Code::timeout, "the deadline passed before it could be sent"});
    return false;
  }
  header.deadline_ms = static_cast<uint32_t>(std::min<int64_t>(left, UINT32_MAX));
  return true;
}

void SessionActor::release_blocked() {
  if (state_ != State::open && state_ != State::draining) return;
  while (!blocked_.empty() && (credit_ > 0 || cost_of(blocked_.front()) == 0)) {
    const Blocked next = std::move(blocked_.front());
    blocked_.pop_front();
    blocked_bytes_ -= static_cast<size_t>(cost_of(next));
    send_now(next);
  }
}

void SessionActor::grant_credit() {
  if (origin_.get() == nullptr || state_ == State::closed) return;
  const uint64_t released = origin_->take_released();
  if (released == 0) return;
  peer_credit_ += static_cast<int64_t>(released);
  send({.kind = wire::MessageKind::credit, .credit = static_cast<uint32_t>(released)}, {});
}

}  // namespace themis
