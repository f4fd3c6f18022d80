#pragma once
// WebSocket, the server's side: the handshake and the frames. Pure: no I/O, no clock.
// Source: RFC 6455.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/error.hpp"
#include "runtime/http/message.hpp"

namespace themis::http {

/// Longest message, whole: what a part of a body may be on its way to a function.
inline constexpr size_t kSocketMessageBytesMax = 1 << 20;

/// Whether a request asks to become a WebSocket.
bool is_socket_request(const Request& request);
/// What Sec-WebSocket-Accept answers. Errors: malformed (no version 13, a key that is none, a
/// body).
Result<std::string> socket_accept(const Request& request);

/// Close codes (RFC 6455 section 7.4.1).
inline constexpr uint16_t kCloseNormal = 1000;
inline constexpr uint16_t kCloseGoingAway = 1001;
inline constexpr uint16_t kCloseProtocolError = 1002;
inline constexpr uint16_t kCloseNoStatus = 1005;  ///< Never on the wire: a close without a code.
inline constexpr uint16_t kCloseAbnormal = 1006;  ///< Never on the wire: an end without a close.
inline constexpr uint16_t kCloseInvalidText = 1007;
inline constexpr uint16_t kCloseTooLarge = 1009;
inline constexpr uint16_t kCloseInternal = 1011;
/// May be sent by a peer, or by a function.
bool is_close_code(uint16_t code);

enum class SocketOpcode : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

/// A whole message, or a control frame.
struct SocketMessage {
  SocketOpcode opcode = SocketOpcode::text;
  std::string data;                ///< Of a close: the reason.
  uint16_t code = kCloseNoStatus;  ///< Of a close.
};

/// Reads what a client sends: masked frames, put together, texts checked. One thread at a time.
class SocketReader {
 public:
  explicit SocketReader(size_t message_bytes_max = kSocketMessageBytesMax)
      : message_bytes_max_(message_bytes_max) {}

  struct Refusal {
    uint16_t code = kCloseProtocolError;
    std::string reason;
  };
  /// Takes bytes of `input` from its front, until a message is whole or nothing is left. After a
  /// refusal, and after a close, nothing may be read any more.
  tl::expected<std::optional<SocketMessage>, Refusal> read(std::string_view& input);

 private:
  using Step = tl::expected<std::optional<SocketMessage>, Refusal>;
  tl::expected<void, Refusal> begin_frame();
  Step end_frame();
  Step end_message();
  Step end_close();

  const size_t message_bytes_max_;
  std::string head_;  // of the frame at hand, while it is not whole
  bool in_payload_ = false;
  bool final_ = false;
  SocketOpcode opcode_ = SocketOpcode::text;
  uint64_t left_ = 0;
  uint32_t mask_at_ = 0;
  char mask_[4] = {};
  std::string control_;  // payload of a control frame, which may come between fragments
  std::string message_;
  std::optional<SocketOpcode> fragmented_;  // the kind of the message whose fragments come
};

/// One unmasked, unfragmented frame.
std::string socket_frame(SocketOpcode opcode, std::string_view payload);
/// A close frame; kCloseNoStatus has neither code nor reason. The reason is cut to 123 bytes.
std::string socket_close_frame(uint16_t code, std::string_view reason);

}  // namespace themis::http
