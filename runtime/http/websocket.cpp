#include "runtime/http/websocket.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/detail/sha1.hpp>

#include "runtime/base/utf8.hpp"

namespace themis::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kKeyBytes = 24;  // 16 bytes in base64
constexpr size_t kControlBytesMax = 125;
constexpr size_t kReasonBytesMax = kControlBytesMax - 2;

/// Whether a header that is a list has `token`.
bool lists(const Headers& headers, std::string_view name, std::string_view token) {
  for (const Header& header : headers) {
    if (!equal_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(','), rest.size());
      std::string_view one = rest.substr(0, end);
      while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
      while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
      if (equal_ignoring_case(one, token)) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return false;
}

std::string base64(const unsigned char* bytes, size_t size) {
  std::string text(boost::beast::detail::base64::encoded_size(size), '\0');
  text.resize(boost::beast::detail::base64::encode(text.data(), bytes, size));
  return text;
}

bool is_key(std::string_view key) {
  if (key.size() != kKeyBytes || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, kKeyBytes - 2), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

tl::unexpected<SocketReader::Refusal> refuse(uint16_t code, std::string reason) {
  return tl::unexpected(SocketReader::Refusal{code, std::move(reason)});
}

bool is_control(SocketOpcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

bool is_opcode(uint8_t value) { return value <= 2 || (value >= 8 && value <= 10); }

/// Bytes of the head of a frame, as far as its first two tell: no fewer than two.
size_t head_size(std::string_view head) {
  if (head.size() < 2) return 2;
  const auto second = static_cast<uint8_t>(head[1]);
  const size_t length = (second & 0x7f) == 126 ? 2 : (second & 0x7f) == 127 ? 8 : 0;
  return 2 + length + ((second & 0x80) != 0 ? 4 : 0);
}

}  // namespace

bool is_socket_request(const Request& request) {
  return request.method == "GET" && lists(request.headers, "Upgrade", "websocket") &&
         lists(request.headers, "Connection", "upgrade");
}

Result<std::string> socket_accept(const Request& request) {
  const std::string* version = request.headers.find("Sec-WebSocket-Version");
  if (version == nullptr || *version != "13")
    return fail(Code::malformed, "a WebSocket of another version than 13");
  const std::string* key = request.headers.find("Sec-WebSocket-Key");
  if (key == nullptr || request.headers.count("Sec-WebSocket-Key") != 1 || !is_key(*key))
    return fail(Code::malformed, "no Sec-WebSocket-Key, or one that is none");
  if (!request.body.empty()) return fail(Code::malformed, "a WebSocket request with a body");
  const std::string text = *key + std::string(kGuid);
  boost::beast::detail::sha1_context sha;
  boost::beast::detail::init(sha);
  boost::beast::detail::update(sha, text.data(), text.size());
  std::array<unsigned char, 20> digest{};
  boost::beast::detail::finish(sha, digest.data());
  return base64(digest.data(), digest.size());
}

bool is_close_code(uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

tl::expected<std::optional<SocketMessage>, SocketReader::Refusal> SocketReader::read(
    std::string_view& input) {
  while (true) {
    while (!in_payload_) {
      if (head_.size() == head_size(head_)) {
        if (auto begun = begin_frame(); !begun) return tl::unexpected(begun.error());
        break;
      }
      if (input.empty()) return std::nullopt;
      head_ += input.front();
      input.remove_prefix(1);
    }
    const auto take = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
    std::string& payload = is_control(opcode_) ? control_ : message_;
    const size_t from = payload.size();
    payload += input.substr(0, take);
    for (size_t i = from; i < payload.size(); ++i) {
      payload[i] = static_cast<char>(payload[i] ^ mask_[mask_at_]);
      mask_at_ = (mask_at_ + 1) % 4;
    }
    input.remove_prefix(take);
    left_ -= take;
    if (left_ > 0) return std::nullopt;
    Step step = end_frame();
    if (!step || *step) return step;
  }
}

tl::expected<void, SocketReader::Refusal> SocketReader::begin_frame() {
  const auto byte = [this](size_t at) { return static_cast<uint8_t>(head_[at]); };
  if ((byte(0) & 0x70) != 0) return refuse(kCloseProtocolError, "reserved bits are set");
  if (!is_opcode(byte(0) & 0x0f)) return refuse(kCloseProtocolError, "an unknown opcode");
  if ((byte(1) & 0x80) == 0) return refuse(kCloseProtocolError, "a frame without a mask");
  final_ = (byte(0) & 0x80) != 0;
  opcode_ = static_cast<SocketOpcode>(byte(0) & 0x0f);
  left_ = byte(1) & 0x7f;
  size_t at = 2;
  if (const size_t bytes = left_ == 126 ? 2 : left_ == 127 ? 8 : 0; bytes > 0) {
    left_ = 0;
    for (size_t i = 0; i < bytes; ++i) left_ = left_ << 8 | byte(at++);
    const bool is_shortest = left_ > (bytes == 2 ? uint64_t{125} : uint64_t{0xffff});
    if (!is_shortest || left_ >> 63 != 0)
      return refuse(kCloseProtocolError, "a length that is not in its shortest form");
  }
  std::copy_n(head_.begin() + static_cast<ptrdiff_t>(at), 4, std::begin(mask_));
  mask_at_ = 0;
  head_.clear();
  in_payload_ = true;
  if (is_control(opcode_)) {
    if (!final_ || left_ > kControlBytesMax)
      return refuse(kCloseProtocolError, "a control frame that is fragmented or too long");
    return {};
  }
  if ((opcode_ == SocketOpcode::continuation) != fragmented_.has_value())
    return refuse(kCloseProtocolError, "fragments out of order");
  if (left_ > message_bytes_max_ - message_.size())
    return refuse(kCloseTooLarge, "a message over its limit");
  if (opcode_ != SocketOpcode::continuation) fragmented_ = opcode_;
  return {};
}

SocketReader::Step SocketReader::end_frame() {
  in_payload_ = false;
  if (opcode_ == SocketOpcode::close) return end_close();
  if (is_control(opcode_)) return SocketMessage{opcode_, std::exchange(control_, {})};
  return final_ ? end_message() : Step(std::nullopt);
}

SocketReader::Step SocketReader::end_message() {
  SocketMessage message{*std::exchange(fragmented_, std::nullopt), std::exchange(message_, {})};
  if (message.opcode == SocketOpcode::text && !is_utf8(as_bytes(message.data)))
    return refuse(kCloseInvalidText, "a text that is not UTF-8");
  return message;
}

SocketReader::Step SocketReader::end_close() {
  SocketMessage close{SocketOpcode::close, {}};
  if (control_.empty()) return close;
  if (control_.size() == 1) return refuse(kCloseProtocolError, "half a close code");
  close.code = static_cast<uint16_t>(static_cast<uint8_t>(control_[0]) << 8 |
                                     static_cast<uint8_t>(control_[1]));
  if (!is_close_code(close.code)) return refuse(kCloseProtocolError, "a close code that is none");
  close.data = control_.substr(2);
  if (!is_utf8(as_bytes(close.data)))
    return refuse(kCloseInvalidText, "a close reason that is not UTF-8");
  return close;
}

std::string socket_frame(SocketOpcode opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  const size_t size = payload.size();
  const int bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  frame += static_cast<char>(bytes == 0 ? size : bytes == 2 ? 126 : 127);
  for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>(size >> (8 * i) & 0xff);
  return frame.append(payload);
}

std::string socket_close_frame(uint16_t code, std::string_view reason) {
  if (code == kCloseNoStatus) return socket_frame(SocketOpcode::close, {});
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  size_t size = std::min(reason.size(), kReasonBytesMax);
  while (size > 0 && !is_utf8(as_bytes(reason.substr(0, size)))) --size;
  return socket_frame(SocketOpcode::close, payload.append(reason.substr(0, size)));
}

}  // namespace themis::http
