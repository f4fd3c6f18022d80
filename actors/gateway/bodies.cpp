// Bodies of requests and answers that travel bit by bit, between a client's connection and the
// node's hub.

#include <caf/all.hpp>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {

bool GatewayActor::takes_stream(const http::Request& request) const {
  const Result<Destination> to = find_destination(request);
  return options_.flows && to && to->path == Path::call;
}

FlowId GatewayActor::offer_body(uint64_t id) {
  const FlowId flow = new_flow_id(rng_);
  pending_.at(id).upload = flow;
  uploads_.emplace(flow, id);
  // Which node will run the function is not known yet: it is the one that is told the number.
  send(options_.flows, OfferFlow{flow, caf::actor(this), {}});
  return flow;
}

caf::result<BodyPartMsg> GatewayActor::take_body(FlowId flow) {
  const auto found = uploads_.find(flow);
  if (found == uploads_.end()) return to_caf({Code::not_found, "the request is over"});
  const uint64_t id = found->second;
  Pending& pending = pending_.at(id);
  if (pending.poll != 0) return to_caf({Code::exists, "a part of this body is being read"});
  auto promise = make_response_promise<BodyPartMsg>();
  pending.taker = promise;
  pending.poll = reactor_.loop().after(js::kPollMax, [this, id] {
    const auto open = pending_.find(id);
    if (open == pending_.end()) return;
    if (open->second.socket) on_silence(id);
    give_body(open->second, http::BodyBit{});
  });
  if (pending.socket) {
    give_message(id);
  } else if (pending.early) {
    give_body(pending, *std::exchange(pending.early, {}));
  } else if (!std::exchange(pending.awaits, true)) {
    pending.responder.read([this, id](Result<http::BodyBit> bit) { on_body(id, std::move(bit)); });
  }
  return caf::delegated<BodyPartMsg>{};
}

void GatewayActor::on_body(uint64_t id, Result<http::BodyBit> bit) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  pending.awaits = false;
  if (pending.poll == 0) {
    pending.early = std::move(bit);
  } else {
    give_body(pending, std::move(bit));
  }
}

/// To whoever waits for a part. An empty one that is not the last says: ask again.
void GatewayActor::give_body(Pending& pending, Result<http::BodyBit> bit) {
  if (pending.poll == 0) return;
  reactor_.loop().cancel(std::exchange(pending.poll, 0));
  if (!bit) return void(pending.taker.deliver(to_caf(bit.error())));
  const bool is_end = bit->last && bit->bytes.empty();
  if (bit->last && !is_end) pending.early = http::BodyBit{{}, true};
  const auto kind = is_end ? js::Part::Kind::end : js::Part::Kind::bytes;
  pending.uploaded_bytes += bit->bytes.size();
  pending.taker.deliver(encode_part(kind, as_bytes(bit->bytes)));
}

/// The first of an answer that goes on bit by bit.
void GatewayActor::begin_answer(uint64_t id, const NodeId& node, Reply reply) {
  Pending& pending = pending_.at(id);
  pending.download = reply.flow;
  pending.node = node;
  pending.responder.on_gone([this, id] {
    auto gone = pending_.extract(id);
    if (!gone.empty()) release(gone.mapped());
  });
  pending.responder.on_room([this, id] { read_answer(id); });
  pending.responder.begin(std::move(reply.response));
  read_answer(id);
}

/// The next part, when the client's connection has room for it.
void GatewayActor::read_answer(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;  // it could not be begun, or the client left
  Pending& pending = found->second;
  if (pending.reading || !pending.responder.has_room()) return;
  pending.reading = true;
  request(options_.flows, caf::infinite, ReadFlow{pending.node, pending.download})
      .then([this, id](const BodyPartMsg& part) { on_part(id, decode_part(part)); },
            [this, id](const caf::error& error) { on_part(id, fail(from_caf(error))); });
}

void GatewayActor::on_part(uint64_t id, const Result<js::Part>& part) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  pending.reading = false;
  if (part && part->kind == js::Part::Kind::bytes) {
    if (!part->data.empty()) pending.responder.write(as_text(part->data));
    return read_answer(id);
  }
  auto over = pending_.extract(id);
  if (part && part->kind == js::Part::Kind::end) {
    over.mapped().download = 0;
    release(over.mapped());
    return over.mapped().responder.finish();
  }
  const std::string why = part ? "a part that is none" : part.error().text();
  log::info("gateway", "{}: the answer's body ended early: {}", pending.what, why);
  release(over.mapped());
  over.mapped().responder.abort("the answer's body ended early");
}

/// The request is over, or about to be: whoever reads or sends a part of it is told.
void GatewayActor::release(Pending& pending) {
  if (pending.download != 0)
    send(options_.flows, LeaveFlow{pending.node, std::exchange(pending.download, 0)});
  if (pending.upload == 0) return;
  uploads_.erase(pending.upload);
  send(options_.flows, EndFlow{std::exchange(pending.upload, 0), true, pending.uploaded_bytes});
  if (pending.poll != 0) give_body(pending, fail(Code::unavailable, "the request is over"));
}

}  // namespace themis
