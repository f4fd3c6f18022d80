#include "actors/peer/session_actor.hpp"

#include <caf/all.hpp>
#include <caf/default_attachable.hpp>

#include "actors/peer/proxy_actor.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr Duration kFastTick = 50ms;   // while a deadline may pass
constexpr Duration kSlowTick = 5s;
constexpr Duration kDrainMax = 10s;
/// Credit is granted in steps: a grant for every message would double the messages.
constexpr uint64_t kGrantStepBytes = wire::kInitialCredit / 4;

void answer(const RequestTable::Request& request, caf::strong_actor_ptr from, const Error& error) {
  if (request.sender == nullptr) return;
  request.sender->enqueue(std::move(from), request.id.response_id(), caf::make_message(to_caf(error)),
                          nullptr);
}

}  // namespace

SessionActor::SessionActor(caf::actor_config& config, Reactor& reactor,
                           const SessionContext& context, const SessionTimes& times, bool initiator,
                           std::optional<NodeId> expected)
    : HostedActor(config, reactor),
      context_(context),
      times_(times),
      initiator_(initiator),
      peer_(expected.value_or(NodeId{})),
      handshake_(*context.handshake),
      opened_(reactor.loop().now()),
      last_received_(opened_),
      last_used_(opened_) {
  handshake_.expected = expected;
  channel_ = std::make_unique<wire::Channel>(handshake_, initiator, *context.rng,
                                             static_cast<wire::ChannelEvents&>(*this));
  arm_tick(times_.handshake);
}

SessionActor::~SessionActor() {
  reactor_.loop().cancel(tick_);
  reactor_.forget(*this);
}

Status SessionActor::connect(const net::Address& to) {
  address_ = to;
  THEMIS_TRY(stream_, reactor_.loop().connect(to, *this));
  return {};
}

void SessionActor::attach(std::unique_ptr<net::Stream> stream) {
  stream_ = std::move(stream);
  address_ = stream_->peer();
  on_connected();
}

void SessionActor::on_connected() {
  state_ = State::handshake;
  if (initiator_) channel_->start();
  flush();
}

void SessionActor::on_data(std::span<std::byte> data) {
  const caf::strong_actor_ptr keep_alive{ctrl()};
  last_received_ = reactor_.loop().now();
  counters_.bytes_received += data.size();
  const Status status = channel_->on_data(data);
  if (state_ == State::closed) return;
  if (!status) return close(status.error());
  reactor_.flush_later(*this);
}

wire::OriginPtr SessionActor::on_established(const wire::Established& peer) {
  peer_ = peer.peer;
  state_ = State::open;
  // The origin may outlive the session: its frames may wait in mailboxes. It must not keep the session alive.
  const caf::weak_actor_ptr self{ctrl()};
  Reactor& reactor = reactor_;
  origin_ = wire::OriginPtr(new wire::Origin(peer_, kGrantStepBytes, [self, &reactor] {
    if (const auto session = caf::actor_cast<caf::strong_actor_ptr>(self))
      session->enqueue(nullptr, caf::make_message_id(), caf::make_message(caf::tick_atom::value), nullptr);
  }));
  arm_tick(kFastTick);
  if (const Status accepted = context_.owner->on_session_open(*this); !accepted)
    close(accepted.error());
  return origin_;
}

void SessionActor::on_message(const wire::MessageHeader& header, wire::FramePtr payload) {
  if (state_ == State::closed) return;
  credit_ += header.credit;
  switch (header.kind) {
    case wire::MessageKind::request: return on_request(header, std::move(payload));
    case wire::MessageKind::tell: return on_tell(header, std::move(payload));
    case wire::MessageKind::response:
    case wire::MessageKind::failure: return on_answer(header, std::move(payload));
    case wire::MessageKind::monitor: return on_monitor(header.target);
    case wire::MessageKind::demonitor: return;
    case wire::MessageKind::down: return on_peer_down(header.target, payload);
    case wire::MessageKind::exit:
      if (const auto* actor = context_.exports->find(header.target))
        (*actor)->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                          caf::make_message(caf::exit_msg{caf::actor_addr{}, to_caf(decode_failure(payload))}),
                          &reactor_);
      return;
    case wire::MessageKind::ping: return send_control(wire::MessageKind::pong);
    case wire::MessageKind::pong:
      if (std::exchange(ping_open_, false)) round_trip_ = last_received_ - ping_sent_;
      return;
    case wire::MessageKind::credit: return release_blocked();
    case wire::MessageKind::close: return close({Code::unavailable, "closed by the peer"});
  }
}

void SessionActor::on_request(const wire::MessageHeader& header, wire::FramePtr payload) {
  ++counters_.requests_received;
  last_used_ = last_received_;
  if (requests_received_open_ >= kRequestsMax)
    return send_failure(header.request, {Code::overloaded, "too many requests are open in this session"});
  const caf::strong_actor_ptr* actor = context_.exports->find(header.target);
  if (actor == nullptr) return send_failure(header.request, {Code::not_found, "no such actor here"});
  const caf::message_id id = caf::make_message_id(header.request).with_normal_priority();
  if ((header.request & ~caf::message_id::request_id_mask) != 0 || !id.is_request())
    return close({Code::malformed, "a request id out of range"});
  if (header.deadline_ms != 0)
    payload.writable()->set_deadline(last_received_ + std::chrono::milliseconds(header.deadline_ms));
  ++requests_received_open_;
  (*actor)->enqueue(context_.types->element_of(caf::strong_actor_ptr{ctrl()}, id, std::move(payload)),
                    &reactor_);
}

void SessionActor::on_tell(const wire::MessageHeader& header, wire::FramePtr payload) {
  last_used_ = last_received_;
  const caf::strong_actor_ptr* actor = context_.exports->find(header.target);
  if (actor == nullptr) {
    ++counters_.tells_dropped;
    return;
  }
  (*actor)->enqueue(context_.types->element_of(caf::strong_actor_ptr{ctrl()}, caf::make_message_id(),
                                               std::move(payload)),
                    &reactor_);
}

void SessionActor::on_answer(const wire::MessageHeader& header, wire::FramePtr payload) {
  std::optional<RequestTable::Request> request = requests_.take(header.request);
  if (!request || request->sender == nullptr) return;  // late: its deadline has passed
  const caf::message_id id = request->id.response_id();
  const caf::strong_actor_ptr self{ctrl()};
  if (header.kind == wire::MessageKind::failure) {
    request->sender->enqueue(self, id, caf::make_message(to_caf(decode_failure(payload))), &reactor_);
  } else {
    request->sender->enqueue(context_.types->element_of(self, id, std::move(payload)), &reactor_);
  }
}

void SessionActor::on_monitor(wire::Target target) {
  const caf::strong_actor_ptr* actor = context_.exports->find(target);
  if (actor == nullptr) {
    wire::MessageHeader header{.kind = wire::MessageKind::down, .target = target};
    return send(header, encode_failure({Code::not_found, "no such actor here"}));
  }
  if (watched_.size() >= kProxiesMax) return close({Code::overloaded, "the peer watches too many actors"});
  caf::abstract_actor* watched = (*actor)->get();
  watched_.emplace(watched->id(), target);
  watched->attach(caf::default_attachable::make_monitor(watched->address(), address()));
}

void SessionActor::on_local_down(const caf::actor_addr& source, const caf::error& reason) {
  const auto [first, last] = watched_.equal_range(source.id());
  for (auto it = first; it != last; ++it) {
    wire::MessageHeader header{.kind = wire::MessageKind::down, .target = it->second};
    send(header, encode_failure(from_caf(reason)));
  }
  watched_.erase(first, last);
}

void SessionActor::on_peer_down(wire::Target target, const wire::FramePtr& payload) {
  auto node = proxies_.extract(target);
  if (node.empty()) return;
  static_cast<ProxyActor*>(node.mapped()->get())->end(to_caf(decode_failure(payload)));
}

caf::actor SessionActor::proxy(wire::Target target) {
  const auto found = proxies_.find(target);
  if (found != proxies_.end()) return caf::actor_cast<caf::actor>(found->second);
  const auto made = spawn_hosted<ProxyActor>(
      reactor_, HostedPtr<SessionActor>(caf::strong_actor_ptr{ctrl()}), target);
  if (state_ == State::closed || proxies_.size() >= kProxiesMax) {
    made->end(to_caf({Code::unavailable, "the session is closed"}));
  } else {
    proxies_.emplace(target, made.strong());
    send_control(wire::MessageKind::monitor, target);
  }
  return made.handle();
}

void SessionActor::on_message(caf::mailbox_element& element) {
  if (element.mid.is_response()) return send_answer(element);
  const auto& content = element.content();
  if (content.match_elements<caf::down_msg>()) {
    const auto& down = content.get_as<caf::down_msg>(0);
    return on_local_down(down.source, down.reason);
  }
  if (content.match_elements<caf::tick_atom>()) {
    grant_credit();
    return reactor_.flush_later(*this);
  }
  reply(element, caf::make_message(to_caf({Code::invalid, "send to a proxy, not to the session"})));
}

void SessionActor::on_exit(const caf::error&) { finish(); }

void SessionActor::finish() {
  if (state_ == State::open || state_ == State::draining) {
    send_control(wire::MessageKind::close);
    flush();
  }
  close({Code::unavailable, "the session was closed"});
}

void SessionActor::end_proxies(const Error& why) {
  const auto proxies = std::exchange(proxies_, {});
  for (const auto& [target, proxy] : proxies) static_cast<ProxyActor*>(proxy->get())->end(to_caf(why));
}

void SessionActor::send_answer(caf::mailbox_element& element) {
  if (requests_received_open_ > 0) --requests_received_open_;
  if (state_ == State::closed) return;
  const uint64_t request = element.mid.request_id().integer_value();
  const auto& content = element.content();
  if (const wire::FramePtr* frame = context_.types->frame_of(content)) {
    wire::MessageHeader header{.kind = wire::MessageKind::response, .request = request};
    return send(header, *frame);
  }
  if (content.match_elements<caf::error>())
    return send_failure(request, from_caf(content.get_as<caf::error>(0)));
  send_failure(request, {Code::internal, "the actor answered with something that cannot travel"});
}

void SessionActor::send_request(caf::strong_actor_ptr sender, caf::message_id id,
                                wire::Target target, const wire::FramePtr& frame) {
  RequestTable::Request request{std::move(sender), id, frame->deadline()};
  const caf::strong_actor_ptr self{ctrl()};
  if (state_ == State::closed || state_ == State::draining)
    return answer(request, self, {Code::unavailable, "the session is closed"});
  if (requests_.size() >= kRequestsMax || blocked_bytes_ > kBlockedBytesMax)
    return answer(request, self, {Code::overloaded, "too many requests are open in this session"});
  wire::MessageHeader header{.kind = wire::MessageKind::request, .target = target};
  if (request.deadline == TimePoint::max()) {
    request.deadline = last_received_ + times_.request;
  } else {
    const int64_t left = to_ms(request.deadline - reactor_.loop().now());
    if (left <= 0) return answer(request, self, {Code::timeout, "the deadline had passed before it was sent"});
    header.deadline_ms = static_cast<uint32_t>(std::min<int64_t>(left, UINT32_MAX));
  }
  header.request = requests_.add(std::move(request));
  ++counters_.requests_sent;
  last_used_ = last_received_;
  if (!fast_tick_ && state_ == State::open) arm_tick(kFastTick);
  send(header, frame);
}

void SessionActor::send_tell(wire::Target target, const wire::FramePtr& frame) {
  if (state_ == State::closed || state_ == State::draining || blocked_bytes_ > kBlockedBytesMax) {
    ++counters_.tells_dropped;
    return;
  }
  send({.kind = wire::MessageKind::tell, .target = target}, frame);
}

void SessionActor::send_exit(wire::Target target, const caf::error& reason) {
  send({.kind = wire::MessageKind::exit, .target = target}, encode_failure(from_caf(reason)));
}

void SessionActor::send_failure(uint64_t request, const Error& error) {
  send({.kind = wire::MessageKind::failure, .request = request}, encode_failure(error));
}

void SessionActor::send_control(wire::MessageKind kind, wire::Target target) {
  send({.kind = kind, .target = target}, {});
}

void SessionActor::send(wire::MessageHeader header, const wire::FramePtr& frame) {
  if (state_ == State::closed) return;
  const int64_t cost = wire::credit_cost(frame ? frame->size() : 0);
  // What has been queued goes first: messages of one session keep their order.
  if (cost > 0 && (credit_ <= 0 || !blocked_.empty())) {
    blocked_bytes_ += static_cast<size_t>(cost);
    blocked_.push_back({header, frame});
    if (blocked_bytes_ > 4 * kBlockedBytesMax) close({Code::overloaded, "the peer takes no messages"});
    return;
  }
  credit_ -= cost;
  header.type = frame ? frame->type() : 0;
  channel_->send(header, frame);
  reactor_.flush_later(*this);
}

void SessionActor::release_blocked() {
  while (credit_ > 0 && !blocked_.empty()) {
    Blocked next = std::move(blocked_.front());
    blocked_.pop_front();
    const int64_t cost = wire::credit_cost(next.frame ? next.frame->size() : 0);
    blocked_bytes_ -= static_cast<size_t>(cost);
    credit_ -= cost;
    next.header.type = next.frame ? next.frame->type() : 0;
    channel_->send(next.header, next.frame);
  }
}

void SessionActor::grant_credit() {
  if (origin_.get() == nullptr || state_ == State::closed) return;
  const uint64_t released = origin_->take_released();
  if (released == 0) return;
  send({.kind = wire::MessageKind::credit, .credit = static_cast<uint32_t>(released)}, {});
}

void SessionActor::flush() {
  if (state_ == State::closed || stream_ == nullptr || state_ == State::connecting) return;
  const caf::strong_actor_ptr keep_alive{ctrl()};
  channel_->flush();
  const ByteView output = channel_->output();
  if (!output.empty()) {
    const size_t written = stream_->write(output);
    counters_.bytes_sent += written;
    channel_->consume(written);
    if (channel_->backlog() > kBacklogBytesMax) close({Code::overloaded, "the peer does not read"});
  }
}

bool SessionActor::in_use() const {
  if (requests_.size() > 0 || requests_received_open_ > 0) return true;
  return std::any_of(proxies_.begin(), proxies_.end(), [](const auto& entry) {
    return entry.second->strong_refs.load(std::memory_order_relaxed) > 1;
  });
}

void SessionActor::arm_tick(Duration delay) {
  reactor_.loop().cancel(tick_);
  fast_tick_ = delay == kFastTick;
  tick_ = reactor_.loop().after(delay, [this] { on_tick(); });
}

void SessionActor::on_tick() {
  const caf::strong_actor_ptr keep_alive{ctrl()};
  const TimePoint now = reactor_.loop().now();
  const caf::strong_actor_ptr self{ctrl()};
  if (state_ == State::connecting || state_ == State::handshake)
    return close({Code::timeout, "no handshake with " + address_.text() + " in " +
                                     std::to_string(to_ms(times_.handshake)) + " ms"});
  for (const RequestTable::Request& request : requests_.take_expired(now))
    answer(request, self, {Code::timeout, "no answer from " + peer_.brief() + " in time"});
  const Duration silence = now - last_received_;
  if (times_.dead_after > 0s && silence > times_.dead_after)
    return close({Code::unavailable, "the peer was silent for " + std::to_string(to_ms(silence)) + " ms"});
  if (times_.ping_after > 0s && silence > times_.ping_after && !ping_open_) {
    ping_open_ = true;
    ping_sent_ = now;
    send_control(wire::MessageKind::ping);
  }
  if (state_ == State::open && times_.idle_close > 0s && now - last_used_ > times_.idle_close && !in_use())
    drain();
  if (state_ == State::draining && (!in_use() || now - last_used_ > kDrainMax)) return finish();
  const bool hurry = requests_.size() > 0 || state_ == State::draining;
  arm_tick(hurry ? kFastTick : kSlowTick);
}

void SessionActor::drain() {
  if (state_ != State::open) return;
  state_ = State::draining;
  last_used_ = reactor_.loop().now();
  end_proxies({Code::unavailable, "the session is closing"});
  arm_tick(kFastTick);
}

void SessionActor::close(const Error& why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  const caf::strong_actor_ptr self{ctrl()};
  reactor_.loop().cancel(tick_);
  reactor_.forget(*this);
  stream_.reset();
  blocked_.clear();
  const Error lost{Code::unavailable, why.detail.empty() ? std::string(themis::name(why.code)) : why.detail};
  for (const RequestTable::Request& request : requests_.take_all()) answer(request, self, lost);
  end_proxies(lost);
  context_.owner->on_session_closed(*this, why);
  quit(to_caf(lost));
}

}  // namespace themis
