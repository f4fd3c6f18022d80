#include "actors/peer/session_actor.hpp"

#include <caf/all.hpp>

#include "actors/peer/proxy_actor.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr Duration kFastTick = 50ms;  // while a deadline may pass
constexpr Duration kSlowTick = 60s;
/// Longer than any session: what is due later is not waited for by the clock that runs.
constexpr int64_t kFarS = 10 * 365 * int64_t{86'400};
/// Credit is granted in steps: a grant for every message would double the messages.
constexpr uint64_t kGrantStepBytes = wire::kInitialCredit / 4;

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
      received_at_(reactor.loop().now()),
      last_heard_(received_at_),
      last_used_(received_at_) {
  handshake_.expected = expected;
  handshake_.wall_ms = reactor.loop().wall_ms();
  channel_ = std::make_unique<wire::Channel>(handshake_, initiator, *context.rng,
                                             static_cast<wire::ChannelEvents&>(*this));
  if (times_.handshake > 0s) arm_tick(times_.handshake);
}

/// The last reference may be dropped by any thread (an actor that never answered a request holds
/// one), long after the reactor: a closed session has nothing left there.
SessionActor::~SessionActor() {
  if (state_ == State::closed) return;
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
  // Nodes of one machine start together, by the hundred: each other's calls are not counted.
  channel_->set_caller(address_.text(), address_.is_loopback() ? "" : address_.site());
  on_connected();
}

void SessionActor::on_connected() {
  state_ = State::handshake;
  if (initiator_) channel_->start();
  flush();
}

void SessionActor::on_data(std::span<std::byte> data) {
  const caf::strong_actor_ptr keep_alive{ctrl()};
  received_at_ = reactor_.loop().now();
  counters_.bytes_received += data.size();
  const uint64_t records = channel_->received_records();
  const Status status = channel_->on_data(data);
  if (state_ == State::closed) return;
  if (!status) return close(status.error());
  if (channel_->received_records() != records) last_heard_ = received_at_;
  const uint64_t rekeyed = channel_->rekeyed();
  if (std::exchange(rekeyed_, rekeyed) != rekeyed) rekeyed_at_ = received_at_;
  reactor_.flush_later(*this);
}

/// Who is refused hears nothing: the likely reason is told here, where somebody can act on it.
void SessionActor::on_closed(const Error& why) {
  refused_ = initiator_ && state_ == State::open && channel_->received_records() == 0;
  if (!refused_) return close(why);
  close({why.code, why.detail + " right after the handshake: it may refuse this node; a private "
                                "network wants a valid invite (mesh.invite)"});
}

wire::OriginPtr SessionActor::on_established(const wire::Established& peer) {
  peer_ = peer.peer;
  transcript_ = peer.transcript;
  standing_ = peer.standing;
  const int64_t wall_s = reactor_.loop().wall_ms() / 1000;
  const auto when = [&](int64_t until_s) {
    if (until_s - wall_s > kFarS) return TimePoint::max();
    return reactor_.loop().now() + std::chrono::seconds(until_s - wall_s);
  };
  invited_until_ = when(standing_.invited_until_s);
  former_until_ = when(standing_.former_until_s);
  state_ = State::open;
  last_heard_ = rekeyed_at_ = received_at_;
  // The origin may outlive the session: its frames may wait in mailboxes. It must not keep the
  // session alive.
  const caf::weak_actor_ptr self{ctrl()};
  origin_ = wire::OriginPtr(new wire::Origin(
      peer_, kGrantStepBytes,
      [self] {
        if (const auto session = caf::actor_cast<caf::strong_actor_ptr>(self))
          session->enqueue(nullptr, caf::make_message_id(),
                           caf::make_message(caf::tick_atom::value), nullptr);
      },
      standing_.former));
  arm_tick(requests_.size() > 0 ? kFastTick : next_tick(received_at_));
  release_blocked();
  if (const Status accepted = context_.owner->on_session_open(*this); !accepted)
    close(accepted.error());
  return origin_;
}

void SessionActor::on_message(caf::mailbox_element& element) {
  if (element.mid.is_response()) return send_answer(element);
  const auto& content = element.content();
  if (content.match_elements<caf::down_msg>()) {
    const auto& down = content.get_as<caf::down_msg>(0);
    return on_local_down(down.source, down.reason);
  }
  if (content.match_elements<caf::tick_atom>()) return grant_credit();
  reply(element, caf::make_message(to_caf({Code::invalid, "send to a proxy, not to the session"})));
}

void SessionActor::on_exit(const caf::error&) { finish(); }

void SessionActor::flush() {
  if (state_ == State::closed) return;
  const caf::strong_actor_ptr keep_alive{ctrl()};
  if (stream_ == nullptr || state_ == State::connecting) return report_waiting(blocked_bytes_);
  channel_->flush();
  if (channel_->rekey_overdue())
    return close({Code::unavailable, "the peer takes no new keys, however many records pass"});
  const ByteView output = channel_->output();
  if (!output.empty()) {
    const size_t written = stream_->write(output);
    counters_.bytes_sent += written;
    channel_->consume(written);
  }
  if (channel_->backlog() > kBacklogBytesMax)
    return close({Code::overloaded, "the peer does not read"});
  report_waiting(blocked_bytes_ + channel_->backlog());
}

void SessionActor::report_waiting(size_t now) {
  const size_t before = std::exchange(waiting_bytes_, now);
  if (before != now)
    context_.owner->on_waiting_changed(*this,
                                       static_cast<int64_t>(now) - static_cast<int64_t>(before));
}

void SessionActor::arm_tick(Duration delay) {
  reactor_.loop().cancel(tick_);
  fast_tick_ = delay <= kFastTick;
  tick_ = reactor_.loop().after(delay, [this] { on_tick(); });
}

/// Until the first time that anything may be due.
Duration SessionActor::next_tick(TimePoint now) const {
  if (requests_.size() > 0 || requests_received_.size() > 0 || state_ == State::draining)
    return kFastTick;
  Duration next = kSlowTick;
  const auto due = [&](TimePoint since, Duration limit) {
    if (limit > 0s) next = std::min(next, since + limit - now);
  };
  if (!ping_open_) due(last_heard_, times_.ping_after);
  due(last_heard_, times_.dead_after);
  due(last_used_, times_.idle_close);
  if (initiator_ && !channel_->rekeying()) due(rekeyed_at_, times_.rekey);
  due(rekeyed_at_, times_.rekey_limit);
  for (const TimePoint until : {invited_until_, former_until_})
    if (until != TimePoint::max()) next = std::min(next, until - now);
  return std::max(next, kFastTick);
}

void SessionActor::on_tick() {
  const caf::strong_actor_ptr self{ctrl()};
  const TimePoint now = reactor_.loop().now();
  if (state_ == State::connecting || state_ == State::handshake)
    return close({Code::timeout, "no handshake with " + address_.text() + " in " +
                                     std::to_string(to_ms(times_.handshake)) + " ms"});
  for (const RequestTable::Request& request : requests_.take_expired(now))
    answer(request, {Code::timeout, "no answer from " + peer_.brief() + " in time"});
  for (const RequestTable::Request& request : requests_received_.take_expired(now))
    abandon(request);
  check_silence(now);
  check_keys(now);
  check_standing(now);
  if (state_ == State::open && times_.idle_close > 0s && now - last_used_ >= times_.idle_close) {
    if (in_use()) {
      last_used_ = now;
    } else {
      drain();
    }
  }
  if (state_ == State::draining) continue_drain(now);
  if (state_ != State::closed) arm_tick(next_tick(now));
}

void SessionActor::check_silence(TimePoint now) {
  const Duration silence = now - last_heard_;
  if (times_.dead_after > 0s && silence >= times_.dead_after)
    return close(
        {Code::unavailable, "the peer was silent for " + std::to_string(to_ms(silence)) + " ms"});
  if (times_.ping_after > 0s && silence >= times_.ping_after && !ping_open_) {
    ping_open_ = true;
    ping_sent_ = now;
    send_control(wire::MessageKind::ping);
  }
}

void SessionActor::check_keys(TimePoint now) {
  if (state_ == State::closed) return;
  const Duration age = now - rekeyed_at_;
  if (times_.rekey_limit > 0s && age >= times_.rekey_limit)
    return close(
        {Code::unavailable, "the peer took no new keys for " + std::to_string(to_ms(age)) + " ms"});
  if (times_.rekey > 0s && age >= times_.rekey) {
    channel_->rekey();
    reactor_.flush_later(*this);
  }
}

/// Without an invite nothing more is exchanged. A peer that may no longer go by its old name is
/// told to come again by the new one: what is under way is answered.
void SessionActor::check_standing(TimePoint now) {
  if (state_ == State::closed) return;
  if (now >= invited_until_)
    return close({Code::denied, "the invite of node " + peer_.brief() + " has expired"});
  if (now >= former_until_) {
    former_until_ = TimePoint::max();
    drain();
  }
}

/// Something on its way that the peer or an actor here still waits for.
bool SessionActor::answering() const {
  return requests_.size() > 0 || requests_received_.size() > 0 || !blocked_.empty() ||
         (channel_ && channel_->backlog() > 0);
}

bool SessionActor::in_use() const {
  if (answering() || !watched_.empty()) return true;
  return std::any_of(proxies_.begin(), proxies_.end(), [](const auto& entry) {
    return entry.second->strong_refs.load(std::memory_order_relaxed) > 1;
  });
}

void SessionActor::drain() {
  if (state_ != State::open) return;
  state_ = State::draining;
  drain_until_ = reactor_.loop().now() + times_.drain;
  end_proxies(caf::exit_reason::unreachable);  // the peer is well: another session leads there
  send_control(wire::MessageKind::drain);
  arm_tick(kFastTick);
}

/// Who is done says goodbye and lets the peer close: closing first, with bytes of the peer unread,
/// would make the kernel throw away what the peer has not read yet.
void SessionActor::continue_drain(TimePoint now) {
  // Its proxies have ended: who gives up has no other way to say so.
  for (const wire::FramePtr& given_up : requests_.cancelled()) cancel_request(given_up);
  if (now >= drain_until_) return finish();
  if (!peer_drains_ || said_goodbye_ || answering()) return;
  said_goodbye_ = true;
  send_control(wire::MessageKind::close);
}

void SessionActor::finish() {
  const caf::strong_actor_ptr keep_alive{ctrl()};
  if (state_ == State::open || state_ == State::draining) {
    send_control(wire::MessageKind::close);
    flush();
  }
  close({Code::unavailable, "the session was closed"});
}

void SessionActor::close(const Error& why) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  const caf::strong_actor_ptr self{ctrl()};
  const Error reason = why;  // it may belong to what goes away here
  reactor_.loop().cancel(tick_);
  reactor_.forget(*this);
  stream_.reset();
  blocked_.clear();
  loop_.reset();
  if (origin_.get() != nullptr) origin_->close();
  stop_watching();
  report_waiting(0);
  // One with a key runs on: its caller may ask again over another session.
  for (const RequestTable::Request& request : requests_received_.take_all())
    if (request.run == 0) abandon(request);
  const Error lost{Code::unavailable,
                   reason.detail.empty() ? std::string(themis::name(reason.code)) : reason.detail};
  for (const RequestTable::Request& request : requests_.take_all()) answer(request, lost);
  end_proxies(to_caf(lost));
  context_.owner->on_session_closed(*this, reason);
  quit(to_caf(lost));
}

}  // namespace themis
