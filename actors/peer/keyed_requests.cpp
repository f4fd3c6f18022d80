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

uint64_t KeyedRequests::take(SessionActor& session, uint64_t request,
                             const wire::MessageHeader& header, const caf::strong_actor_ptr& actor,
                             wire::FramePtr payload) {
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
  if (begun) ++(begun->kind == ReplyCache::Begun::Kind::run ? counters_.run : counters_.repeated);
  if (!begun || begun->kind == ReplyCache::Begun::Kind::answered) {
    session.send_reply(request, begun ? begun->reply : KeyedReply{{}, begun.error()});
    return 0;
  }
  arm();
  if (begun->kind == ReplyCache::Begun::Kind::joined) {
    // Gone: its last waiter had given up. This one gets what the run still answers, if it does.
    if (const auto found = running_.find(begun->run); found != running_.end()) {
      wire::Frame& running = *found->second.frame.writable();
      running.set_deadline(std::max(running.deadline(), payload->deadline()));
    }
    return begun->run;
  }
  running_.emplace(begun->run, Running{actor, payload});
  actor->enqueue(types_.element_of(caf::strong_actor_ptr{ctrl()},
                                   caf::make_message_id(begun->run).with_normal_priority(),
                                   std::move(payload)),
                 &reactor_);
  return begun->run;
}

void KeyedRequests::leave(uint64_t run, const ReplyCache::Waiter& waiter) {
  if (!cache_.leave(run, waiter)) return;
  if (const auto running = running_.extract(run)) cancel(running.mapped());
}

void KeyedRequests::cancel(const Running& running) {
  running.frame->cancel();
  running.actor->enqueue(nullptr, caf::make_message_id(),
                         caf::make_message(CancelRequest{running.frame}), &reactor_);
}

void KeyedRequests::on_message(caf::mailbox_element& element) {
  if (!element.mid.is_response() || find_ == nullptr) return;
  const KeyedReply reply = reply_of(element.content(), types_);
  const uint64_t run = element.mid.request_id().integer_value();
  running_.erase(run);
  for (const ReplyCache::Waiter& waiter : cache_.finish(run, reply, reactor_.loop().now()))
    if (SessionActor* session = find_(waiter.session)) session->send_reply(waiter.request, reply);
}

void KeyedRequests::arm() {
  if (std::exchange(armed_, true)) return;
  timer_ = reactor_.loop().after(kExpireEvery, [this] {
    armed_ = false;
    const TimePoint now = reactor_.loop().now();
    cache_.expire(now);
    std::vector<Running> late;
    for (const auto& [run, running] : running_)
      if (running.frame->deadline() <= now) late.push_back(running);
    std::erase_if(running_,
                  [now](const auto& entry) { return entry.second.frame->deadline() <= now; });
    for (const Running& running : late) cancel(running);
    if (cache_.entries() > 0) arm();
  });
}

void KeyedRequests::stop() {
  find_ = nullptr;
  running_.clear();
  if (std::exchange(armed_, false)) reactor_.loop().cancel(timer_);
  quit({});
}

}  // namespace themis
