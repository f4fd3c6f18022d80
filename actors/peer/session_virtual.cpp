// The virtual nodes at the two ends of a session, and the session of a process with itself.

#include <caf/all.hpp>

#include "actors/peer/session_actor.hpp"

namespace themis {
namespace {

/// Credit of a session with this process is granted as that of any other.
constexpr uint64_t kGrantStepBytes = wire::kInitialCredit / 4;

}  // namespace

Result<uint16_t> SessionActor::present(LocalNodes::Number node) {
  if (loop_ != nullptr || node == 0) return node;
  if (const auto known = numbers_.own_number(node)) return *known;
  const LocalNodes::Node* local = context_.nodes == nullptr ? nullptr : context_.nodes->find(node);
  if (local == nullptr) return fail(Code::cancelled, "this node has left");
  THEMIS_TRY(const uint16_t number, numbers_.add_own(node));
  send_bytes(wire::MessageKind::present,
             wire::make_presence(*local->identity, transcript_, initiator_), number);
  return number;
}

std::optional<uint16_t> SessionActor::number_of(const NodeId& node) const {
  if (loop_ != nullptr) return context_.nodes->number_of(node);
  return node == peer_ ? std::optional<uint16_t>(0) : numbers_.peer_number(node);
}

void SessionActor::ask_to_prove(const NodeId& node) {
  send_bytes(wire::MessageKind::prove, node.view());
}

/// The signature is checked only for a number that may be given: at most wire::kPresentedMax times.
void SessionActor::on_present(const wire::MessageHeader& header, const wire::FramePtr& payload) {
  const auto present = [&]() -> Status {
    if (loop_ != nullptr || context_.nodes == nullptr)
      return fail(Code::malformed, "no nodes are presented on this session");
    THEMIS_CHECK(numbers_.check_next(header.nodes.from));
    THEMIS_TRY(const NodeId node, wire::check_presence(payload->bytes(), handshake_.self->network(),
                                                       transcript_, !initiator_));
    THEMIS_CHECK(numbers_.add_peer(node));
    channel_->add_origin(wire::OriginPtr(new wire::Origin(node, origin_.get())));
    return context_.owner->on_node_presented(*this, node);
  };
  const caf::strong_actor_ptr keep_alive{ctrl()};
  if (const Status presented = present(); !presented) close(presented.error());
}

void SessionActor::on_prove(const wire::FramePtr& payload) {
  const Result<NodeId> node = NodeId::from_bytes(payload->bytes());
  if (!node) return close(node.error());
  const auto local = context_.nodes == nullptr ? std::nullopt : context_.nodes->number_of(*node);
  if (!local || !present(*local)) send_bytes(wire::MessageKind::absent, payload->bytes());
}

void SessionActor::on_absent(const wire::FramePtr& payload) {
  const Result<NodeId> node = NodeId::from_bytes(payload->bytes());
  if (!node) return close(node.error());
  context_.owner->on_node_absent(*this, *node);
}

void SessionActor::send_bytes(wire::MessageKind kind, ByteView payload, uint16_t from) {
  const wire::FramePtr frame = wire::Frame::make(payload.size() / wire::Frame::kWordBytes);
  std::ranges::copy(payload, frame.writable()->data());
  send({.kind = kind, .nodes = {.from = from}}, frame);
}

bool SessionActor::is_own_number(uint16_t number) const {
  return number == 0 || loop_ != nullptr || numbers_.own(number).has_value();
}

/// An actor here, by the number that the peer knows its node under. Errors: not_found (no such
/// actor, no such number), unavailable (the node has left).
Result<const caf::strong_actor_ptr*> SessionActor::find_actor(uint16_t node,
                                                              wire::Target target) const {
  const Exports* exports = context_.exports;
  if (context_.nodes != nullptr) {
    const auto number = loop_ != nullptr || node == 0 ? node : numbers_.own(node);
    if (!number) return fail(Code::not_hosted, "no such node here");
    const LocalNodes::Node* local = context_.nodes->find(*number);
    if (local == nullptr) return fail(Code::unavailable, "this node has left");
    exports = local->exports;
  } else if (node != 0) {
    return fail(Code::not_hosted, "no such node here");
  }
  const caf::strong_actor_ptr* actor = exports->find(target);
  if (actor == nullptr) return fail(Code::not_hosted, "no such actor here");
  return actor;
}

void SessionActor::loop_back() {
  THEMIS_ASSERT(context_.nodes != nullptr, "there are nodes to talk with each other");
  loop_ = std::make_unique<Loop>();
  channel_.reset();
  initiator_ = false;
  peer_ = handshake_.self->id();
  state_ = State::open;
  times_.ping_after = times_.dead_after = times_.idle_close = Duration{};
  times_.rekey = times_.rekey_limit = Duration{};
  const caf::weak_actor_ptr self{ctrl()};
  origin_ = wire::OriginPtr(new wire::Origin(peer_, kGrantStepBytes, [self] {
    if (const auto session = caf::actor_cast<caf::strong_actor_ptr>(self))
      session->enqueue(nullptr, caf::make_message_id(), caf::make_message(caf::tick_atom::value),
                       nullptr);
  }));
  loop_->origins[0] = origin_;
  arm_tick(next_tick(reactor_.loop().now()));
}

/// Posted, not delivered at once: nodes that answer each other must not keep the loop from its
/// sockets.
void SessionActor::send_looped(const wire::MessageHeader& header, const wire::FramePtr& frame) {
  loop_->queue.push_back({header, frame});
  if (loop_->queue.size() > 1) return;
  reactor_.loop().post([this, keep_alive = caf::strong_actor_ptr{ctrl()}] { take_looped(); });
}

void SessionActor::take_looped() {
  if (loop_ == nullptr) return;
  received_at_ = reactor_.loop().now();
  for (Blocked& sent : std::exchange(loop_->queue, {})) {
    if (loop_ == nullptr) return;  // it was closed by what came before
    const uint16_t from = sent.header.nodes.from;
    wire::OriginPtr& origin = loop_->origins[from];
    if (origin.get() == nullptr) {
      const LocalNodes::Node* sender = context_.nodes->find(from);
      if (sender == nullptr) {
        credit_ += cost_of(sent);
        continue;
      }
      origin = wire::OriginPtr(new wire::Origin(sender->identity->id(), origin_.get()));
    }
    wire::FramePtr copy;
    if (sent.frame) {
      copy = wire::Frame::make_received(sent.frame->words(), origin);
      std::ranges::copy(sent.frame->bytes(), copy.writable()->data());
      copy.writable()->set_type(sent.header.type);
      sent.header.length = static_cast<uint32_t>(sent.frame->size());
      sent.frame = {};
    }
    on_message(sent.header, std::move(copy));
  }
}

}  // namespace themis
