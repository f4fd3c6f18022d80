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
      return on_monitor(header.target);
    case wire::MessageKind::demonitor:
      return on_demonitor(header.target);
    case wire::MessageKind::down:
      return on_peer_down(header.target, payload);
    case wire::MessageKind::exit:
      return on_peer_exit(header.target, payload);
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
  if (requests_received_.size() >= kRequestsMax)
    return send_failure(header.request,
                        {Code::overloaded, "too many requests are open in this session"});
  const caf::strong_actor_ptr* actor = context_.exports->find(header.target);
  if (actor == nullptr)
    return send_failure(header.request, {Code::not_hosted, "no such actor here"});
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
  const uint64_t slot =
      requests_received_.add({*actor, caf::message_id{header.request}, deadline, payload});
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
  blocked_bytes_ -= static_cast<size_t>(wire::credit_cost(found->frame->size()));
  blocked_.erase(found);
  return true;
}

void SessionActor::on_tell(const wire::MessageHeader& header, wire::FramePtr payload) {
  last_used_ = received_at_;
  const caf::strong_actor_ptr* actor = context_.exports->find(header.target);
  if (actor == nullptr) {
    ++counters_.tells_dropped;
    return;
  }
  (*actor)->enqueue(context_.types->element_of(caf::strong_actor_ptr{ctrl()},
                                               caf::make_message_id(), std::move(payload)),
                    &reactor_);
}

void SessionActor::on_answer(const wire::MessageHeader& header, wire::FramePtr payload) {
  std::optional<RequestTable::Request> request = requests_.take(header.request);
  if (!request) return;  // late: its deadline has passed
  if (header.kind == wire::MessageKind::failure) return answer(*request, decode_failure(payload));
  if (request->sender == nullptr) return;
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

void SessionActor::on_peer_exit(wire::Target target, const wire::FramePtr& payload) {
  const caf::strong_actor_ptr* actor = context_.exports->find(target);
  if (actor == nullptr || !context_.peer_may_end_actors) {
    ++counters_.tells_dropped;
    return;
  }
  (*actor)->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                    caf::make_message(caf::exit_msg{caf::actor_addr{}, decode_reason(payload)}),
                    &reactor_);
}

void SessionActor::on_monitor(wire::Target target) {
  const caf::strong_actor_ptr* actor = context_.exports->find(target);
  if (actor == nullptr) {
    wire::MessageHeader header{.kind = wire::MessageKind::down, .target = target};
    return send(header, encode_reason(to_caf({Code::not_hosted, "no such actor here"})));
  }
  on_demonitor(target);
  if (watched_.size() >= kProxiesMax)
    return close({Code::overloaded, "the peer watches too many actors"});
  caf::abstract_actor* watched = (*actor)->get();
  watched_.emplace(target, watched->address());
  watched->attach(caf::default_attachable::make_monitor(watched->address(), address()));
}

void SessionActor::on_demonitor(wire::Target target) {
  const auto node = watched_.extract(target);
  if (node.empty()) return;
  // One actor may be watched under two names; detaching takes all of this session's monitors off
  // it.
  for (const auto& [other, address] : watched_)
    if (address == node.mapped()) return;
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
  std::vector<wire::Target> ended;
  for (const auto& [target, address] : watched_)
    if (address == source) ended.push_back(target);
  const wire::FramePtr payload = encode_reason(reason);
  for (const wire::Target target : ended) {
    watched_.erase(target);
    send({.kind = wire::MessageKind::down, .target = target}, payload);
  }
}

void SessionActor::on_peer_down(wire::Target target, const wire::FramePtr& payload) {
  auto node = proxies_.extract(target);
  if (node.empty()) return;
  static_cast<ProxyActor*>(node.mapped()->get())->end(decode_reason(payload));
}

caf::actor SessionActor::proxy(wire::Target target) {
  const auto found = proxies_.find(target);
  if (found != proxies_.end()) {
    if (!static_cast<ProxyActor*>(found->second->get())->ended())
      return caf::actor_cast<caf::actor>(found->second);
    proxies_.erase(found);  // it was killed
  }
  if (proxies_.size() >= proxies_swept_at_) drop_unused_proxies();
  const auto made = spawn_hosted<ProxyActor>(
      reactor_, HostedPtr<SessionActor>(caf::strong_actor_ptr{ctrl()}), target);
  if (state_ == State::closed || state_ == State::draining) {
    made->end(to_caf({Code::unavailable, "the session is closed"}));
  } else if (proxies_.size() >= kProxiesMax) {
    made->end(to_caf({Code::overloaded, "the session has too many proxies"}));
  } else {
    proxies_.emplace(target, made.strong());
    send_control(wire::MessageKind::monitor, target);
  }
  return made.handle();
}

void SessionActor::drop_unused_proxies() {
  std::vector<wire::Target> unused;
  for (const auto& [target, proxy] : proxies_)
    if (proxy->strong_refs.load(std::memory_order_relaxed) == 1) unused.push_back(target);
  for (const wire::Target target : unused) {
    const auto node = proxies_.extract(target);
    static_cast<ProxyActor*>(node.mapped()->get())->end(caf::exit_reason::unreachable);
    send_control(wire::MessageKind::demonitor, target);
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
  if (const auto request = take_received(slot))
    send({.kind = wire::MessageKind::response, .request = *request}, *frame);
}

void SessionActor::send_reply(uint64_t slot, const KeyedReply& reply) {
  const auto request = take_received(slot);
  if (!request) return;
  if (!reply.frame) return send_failure(*request, reply.error);
  send({.kind = wire::MessageKind::response, .request = *request}, reply.frame);
}

/// The peer's id of a request that it still waits for.
std::optional<uint64_t> SessionActor::take_received(uint64_t slot) {
  const auto received = requests_received_.take(slot);
  if (!received || state_ == State::closed) return std::nullopt;
  return received->id.integer_value();
}

void SessionActor::send_request(caf::strong_actor_ptr sender, caf::message_id id,
                                wire::Target target, const wire::FramePtr& frame) {
  RequestTable::Request request{std::move(sender), id, frame->deadline(), frame};
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
  wire::MessageHeader header{.kind = wire::MessageKind::request, .target = target};
  if (request.deadline != TimePoint::max()) {
    const int64_t left = to_ms(request.deadline - now);
    if (left <= 0)
      return answer(request, {Code::timeout, "the deadline had passed before it was sent"});
    header.deadline_ms = static_cast<uint32_t>(std::min<int64_t>(left, UINT32_MAX));
  }
  // A process of this node keeps no replies: the key is for the session that leads to the node.
  if (const wire::IdempotencyKey* key = frame->idempotency_key(); key && context_.keyed)
    header.key = *key;
  header.request = requests_.add(std::move(request));
  ++counters_.requests_sent;
  last_used_ = now;
  if (!fast_tick_ && state_ == State::open) arm_tick(next_tick(now));
  send(header, frame);
}

void SessionActor::send_tell(wire::Target target, const wire::FramePtr& frame) {
  const bool takes = state_ != State::closed && state_ != State::draining;
  if (!takes || blocked_bytes_ > kBlockedBytesMax || frame->size() > wire::kMessageBytesMax) {
    ++counters_.tells_dropped;
    return;
  }
  last_used_ = reactor_.loop().now();
  send({.kind = wire::MessageKind::tell, .target = target}, frame);
}

void SessionActor::send_exit(wire::Target target, const caf::error& reason) {
  send({.kind = wire::MessageKind::exit, .target = target}, encode_reason(reason));
}

void SessionActor::send_failure(uint64_t request, const Error& error) {
  send({.kind = wire::MessageKind::failure, .request = request}, encode_failure(error));
}

void SessionActor::send_control(wire::MessageKind kind, wire::Target target) {
  send({.kind = kind, .target = target}, {});
}

void SessionActor::send(const wire::MessageHeader& header, const wire::FramePtr& frame) {
  if (state_ == State::closed) return;
  const int64_t cost = wire::credit_cost(frame ? frame->size() : 0);
  // What has been queued goes first: messages of one session keep their order.
  if (cost == 0 || (credit_ > 0 && blocked_.empty())) return send_now(header, frame);
  const caf::strong_actor_ptr keep_alive{ctrl()};
  blocked_bytes_ += static_cast<size_t>(cost);
  blocked_.push_back({header, frame});
  if (blocked_bytes_ > kBlockedBytesEnd) close({Code::overloaded, "the peer takes no messages"});
}

void SessionActor::send_now(wire::MessageHeader header, const wire::FramePtr& frame) {
  credit_ -= wire::credit_cost(frame ? frame->size() : 0);
  header.type = frame ? frame->type() : 0;
  channel_->send(header, frame);
  reactor_.flush_later(*this);
}

void SessionActor::release_blocked() {
  while (credit_ > 0 && !blocked_.empty()) {
    const Blocked next = std::move(blocked_.front());
    blocked_.pop_front();
    blocked_bytes_ -= static_cast<size_t>(wire::credit_cost(next.frame->size()));
    send_now(next.header, next.frame);
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
