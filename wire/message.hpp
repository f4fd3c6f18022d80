#pragma once
// Messages inside a session: a header of 40 bytes (16 more with an idempotency key, 4 more between
// virtual nodes) and a Cap'n Proto frame. A record holds as many as fit; a long one runs on through
// the records that follow.

#include <vector>

#include "wire/frame.hpp"
#include "wire/secret_types.hpp"

namespace themis::wire {

enum class MessageKind : uint8_t {
  request = 1,  ///< Wants a response or a failure with the same request id.
  response = 2,
  failure = 3,  ///< Payload: schema Failure.
  tell = 4,     ///< One-way.
  credit = 5,   ///< Only its header's credit matters.
  ping = 6,
  pong = 7,
  monitor = 8,  ///< "Tell me when `target` ends."
  demonitor = 9,
  down = 10,   ///< `target` ended; payload: schema Failure with the reason.
  exit = 11,   ///< Asks `target` to end; payload: schema Failure with the reason.
  close = 12,  ///< The sender is done with this session; nothing follows.
  drain = 13,  ///< The sender will ask nothing more here and only answers: the receiver opens
               ///< another session if it has more to say, says drain itself, and either side closes
               ///< when all is answered.
  cancel = 14,   ///< The sender no longer waits for the answer to its request `request`, and gets
                 ///< none. One that was answered meanwhile is not known any more: no error.
  present = 15,  ///< The sender also is another node, from now on number `nodes.from`; payload:
                 ///< wire/presence.hpp. The numbers are 1, 2, 3 and so on.
  prove = 16,    ///< Asks the receiver to present the node whose 32 bytes follow: it does, or has.
  absent = 17,   ///< Answers prove: that node is not here; payload: its 32 bytes.
};

/// Whether messages of this kind have a payload. The others are control messages: they must always
/// pass, so they cost no credit, and they reach no actor, so they need none.
constexpr bool has_payload(MessageKind kind) {
  switch (kind) {
    case MessageKind::request:
    case MessageKind::response:
    case MessageKind::failure:
    case MessageKind::tell:
    case MessageKind::down:
    case MessageKind::exit:
    case MessageKind::present:
    case MessageKind::prove:
    case MessageKind::absent:
      return true;
    default:
      return false;
  }
}

/// The virtual nodes that a message is between, by the numbers that `present` gave them on this
/// session; 0 is the identity that shook hands.
struct NodePair {
  uint16_t from = 0;  ///< Of the sender of this message.
  uint16_t to = 0;    ///< Of its receiver.
  bool is_zero() const { return (from | to) == 0; }
  friend auto operator<=>(const NodePair&, const NodePair&) = default;
};

/// Whether messages of this kind are between two nodes, not between two ends of a session.
constexpr bool has_nodes(MessageKind kind) {
  switch (kind) {
    case MessageKind::request:
    case MessageKind::response:
    case MessageKind::tell:
    case MessageKind::monitor:
    case MessageKind::demonitor:
    case MessageKind::down:
    case MessageKind::exit:
    case MessageKind::present:
      return true;
    default:
      return false;
  }
}

/// Names an actor on the other side: the first 8 bytes of a hash of its exported name, or a number
/// it was given.
using Target = uint64_t;

struct MessageHeader {
  static constexpr size_t kBytes = 40;
  static constexpr size_t kNodesBytes = 4;
  static constexpr size_t kBytesMax = kBytes + IdempotencyKey::kBytes + kNodesBytes;
  uint32_t length = 0;  ///< Payload bytes, a multiple of 8.
  MessageKind kind = MessageKind::tell;
  uint32_t deadline_ms = 0;  ///< Time left for a request when it was sent; 0: no deadline.
  uint32_t credit =
      0;  ///< Bytes the sender of this header may be sent on top of what it granted before.
  Target target = 0;
  uint64_t request = 0;  ///< Chosen by the requester, unique among its open requests.
  uint64_t type = 0;     ///< Cap'n Proto type id of the payload.
  /// Requests only. It follows the fixed part when there is one: most messages have none.
  IdempotencyKey key = {};
  /// Follows the key unless both are 0.
  NodePair nodes = {};

  size_t bytes() const {
    return kBytes + (key.is_zero() ? 0 : IdempotencyKey::kBytes) +
           (nodes.is_zero() ? 0 : kNodesBytes);
  }
  /// Writes bytes() bytes.
  void write(std::byte* to) const;
  /// How long the header is whose first kBytes bytes are at `from`.
  static size_t bytes_of(const std::byte* from);
  /// Reads bytes_of(from) bytes. Errors: malformed (kind, flags, padding, a key without a request
  /// or all zero, nodes where there are none or both 0, a cancel that names no request or more than
  /// that, length not whole words, a payload where there is none or none where there is one),
  /// too_large (over kMessageBytesMax).
  static Result<MessageHeader> read(const std::byte* from);
};

/// What a message takes of the credit its receiver granted: nothing without a payload (control
/// messages must always pass), else what the receiver's frame counts for.
constexpr int64_t credit_cost(uint64_t length) {
  return length == 0 ? 0 : static_cast<int64_t>(length + Frame::kCost);
}
/// What each side may send before it is granted more.
inline constexpr int64_t kInitialCredit = 4 * 1024 * 1024;

/// The largest payload: a request body of 1 MB with its headers fits twice.
inline constexpr size_t kMessageBytesMax = 2 * 1024 * 1024;

/// Puts messages back together from the plaintext of successive records.
/// Holds at most one unfinished message, allocated only once its checked header is complete.
class MessageReader {
 public:
  explicit MessageReader(OriginPtr origin = {}) { origins_.push_back(std::move(origin)); }
  /// The account for frames from the next virtual node of the peer: 1, 2, 3 and so on.
  void add_origin(OriginPtr origin) { origins_.push_back(std::move(origin)); }

  /// The message that has begun and is not whole does; see secret_types.hpp.
  bool carries_secret() const { return frame_ && wire::carries_secret(frame_->type()); }

  /// Calls `on_message(const MessageHeader&, FramePtr)` for each whole message. Errors as
  /// MessageHeader::read, and malformed for a node that was not presented; after one the session is
  /// of no more use.
  template <class F>
  Status feed(ByteView plaintext, F&& on_message) {
    while (!plaintext.empty()) {
      plaintext = plaintext.subspan(take(plaintext));
      if (header_filled_ < header_bytes_) return {};
      if (!frame_) {
        header_bytes_ = MessageHeader::bytes_of(raw_header_);
        if (header_filled_ < header_bytes_) continue;  // a key follows
        THEMIS_CHECK(begin());
      }
      plaintext = plaintext.subspan(fill(plaintext));
      if (filled_ < header_.length) return {};
      header_filled_ = 0;
      header_bytes_ = MessageHeader::kBytes;
      on_message(header_, std::exchange(frame_, FramePtr{}));
    }
    return {};
  }

 private:
  size_t take(ByteView from);
  Status begin();
  size_t fill(ByteView from);

  std::vector<OriginPtr> origins_;  ///< By number of the sending node.
  std::byte raw_header_[MessageHeader::kBytesMax]{};
  size_t header_filled_ = 0;
  size_t header_bytes_ = MessageHeader::kBytes;
  MessageHeader header_;
  FramePtr frame_;
  size_t filled_ = 0;
};

}  // namespace themis::wire
