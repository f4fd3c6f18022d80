#include "actors/peer/keyed_requests.hpp"

#include <caf/all.hpp>

#include "actors/peer/session_actor.hpp"

namespace themis {

KeyedReply reply_of(const caf::type_erased_tuple& answer, const MessageTypes& types) {
  if (const wire::FramePtr* frame = types.frame_of(answer)) {
    if ((*frame)->size() <= wire::kMessageBytesMax) return {*frame, {}};
    return {{}, {Code::too_large, "the answer is longer than a message can be"}};
  }
  if (answer.match_elements<caf::error>() && answer.get_as<caf::error>(0))
    return {{}, from_caf(answer.get_as<caf::error>(0))};
  return {{}, {Code::internal, "the actor answered with something that cannot travel"}};
}

void KeyedRequests::take(SessionActor& session, uint64_t request, const wire::MessageHeader& header,
                         const caf::strong_actor_ptr& actor, wire::FramePtr payload) {
  const crypto::Digest content = crypto::Hasher("themis/request/v1")
                                     .add_framed(std::as_bytes(std::span(&header.target, 1)))
                                     .add_framed(std::as_bytes(std::span(&header.type, 1)))
                                     .add_framed(payload->bytes())
                                     .finish();
  // A request that is repeated at another node of this process is another request.
  wire::IdempotencyKey key = header.key;
  const LocalNodes::Number node = session.own_node(header.nodes.to);
  store(key.bytes.data(), static_cast<uint16_t>(load<uint16_t>(key.bytes.data()) ^ node));
  const TimePoint now = reactor_.loop().now();
  const auto begun = cache_.begin(
      *payload->peer(), {key, content, {session.id(), request}, payload->deadline()}, now);
  if (!begun) return session.send_reply(request, {{}, begun.error()});
  if (begun->kind == ReplyCache::Begun::Kind::answered)
    return session.send_reply(request, begun->reply);
  arm();
  if (begun->kind == ReplyCache::Begun::Kind::joined) return;
  actor->enqueue(types_.element_of(caf::strong_actor_ptr{ctrl()},
                                   caf::make_message_id(begun->run).with_normal_priority(),
                                   std::move(payload)),
                 &reactor_);
}

void KeyedRequests::on_message(caf::mailbox_element& element) {
  if (!element.mid.is_response() || find_ == nullptr) return;
  const KeyedReply reply = reply_of(element.content(), types_);
  const uint64_t run = element.mid.request_id().integer_value();
  for (const ReplyCache::Waiter& waiter : cache_.finish(run, reply, reactor_.loop().now()))
    if (SessionActor* session = find_(waiter.session)) session->send_reply(waiter.request, reply);
}

void KeyedRequests::arm() {
  if (std::exchange(armed_, true)) return;
  timer_ = reactor_.loop().after(kExpireEvery, [this] {
    armed_ = false;
    cache_.expire(reactor_.loop().now());
    if (cache_.entries() > 0) arm();
  });
}

void KeyedRequests::stop() {
  find_ = nullptr;
  if (std::exchange(armed_, false)) reactor_.loop().cancel(timer_);
  quit({});
}

}  // namespace themis
