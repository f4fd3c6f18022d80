// WebSockets of clients: frames on one side, the parts of two flows on the other.

#include <caf/all.hpp>

#include "actors/gateway/gateway_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/utf8.hpp"

namespace themis {

using http::SocketMessage;
using http::SocketOpcode;
using Kind = js::Part::Kind;

static_assert(http::kSocketMessageBytesMax <= kPartBytesMax &&
                  js::kSocketMessageMax <= kPartBytesMax,
              "a message of either side is one part");

void GatewayActor::begin_socket(uint64_t id, const NodeId& node, Reply reply) {
  Pending& pending = pending_.at(id);
  pending.download = reply.flow;
  pending.node = node;
  if (!pending.socket) return refuse(id, 502, "a WebSocket that nobody asked for");
  GatewaySocket& socket = *pending.socket;
  reply.response.headers.add("Upgrade", "websocket");
  reply.response.headers.add("Connection", "Upgrade");
  reply.response.headers.set("Sec-WebSocket-Accept", socket.accept);
  reply.response.body.clear();
  pending.responder.on_gone([this, id] {
    const auto gone = pending_.find(id);
    if (gone == pending_.end()) return;
    end_client(gone->second, http::kCloseAbnormal, {}, false);
    give_message(id);
  });
  pending.responder.on_room([this, id] { read_function(id); });
  socket.begun = true;
  socket.heard = reactor_.loop().now();
  if (!pending.responder.upgrade(std::move(reply.response))) {
    socket.begun = false;
    return refuse(id, 400, "requests wait behind the one for a WebSocket");
  }
  read_client(id);
  read_function(id);
}

/// More of what the client sends, when the function has taken enough of it.
void GatewayActor::read_client(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  const GatewaySocket& socket = *pending.socket;
  if (!socket.begun || socket.client_over || pending.awaits ||
      socket.waiting_bytes >= GatewaySocket::kWaitingBytesMax)
    return;
  pending.awaits = true;
  pending.responder.read([this, id](const Result<http::BodyBit>& bit) { on_bytes(id, bit); });
}

void GatewayActor::on_bytes(uint64_t id, const Result<http::BodyBit>& bit) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  GatewaySocket& socket = *pending.socket;
  pending.awaits = false;
  if (!bit) end_client(pending, http::kCloseAbnormal, {}, false);
  std::string_view input = bit ? std::string_view(bit->bytes) : std::string_view();
  socket.heard = reactor_.loop().now();
  while (!input.empty() && !socket.client_over) {
    const auto message = socket.reader.read(input);
    if (!message) {
      end_client(pending, message.error().code, message.error().reason, true);
    } else if (*message) {
      on_message(pending, **message);
    }
  }
  if (give_message(id)) read_client(id);
}

void GatewayActor::on_message(Pending& pending, const SocketMessage& message) {
  GatewaySocket& socket = *pending.socket;
  switch (message.opcode) {
    case SocketOpcode::ping:
      // Who does not read gets no answers either.
      if (pending.responder.has_room())
        pending.responder.write(http::socket_frame(SocketOpcode::pong, message.data));
      return;
    case SocketOpcode::close:
      return end_client(pending, message.code, message.data, true);
    case SocketOpcode::text:
    case SocketOpcode::binary:
      socket.waiting.push_back({message.opcode == SocketOpcode::text ? Kind::text : Kind::binary,
                                to_bytes(message.data), 0});
      socket.waiting_bytes += message.data.size() + sizeof(js::Part);
      return;
    default:
      return;  // a pong: it was heard
  }
}

/// Nothing more comes of the client. `say`: it is there, and told so.
void GatewayActor::end_client(Pending& pending, uint16_t code, std::string_view reason, bool say) {
  GatewaySocket& socket = *pending.socket;
  if (std::exchange(socket.client_over, true)) return;
  socket.waiting.push_back({Kind::close, to_bytes(reason), code});
  if (!say) return;
  if (!std::exchange(socket.close_sent, true))
    pending.responder.write(http::socket_close_frame(code, reason));
  pending.responder.finish();
}

/// To the function, if it waits. False: the socket is over.
bool GatewayActor::give_message(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return false;
  Pending& pending = found->second;
  GatewaySocket& socket = *pending.socket;
  if (pending.poll == 0 || socket.waiting.empty()) return true;
  reactor_.loop().cancel(std::exchange(pending.poll, 0));
  const js::Part part = std::move(socket.waiting.front());
  socket.waiting.pop_front();
  socket.waiting_bytes -= std::min(socket.waiting_bytes, part.data.size() + sizeof(js::Part));
  pending.taker.deliver(encode_part(part));
  if (!part.is_last()) read_client(id);
  return true;
}

/// The function has waited for a while: is the client still there?
void GatewayActor::on_silence(uint64_t id) {
  Pending& pending = pending_.at(id);
  if (!pending.socket->begun || pending.socket->client_over) return;
  if (reactor_.loop().now() - pending.socket->heard < GatewaySocket::kSilenceMax)
    return pending.responder.write(http::socket_frame(SocketOpcode::ping, {}));
  end_client(pending, http::kCloseAbnormal, {}, false);
  pending.responder.abort("the client is silent");
}

/// What the function sends, when the client's connection has room for it.
void GatewayActor::read_function(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  const bool is_open = !pending.socket->client_over;
  if (pending.reading || (is_open && !pending.responder.has_room())) return;
  pending.reading = true;
  request(options_.flows, caf::infinite, ReadFlow{pending.node, pending.download})
      .then([this, id](const BodyPartMsg& part) { on_function(id, decode_part(part)); },
            [this, id](const caf::error& error) { on_function(id, fail(from_caf(error))); });
}

void GatewayActor::on_function(uint64_t id, const Result<js::Part>& part) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  pending.reading = false;
  if (!part) {
    log::info("gateway", "{}: its function left the WebSocket: {}", pending.what,
              part.error().text());
    return end_socket(id, http::kCloseInternal, "the function ended");
  }
  const bool is_close_valid = http::is_close_code(part->code) || part->code == http::kCloseNoStatus;
  if (part->kind == Kind::close && is_close_valid && is_utf8(part->data))
    return end_socket(id, part->code, as_text(part->data));
  if (part->is_last()) return end_socket(id, http::kCloseNormal, {});
  const auto opcode = part->kind == Kind::text ? SocketOpcode::text : SocketOpcode::binary;
  if (part->kind == Kind::text && !is_utf8(part->data))
    return end_socket(id, http::kCloseInternal, "the function sent a text that is none");
  if (part->kind != Kind::bytes && !pending.socket->client_over)
    pending.responder.write(http::socket_frame(opcode, as_text(part->data)));
  read_function(id);
}

/// The function is done with it.
void GatewayActor::end_socket(uint64_t id, uint16_t code, std::string_view reason) {
  auto over = pending_.extract(id);
  Pending& pending = over.mapped();
  pending.download = 0;
  if (!pending.socket->client_over) {
    if (!pending.socket->close_sent)
      pending.responder.write(http::socket_close_frame(code, reason));
    pending.responder.finish();
  }
  release(pending);
}

}  // namespace themis
