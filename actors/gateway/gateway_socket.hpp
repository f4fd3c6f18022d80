#pragma once
// One WebSocket at the gateway: what its client has sent and its function has not taken.

#include <deque>

#include "runtime/http/websocket.hpp"
#include "runtime/js/engine.hpp"

namespace themis {

struct GatewaySocket {
  /// Bytes of messages that wait for the function; then the client does.
  static constexpr size_t kWaitingBytesMax = 128 * 1024;
  /// A client that sends nothing, and no answer to pings, for so long is gone.
  static constexpr Duration kSilenceMax = 65s;

  explicit GatewaySocket(std::string accept_key) : accept(std::move(accept_key)) {}

  const std::string accept;
  http::SocketReader reader;
  std::deque<js::Part> waiting;
  size_t waiting_bytes = 0;
  bool begun = false;        ///< Answered with 101.
  bool client_over = false;  ///< It sends no more; the last part says why.
  bool close_sent = false;
  TimePoint heard{};
};

/// Of all WebSockets since the start, but for `open`.
struct SocketCounts {
  size_t open = 0;
  uint64_t asked = 0;   ///< Requests for one.
  uint64_t opened = 0;  ///< Of these; the others were refused, or answered otherwise.
  uint64_t received_messages = 0, received_bytes = 0;  ///< Of clients.
  uint64_t sent_messages = 0, sent_bytes = 0;
};

}  // namespace themis
